"""Illegal calls of each primitive: what the error says, where it points, and that nothing has changed."""

from __future__ import annotations

import re

import pytest
import tilewright as tw
from raising import raises
from tilewright import te


def schedule() -> tw.Schedule:
    a, b = te.placeholder((16, 8), name="A"), te.placeholder((8, 12), name="B")
    axis = te.reduce_axis(8, name="k")
    product = te.compute((16, 12), lambda i, j: te.sum(a[i, axis] * b[axis, j], axis=axis), name="C")
    return tw.Schedule(te.compute((16, 12), lambda i, j: te.maximum(product[i, j], 0.0), name="D"))


MEETS = "turns of loop 'k' combine into buffer 'C': block 'C' writes C[i, j]"
SINGLE = "is not one plain store without a reduction"

# The call on a schedule with the loops i, j, k of C; what it is printed as; what is wrong; the mend.
REFUSED = [
    (
        lambda s, i, j, k: s.bind(k, "threadIdx.x"),
        "bind(k, 'threadIdx.x')",
        f"the turns of loop k cannot run at once on a GPU: {MEETS}",
        "give each turn its own partial result with rfactor",
    ),
    (
        lambda s, i, j, k: s.cache_write("C", "l1"),
        "cache_write(C, 'l1', None)",
        "there is no scope 'l1'",
        "'global', 'shared' or 'local'",
    ),
    (
        lambda s, i, j, k: s.compute_at("D", i),
        "compute_at(D, i)",
        "block D stands after loop i",
        "take reverse_compute_at",
    ),
    (lambda s, i, j, k: s.compute_inline("C"), "compute_inline(C)", f"block C {SINGLE}", "only such a block"),
    (
        lambda s, i, j, k: s.fuse(i, k),
        "fuse([i, k])",
        "loop k does not stand directly in loop i",
        "nothing between",
    ),
    (
        lambda s, i, j, k: s.loop_partition(k, [None, 1]),
        "loop_partition(k, [None, 1])",
        "block C is reduced over loop k",
        "take the init out with decompose_reduction first",
    ),
    (
        lambda s, i, j, k: s.parallel(k),
        "parallel(k)",
        f"the turns of loop k cannot run in parallel: {MEETS}",
        "with rfactor",
    ),
    (
        lambda s, i, j, k: s.pipeline(k, 2),
        "pipeline(k, 2)",
        "no statement of loop k fills a buffer of its turn alone",
        "cache_read and compute_at",
    ),
    (
        lambda s, i, j, k: s.prefetch("C", "A", k, 0),
        "prefetch(C, 0, k, 0, None)",
        "a distance of 0 turns",
        "at least 1",
    ),
    (lambda s, i, j, k: s.reorder(i, i), "reorder([i, i])", "loop i is named twice", ""),
    (
        lambda s, i, j, k: s.reverse_compute_at("D", k),
        "reverse_compute_at(D, k)",
        "the turns of loop k are not proved to run every instance of block D once",
        "take a loop whose turns each finish a part of what the block reads",
    ),
    (
        lambda s, i, j, k: s.reverse_compute_inline("D"),
        "reverse_compute_inline(D)",
        "block C",
        "reverse_compute_at",
    ),
    (
        lambda s, i, j, k: s.rewrite("C", "winograd"),
        "rewrite(C, 'winograd')",
        "block C is no convolution that winograd takes",
        "it needs two windows",
    ),
    (
        lambda s, i, j, k: s.rfactor(i, 0),
        "rfactor(i, 0)",
        "loop i drives no reduction axis",
        "take a loop of a reduction",
    ),
    (
        lambda s, i, j, k: s.rolling_buffer("A", i),
        "rolling_buffer(A, i)",
        "buffer A belongs to the caller",
        "only a buffer inside the program",
    ),
    (
        lambda s, i, j, k: s.set_scope("A", "shared"),
        "set_scope(A, 'shared')",
        "buffer A is the caller's",
        "use cache_read",
    ),
    (
        lambda s, i, j, k: s.specialise(x=1),
        "specialise(x=1)",
        "there is no parameter 'x'",
        "the program has none",
    ),
    (
        lambda s, i, j, k: s.split(i, [2, 3]),
        "split(i, [2, 3])",
        "the factors make 6 turns, and loop i has 16",
        "leave one factor None",
    ),
    (
        lambda s, i, j, k: s.storage_align("A", 0, 8),
        "storage_align(A, 0, 8, 0)",
        "the caller decides the strides of buffer A",
        "align a copy",
    ),
    (
        lambda s, i, j, k: s.tile([i, j], [4]),
        "tile([i, j], [4])",
        "2 loops and 1 factors",
        "each loop takes one",
    ),
    (
        lambda s, i, j, k: s.transform_layout("A", lambda i, j: (j, i)),
        "transform_layout(A, (i, j) -> (j, i), None)",
        "the caller sees how buffer A is laid out",
        "transform the copy",
    ),
    (
        lambda s, i, j, k: s.vectorize(k),
        "vectorize(k)",
        f"the turns of loop k cannot be lanes of a vector: {MEETS}",
        "with rfactor",
    ),
]


@pytest.mark.parametrize(("call", "text", "reason", "mend"), REFUSED, ids=[row[1] for row in REFUSED])
def test_an_illegal_call_names_itself_the_reason_and_the_mend(call, text, reason, mend):
    s = schedule()
    loops = s.loops("C")
    before, printed = s.program, str(s)
    with raises(tw.InvalidValue, f"^{re.escape(text)}: {re.escape(reason)}.*{re.escape(mend)}"):
        call(s, *loops)
    assert s.program == before
    assert str(s) == printed
    assert len(s.trace) == 0
    assert s.loops("C") == loops


@pytest.mark.parametrize(
    ("call", "place"),
    [
        (lambda s, i, j, k: s.parallel(k), "for k in 8:"),
        (lambda s, i, j, k: s.compute_inline("C"), "block C#0("),
        (lambda s, i, j, k: s.split(j, [5, 2]), "for j in 12:"),
        (lambda s, i, j, k: s.fuse(i, k), "for k in 8:"),
    ],
)
def test_the_place_is_marked_in_the_program(call, place):
    s = schedule()
    with pytest.raises(tw.InvalidValue) as caught:
        call(s, *s.loops("C"))
    lines = str(caught.value).splitlines()
    (mark,) = (i for i, line in enumerate(lines) if re.fullmatch(r" *\^+ here", line))
    assert lines[mark - 1].strip().startswith(place)
    without = [line for i, line in enumerate(lines) if i != mark]
    assert str(s).strip() in "\n".join(without)


def test_an_unrolled_loop_needs_a_constant_number_of_turns():
    s = schedule()
    _, inner = s.split(s.loops("C")[0], [None, tw.param("t")])
    for step in (s.unroll, s.vectorize):
        with raises(
            tw.InvalidValue, rf"{step.__name__}\(i_1\): loop i_1 has t turns.*split it by a constant first"
        ):
            step(inner)


def test_an_init_is_not_taken_out_below_a_reduction_loop():
    s = schedule()
    i, j, k = s.loops("C")
    s.reorder(k, i, j)
    with raises(
        tw.InvalidValue,
        r"decompose_reduction\(C, i\): loop k runs through a reduction axis.*take loop k or one outside",
    ):
        s.decompose_reduction("C", i)


def test_a_tile_that_does_not_fit_an_intrinsic_says_where_they_differ():
    s = schedule()
    with raises(
        tw.InvalidValue, r"tensorize\(i, 'outer_f32_14x32'\): .*axis i of the intrinsic has 14 points.*16"
    ):
        s.tensorize(s.loops("C")[0], "outer_f32_14x32")
