"""Schedules of operators that a memory, not the arithmetic, limits: softmax, layer norm, GELU, transpose, sums
of rows, broadcast add.

What counts is that memory is read once and written once, and that nothing else takes longer:

- a row stays in the first cache between the passes over it;
- sums and maxima along a row run in several vectors at once, since one would wait for each addition;
- results that exceed the last cache are written past the caches, which saves reading them first.
"""

from __future__ import annotations

import math

import tilewright as tw
from tilewright import te

from kernels.machine import Machine
from kernels.operators import LAYER_NORM_EPSILON
from kernels.workloads import Workload, all_workloads

workloads = [workload for workload in all_workloads() if workload.family == "memory"]

FLOAT = 4


def schedule(workload: Workload, machine: Machine) -> tw.Schedule:
    """The schedule of a workload of this family."""
    operator = globals()[f"schedule_{workload.operator}"]
    return operator(workload.sizes["m"], workload.sizes["n"], machine)


# Parts that several schedules share.


def run_along(s: tw.Schedule, loop: tw.Loop, lanes: int, vectors: int = 1) -> tw.Loop:
    """Runs a loop in vectors, some of them written out; gives the loop outside of them."""
    outer, at_once, lane = s.split(loop, [None, vectors, lanes])
    s.unroll(at_once)
    s.vectorize(lane)
    return outer


def reduce_along(s: tw.Schedule, block: tw.Block, lanes: int, chains: int = 4) -> tw.Loop:
    """Runs the reduction over the last loop of a block in vectors of partial results that do not wait for each
    other, and combines them as a tree. Gives the loop outside of the vectors."""
    *_, along = s.loops(block)
    _, lane = s.split(along, [None, chains * lanes])
    partial = s.rfactor(lane, -1)
    *_, outer, lane = s.loops(partial)
    chain, lane = s.split(lane, [chains, lanes])
    s.unroll(chain)
    s.vectorize(lane)
    width = chains * lanes
    while width > 4:
        halves = min(width // 4, lanes)
        *_, parts = s.loops(block)
        _, lane = s.split(parts, [None, halves])
        level = s.rfactor(lane, -1)
        *_, parts, lane = s.loops(level)
        s.unroll(parts)
        s.vectorize(lane)
        width = halves
    s.unroll(s.loops(block)[-1])
    return outer


def write_past_caches(s: tw.Schedule, loop: tw.Loop, moved_bytes: int, machine: Machine) -> None:
    """Results written in the loop go straight to memory where they would not stay in a cache anyhow."""
    if moved_bytes > machine.caches[2]:
        s.pragma(loop, "streaming_stores", 1)


# Operators: what is computed, then how.


def softmax(m: int, n: int) -> te.Tensor:
    """Along the rows of (m, n)."""
    X = te.placeholder((m, n), "float32", name="X")
    p, q = te.reduce_axis(n, "p"), te.reduce_axis(n, "q")
    top = te.compute((m,), lambda i: te.max(X[i, p], axis=p), name="top")
    E = te.compute((m, n), lambda i, j: te.exp(X[i, j] - top[i]), name="E")
    total = te.compute((m,), lambda i: te.sum(E[i, q], axis=q), name="total")
    scale = te.compute((m,), lambda i: 1.0 / total[i], name="scale")
    return te.compute((m, n), lambda i, j: E[i, j] * scale[i], name="Y")


def schedule_softmax(m: int, n: int, machine: Machine) -> tw.Schedule:
    """Three passes over a row: its maximum; exponentials, kept in the first cache, and their sum; the scaling."""
    s = tw.Schedule(softmax(m, n))
    row, along = s.loops("Y")
    for block in ("scale", "total", "E", "top"):
        s.compute_at(s.block(block), row)
    reduce_along(s, s.block("top"), machine.vector)
    chunk = reduce_along(s, s.block("total"), machine.vector)
    s.compute_at(s.block("E"), chunk)
    *_, within = s.loops("E")
    s.unroll(run_along(s, within, machine.vector))
    run_along(s, along, machine.vector, 4)
    s.parallel(row)
    write_past_caches(s, row, 2 * m * n * FLOAT, machine)
    return s


def layer_norm(m: int, n: int) -> te.Tensor:
    """Of the rows of (m, n). Two sums, of x and of (x - mean)²: the precise way where the mean is large."""
    X = te.placeholder((m, n), "float32", name="X")
    gamma, beta = te.placeholder((n,), "float32", name="gamma"), te.placeholder((n,), "float32", name="beta")
    p, q = te.reduce_axis(n, "p"), te.reduce_axis(n, "q")
    total = te.compute((m,), lambda i: te.sum(X[i, p], axis=p), name="total")
    mean = te.compute((m,), lambda i: total[i] * (1 / n), name="mean")
    centred = te.compute((m, n), lambda i, j: X[i, j] - mean[i], name="centred")
    spread = te.compute((m,), lambda i: te.sum(centred[i, q] * centred[i, q], axis=q), name="spread")
    scale = te.compute((m,), lambda i: te.rsqrt(spread[i] * (1 / n) + LAYER_NORM_EPSILON), name="scale")
    return te.compute((m, n), lambda i, j: centred[i, j] * scale[i] * gamma[j] + beta[j], name="Y")


def schedule_layer_norm(m: int, n: int, machine: Machine) -> tw.Schedule:
    """Three passes over a row in the first cache."""
    s = tw.Schedule(layer_norm(m, n))
    row, along = s.loops("Y")
    s.compute_inline(s.block("centred"))
    for block in ("scale", "spread", "mean", "total"):
        s.compute_at(s.block(block), row)
    for block in ("total", "spread"):
        reduce_along(s, s.block(block), machine.vector)
    run_along(s, along, machine.vector, 4)
    s.parallel(row)
    write_past_caches(s, row, 2 * m * n * FLOAT, machine)
    return s


def gelu(m: int, n: int) -> te.Tensor:
    """In the exact form, by the error function."""
    X = te.placeholder((m, n), "float32", name="X")
    return te.compute((m, n), lambda i, j: 0.5 * X[i, j] * (1 + te.erf(X[i, j] * math.sqrt(0.5))), name="Y")


def gelu_tanh(m: int, n: int) -> te.Tensor:
    """In the form of Hendrycks and Gimpel's paper of 2016, by the hyperbolic tangent."""
    X = te.placeholder((m, n), "float32", name="X")

    def value(x: te.Expr) -> te.Expr:
        return 0.5 * x * (1 + te.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))

    return te.compute((m, n), lambda i, j: value(X[i, j]), name="Y")


def schedule_gelu(m: int, n: int, machine: Machine) -> tw.Schedule:
    """Vectors along the rows."""
    return elementwise(gelu(m, n), m, n, machine, vectors=4)


def schedule_gelu_tanh(m: int, n: int, machine: Machine) -> tw.Schedule:
    """Vectors along the rows."""
    return elementwise(gelu_tanh(m, n), m, n, machine, vectors=4)


def broadcast_add(m: int, n: int) -> te.Tensor:
    """A vector added to each row."""
    X, bias = te.placeholder((m, n), "float32", name="X"), te.placeholder((n,), "float32", name="bias")
    return te.compute((m, n), lambda i, j: X[i, j] + bias[j], name="Y")


def schedule_broadcast_add(m: int, n: int, machine: Machine) -> tw.Schedule:
    """Vectors along the rows."""
    return elementwise(broadcast_add(m, n), m, n, machine, vectors=4)


def elementwise(Y: te.Tensor, m: int, n: int, machine: Machine, vectors: int) -> tw.Schedule:
    """Rows in parallel, vectors along them."""
    s = tw.Schedule(Y)
    row, along = s.loops("Y")
    run_along(s, along, machine.vector, vectors)
    s.parallel(row)
    write_past_caches(s, row, 2 * m * n * FLOAT, machine)
    return s


def row_sums(m: int, n: int) -> te.Tensor:
    """The sum of each row."""
    X = te.placeholder((m, n), "float32", name="X")
    p = te.reduce_axis(n, "p")
    return te.compute((m,), lambda i: te.sum(X[i, p], axis=p), name="Y")


def schedule_row_sums(m: int, n: int, machine: Machine) -> tw.Schedule:
    """Eight vectors of partial sums a row."""
    s = tw.Schedule(row_sums(m, n))
    Y = s.block("Y")
    write = s.cache_write(Y, "local")
    (row,) = s.loops(write)
    s.compute_at(Y, row)
    reduce_along(s, Y, machine.vector, chains=8)
    s.parallel(row)
    return s


def transpose(m: int, n: int) -> te.Tensor:
    """(m, n) to (n, m)."""
    X = te.placeholder((m, n), "float32", name="X")
    return te.compute((n, m), lambda i, j: X[j, i], name="Y")


def schedule_transpose(m: int, n: int, machine: Machine) -> tw.Schedule:
    """Square blocks of as many rows as a vector has lanes, transposed in registers."""
    s = tw.Schedule(transpose(m, n))
    j, i = s.loops("Y")
    j, row = s.split(j, [None, machine.vector])
    i, lane = s.split(i, [None, machine.vector])
    s.reorder(i, j, row, lane)
    s.unroll(row)
    s.vectorize(lane)
    s.parallel(i)
    write_past_caches(s, i, 2 * m * n * FLOAT, machine)
    return s
