"""Inputs and outputs of programs run from Python."""

from __future__ import annotations

import threading

import ml_dtypes
import numpy as np
import pytest
import tilewright as tw
from tilewright import te


def doubled(dtype="float32", shape=(3, 4)):
    A = te.placeholder(shape, dtype, name="A")
    return te.program(te.compute(shape, lambda *i: A[i] * 2, name="B"))


def test_inputs_are_read_in_place_whatever_their_strides():
    wide = np.arange(48, dtype="float32").reshape(6, 8)
    for view in [wide[::2, ::2], wide[::-2, 7::-2], wide.reshape(8, 6)[::2, ::2].T[:3], wide[0:3, 4:]]:
        view = view[:3, :4] if view.shape != (3, 4) else view
        np.testing.assert_array_equal(doubled().interpret(view), view * 2)
    row = np.arange(4, dtype="float32")
    repeated = np.broadcast_to(row, (3, 4))
    np.testing.assert_array_equal(doubled().interpret(repeated), repeated * 2)


def test_fortran_order():
    a = np.asfortranarray(np.arange(12, dtype="float32").reshape(3, 4))
    found = doubled().interpret(a)
    np.testing.assert_array_equal(found, a * 2)
    assert found.flags.c_contiguous


def test_other_byte_orders_and_unaligned_arrays_are_copied():
    a = np.arange(12, dtype="float32").reshape(3, 4)
    np.testing.assert_array_equal(doubled().interpret(a.astype(">f4")), a * 2)
    packed = np.zeros((3, 4), dtype=[("tag", "i1"), ("value", "f4")])
    packed["value"] = a
    np.testing.assert_array_equal(doubled().interpret(packed["value"]), a * 2)


def test_read_only_inputs():
    a = np.ones((3, 4), "float32")
    a.flags.writeable = False
    assert (doubled().interpret(a) == 2).all()


def test_bfloat16_arrays_are_those_of_ml_dtypes():
    a = np.array([[1.5, -2.0]], ml_dtypes.bfloat16)
    found = doubled("bfloat16", (1, 2)).interpret(a)
    assert found.dtype == ml_dtypes.bfloat16
    assert found.astype(float).tolist() == [[3.0, -4.0]]


def test_inputs_are_not_changed():
    a = np.ones((3, 4), "float32")
    doubled().interpret(a)
    assert (a == 1).all()


def test_one_tensor_gives_an_array_and_a_sequence_gives_a_tuple():
    A = te.placeholder((2,), "int32", name="A")
    B = te.compute((2,), lambda i: A[i] + 1, name="B")
    a = np.array([1, 2], "int32")
    assert isinstance(tw.interpret(B, [a]), np.ndarray)
    (only,) = tw.interpret([B], [a])
    assert only.tolist() == [2, 3]


def test_programs_run_in_several_threads():
    program = doubled()
    results = [None] * 8

    def work(p):
        results[p] = program.interpret(np.full((3, 4), p, "float32"))

    threads = [threading.Thread(target=work, args=(p,)) for p in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for p, result in enumerate(results):
        assert (result == 2 * p).all()


def test_arguments_describe_themselves():
    n = te.var("n")
    A = te.placeholder((n, 3), "bfloat16", name="A", constant=True)
    m = te.var("m")
    program = te.program(te.compute((n,), lambda i: A[i, 0] * m, name="B"), name="scale")
    assert program.name == "scale"
    found = [(a.name, a.kind, a.dtype, str(a.shape)) for a in program.arguments]
    assert found == [
        ("A", "const", "bfloat16", "(n, 3)"),
        ("m", "size", None, "None"),
        ("B", "out", program.arguments[2].dtype, "(n,)"),
    ]
    assert repr(program) == "<tw.Program scale(A, m, B)>"
    assert repr(program.arguments[0]) == "<tw.Argument A: const bfloat16(n, 3)>"


def test_programs_are_equal_by_structure():
    one, same, other = doubled(), doubled(), doubled("float64")
    assert one == same and hash(one) == hash(same) and one.digest == same.digest
    assert one != other and one.digest != other.digest
    assert one != "a string"
    assert len({one, same, other}) == 2


def test_an_inout_argument_is_written_in_place():
    program = tw.Program.parse("program bump(A: inout int32[4]):\n  for i in 4:\n    A[i] = A[i] + 1i32\n")
    a = np.arange(4, dtype="int32")
    assert program.interpret(a) is None
    assert a.tolist() == [1, 2, 3, 4]
    a.flags.writeable = False
    with pytest.raises(tw.InvalidValue, match="'A' is written: it must be writable"):
        program.interpret(a)


def test_tunable_parameters_are_given_by_name():
    text = (
        "program count(A: out int32[6], f: param = 2):\n"
        "  for o in (5 + f) // f:\n    for i in f:\n      if o * f + i < 6:\n        A[o * f + i] = 1i32\n"
    )
    program = tw.Program.parse(text)
    assert program.interpret().tolist() == [1] * 6
    assert program.interpret(f=4).tolist() == [1] * 6


def test_tensors_compare_by_identity_and_hash():
    A = te.placeholder((2,), name="A")
    B = te.placeholder((2,), name="A")
    assert A == A and A != B
    assert {A: 1, B: 2}[A] == 1
    first, second = te.compute((2,), lambda i: (A[i], B[i]), name="T")
    assert first != second
    assert first in [A, first]


def test_representations():
    n = te.var("n")
    A = te.placeholder((n, 2), "int8", name="A")
    k = te.reduce_axis(2, name="k")
    assert repr(A) == "Tensor A: int8(n, 2)"
    assert repr(n) == "n"
    assert repr(k) == "k"
    assert repr(A[0, k] + 1) == "A[0, k] + 1i8"
    assert "A[0, k]" in repr(te.sum(A[0, k], axis=k))
