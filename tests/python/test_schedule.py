"""Schedules from Python: methods made from the registry of primitives, handles, traces, and their pages."""

from __future__ import annotations

import pathlib
import re

import numpy as np
import pytest
import tilewright as tw
from tilewright import _core, te

ROOT = pathlib.Path(__file__).parents[2]
PRIMITIVES = ROOT / "src" / "schedule" / "primitives"


def matmul(m: int, n: int, k: int) -> te.Tensor:
    a, b = te.placeholder((m, k), name="A"), te.placeholder((k, n), name="B")
    axis = te.reduce_axis(k, name="k")
    return te.compute((m, n), lambda i, j: te.sum(a[i, axis] * b[axis, j], axis=axis), name="C")


def values(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Small whole numbers: sums are exact in any order."""
    return rng.integers(-8, 9, shape).astype("float32")


def test_a_tiled_matrix_product_equals_numpy(rng):
    s = tw.Schedule(matmul(37, 29, 23))
    i, j, k = s.loops("C")
    i0, i1 = s.split(i, [None, tw.param("mc", multiple_of=2)])
    j0, j1 = s.split(j, [None, 8])
    s.reorder(i0, j0, k, i1, j1)
    s.vectorize(j1)
    s.parallel(i0)
    a, b = values(rng, 37, 23), values(rng, 23, 29)
    for mc in (2, 4, 14, 36, 38, 64):
        np.testing.assert_array_equal(s.program.interpret(a, b, mc=mc), a @ b)


def test_a_trace_replays_on_the_same_expression_and_on_another_size(rng):
    s = tw.Schedule(matmul(16, 12, 8))
    i, j, _ = s.loops("C")
    s.fuse(i, j)
    trace = tw.Trace.from_json(s.trace.to_json())
    assert trace == s.trace
    assert tw.Schedule.replay(matmul(16, 12, 8), trace).program == s.program
    other = tw.Schedule.replay(matmul(5, 7, 3), trace)
    a, b = values(rng, 5, 3), values(rng, 3, 7)
    np.testing.assert_array_equal(other.program.interpret(a, b), a @ b)


def test_replay_names_the_step_that_fails():
    s = tw.Schedule(matmul(16, 12, 8))
    i, _, _ = s.loops("C")
    s.split(i, [4, 4])
    with pytest.raises(tw.InvalidValue, match="step 0 of the trace, split, cannot be replayed"):
        tw.Schedule.replay(matmul(17, 12, 8), s.trace)


def test_a_refused_step_changes_nothing():
    s = tw.Schedule(matmul(16, 12, 8))
    _, _, k = s.loops("C")
    before = s.program
    with pytest.raises(tw.InvalidValue, match=r"parallel\(k\)") as caught:
        s.parallel(k)
    assert s.program == before
    assert len(s.trace) == 0
    assert "s.parallel(k)" in str(caught.value)  # the user's own line


def test_handles_of_another_schedule_are_refused():
    first, second = tw.Schedule(matmul(4, 4, 4)), tw.Schedule(matmul(4, 4, 4))
    with pytest.raises(tw.InvalidValue, match="is of another schedule"):
        first.unroll(second.loops("C")[0])


def test_a_handle_that_is_gone_says_by_which_step():
    s = tw.Schedule(matmul(4, 4, 4))
    i, _, _ = s.loops("C")
    s.split(i, [None, 2])
    with pytest.raises(tw.InvalidValue, match=r"'i' \(b0\.0\) is gone since step 0, split"):
        s.unroll(i)


@pytest.mark.parametrize(
    ("args", "kind", "message"),
    [
        ((), tw.InvalidType, "missing a required argument: 'loop'"),
        ((3, [2, 2]), tw.InvalidType, "argument 'loop' is 3, and must be a loop"),
        (("i", [0, 2]), tw.InvalidType, "argument 'loop' is 'i'"),
    ],
)
def test_wrong_arguments_are_named(args, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        tw.Schedule(matmul(4, 4, 4)).split(*args)


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"format": "tilewright-trace", "version": 99, "steps": []}', "\x00"]
)
def test_text_that_is_no_trace_is_refused(text):
    with pytest.raises(tw.InvalidValue):
        tw.Trace.from_json(text)


def test_each_primitive_is_named_by_its_own_file_alone():
    sources = [file for folder in ("src/schedule", "python") for file in (ROOT / folder).rglob("*.[ch]*")]
    for primitive in _core.primitives():
        name = primitive["name"]
        assert (PRIMITIVES / f"{name}.cpp").exists(), name
        value = re.compile(rf'[({{,=]\s*"{name}"')  # as a value, not as the remedy in a message
        for file in sources:
            if file != PRIMITIVES / f"{name}.cpp":
                assert not value.search(file.read_text()), f"{file} names {name}"


def reference_page() -> str:
    """The text of docs/primitives.md, from the registry."""
    lines = [
        "# Schedule primitives",
        "",
        "Methods of `tw.Schedule`. This page is made from the registry by `pytest --update-goldens`.",
    ]
    for primitive in _core.primitives():
        args = [a["name"] if a["required"] else f"{a['name']}={a['default']!r}" for a in primitive["args"]]
        if primitive["variadic"]:
            args[-1] = "*" + args[-1]
        lines += ["", f"## {primitive['name']}({', '.join(args)})", "", primitive["summary"], ""]
        lines += ["```", primitive["doc"].strip("\n"), "```", ""]
        lines += [f"- `{a['name']}`: {a['doc']}" for a in primitive["args"]]
        if primitive["results"]:
            lines += ["", "Gives: " + " ".join(primitive["results"])]
    return "\n".join(lines) + "\n"


def test_the_reference_page_is_up_to_date(request):
    page = ROOT / "docs" / "primitives.md"
    if request.config.getoption("--update-goldens"):
        page.write_text(reference_page())
    assert page.read_text() == reference_page()


def test_the_page_on_adding_a_primitive_shows_a_real_one():
    assert (PRIMITIVES / "unroll.cpp").read_text() in (ROOT / "docs" / "adding_a_primitive.md").read_text()
