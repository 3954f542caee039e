"""What is wrong in declarations and expressions: the message has what was found against what is needed."""

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


def test_unknown_dtype():
    with raises(tw.InvalidType, "complex64.*float32"):
        te.placeholder((4,), "complex64", name="A")
    with raises(tw.InvalidType, "not a dtype|unknown dtype"):
        te.placeholder((4,), None, name="A")
    with raises(tw.InvalidType, "index"):
        te.placeholder((4,), "index", name="A")
    with raises(tw.InvalidType, "float32x4"):
        te.placeholder((4,), "float32x4", name="A")


@pytest.mark.parametrize(
    "dtype", ["float32", np.float32, np.dtype("float32"), np.zeros(1, "float32").dtype], ids=repr
)
def test_what_counts_as_a_dtype(dtype):
    assert te.placeholder((4,), dtype).dtype == "float32"


def test_python_types_as_dtypes():
    assert [te.placeholder((), t).dtype for t in (bool, int, float)] == ["bool", "int64", "float64"]


def test_negative_extent(A):
    with raises(tw.InvalidValue, "A.*-3"):
        te.placeholder((2, -3), name="A")
    with raises(tw.InvalidValue, "C.*-1"):
        te.compute((-1,), lambda i: 0, name="C")
    n = te.var("n", range=(0, 4))
    with raises(tw.InvalidValue, "C"):
        te.compute((n - 5,), lambda i: 0, name="C")


def test_extent_that_is_no_integer(A):
    with raises(tw.InvalidType, "2.5"):
        te.placeholder((2.5,), name="A")
    with raises(tw.InvalidType, "float32"):
        te.placeholder((A[0, 0],), name="B")


def test_names_are_identifiers():
    with raises(tw.InvalidValue, "my tensor"):
        te.placeholder((4,), name="my tensor")
    with raises(tw.InvalidValue, "2n"):
        te.var("2n")
    for declare in [
        lambda: te.placeholder((4,), name=3),
        lambda: te.var(3),
        lambda: te.reduce_axis(4, name=3),
        lambda: te.compute(4, lambda i: 0, name=3),
        lambda: te.reducer(lambda a, b: a, identity=0, name=3),
        lambda: te.program([], name=3),
    ]:
        with raises(tw.InvalidType, "name.*3 of type int"):
            declare()


def test_symbolic_dimension_with_a_wrong_range():
    with raises(tw.InvalidValue, "n.*9.*3"):
        te.var("n", range=(9, 3))
    with raises(tw.InvalidValue, "n.*multiple"):
        te.var("n", multiple_of=0)
    with raises(tw.InvalidValue, "n.*multiple"):
        te.var("n", range=(5, 7), multiple_of=4)
    with raises(tw.InvalidValue, r"range of n is 7.*pair"):
        te.var("n", range=7)
    with raises(tw.InvalidType, "greatest value of n is 2.5"):
        te.var("n", range=(0, 2.5))
    with raises(tw.InvalidType, "multiple_of of n is 'a'"):
        te.var("n", multiple_of="a")


def test_reduction_axis_with_a_wrong_range():
    with raises(tw.InvalidValue, "k"):
        te.reduce_axis((5, 3), name="k")
    with raises(tw.InvalidValue, "k.*3 bounds"):
        te.reduce_axis((1, 2, 3), name="k")


def test_wrong_rank(A):
    with raises(tw.InvalidIndex, "A.*2.*1"):
        compute_1d(lambda i: A[i])
    with raises(tw.InvalidIndex, "A.*2.*3"):
        compute_1d(lambda i: A[i, 0, 0])


def test_subscript_of_the_wrong_type(A):
    with raises(tw.InvalidType, "A.*float32"):
        compute_1d(lambda i: A[i, A[0, 0]])
    with raises(tw.InvalidType, "slice"):
        compute_1d(lambda i: A[i, :])
    with raises(tw.InvalidType, "Ellipsis|ellipsis"):
        A[...]
    with raises(tw.InvalidType, "placeholder"):
        A[np.arange(3), 0]


def test_index_provably_out_of_bounds(A):
    with raises(tw.InvalidIndex, "A.*5"):
        te.compute((4, 5), lambda i, j: A[i, j + 1], name="C")
    with raises(tw.InvalidIndex, "A.*4"):
        te.compute((4, 5), lambda i, j: A[j, i], name="C")
    with raises(tw.InvalidIndex, "A.*-1"):
        te.compute((4, 5), lambda i, j: A[i - 1, j], name="C")
    with raises(tw.InvalidIndex, "A"):
        compute_1d(lambda i: A[7, i])


def test_index_out_of_bounds_inside_a_reduction(A):
    k = te.reduce_axis(6, name="k")
    with raises(tw.InvalidIndex, "A.*k"):
        compute_1d(lambda i: te.sum(A[i, k], axis=k))


def test_index_out_of_bounds_that_only_data_shows(A):
    at = te.placeholder((4,), "int64", name="at")
    C = compute_1d(lambda i: A[at[i], 0])
    with raises(tw.InvalidIndex, "A"):
        tw.interpret(C, [np.zeros((4, 5), "float32"), np.array([0, 1, 2, 4])])


def test_the_truth_of_an_expression(A):
    with raises(tw.InvalidType, "truth.*te.where"):
        compute_1d(lambda i: A[i, 0] if A[i, 0] > 0 else 0)
    with raises(tw.InvalidType, r"chained.*\(a < b\) & \(b < c\)"):
        compute_1d(lambda i: te.where(1 <= i <= 2, 1, 0))
    with raises(tw.InvalidType, "truth"):
        compute_1d(lambda i: te.where(i > 0 and i < 2, 1, 0))
    with raises(tw.InvalidType, "truth"):
        compute_1d(lambda i: te.where(not i > 0, 1, 0))


def test_math_functions_of_expressions(A):
    import math

    with raises(tw.InvalidType, "te.sqrt"):
        compute_1d(lambda i: math.sqrt(A[i, 0]))


def test_objects_that_cannot_stand_in_an_expression(A):
    with raises(tw.InvalidType, "'x' of type str"):
        compute_1d(lambda i: A[i, 0] + "x")
    with raises(tw.InvalidType, "NoneType"):
        compute_1d(lambda i: None)
    with raises(tw.InvalidType, "placeholder"):
        compute_1d(lambda i: A[i, 0] * np.ones(3))
    with raises(tw.InvalidType, "placeholder"):
        compute_1d(lambda i: np.ones(3) * A[i, 0])
    with raises(tw.InvalidValue, "range"):
        compute_1d(lambda i: A[i, 0] + 2**70)


def test_operators_of_the_wrong_dtype(A):
    with raises(tw.InvalidType, "&.*float32"):
        compute_1d(lambda i: A[i, 0] & 1)
    with raises(tw.InvalidType, "bool"):
        compute_1d(lambda i: (A[i, 0] > 0) - (A[i, 0] < 0))
    with raises(tw.InvalidType, "bool"):
        compute_1d(lambda i: te.where(A[i, 0], 1, 2))


def test_numbers_that_do_not_fit(A):
    B = te.placeholder((4,), "int8", name="B")
    with raises(tw.InvalidValue, "300.*int8"):
        compute_1d(lambda i: B[i] + 300)
    with raises(tw.InvalidValue, "-1.*uint8"):
        te.const(-1, "uint8")
    with raises(tw.InvalidType, "1.5.*int32|int32.*1.5"):
        te.const(1.5, "int32")
    with raises(tw.InvalidValue, "negative"):
        compute_1d(lambda i: B[i] ** -1)


def test_tensors_used_as_arrays(A):
    with raises(tw.InvalidType, "A.*subscript"):
        compute_1d(lambda i: A + 1)
    with raises(tw.InvalidType, "A.*iterated"):
        list(A)
    with raises(tw.InvalidType, "A.*iterated"):
        sum(A)
    with raises(tw.InvalidType, "A.*pieces"):
        A[0, 0] = 1
    with raises(tw.InvalidType, "truth of tensor A"):
        bool(A)
    with raises(tw.InvalidType, "A.*rank 2"):
        A.astype("int8")
    assert len(A) == 4
    n = te.var("n")
    with raises(tw.InvalidValue, "symbolic"):
        len(te.placeholder((n,), name="B"))


def test_functions_with_the_wrong_parameters(A):
    with raises(tw.InvalidType, r"te.compute has the parameters \(i\) but is called with 2 axes"):
        te.compute((4, 5), lambda i: 0, name="C")
    with raises(tw.InvalidType, r"parameters \(i, j\) but is called with 1 axis"):
        te.compute((4,), lambda i, j: 0, name="C")
    with raises(tw.InvalidType, "function"):
        te.compute((4,), 3, name="C")
    with raises(tw.InvalidType, r"1 state, time and 1 axis"):
        te.scan(te.placeholder((4,), name="S"), lambda H, t: H[t - 1], 3)
    assert te.compute((4, 5), lambda i, j, scale=2: A[i, j] * scale).shape == (4, 5)
    assert te.compute((4, 5), lambda *at: A[at]).shape == (4, 5)
