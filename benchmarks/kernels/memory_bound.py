"""Schedules of operators that a memory, not the arithmetic, limits: softmax, layer norm, GELU, transpose,
sums of rows, broadcast add.

What counts is that memory is read once and written once, and that nothing else takes longer:

- a row stays in the first cache between the passes over it;
- sums and maxima along a row run in several vectors at once, since one would wait for each addition;
- results that exceed the last cache are written past the caches, which saves reading them first.
"""

from __future__ import annotations

import tilewright as tw
from tilewright import te

from kernels.expressions import expression
from kernels.machine import Machine
from kernels.workloads import Workload, all_workloads

workloads = [workload for workload in all_workloads() if workload.family == "memory"]


def schedule(workload: Workload, machine: Machine) -> tw.Schedule:
    """The schedule of a workload of this family."""
    return SCHEDULES[workload.operator](workload, machine)


# Parts that several schedules share.


def run_along(s: tw.Schedule, loop: tw.Loop, lanes: int, vectors: int = 1) -> tw.Loop:
    """Run a loop in vectors, some of them at once: one instruction of each, then the next, so that long
    chains of arithmetic do not wait. Give the loop outside of them."""
    outer, lane = s.split(loop, [None, vectors * lanes])
    s.vectorize(lane)
    return outer


def reduce_along(s: tw.Schedule, block: tw.Block, lanes: int, chains: int = 4) -> tuple[tw.Block, tw.Loop]:
    """Run the reduction over the last loop of a block in vectors of partial results that do not wait for
    each other, and combine them as a tree. Give the block of partial results, and the loop outside of its
    vectors."""
    *_, along = s.loops(block)
    _, lane = s.split(along, [None, chains * lanes])
    partial = s.rfactor(lane, -1)
    *_, outer, lane = s.loops(partial)
    chain, lane = s.split(lane, [chains, lanes])
    s.unroll(chain)
    s.vectorize(lane)
    width = chains * lanes
    while width > 4:
        width = min(width // 4, lanes)
        *_, parts = s.loops(block)
        _, lane = s.split(parts, [None, width])
        *_, parts, lane = s.loops(s.rfactor(lane, -1))
        s.unroll(parts)
        s.vectorize(lane)
    s.unroll(s.loops(block)[-1])
    return partial, outer


def write_past_caches(s: tw.Schedule, loop: tw.Loop, workload: Workload, machine: Machine) -> None:
    """Results that the loop writes, of the size of the input, go straight to memory where no cache holds
    both."""
    elements = workload.sizes["m"] * workload.sizes["n"]
    if 2 * elements * 4 > machine.caches[2]:
        s.pragma(loop, "streaming_stores", 1)


def fetch_next_row(
    s: tw.Schedule, block: tw.Block, loop: tw.Loop, step: int, workload: Workload, machine: Machine
) -> None:
    """Where the input comes from afar, ask in each turn of a pass over a row, of `step` elements, for the
    same part of the next row: what fetches ahead by itself stops at the end of a page, and rows are about
    as long."""
    m, n = workload.sizes["m"], workload.sizes["n"]
    if m * n * 4 > machine.caches[1] and n >= step:
        s.prefetch(block, "X", loop, -(-n // step))


# A schedule for each operator.


def softmax(workload: Workload, machine: Machine) -> tw.Schedule:
    """Three passes over a row: its maximum; exponentials, kept in the first cache, and their sum; the
    scaling, by the reciprocal of the sum, as a division takes as long as an exponential."""
    m, n = workload.sizes["m"], workload.sizes["n"]
    X = te.placeholder((m, n), "float32", name="X")
    j, l = te.reduce_axis(n, "j"), te.reduce_axis(n, "l")
    most = te.compute((m,), lambda i: te.max(X[i, j], axis=j), name="most")
    powers = te.compute((m, n), lambda i, j: te.exp(X[i, j] - most[i]), name="powers")
    total = te.compute((m,), lambda i: te.sum(powers[i, l], axis=l), name="total")
    scale = te.compute((m,), lambda i: 1.0 / total[i], name="scale")
    s = tw.Schedule(te.compute((m, n), lambda i, j: powers[i, j] * scale[i], name="Y"))

    row, along = s.loops("Y")
    for block in ("scale", "total", "powers", "most"):
        s.compute_at(s.block(block), row)
    reduce_along(s, s.block("most"), machine.vector, chains=8)
    _, chunk = reduce_along(s, s.block("total"), machine.vector)
    s.compute_at(s.block("powers"), chunk)
    s.vectorize(s.loops("powers")[-1])
    fetch_next_row(s, s.block("powers"), chunk, 4 * machine.vector, workload, machine)
    write_past_caches(s, run_along(s, along, machine.vector, 4), workload, machine)
    s.parallel(row)
    return s


def layer_norm(workload: Workload, machine: Machine) -> tw.Schedule:
    """Three passes over a row in the first cache."""
    s = tw.Schedule(expression(workload))
    row, along = s.loops("Y")
    partial, chunk = normalise_rows(s, row, machine)
    fetch_next_row(s, partial, chunk, 4 * machine.vector, workload, machine)
    write_past_caches(s, run_along(s, along, machine.vector, 4), workload, machine)
    s.parallel(row)
    return s


def normalise_rows(
    s: tw.Schedule, row: tw.Loop, machine: Machine, before: tuple[str, ...] = ()
) -> tuple[tw.Block, tw.Loop]:
    """Compute mean and scale of layer norm in the loop over rows of the result, and blocks that come before
    them. Give the block of the second pass over a row, and its loop."""
    for block in ("scale", "squares", "mean", "mean_sum", *before):
        s.compute_at(s.block(block), row)
    reduce_along(s, s.block("mean_sum"), machine.vector)
    return reduce_along(s, s.block("squares"), machine.vector)


def elementwise(workload: Workload, machine: Machine) -> tw.Schedule:
    """Rows for the threads, vectors along them."""
    s = tw.Schedule(expression(workload))
    row, along = s.loops("Y")
    write_past_caches(s, run_along(s, along, machine.vector, 4), workload, machine)
    s.parallel(row)
    return s


def row_sums(workload: Workload, machine: Machine) -> tw.Schedule:
    """Eight vectors of partial sums a row."""
    s = tw.Schedule(expression(workload))
    Y = s.block("Y")
    (row,) = s.loops(s.cache_write(Y, "local"))
    s.compute_at(Y, row)
    reduce_along(s, Y, machine.vector, chains=8)
    s.parallel(row)
    return s


def transpose(workload: Workload, machine: Machine) -> tw.Schedule:
    """Square blocks of as many rows as a vector has lanes, transposed in registers."""
    s = tw.Schedule(expression(workload))
    column, row = s.loops("Y")
    column, at_once = s.split(column, [None, machine.vector])
    row, lane = s.split(row, [None, machine.vector])
    s.reorder(row, column, at_once, lane)
    s.unroll(at_once)
    s.vectorize(lane)
    s.parallel(row)
    write_past_caches(s, row, workload, machine)
    return s


SCHEDULES = {
    "softmax": softmax,
    "layer_norm": layer_norm,
    "gelu": elementwise,
    "transpose": transpose,
    "row_sums": row_sums,
    "broadcast_add": elementwise,
}
