"""Symbolic sizes, several outputs, rank 0, and what pieces, scatters and scans mean at the edges."""

from __future__ import annotations

import numpy as np
import pytest
import tilewright as tw
from tilewright import te

# Symbolic dimensions


def test_one_program_serves_several_sizes(rng):
    m, k, n = te.var("m", range=(1, 100)), te.var("k"), te.var("n")
    A = te.placeholder((m, k), "float64", name="A")
    B = te.placeholder((k, n), "float64", name="B")
    r = te.reduce_axis(k, name="r")
    program = te.program(te.compute((m, n), lambda i, j: te.sum(A[i, r] * B[r, j], axis=r), name="C"))
    assert [a.name for a in program.arguments] == ["A", "B", "C"]
    for sizes in [(1, 1, 1), (3, 5, 2), (7, 0, 4), (13, 17, 0)]:
        a, b = rng.normal(size=sizes[:2]), rng.normal(size=sizes[1:])
        np.testing.assert_allclose(program.interpret(a, b), a @ b, rtol=1e-12, atol=1e-12)


def test_shapes_may_be_expressions_of_sizes():
    n = te.var("n")
    A = te.placeholder((n,), "int64", name="A")
    B = te.compute((2 * n + 1,), lambda i: te.where(i < n, A[i % n], i), name="B")
    assert str(B.shape[0]) == "n * 2 + 1" or str(B.shape[0]) == "2 * n + 1"
    assert tw.interpret(B, [np.array([7, 8])]).tolist() == [7, 8, 2, 3, 4]


def test_a_size_that_no_shape_shows_is_an_int_argument():
    n = te.var("n", range=(0, 10))
    B = te.compute((n,), lambda i: i * i, name="B")
    program = te.program(B)
    assert [(a.name, a.kind) for a in program.arguments] == [("n", "size"), ("B", "out")]
    assert program.interpret(4).tolist() == [0, 1, 4, 9]
    assert program.interpret(n=0).tolist() == []
    assert tw.interpret(B, [np.int32(3)]).tolist() == [0, 1, 4]


def test_args_says_another_order():
    n = te.var("n")
    A = te.placeholder((3,), "int64", name="A")
    B = te.placeholder((3,), "int64", name="B")
    C = te.compute((3,), lambda i: A[i] - B[i] * n, name="C")
    D = te.compute((3,), lambda i: A[i] + B[i], name="D")
    assert [a.name for a in te.program([C, D]).arguments] == ["A", "B", "n", "C", "D"]
    args = [D, B, n, A, C]
    assert [a.name for a in te.program([C, D], args=args).arguments] == ["D", "B", "n", "A", "C"]
    a, b = np.array([10, 20, 30]), np.array([1, 2, 3])
    c, d = tw.interpret([C, D], [b, 2, a], args=args)
    assert c.tolist() == [8, 16, 24]
    assert d.tolist() == [11, 22, 33]


def test_sizes_carry_their_range_and_multiple():
    n = te.var("n", range=(4, 64), multiple_of=4)
    A = te.placeholder((n,), "int8", name="A")
    B = te.compute((n // 4, 4), lambda i, j: A[i * 4 + j], name="B")
    program = te.program(B)
    assert "[4, 64]" in str(program)
    found = program.interpret(np.arange(8, dtype="int8"))
    assert found.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]


# Several outputs, rank 0, pieces, scatter, scan


def test_a_function_that_gives_a_tuple_makes_several_tensors():
    A = te.placeholder((3,), "int32", name="A")
    calls = []

    def value(i):
        calls.append(1)
        return A[i] + 1, A[i] > 1, i

    tensors = te.compute((3,), value, name="T")
    assert len(calls) == 1
    assert [(t.name, t.dtype) for t in tensors] == [("T_0", "int32"), ("T_1", "bool"), ("T_2", "int64")]
    found = tw.interpret(tensors, [np.array([0, 1, 2], "int32")])
    assert [f.tolist() for f in found] == [[1, 2, 3], [False, False, True], [0, 1, 2]]


def test_tensors_of_rank_zero_stand_in_expressions():
    x = te.placeholder((), "float32", name="x")
    y = te.compute((), lambda: x * 2 + 1, name="y")
    z = te.compute((2,), lambda i: y[()] + i.astype("float32"), name="z")
    assert tw.interpret(z, [np.float32(3)]).tolist() == [7, 8]
    assert tw.interpret(z, [3]).tolist() == [7, 8]
    assert tw.interpret(z, [np.array(3, "float32")]).tolist() == [7, 8]


def test_pieces_take_their_common_dtype_and_see_the_others_domain_as_rest():
    A = te.placeholder((4,), "int8", name="A")
    B = te.pieces((4,), [(lambda i: i == 2, lambda i: A[i] * 2.5), (..., lambda i: A[i])], name="B")
    assert B.dtype == "float64" or B.dtype == "float16"
    assert tw.interpret(B, [np.array([1, 2, 3, 4], "int8")]).tolist() == [1, 2, 7.5, 4]


def test_pieces_on_data_are_checked_when_they_run():
    A = te.placeholder((3,), "int32", name="A")
    B = te.pieces((3,), [(lambda i: A[i] > 0, lambda i: 1), (lambda i: A[i] < 0, lambda i: -1)], name="B")
    assert tw.interpret(B, [np.array([5, -5, 1], "int32")]).tolist() == [1, -1, 1]
    with pytest.raises(tw.UserError, match="B"):
        tw.interpret(B, [np.array([5, 0, 1], "int32")])


def test_scatter_set_keeps_the_last_point():
    A = te.placeholder((3,), "int32", name="A")
    S = te.scatter(A, (4, 2), lambda p, q: q, lambda p, q: (p * 10 + q).astype("int32"), name="S")
    assert tw.interpret(S, [np.zeros(3, "int32")]).tolist() == [30, 31, 0]


def test_scatter_sum_of_halves_accumulates_in_float32():
    A = te.placeholder((1,), "float16", name="A")
    S = te.scatter(A, 5000, lambda p: 0, lambda p: te.const(1, "float16"), combine="sum", name="S")
    assert tw.interpret(S, [np.zeros(1, "float16")]) == [np.float16(5000)]


def test_a_scan_reads_init_at_every_negative_time():
    first = te.placeholder((2,), "int64", name="first")
    H = te.scan(first, lambda H, t, i: H[t - 1, i] + H[t - 3, i], 5, name="H")
    found = tw.interpret(H, [np.array([1, 10])])
    history = [[1, 10]] * 3
    for _ in range(5):
        history.append([history[-1][j] + history[-3][j] for j in range(2)])
    assert found.tolist() == history[3:]


def test_a_scan_of_no_steps_is_empty():
    first = te.placeholder((2,), "int64", name="first")
    assert tw.interpret(
        te.scan(first, lambda H, t, i: H[t - 1, i], 0, name="H"), [np.zeros(2, "int64")]
    ).shape == (0, 2)


def test_a_scan_from_a_plain_number_takes_the_dtype_of_the_step():
    A = te.placeholder((4,), "float32", name="A")
    S = te.scan(0, lambda S, t: S[t - 1] + A[t], 4, name="S")
    assert S.dtype == "float32"
    assert tw.interpret(S, [np.ones(4, "float32")]).tolist() == [1, 2, 3, 4]


def test_a_later_state_reads_the_earlier_one_at_the_same_time():
    def step(P, Q, t):
        return P[t - 1] + 1, Q[t - 1] + P[t]

    P, Q = te.scan((te.const(0), te.const(0)), step, 4, name="state")
    p, q = tw.interpret([P, Q], [])
    assert p.tolist() == [1, 2, 3, 4]
    assert q.tolist() == [1, 3, 6, 10]


def test_a_gather_may_nest():
    next_ = te.placeholder((4,), "int32", name="next")
    B = te.compute((4,), lambda i: next_[next_[next_[i]]], name="B")
    n = np.array([1, 2, 3, 0], "int32")
    np.testing.assert_array_equal(tw.interpret(B, [n]), n[n[n]])


def test_an_unused_output_of_several_may_be_left_out():
    A = te.placeholder((3,), "int32", name="A")
    first, second = te.compute((3,), lambda i: (A[i], A[i] * 2), name="T")
    assert tw.interpret(second, [np.array([1, 2, 3], "int32")]).tolist() == [2, 4, 6]
