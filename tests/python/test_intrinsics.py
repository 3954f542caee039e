"""Tensor intrinsics: declared from expressions, found by name, and used by schedules."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tilewright as tw
from tilewright import te


def product(n, m, k):
    A, B = te.placeholder((n, k), name="A"), te.placeholder((k, m), name="B")
    kk = te.reduce_axis(k, name="k")
    return te.compute((n, m), lambda i, j: te.sum(A[i, kk] * B[kk, j], axis=kk), name="C")


def tiled(s, rows, columns):
    i, j, k = s.loops("C")
    (i, ii), (j, jj) = s.split(i, [None, rows]), s.split(j, [None, columns])
    s.reorder(i, j, k, ii, jj)
    return ii


def check_product(s, n, m, k):
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-4, 5, shape).astype("float32") for shape in ((n, k), (k, m)))
    np.testing.assert_array_equal(s.program.interpret(a, b), a @ b)


def multiply_add(name, lanes=8, **options):
    A, B = te.placeholder((lanes,), name="A"), te.placeholder((lanes,), name="B")
    C = te.compute((lanes,), lambda i: A[i] * B[i], name="C")
    return tw.intrinsic(name, C, accumulates=True, **options)


def test_a_schedule_ends_in_an_intrinsic_of_the_registry():
    s = tw.Schedule(product(28, 64, 5))
    block = s.tensorize(tiled(s, 14, 32), "outer_f32_14x32")
    assert block.name == "C"
    assert "call outer_f32_14x32(" in str(s)
    check_product(s, 28, 64, 5)


def test_a_schedule_takes_the_object_as_well_as_the_name():
    s = tw.Schedule(product(8, 32, 5))
    s.tensorize(tiled(s, 4, 16), tw.intrinsic("outer_f32_4x16"))
    check_product(s, 8, 32, 5)
    trace = s.trace.to_json()
    assert json.loads(trace)
    again = tw.Schedule.replay(product(8, 32, 5), tw.Trace.from_json(trace))
    assert again.program == s.program


def test_a_program_that_calls_a_member_of_a_family_is_read_from_text_alone():
    program = tw.Program.parse("""
program tile(A: in float32[3], B: in float32[12], C: inout float32[3, 12]):
  call outer_f32_3x12(A[0:+3], B[0:+12], C[0:+3, 0:+12])
""")
    a, b, c = np.arange(3, dtype="float32"), np.arange(12, dtype="float32"), np.ones((3, 12), "float32")
    program.interpret(a, b, c)
    np.testing.assert_array_equal(c, 1 + np.outer(a, b))


def test_ones_own_intrinsic_is_declared_from_an_expression():
    fma = multiply_add("py_fma_8", summary="eight at once", operands={"B": {"strides": (1,), "alignment": 4}})
    assert fma == "py_fma_8" and fma.accumulates and fma.summary == "eight at once"
    assert fma.operands == {"A": {}, "B": {"strides": [1]} | {"alignment": 4}, "C": {}}
    assert fma.numerics["exact"] is True
    A, B = te.placeholder((4, 16), name="X"), te.placeholder((4, 16), name="Y")
    k = te.reduce_axis(4, name="k")
    s = tw.Schedule(te.compute((16,), lambda i: te.sum(A[k, i] * B[k, i], axis=k), name="C"))
    i, k = s.loops("C")
    _, ii = s.split(i, [None, 8])
    s.reorder(k, ii)
    s.tensorize(ii, fma)
    x, y = np.arange(64, dtype="float32").reshape(4, 16), np.ones((4, 16), "float32")
    np.testing.assert_array_equal(s.program.interpret(x, y), x.sum(0))


def test_implementations_go_in_and_come_out():
    program = """
program lanes(A: in float32[4], B: in float32[4], C: inout float32[4]):
  C[ramp(0, 1, 4)] = C[ramp(0, 1, 4)] + A[ramp(0, 1, 4)] * B[ramp(0, 1, 4)]
"""
    lanes = {"type": "<4 x float>", "elements": 4, "place": "(r, e) -> (e)"}
    given = [
        {
            "target": "llvm",
            "features": ["fma"],
            "instruction": "llvm.fma.v4f32",
            "result": {"operand": "C"} | lanes,
            "arguments": [{"operand": name} | lanes for name in "ABC"],
        },
        {"target": "llvm", "program": program, "registers": 3},
    ]
    fma = multiply_add("py_fma_4", lanes=4, implementations=given)
    instruction, loops = fma.implementations
    assert instruction["instruction"] == "llvm.fma.v4f32" and instruction["features"] == ["fma"]
    assert [a["operand"] for a in instruction["arguments"]] == ["A", "B", "C"]
    assert instruction["result"]["place"] == "(r, e) -> (e)"
    assert loops["program"] == tw.Program.parse(program) and loops["registers"] == 3
    # What came out goes in again.
    assert multiply_add("py_fma_4", lanes=4, implementations=fma.implementations).implementations == [
        instruction,
        loops,
    ]


def test_what_fragments_are_is_said():
    mma = tw.intrinsic("mma_f16_16x8x16")
    assert mma.operands["C"] == {
        "scope": ["fragment"],
        "lanes": "(i, j) -> (i % 8 * 4 + j // 2, i // 8 * 2 + j % 2)",
    }
    assert mma.implementations[0]["features"] == ["sm_80"]
    assert not mma.numerics["exact"] and mma.numerics["error_per_term"] > 0
    assert "flushed to zero" in tw.intrinsic("dot_bf16_16x2").numerics["non_finite"]


def test_the_list_has_families_and_declared_ones():
    multiply_add("py_fma_listed", summary="listed")
    listed = tw.intrinsics()
    assert listed["py_fma_listed"] == "listed"
    assert {"outer_f32_{m}x{n}", "dot_bf16_{lanes}x2", "dot_u8s8_{lanes}x4", "mma_f16_16x8x16"} <= set(listed)
    assert "eight at once" in repr(multiply_add("py_fma_8", summary="eight at once"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"operands": {"D": {}}}, "names operand 'D'; the operands are A, B, C"),
        ({"operands": {"A": {"stride": 1}}}, "the operand A has an entry 'stride', and knows scope, strides"),
        ({"operands": {"A": {"strides": ("x",)}}}, 'an int, None, or a text like "8n" for a multiple of 8'),
        ({"operands": {"A": {"scope": "register"}}}, "lies in 'register'; memory is 'global', 'shared'"),
        ({"implementations": [{}]}, "an implementation has no 'target'"),
        ({"implementations": [{"target": "c"}]}, "has a program or an instruction, one of both"),
    ],
)
def test_data_that_do_not_fit_are_refused(options, message):
    with pytest.raises(tw.InvalidValue) as error:
        multiply_add("py_refused", **options)
    assert message in str(error.value)


def test_what_is_no_intrinsic_is_refused():
    with pytest.raises(tw.InvalidValue, match="there is no intrinsic 'nothing'"):
        tw.intrinsic("nothing")
    with pytest.raises(tw.InvalidValue, match="there is no intrinsic outer_f32_4x3: rows are whole vectors"):
        tw.intrinsic("outer_f32_4x3")
    with pytest.raises(tw.InvalidType, match="it is a tensor"):
        tw.intrinsic("thing", 3)
    with pytest.raises(tw.InvalidType, match="it is a dict"):
        multiply_add("py_refused", operands={"A": 1})


def test_a_mismatch_shows_both_sides():
    s = tw.Schedule(te.compute((8, 16), lambda i, j: i + j * 1.0, name="C"))
    with pytest.raises(tw.InvalidValue) as error:
        s.tensorize(s.loops("C")[1], multiply_add("py_fma_8"))
    assert "  intrinsic: C[i] = C[i] + A[i] * B[i]\n  block C:   C[vi, vj] = " in str(error.value)
