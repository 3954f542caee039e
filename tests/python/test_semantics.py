"""What expressions mean at the edges: laziness, ties, NaN, overflow, division, casts, halves."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np
import pytest
import tilewright as tw
from tilewright import te

DTYPES = [
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "bfloat16",
    "float32", "float64",
]  # fmt: skip
INTEGERS = [d for d in DTYPES if "int" in d]
FLOATS = [d for d in DTYPES if "float" in d]


def numpy_dtype(name):
    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)


def map_elements(function, array, name="B"):
    """The values of a te function of the elements of a vector."""
    A = te.placeholder(array.shape, array.dtype, name="A")
    return tw.interpret(te.compute(array.shape, lambda *i: function(A[i]), name=name), [array])


def reduce_elements(function, array):
    A = te.placeholder(array.shape, array.dtype, name="A")
    k = te.reduce_axis(array.shape[0], name="k")
    return tw.interpret(te.compute((), lambda: function(A[k], axis=k), name="B"), [array])


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_passes_through_unchanged(dtype, rng):
    array = rng.integers(0, 2 if dtype == "bool" else 100, (3, 4)).astype(numpy_dtype(dtype))
    found = map_elements(lambda x: x, array)
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


# where


def test_where_does_not_read_in_the_branch_not_taken():
    A = te.placeholder((3,), "int32", name="A")
    B = te.compute((7,), lambda i: te.where((i >= 2) & (i < 5), A[i - 2], -1), name="B")
    assert tw.interpret(B, [np.array([7, 8, 9], "int32")]).tolist() == [-1, -1, 7, 8, 9, -1, -1]


def test_nested_where_is_lazy_in_both_branches():
    A = te.placeholder((3,), "int32", name="A")

    def value(i):
        return te.where(i < 3, A[i], te.where(i < 6, A[i - 3] * 10, te.where(i == 6, A[i - 6], 0)))

    found = tw.interpret(te.compute((8,), value, name="B"), [np.array([1, 2, 3], "int32")])
    assert found.tolist() == [1, 2, 3, 10, 20, 30, 1, 0]


def test_where_around_a_reduction_reads_only_what_its_branch_reads():
    A = te.placeholder((3, 4), "int32", name="A")
    k = te.reduce_axis(4, name="k")
    B = te.compute((5,), lambda i: te.where(i < 3, te.sum(A[i, k], axis=k), -1), name="B")
    assert tw.interpret(B, [np.ones((3, 4), "int32")]).tolist() == [4, 4, 4, -1, -1]


def test_where_inside_a_reduction_is_lazy():
    A = te.placeholder((4,), "float32", name="A")
    k = te.reduce_axis((-2, 6), name="k")
    B = te.compute((), lambda: te.sum(te.where((k >= 0) & (k < 4), A[k], 0), axis=k), name="B")
    assert tw.interpret(B, [np.ones(4, "float32")]) == 4


def test_where_on_data_guards_a_gather():
    A = te.placeholder((3,), "float32", name="A")
    at = te.placeholder((4,), "int64", name="at")
    B = te.compute((4,), lambda i: te.where((at[i] >= 0) & (at[i] < 3), A[at[i]], math.nan), name="B")
    found = tw.interpret(B, [np.array([1, 2, 3], "float32"), np.array([2, -1, 0, 3])])
    np.testing.assert_array_equal(found, np.array([3, np.nan, 1, np.nan], "float32"))


# NaN, ties, empty reductions


@pytest.mark.parametrize("dtype", FLOATS)
def test_max_and_min_propagate_nan(dtype):
    array = np.array([1, np.nan, 3]).astype(numpy_dtype(dtype))
    assert np.isnan(reduce_elements(te.max, array).astype(float))
    assert np.isnan(reduce_elements(te.min, array).astype(float))
    pair = map_elements(lambda x: te.maximum(x, 2), array).astype(float)
    np.testing.assert_array_equal(pair, [2, np.nan, 3])
    np.testing.assert_array_equal(
        map_elements(lambda x: te.minimum(2, x), array).astype(float), [1, np.nan, 2]
    )


@pytest.mark.parametrize(
    "values", [[1, 3, 3, 2], [3, 3, 3], [np.nan, 1, np.nan], [1, np.nan, 5, np.nan], [-np.inf, -np.inf], [7]]
)
def test_argmax_and_argmin_take_the_first_of_ties_and_the_first_nan(values):
    array = np.array(values, "float32")
    assert reduce_elements(te.argmax, array) == np.argmax(array)
    assert reduce_elements(te.argmin, array) == np.argmin(array)
    assert reduce_elements(te.argmax, array).dtype == np.int64


def test_argmax_over_several_axes_gives_the_row_major_position(rng):
    a = rng.integers(0, 5, (3, 4)).astype("int32")
    A = te.placeholder(a.shape, "int32", name="A")
    k, l = te.reduce_axis(3, name="k"), te.reduce_axis(4, name="l")
    assert tw.interpret(te.compute((), lambda: te.argmax(A[k, l], axis=[k, l]), name="at"), [a]) == a.argmax()


def test_argmax_of_the_axis_beginning_elsewhere_gives_the_value_of_the_axis():
    A = te.placeholder((6,), "int32", name="A")
    k = te.reduce_axis((2, 6), name="k")
    at = te.compute((), lambda: te.argmax(A[k], axis=k), name="at")
    assert tw.interpret(at, [np.array([9, 9, 1, 5, 5, 0], "int32")]) == 3


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64", "float16", "float64"])
def test_an_empty_reduction_gives_its_identity(dtype):
    empty = np.zeros(0, dtype)
    least, greatest = (-np.inf, np.inf) if "float" in dtype else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    assert reduce_elements(te.sum, empty) == 0
    assert reduce_elements(te.prod, empty) == 1
    assert reduce_elements(te.max, empty) == least
    assert reduce_elements(te.min, empty) == greatest
    assert reduce_elements(te.all, empty)
    assert not reduce_elements(te.any, empty)


def test_zero_size_outputs_are_empty():
    A = te.placeholder((0, 3), "float32", name="A")
    found = tw.interpret(te.compute((0, 3), lambda i, j: A[i, j], name="B"), [np.zeros((0, 3), "float32")])
    assert found.shape == (0, 3)


# Integers


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integer_arithmetic_wraps(dtype):
    top = np.iinfo(dtype).max
    array = np.array([top, top - 1], dtype)
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(map_elements(lambda x: x + 1, array), array + np.array(1, dtype))
        np.testing.assert_array_equal(map_elements(lambda x: x * x, array), array * array)
        np.testing.assert_array_equal(map_elements(lambda x: -x, array), -array)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integer_division_by_zero_gives_zero_with_remainder_zero(dtype):
    array = np.array([5, np.iinfo(dtype).min, np.iinfo(dtype).max], dtype)
    assert not map_elements(lambda x: x // (x - x), array).any()
    assert not map_elements(lambda x: x % (x - x), array).any()


def test_integer_division_floors_for_all_signs():
    a = np.array([7, -7, 7, -7, 6, -6], "int32")
    b = np.array([2, 2, -2, -2, 3, -3], "int32")
    A, B = te.placeholder((6,), "int32", name="A"), te.placeholder((6,), "int32", name="B")
    quotient = te.compute((6,), lambda i: A[i] // B[i], name="quotient")
    rest = te.compute((6,), lambda i: A[i] % B[i], name="rest")
    found = tw.interpret([quotient, rest], [a, b])
    np.testing.assert_array_equal(found[0], a // b)
    np.testing.assert_array_equal(found[1], a % b)


def test_the_smallest_integer_divided_by_minus_one_wraps():
    array = np.array([-128], "int8")
    assert map_elements(lambda x: x // -1, array) == [-128]
    assert map_elements(lambda x: x % -1, array) == [0]
    assert map_elements(lambda x: te.abs(x), array) == [-128]


def test_float_division_by_zero_is_ieee():
    array = np.array([1, -1, 0], "float32")
    np.testing.assert_array_equal(
        map_elements(lambda x: x / 0, array), np.array([np.inf, -np.inf, np.nan], "float32")
    )


def test_index_arithmetic_floors():
    B = te.compute((5,), lambda i: (i - 3) // 2 * 10 + (i - 3) % 2, name="B")
    assert tw.interpret(B, []).tolist() == [(i - 3) // 2 * 10 + (i - 3) % 2 for i in range(5)]


# Casts


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("source", FLOATS)
def test_a_float_saturates_when_cast_to_an_integer_and_nan_gives_zero(dtype, source):
    limits = np.iinfo(dtype)
    array = np.array([np.inf, -np.inf, np.nan, 1.9, -1.9, 0.0]).astype(numpy_dtype(source))
    found = map_elements(lambda x: x.astype(dtype), array)
    assert found.dtype == np.dtype(dtype)
    expected = [limits.max, limits.min, 0, 1, -1 if limits.min else 0, 0]
    assert found.tolist() == expected


def test_floats_just_beyond_the_range_saturate():
    array = np.array([127.9, 128.0, -128.9, -129.0])
    assert map_elements(lambda x: x.astype("int8"), array).tolist() == [127, 127, -128, -128]
    array = np.array([2.0**63, -(2.0**63), 2.0**64])
    assert map_elements(lambda x: x.astype("int64"), array).tolist() == [2**63 - 1, -(2**63), 2**63 - 1]
    assert map_elements(lambda x: x.astype("uint64"), array).tolist() == [2**63, 0, 2**64 - 1]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("source", INTEGERS)
def test_casts_from_integers_are_numpys(source, dtype):
    limits = np.iinfo(source)
    array = np.array([limits.min, limits.max, 0, 1, 100], source)
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(
            map_elements(lambda x: x.astype(dtype), array), array.astype(numpy_dtype(dtype))
        )


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("source", FLOATS)
def test_casts_between_floats_round_to_nearest_even(source, dtype, rng):
    array = np.concatenate([rng.normal(size=200), [np.inf, -np.inf, np.nan, 0.0, -0.0]]).astype(
        numpy_dtype(source)
    )
    found = map_elements(lambda x: x.astype(dtype), array)
    expected = array.astype(np.float64).astype(numpy_dtype(dtype))
    np.testing.assert_array_equal(found.astype(float), expected.astype(float))


def test_bool_is_not_zero():
    array = np.array([0.0, -0.0, 0.5, np.nan])
    assert map_elements(lambda x: x.astype("bool"), array).tolist() == [False, False, True, True]


# Halves


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_halves_accumulate_in_float32_and_round_once(dtype):
    """A running sum in the half type would stop growing at 2048 (float16) or 256 (bfloat16)."""
    ones = np.ones(5000).astype(numpy_dtype(dtype))
    found = reduce_elements(te.sum, ones)
    assert found.dtype == numpy_dtype(dtype)
    assert found == np.float32(5000).astype(numpy_dtype(dtype))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_products_of_halves_are_not_rounded_before_they_are_added(dtype, rng):
    a, b = (rng.normal(size=100).astype(numpy_dtype(dtype)) for _ in range(2))
    A, B = te.placeholder((100,), dtype, name="A"), te.placeholder((100,), dtype, name="B")
    k = te.reduce_axis(100, name="k")
    found = tw.interpret(te.compute((), lambda: te.sum(A[k] * B[k], axis=k), name="C"), [a, b])
    total = np.float32(0)
    for x, y in zip(a.astype(np.float32), b.astype(np.float32), strict=True):
        total += x * y
    assert found == total.astype(numpy_dtype(dtype))


def test_a_reduction_keeps_the_dtype_of_its_operand():
    array = np.full(300, 100, "int8")
    assert reduce_elements(te.sum, array) == np.array(30000).astype("int8")
    assert reduce_elements(te.sum, array).dtype == np.int8


def test_a_reduction_may_stand_inside_a_larger_expression(rng):
    a = rng.normal(size=(3, 8))
    A = te.placeholder((3, 8), "float64", name="A")
    k, l = te.reduce_axis(8, name="k"), te.reduce_axis(8, name="l")
    B = te.compute((3,), lambda i: te.max(A[i, k], axis=k) - te.sum(A[i, l], axis=l) / 8, name="B")
    np.testing.assert_allclose(tw.interpret(B, [a]), a.max(1) - a.mean(1), rtol=1e-12)


def test_a_reduction_may_stand_inside_another():
    A = te.placeholder((3, 4), "int32", name="A")
    k, l = te.reduce_axis(3, name="k"), te.reduce_axis(4, name="l")
    B = te.compute((), lambda: te.max(te.sum(A[k, l], axis=l), axis=k), name="B")
    a = np.arange(12, dtype="int32").reshape(3, 4)
    assert tw.interpret(B, [a]) == a.sum(1).max()


def test_a_reduction_axis_may_depend_on_a_size():
    n = te.var("n")
    A = te.placeholder((n,), "int64", name="A")
    k = te.reduce_axis((1, n), name="k")
    B = te.compute((), lambda: te.sum(A[k], axis=k), name="B")
    assert tw.interpret(B, [np.arange(5)]) == 10
    assert tw.interpret(B, [np.arange(1)]) == 0
