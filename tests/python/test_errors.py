"""The exceptions, and the source line that their messages end with."""

from __future__ import annotations

import pickle
import subprocess
import sys
import textwrap

import pytest
import tilewright as tw
from tilewright import te


@pytest.fixture
def A():
    return te.placeholder((4, 5), "float32", name="A")


def compute_1d(value):
    return te.compute((4,), value, name="C")


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (tw.InvalidValue, ValueError),
        (tw.InvalidType, TypeError),
        (tw.InvalidIndex, IndexError),
        (tw.Unsupported, NotImplementedError),
    ],
)
def test_kinds_are_user_errors_and_built_in_exceptions(kind, builtin):
    assert issubclass(kind, tw.UserError)
    assert issubclass(kind, builtin)


def test_the_source_line_is_that_of_the_innermost_user_frame(A):
    def read_wrongly(i):
        return A[i]  # the line to show

    with pytest.raises(tw.InvalidIndex) as caught:
        compute_1d(read_wrongly)
    assert str(caught.value).endswith("return A[i]  # the line to show")


def test_the_source_line_of_a_lambda_is_its_own(A):
    with pytest.raises(tw.InvalidIndex) as caught:
        te.compute(
            (4,),
            lambda i: A[i],  # here
            name="C",
        )
    assert str(caught.value).endswith("lambda i: A[i],  # here")


def test_errors_of_the_python_layer_have_the_source_line_too():
    with pytest.raises(tw.InvalidType) as caught:
        te.placeholder("not a shape")  # this one
    assert str(caught.value).endswith('te.placeholder("not a shape")  # this one')


def run_python(*arguments, text=""):
    return subprocess.run(
        [sys.executable, *arguments], input=text, capture_output=True, text=True, timeout=60, check=False
    ).stderr


SCRIPT = textwrap.dedent(
    """
    from tilewright import te
    A = te.placeholder((4, 5), name="A")
    B = te.compute((4,), lambda i: A[i], name="B")
    """
)


def test_a_script_sees_its_own_file_and_line(tmp_path):
    script = tmp_path / "operator_file.py"
    script.write_text(SCRIPT)
    assert f'at {script}:4: B = te.compute((4,), lambda i: A[i], name="B")' in run_python(str(script))


def test_without_source_there_is_no_line():
    message = run_python("-", text=SCRIPT)
    assert "InvalidIndex" in message
    assert "\n  at " not in message


def test_pickling_keeps_the_message(A):
    with pytest.raises(tw.InvalidIndex) as caught:
        A[0]
    copy = pickle.loads(pickle.dumps(caught.value))
    assert type(copy) is tw.InvalidIndex
    assert str(copy) == str(caught.value)
