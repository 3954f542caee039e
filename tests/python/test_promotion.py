"""Mixed dtypes give the dtype and the value that NumPy gives."""

from __future__ import annotations

import itertools
import operator
import warnings

import ml_dtypes
import numpy as np
import pytest
import tilewright as tw
from compare import assert_values, is_float
from tilewright import te

INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
NUMPY = ["bool", *INTEGERS, "float16", "float32", "float64"]
EVERY = [*NUMPY, "bfloat16"]

OPERATORS = {
    "+": (operator.add, operator.add),
    "-": (operator.sub, operator.sub),
    "*": (operator.mul, operator.mul),
    "/": (operator.truediv, operator.truediv),
    "//": (operator.floordiv, operator.floordiv),
    "%": (operator.mod, operator.mod),
    "&": (operator.and_, operator.and_),
    "|": (operator.or_, operator.or_),
    "^": (operator.xor, operator.xor),
    "<<": (operator.lshift, operator.lshift),
    ">>": (operator.rshift, operator.rshift),
    "==": (operator.eq, operator.eq),
    "!=": (operator.ne, operator.ne),
    "<": (operator.lt, operator.lt),
    "<=": (operator.le, operator.le),
    ">": (operator.gt, operator.gt),
    ">=": (operator.ge, operator.ge),
    "maximum": (te.maximum, np.maximum),
    "minimum": (te.minimum, np.minimum),
    "where": (lambda a, b: te.where(a != 0, a, b), lambda a, b: np.where(a != 0, a, b)),
}

FUNCTIONS = {
    "exp": (te.exp, np.exp),
    "sqrt": (te.sqrt, np.sqrt),
    "log": (te.log, np.log),
    "tanh": (te.tanh, np.tanh),
    "sin": (te.sin, np.sin),
    "cos": (te.cos, np.cos),
    "abs": (te.abs, np.abs),
    "floor": (te.floor, np.floor),
    "ceil": (te.ceil, np.ceil),
    "round": (te.round, np.rint),
    "-": (operator.neg, operator.neg),
    "~": (operator.invert, operator.invert),
}


def numpy_dtype(name: str) -> np.dtype:
    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)


def mixed(a: str, b: str) -> str:
    """The dtype of a sum of arrays."""
    return (np.zeros(1, numpy_dtype(a)) + np.zeros(1, numpy_dtype(b))).dtype.name


def edge_values(dtype: str) -> np.ndarray:
    """Small values, zero, the ends of the range, infinities and NaN."""
    kind = numpy_dtype(dtype)
    if dtype == "bool":
        values = [False, True]
    elif kind.kind == "u":
        values = [0, 1, 2, 3, 7, np.iinfo(kind).max, np.iinfo(kind).max - 1]
    elif kind.kind == "i":
        values = [0, 1, 2, -1, -7, 5, np.iinfo(kind).max, np.iinfo(kind).min]
    else:
        values = [0.0, 1.0, -1.5, 2.25, -7.0, 100.0, np.inf, -np.inf, np.nan]
    return np.array(values, kind)


def quiet(function, *arguments):
    """NumPy's result without its warnings; None where it takes no such dtypes."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return function(*arguments)
        except TypeError:
            return None


def check(found: np.ndarray, expected: np.ndarray, note: str) -> None:
    assert found.dtype == expected.dtype, f"{note}: {found.dtype}, not {expected.dtype}"
    if is_float(found):
        wide = found.astype(np.float64), expected.astype(np.float64)
        np.testing.assert_array_equal(*wide, err_msg=note)
    else:
        np.testing.assert_array_equal(found, expected, err_msg=note)


def evaluate(functions: dict, arrays: list[np.ndarray], dtypes: list[str]) -> dict:
    """Values of te functions of the elements of one or two tensors; None where one raises InvalidType."""
    n = len(arrays[0])
    tensors = [te.placeholder((n,), dtype, name=f"A{p}") for p, dtype in enumerate(dtypes)]
    outputs = {}
    for p, (name, function) in enumerate(functions.items()):
        try:
            outputs[name] = te.compute((n,), lambda i, f=function: f(*[t[i] for t in tensors]), name=f"C{p}")
        except tw.InvalidType:
            continue
    program = te.program(list(outputs.values()))
    needed = {argument.name for argument in program.arguments}
    inputs = {t.name: a for t, a in zip(tensors, arrays, strict=True) if t.name in needed}
    found = program.interpret(**inputs)
    values = dict(zip(outputs, found if isinstance(found, tuple) else (found,), strict=True))
    return {name: values.get(name) for name in functions}


@pytest.mark.parametrize(("left", "right"), list(itertools.product(NUMPY, NUMPY)))
def test_operators_of_two_dtypes(left, right):
    pairs = list(itertools.product(edge_values(left), edge_values(right)))
    a = np.array([p[0] for p in pairs], left)
    b = np.array([p[1] for p in pairs], right)
    found = evaluate({name: ours for name, (ours, _) in OPERATORS.items()}, [a, b], [left, right])
    for name, (_, theirs) in OPERATORS.items():
        expected = quiet(theirs, a, b)
        note = f"{left} {name} {right}"
        if expected is None or found[name] is None:
            assert expected is None and found[name] is None, f"{note}: NumPy {expected}, found {found[name]}"
        else:
            check(found[name], expected, note)


@pytest.mark.parametrize(("left", "right"), list(itertools.product(NUMPY, NUMPY)))
def test_powers(left, right):
    bases = edge_values(left)
    exponents = np.array([0, 1, 2, 3, 5]).astype(right)
    pairs = list(itertools.product(bases, exponents))
    a, b = np.array([p[0] for p in pairs], left), np.array([p[1] for p in pairs], right)
    found = evaluate({"**": operator.pow}, [a, b], [left, right])["**"]
    expected = quiet(operator.pow, a, b)
    assert found.dtype == expected.dtype
    finite = np.isfinite(expected.astype(np.float64)) if is_float(expected) else np.ones(expected.shape, bool)
    if is_float(expected):
        largest = np.abs(expected[finite].astype(np.float64))
        error = np.abs(found[finite].astype(np.float64) - expected[finite].astype(np.float64))
        assert np.all(error <= 4 * np.finfo(expected.dtype).eps * largest)
        np.testing.assert_array_equal(found[~finite], expected[~finite])
    else:
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("other", EVERY)
def test_bfloat16_with_other_dtypes(other):
    """The result dtype is ml_dtypes'; the value is that of the operation in that dtype."""
    A = te.placeholder((1,), "bfloat16", name="A")
    B = te.placeholder((1,), other, name="B")
    expected = mixed("bfloat16", other)
    assert (A[0] + B[0]).dtype == expected
    assert (B[0] * A[0]).dtype == expected


def test_bfloat16_arithmetic_rounds_once(rng):
    a, b = (rng.normal(size=300).astype(ml_dtypes.bfloat16) for _ in range(2))
    functions = {name: OPERATORS[name][0] for name in ["+", "-", "*", "/", "maximum", "<"]}
    found = evaluate(functions, [a, b], ["bfloat16", "bfloat16"])
    for name, value in found.items():
        exact = OPERATORS[name][1](a.astype(np.float64), b.astype(np.float64))
        check(value, exact if name == "<" else exact.astype(ml_dtypes.bfloat16), f"bfloat16 {name}")


@pytest.mark.parametrize("dtype", NUMPY)
@pytest.mark.parametrize("number", [True, 3, 2.5], ids=["bool", "int", "float"])
def test_python_numbers_are_weak(dtype, number):
    a = edge_values(dtype)
    ours = {name: (lambda x, f=f: f(x, number)) for name, (f, _) in OPERATORS.items()}
    swapped = {
        f"{name} swapped": (lambda x, f=f: f(number, x))
        for name, (f, _) in OPERATORS.items()
        if name != "where"
    }
    theirs = {name: (lambda x, f=f: f(x, number)) for name, (_, f) in OPERATORS.items()}
    theirs |= {f"{name} swapped": (lambda x, f=f: f(number, x)) for name, (_, f) in OPERATORS.items()}
    found = evaluate(ours | swapped, [a], [dtype])
    for name, value in found.items():
        expected = quiet(theirs[name], a)
        note = f"{dtype} {name} {number}"
        if expected is None or value is None:
            assert expected is None and value is None, f"{note}: NumPy {expected}, found {value}"
        else:
            check(value, expected, note)


@pytest.mark.parametrize("dtype", EVERY)
def test_numpy_scalars_are_not_weak(dtype):
    A = te.placeholder((1,), dtype, name="A")
    for scalar in [
        np.float64(1),
        np.float32(1),
        np.int32(1),
        np.uint8(1),
        np.bool_(True),
        ml_dtypes.bfloat16(1),
    ]:
        expected = mixed(dtype, scalar.dtype.name)
        assert (A[0] * scalar).dtype == expected, (dtype, scalar.dtype)
        assert (scalar * A[0]).dtype == expected, (scalar.dtype, dtype)


@pytest.mark.parametrize("dtype", NUMPY)
def test_functions(dtype):
    a = edge_values(dtype)
    if is_float(a):
        a = a[np.abs(a.astype(np.float64)) != 100]
    found = evaluate({name: ours for name, (ours, _) in FUNCTIONS.items()}, [a], [dtype])
    for name, (_, theirs) in FUNCTIONS.items():
        expected = quiet(theirs, a)
        note = f"{name} of {dtype}"
        if name == "round" and dtype in INTEGERS:
            expected = a  # np.rint gives a float; np.round of an integer keeps it
        if expected is None or found[name] is None:
            assert expected is None and found[name] is None, f"{note}: NumPy {expected}, found {found[name]}"
            continue
        assert found[name].dtype == expected.dtype, note
        if name in ("sin", "cos") and is_float(expected):
            expected = quiet(theirs, a.astype(np.float64)).astype(expected.dtype)
        if is_float(expected):
            finite = np.isfinite(expected.astype(np.float64))
            np.testing.assert_array_equal(found[name][~finite], expected[~finite], err_msg=note)
            one, other = found[name][finite], expected[finite]
            error = np.abs(one.astype(np.float64) - other.astype(np.float64))
            allowed = 2 * np.finfo(expected.dtype).eps * np.abs(other.astype(np.float64))
            assert np.all(error <= allowed + 1e-300), note
        else:
            assert_values(found[name], expected, note=note)


def test_comparisons_of_integers_are_exact():
    a = np.array([-1, 2**63 - 1, 5])
    b = np.array([2**64 - 1, 2**63, 5], "uint64")
    found = evaluate({name: OPERATORS[name][0] for name in ["==", "<", ">="]}, [a, b], ["int64", "uint64"])
    assert found["=="].tolist() == [False, False, True]
    assert found["<"].tolist() == [True, True, False]
    assert found[">="].tolist() == [False, False, True]


def test_comparisons_with_ints_that_the_dtype_cannot_hold():
    A = te.placeholder((3,), "int8", name="A")
    B = te.compute((3,), lambda i: (A[i] < 1000) & (A[i] > -1000) & (A[i] != 300) & (A[i] + 1 != 2), name="B")
    assert tw.interpret(B, [np.array([-128, 0, 127], "int8")]).all()


def test_indices_are_int64_where_they_become_data():
    C = te.compute((3,), lambda i: i * 2, name="C")
    assert C.dtype == "int64"
    assert tw.interpret(C, []).tolist() == [0, 2, 4]
    A = te.placeholder((3,), "float32", name="A")
    assert te.compute((3,), lambda i: A[i] * i, name="D").dtype == "float64"
    B = te.placeholder((3,), "int8", name="B")
    assert te.compute((3,), lambda i: B[i] + i, name="E").dtype == "int64"
