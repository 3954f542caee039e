"""What is wrong in reductions, pieces, scatters and scans: the message has the tensor and the axis."""

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


def test_reduction_axis_used_outside_of_a_reduction(A):
    k = te.reduce_axis(5, name="k")
    with raises(tw.InvalidValue, "k"):
        compute_1d(lambda i: A[i, k])


def test_reduction_axis_that_the_operand_does_not_use(A):
    k, l = te.reduce_axis(5, name="k"), te.reduce_axis(5, name="l")
    with raises(tw.InvalidValue, "l"):
        compute_1d(lambda i: te.sum(A[i, k], axis=[k, l]))


def test_reduction_axis_used_twice(A):
    k = te.reduce_axis(4, name="k")
    with raises(tw.InvalidValue, "k"):
        compute_1d(lambda i: te.sum(A[k, k], axis=[k, k]))
    with raises(tw.InvalidValue, "k"):
        compute_1d(lambda i: te.sum(te.max(A[i, k], axis=k) * A[k, 0], axis=k))


def test_reduction_without_axis(A):
    with raises(tw.InvalidValue, "axis"):
        compute_1d(lambda i: te.sum(A[i, 0], axis=[]))
    with raises(tw.InvalidType, "te.reduce_axis"):
        compute_1d(lambda i: te.sum(A[i, 0], axis=i))
    with raises(tw.InvalidType, "te.reduce_axis"):
        compute_1d(lambda i: te.sum(A[i, 0], axis=1))


def test_axis_of_another_operation(A):
    kept = []
    te.compute((4,), lambda i: kept.append(i) or A[i, 0], name="B")
    with raises(tw.InvalidValue, "i"):
        te.compute((4,), lambda j: A[kept[0], 0], name="C")


def test_reductions_of_bool():
    A = te.placeholder((5,), "bool", name="A")
    k = te.reduce_axis(5, name="k")
    with raises(tw.InvalidType, "bool.*astype"):
        te.sum(A[k], axis=k)
    with raises(tw.InvalidType, "any"):
        te.max(A[k], axis=k)
    with raises(tw.InvalidType, "all"):
        te.min(A[k], axis=k)


def test_reducers_that_do_not_fit(A):
    k = te.reduce_axis(5, name="k")
    with raises(tw.InvalidValue, "best"):
        compute_1d(lambda i: te.reducer(lambda a, b: (a, b), identity=0, name="best")(A[i, k], axis=k))
    with raises(tw.InvalidType, "best.*float32"):
        compute_1d(lambda i: te.reducer(lambda a, b: a > b, identity=0, name="best")(A[i, k], axis=k))
    with raises(tw.InvalidType, "combine"):
        te.reducer(3, identity=0)


def test_pieces_that_overlap_or_leave_a_gap():
    with raises(tw.InvalidValue, "P"):
        te.pieces((4,), [(lambda i: i < 3, lambda i: 0), (lambda i: i > 1, lambda i: 1)], name="P")
    with raises(tw.InvalidValue, "P"):
        te.pieces((4,), [(lambda i: i < 1, lambda i: 0), (lambda i: i > 1, lambda i: 1)], name="P")
    with raises(tw.InvalidValue, "P"):
        te.pieces((4,), [(..., lambda i: 0), (lambda i: i > 1, lambda i: 1)], name="P")
    with raises(tw.InvalidValue, "P"):
        te.pieces((4,), [], name="P")
    with raises(tw.InvalidType, "piece 0"):
        te.pieces((4,), [lambda i: 0], name="P")


def test_scatter_with_wrong_subscripts(A):
    with raises(tw.InvalidIndex, "S"):
        te.scatter(A, 3, lambda p: p, lambda p: 0.0, name="S")
    with raises(tw.InvalidIndex, "S|A"):
        te.scatter(A, 3, lambda p: (p, p + 5), lambda p: 0.0, name="S")
    with raises(tw.InvalidType, "S.*int64|int64.*S"):
        te.scatter(A, 3, lambda p: (p, p), lambda p: te.const(1, "int64"), name="S")
    with raises(tw.InvalidValue, "product.*set"):
        te.scatter(A, 3, lambda p: (p, p), lambda p: 0.0, combine="product", name="S")
    with raises(tw.InvalidType, "combine is 3"):
        te.scatter(A, 3, lambda p: (p, p), lambda p: 0.0, combine=3)
    with raises(tw.InvalidType, "init"):
        te.scatter(np.zeros(3), 3, lambda p: p, lambda p: 0.0, name="S")


def test_scatter_out_of_bounds_that_only_data_shows():
    A = te.placeholder((3,), "float32", name="A")
    at = te.placeholder((2,), "int64", name="at")
    S = te.scatter(A, 2, lambda p: at[p], lambda p: 1.0, name="S")
    with raises(tw.InvalidIndex, "S"):
        tw.interpret(S, [np.zeros(3, "float32"), np.array([0, 3])])


def test_scan_that_does_not_fit(A):
    first = te.placeholder((4,), "float32", name="first")
    with raises(tw.InvalidType, "H"):
        te.scan(first, lambda H, t, i: i, 3, name="H")
    with raises(tw.InvalidValue, "H|first"):
        te.scan((first, A), lambda H, G, t, i: (0.0, 0.0), 3, name="H")
    with raises(tw.InvalidValue, "H"):
        te.scan((first, first), lambda H, G, t, i: 0.0, 3, name="H")


def test_scan_that_reads_a_time_not_yet_computed():
    first = te.placeholder((4,), "float32", name="first")
    with raises(tw.UserError, "H"):
        te.scan(first, lambda H, t, i: H[t, i], 3, name="H")
    with raises(tw.UserError, "H"):
        te.scan(first, lambda H, t, i: H[t + 1, i], 3, name="H")


def test_a_cycle_through_the_state_of_a_scan():
    """The only way to refer to a tensor before it is made is the state that a step is given."""
    first = te.placeholder((4,), "float32", name="first")
    kept = []
    te.scan(first, lambda H, t, i: kept.append(H) or H[t - 1, i], 3, name="H")
    with raises(tw.InvalidValue, "H"):
        te.compute((4,), lambda i: kept[0][0, i], name="C")
