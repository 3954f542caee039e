"""How primitives are called from Python: arguments, the kinds of their errors, handles that are gone."""

from __future__ import annotations

import inspect
import re

import numpy as np
import pytest
import tilewright as tw
from raising import raises
from tilewright import _core, te

PRIMITIVES = _core.primitives()
NAMES = [primitive["name"] for primitive in PRIMITIVES]


def matmul(m: int = 16, n: int = 12, k: int = 8) -> te.Tensor:
    a, b = te.placeholder((m, k), name="A"), te.placeholder((k, n), name="B")
    axis = te.reduce_axis(k, name="k")
    return te.compute((m, n), lambda i, j: te.sum(a[i, axis] * b[axis, j], axis=axis), name="C")


def chain(n: int = 6, m: int = 5) -> te.Tensor:
    a = te.placeholder((n, m), name="A")
    t = te.compute((n, m), lambda i, j: a[i, j] + 1, name="T")
    return te.compute((n, m), lambda i, j: t[i, j] * 2, name="D")


# Arguments


@pytest.mark.parametrize("primitive", PRIMITIVES, ids=NAMES)
def test_the_signature_is_that_of_the_registry(primitive):
    parameters = list(inspect.signature(getattr(tw.Schedule, primitive["name"])).parameters.values())[1:]
    assert [p.name for p in parameters] == [a["name"] for a in primitive["args"]]
    for parameter, spec in zip(parameters, primitive["args"], strict=True):
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            assert (parameter.default is parameter.empty) == spec["required"]


@pytest.mark.parametrize("primitive", PRIMITIVES, ids=NAMES)
def test_a_call_without_arguments_names_what_is_missing(primitive):
    s = tw.Schedule(matmul())
    with pytest.raises(tw.UserError, match=f"^{primitive['name']}") as caught:
        getattr(s, primitive["name"])()
    assert "test_schedule_calls.py" in str(caught.value)
    assert len(s.trace) == 0


@pytest.mark.parametrize("primitive", PRIMITIVES, ids=NAMES)
def test_a_first_argument_of_the_wrong_type_is_named(primitive):
    if primitive["args"][0]["is_options"]:
        pytest.skip("takes keywords alone")
    s = tw.Schedule(matmul())
    rest = [0 for spec in primitive["args"][1:] if spec["required"] and not spec["is_options"]]
    name = primitive["args"][0]["name"]
    with raises(tw.InvalidType, f"{primitive['name']}: argument '{name}' is .*2.5.*, and must be "):
        getattr(s, primitive["name"])(2.5, *rest)
    assert len(s.trace) == 0


def test_arguments_may_be_keywords():
    by_position, by_name = tw.Schedule(matmul()), tw.Schedule(matmul())
    i, j, k = by_position.loops("C")
    by_position.split(i, [None, 4])
    copy = by_position.cache_read(by_position.block("C"), "A", "global")
    by_position.transform_layout("A_global", lambda i, k: (k, i), 0.0)
    by_position.annotate(copy, "layout", "packed")
    by_position.cache_write(by_position.block("C"), "global", 0)
    by_position.storage_align("A_global", 0, 8, 1)

    i, j, k = by_name.loops("C")
    by_name.split(factors=[None, 4], loop=i)
    copy = by_name.cache_read(scope="global", block=by_name.block("C"), buffer="A")
    by_name.transform_layout(buffer="A_global", index_map="(i, k) -> (k, i)", pad_value=0.0)
    by_name.annotate(block=copy, value="packed", key="layout")
    by_name.cache_write(by_name.block("C"), output=0, scope="global")
    by_name.storage_align("A_global", factor=8, dim=0, offset=1)
    assert by_name.program == by_position.program
    assert by_name.trace == by_position.trace


def test_a_list_of_loops_may_be_separate_arguments():
    one, other = tw.Schedule(matmul()), tw.Schedule(matmul())
    one.reorder(*reversed(one.loops("C")))
    other.reorder(tuple(reversed(other.loops("C"))))
    assert one.trace == other.trace


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda s, i: s.split(i),
            tw.InvalidType,
            "split(loop, factors): missing a required argument: 'factors'",
        ),
        (lambda s, i: s.split(i, factor=[4]), tw.InvalidType, "split(loop, factors): "),
        (lambda s, i: s.split(i, [4, 4], 1), tw.InvalidType, "too many positional arguments"),
        (lambda s, i: s.split(s.block("C"), [4]), tw.InvalidType, "argument 'loop' is C, and must be a loop"),
        (lambda s, i: s.split(i, 4), tw.InvalidType, "argument 'factors' is 4, and must be a list of ints"),
        (lambda s, i: s.split(i, [2.5, None]), tw.InvalidType, "argument 'factors' is [2.5, None]"),
        (lambda s, i: s.split(i, [None, None]), tw.InvalidType, "and at most one None"),
        (lambda s, i: s.fuse(), tw.InvalidType, "argument 'loops' is [], and must be a list of loops"),
        (lambda s, i: s.fuse(loops=[i]), tw.InvalidType, "unexpected keyword argument 'loops'"),
        (lambda s, i: s.reorder(i, i), tw.InvalidValue, "loop i is named twice"),
        (lambda s, i: s.bind(i, "threadIdx.w"), tw.InvalidValue, "there is no index 'threadIdx.w'"),
        (lambda s, i: s.bind(i, 3), tw.InvalidType, "argument 'index' is 3, and must be a text"),
        (
            lambda s, i: s.cache_read(s.block("C"), "Z", "global"),
            tw.InvalidValue,
            "block C does not read 'Z'; it reads A, B",
        ),
        (
            lambda s, i: s.cache_read(s.block("C"), 2, "global"),
            tw.InvalidIndex,
            "block C reads 2 buffers, and number 2 was asked for",
        ),
        (lambda s, i: s.cache_read(s.block("C"), "A", "l2"), tw.InvalidValue, "there is no scope 'l2'"),
        (
            lambda s, i: s.transform_layout("A", 3),
            tw.InvalidType,
            "argument 'index_map' is 3, and must be an index map",
        ),
        (lambda s, i: s.transform_layout("A", "i, j"), tw.InvalidValue, "'i, j' is no index map"),
        (
            lambda s, i: s.transform_layout("A", lambda i, j: (i * 0.5, j)),
            tw.InvalidType,
            "a part of an index map has dtype float64",
        ),
        (
            lambda s, i: s.transform_layout("Z", "(i) -> (i)"),
            tw.InvalidValue,
            "no buffer 'Z'; the buffers are A, B, C",
        ),
        (lambda s, i: s.block("Q"), tw.InvalidValue, "there is no block 'Q'; the blocks are C"),
        (lambda s, i: s.loops("Q"), tw.InvalidValue, "there is no block 'Q'; the blocks are C"),
        (lambda s, i: s.buffer("Q"), tw.InvalidValue, "there is no buffer 'Q'; the buffers are A, B, C"),
        (lambda s, i: s.loops(3), tw.InvalidType, "3 of type int is no block"),
        (lambda s, i: tw.Schedule(3), tw.InvalidType, "3 of type int is no tensor"),
        (lambda s, i: tw.Schedule.replay(matmul(), "x"), tw.InvalidType, "'x' of type str is no trace"),
        (lambda s, i: tw.Trace.from_json(3), tw.InvalidType, "3 of type int is no text"),
    ],
)
def test_wrong_calls_say_what_was_found_and_what_is_needed(call, kind, message):
    s = tw.Schedule(matmul())
    before = s.program
    with raises(kind, re.escape(message)):
        call(s, s.loops("C")[0])
    assert s.program == before
    assert len(s.trace) == 0


# Parameters of a schedule


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tw.param("t", min=5, max=4), "in [5, 4]"),
        (lambda: tw.param("t", min=0), "no positive value"),
        (lambda: tw.param("t", min=3, max=5, multiple_of=7), "a multiple of 7"),
        (lambda: tw.param("t", min=5, default=4), "default 4"),
        (lambda: tw.param("t", multiple_of=3, default=4), "default 4"),
    ],
)
def test_a_parameter_without_a_legal_value_is_refused(make, message):
    s = tw.Schedule(matmul())
    with raises(tw.InvalidValue, re.escape(message)):
        s.split(s.loops("C")[0], [None, make()])


def test_two_uses_of_a_name_are_one_parameter():
    s = tw.Schedule(matmul())
    i, j, _ = s.loops("C")
    s.split(i, [None, tw.param("t")])
    with raises(tw.InvalidValue, "the parameter 't' is already there"):
        s.split(j, [None, tw.param("t", max=7)])
    s.split(j, [None, tw.param("t")])
    assert str(s).count("t: param") == 1


def test_a_value_that_the_parameter_may_not_have_is_refused_when_it_runs():
    s = tw.Schedule(matmul())
    s.split(s.loops("C")[0], [None, tw.param("t", min=2, max=8, multiple_of=2, default=4)])
    a, b = np.ones((16, 8), "float32"), np.ones((8, 12), "float32")
    assert s.program.interpret(a, b).sum() == 16 * 12 * 8
    for wrong in (0, 3, 10):
        with raises(tw.InvalidValue, f"t = {wrong}"):
            s.program.interpret(a, b, t=wrong)
    with raises(tw.InvalidType, "'t'"):
        s.program.interpret(a, b, t=2.5)
    with raises(tw.InvalidValue, "has no input 'u'"):
        s.program.interpret(a, b, u=3)


def test_specialise_takes_parameters_by_name():
    s = tw.Schedule(matmul())
    i, j, _ = s.loops("C")
    s.split(i, [None, tw.param("t", multiple_of=2)])
    s.split(j, [None, tw.param("u")])
    for wrong, message in (({"v": 1}, "there is no parameter 'v'"), ({"t": 3}, "3"), ({}, "t, u")):
        with raises(tw.InvalidValue, message):
            s.specialise(**wrong)
    s.specialise(u=5, t=4)
    assert "param" not in str(s)
    assert tw.Schedule.replay(matmul(), tw.Trace.from_json(s.trace.to_json())).program == s.program


# Handles


def gone_after_split(s):
    i, _ = s.loops("D")
    s.split(i, [None, 2])
    return i, "split"


def gone_after_fuse(s):
    i, j = s.loops("D")
    s.fuse(i, j)
    return j, "fuse"


def gone_after_compute_at(s):
    i, _ = s.loops("T")
    s.compute_at(s.block("T"), s.loops("D")[0])
    return i, "compute_at"


def gone_after_reverse_compute_at(s):
    _, j = s.loops("D")
    s.reverse_compute_at(s.block("D"), s.loops("T")[0])
    return j, "reverse_compute_at"


def gone_after_compute_inline(s):
    t = s.block("T")
    s.compute_inline(t)
    return t, "compute_inline"


def buffer_gone_after_compute_inline(s):
    t = s.buffer("T")
    s.compute_inline(s.block("T"))
    return t, "compute_inline"


def gone_after_reverse_compute_inline(s):
    d = s.block("D")
    s.reverse_compute_inline(d)
    return d, "reverse_compute_inline"


def gone_after_tile(s):
    i, j = s.loops("D")
    s.tile([i, j], [2, 2])
    return j, "tile"


def gone_after_loop_partition(s):
    i, _ = s.loops("D")
    s.loop_partition(i, [None, 1])
    return i, "loop_partition"


@pytest.mark.parametrize(
    "remove", [f for name, f in list(globals().items()) if "gone_after" in name], ids=lambda f: f.__name__
)
def test_a_handle_that_is_gone_says_since_which_step(remove):
    s = tw.Schedule(chain())
    i, j = s.loops("D")
    s.annotate(s.block("D"), "a", 1)
    handle, step = remove(s)
    before = s.program
    name = handle.name
    call = {tw.Loop: s.parallel, tw.Block: s.loops, tw.BufferHandle: lambda b: s.set_scope(b, "local")}
    with raises(
        tw.InvalidValue, rf"'{name}' \(\w+[.\w]*\) is gone since step 1, {step}; use what that step returned"
    ):
        call[type(handle)](handle)
    assert s.program == before


def test_handles_survive_what_does_not_remove_them():
    s = tw.Schedule(matmul())
    i, j, k = s.loops("C")
    c, a = s.block("C"), s.buffer("A")
    i0, i1 = s.split(i, [None, 4])
    s.reorder(i0, j, k, i1)
    copy = s.cache_read(c, a, "global")
    s.transform_layout("A_global", lambda i, k: (k, i))
    s.compute_at(copy, i0)
    s.parallel(i0)
    s.unroll(i1)
    assert s.loops(c) == [i0, j, k, i1]
    assert s.block("C") == c
    assert s.blocks() == [copy, c]
    assert {c: "same"}[s.block("C")] == "same"
    assert c != copy
    assert c != "C"


def test_a_buffer_that_is_laid_out_anew_keeps_its_handle():
    s = tw.Schedule(chain())
    t = s.buffer("T")
    s.transform_layout(t, lambda i, j: (j, i))
    s.storage_align(t, 0, 8)
    assert "allocate T: float32[5, 6] strides [8, 1]" in str(s)
    assert s.buffer("T") == t


def test_a_refused_step_leaves_handles_and_trace_alone():
    s = tw.Schedule(matmul())
    i, j, k = s.loops("C")
    for refused in (
        lambda: s.parallel(k),
        lambda: s.vectorize(k),
        lambda: s.split(i, [3, 5]),
        lambda: s.compute_inline(s.block("C")),
        lambda: s.transform_layout("A", lambda i, j: (j, i)),
        lambda: s.bind(k, "threadIdx.x"),
    ):
        with pytest.raises(tw.InvalidValue):
            refused()
        assert s.loops("C") == [i, j, k]
        assert s.trace.to_json() == '{"format":"tilewright-trace","steps":[],"version":1}'
    s.split(i, [4, 4])
    assert len(s.trace) == 1


# What is printed


def test_a_schedule_prints_its_program():
    s = tw.Schedule(matmul())
    i, _, _ = s.loops("C")
    s.split(i, [None, tw.param("t")])
    assert str(s) == str(s.program)
    assert tw.Program.parse(str(s)) == s.program
    assert repr(s) == "<tw.Schedule of 1 steps>"
    assert repr(s.trace) == "<tw.Trace of 1 steps>"
    assert repr(s.loops("C")[0]) == "<tw.Loop i_0>"
    assert repr(s.block("C")) == "<tw.Block C>"
    assert repr(s.buffer("A")) == "<tw.BufferHandle A>"


def test_show_prints_the_program_with_comments(capsys):
    s = tw.Schedule(matmul())
    i, j, _ = s.loops("C")
    s.parallel(i)
    s.vectorize(s.split(j, [None, 4])[1])
    assert s.show() is None
    shown = capsys.readouterr().out
    assert "  # parallel, 16 turns\n" in shown
    assert "  # vectorized, 4 turns\n" in shown
    assert f"  # A: global, {16 * 8 * 4} bytes\n" in shown
    without = [line.split("  #")[0].rstrip() for line in shown.splitlines() if not line.startswith("  #")]
    assert [line for line in without if line] == str(s).splitlines()
    assert tw.Program.parse("\n".join(without) + "\n") == s.program


def test_a_name_follows_the_program():
    s = tw.Schedule(chain())
    loop = s.loops("D")[1]
    assert loop.name == "j_1" or loop.name == "j"
    s.compute_inline(s.block("T"))
    assert loop.name == "j"
