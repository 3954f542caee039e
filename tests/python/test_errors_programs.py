"""What is wrong in programs, their arguments and their inputs."""

from __future__ import annotations

import numpy as np
import pytest
import tilewright as tw
from raising import raises
from tilewright import te


@pytest.fixture
def A():
    return te.placeholder((4, 5), "float32", name="A")


def compute_1d(value):
    return te.compute((4,), value, name="C")


def test_no_tensor():
    with raises(tw.InvalidValue, "output"):
        te.program([])
    with raises(tw.InvalidType, "no tensor"):
        te.program([3])


def test_output_that_is_a_placeholder_or_is_there_twice(A):
    with raises(tw.InvalidValue, "A"):
        te.program(A)
    C = te.compute((4,), lambda i: A[i, 0], name="C")
    with raises(tw.InvalidValue, "C"):
        te.program([C, C])


def test_name_clash(A):
    B = te.placeholder((4, 5), "float32", name="A")
    C = te.compute((4, 5), lambda i, j: A[i, j] + B[i, j], name="C")
    with raises(tw.InvalidValue, "A"):
        te.program(C)


def test_args_that_leave_something_out(A):
    n = te.var("n")
    C = te.compute((4,), lambda i: A[i, 0] + n, name="C")
    other = te.placeholder((4,), name="other")
    with raises(tw.InvalidValue, "A"):
        te.program(C, args=[n, C])
    with raises(tw.InvalidValue, "n"):
        te.program(C, args=[A, C])
    with raises(tw.InvalidValue, "A"):
        te.program(C, args=[A, A, n, C])
    with raises(tw.InvalidType, "args"):
        te.program(C, args=["A", n, C])
    assert te.program(C, args=[n, A]).arguments[-1].name == "C"
    with raises(tw.UserError, "other|B"):
        te.program(C, args=[A, n, te.compute((4,), lambda i: other[i], name="B")])


def test_a_symbolic_dimension_that_only_a_compound_extent_shows():
    n = te.var("n")
    A = te.placeholder((n * 2,), "int64", name="A")
    B = te.compute((n,), lambda i: A[i * 2], name="B")
    assert [a.name for a in te.program(B).arguments] == ["A", "n", "B"]
    assert tw.interpret(B, [np.arange(6), 3]).tolist() == [0, 2, 4]
    with raises(tw.InvalidValue, r"input 'A'.*dimension 0 is 6, not 4"):
        tw.interpret(B, [np.arange(6), 2])


class TestInputs:
    @pytest.fixture
    def C(self):
        n = te.var("n", range=(1, 6), multiple_of=2)
        A = te.placeholder((n, 3), "float32", name="A")
        B = te.placeholder((n,), "float32", name="B")
        m = te.var("m")
        return te.compute((n,), lambda i: A[i, 0] * B[i] + m, name="C")

    def inputs(self, n=4):
        return [np.zeros((n, 3), "float32"), np.zeros(n, "float32"), 1]

    def test_count(self, C):
        with raises(tw.InvalidValue, r"takes 3 inputs \(A, B, m\); not given: m"):
            tw.interpret(C, self.inputs()[:2])
        with raises(tw.InvalidValue, r"takes 3 inputs \(A, B, m\) but 4 are given"):
            tw.interpret(C, [*self.inputs(), 1])

    def test_names(self, C):
        a, b, m = self.inputs()
        assert tw.interpret(C, {"m": m, "B": b, "A": a}).tolist() == [1, 1, 1, 1]
        with raises(tw.InvalidValue, r"no input 'X'; its inputs are A, B, m"):
            tw.interpret(C, {"A": a, "B": b, "m": m, "X": a})
        with raises(tw.InvalidValue, "'A' is given twice"):
            te.program(C).interpret(a, b, m, A=a)
        with raises(tw.InvalidType, "list in argument order"):
            tw.interpret(C, a)

    def test_dtype(self, C):
        a, b, m = self.inputs()
        with raises(tw.InvalidType, r"input 'B' has dtype float64 but float32 is needed.*astype"):
            tw.interpret(C, [a, b.astype("float64"), m])
        with raises(tw.InvalidType, r"input 'B' takes a NumPy array, not list"):
            tw.interpret(C, [a, [0.0] * 4, m])
        with raises(tw.InvalidType, r"input 'm' is a size: it takes an int, not float"):
            tw.interpret(C, [a, b, 1.0])

    def test_shape(self, C):
        a, b, m = self.inputs()
        with raises(tw.InvalidValue, r"input 'B' has 2 dimensions \(4, 3\) but 1 are needed, \(n,\)"):
            tw.interpret(C, [a, a, m])
        with raises(
            tw.InvalidValue, r"input 'A' has shape \(4, 2\) but \(n, 3\) is needed: dimension 1 is 2, not 3"
        ):
            tw.interpret(C, [a[:, :2], b, m])
        with raises(tw.InvalidValue, r"n is 4 in dimension 0 of input 'A' but 2 in dimension 0 of input 'B'"):
            tw.interpret(C, [a, b[:2], m])

    def test_range(self, C):
        with raises(tw.InvalidValue, r"n is 8 in dimension 0 of input 'A', outside of its range \(1, 6\)"):
            tw.interpret(C, self.inputs(8))
        with raises(tw.InvalidValue, r"n is 3 in dimension 0 of input 'A', which is no multiple of 2"):
            tw.interpret(C, self.inputs(3))


def test_an_output_extent_that_is_negative_for_the_inputs():
    n = te.var("n")
    A = te.placeholder((n,), "int64", name="A")
    B = te.compute((n - 2,), lambda i: A[i], name="B")
    assert tw.interpret(B, [np.arange(3)]).tolist() == [0]
    with raises(tw.InvalidValue, "B.*-1"):
        tw.interpret(B, [np.arange(1)])


def test_text_that_is_no_program():
    with raises(tw.InvalidValue, "2"):
        tw.Program.parse("program f(A: in float32[4]):\n  for i banana 4:\n")


def test_unknown_stage(A):
    with raises(tw.InvalidValue, "unknown stage 'later'; use one of schedule, lowered, flat"):
        te.program(te.compute((4,), lambda i: A[i, 0])).verify("later")


def test_a_program_that_is_illegal_at_a_stage(A):
    with raises(tw.InvalidValue, "block"):
        te.program(te.compute((4,), lambda i: A[i, 0], name="C")).verify("flat")
