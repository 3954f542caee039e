"""Schedules of operators made of several: each stage takes what the one before left in registers or in the first
caches.

Attention computes a tile of rows of the scores against all keys, turns it into exponentials, and multiplies it by
the values: the scores of a tile of eight rows and a thousand keys fit a first-level cache, so that neither a matrix
of scores nor running maxima are needed. The inverted residual block computes, for a few rows of the result, the rows
of the widened image that they need.
"""

from __future__ import annotations

import tilewright as tw
from tilewright import te

from kernels.machine import Machine
from kernels.memory_bound import reduce_along, run_along
from kernels.workloads import Workload, all_workloads

workloads = [workload for workload in all_workloads() if workload.operator in ("attention", "inverted_residual")]


def schedule(workload: Workload, machine: Machine) -> tw.Schedule:
    """The schedule of a workload of this family."""
    return globals()[f"schedule_{workload.operator}"](workload.sizes, machine)


def attention(b: int, t: int, d: int) -> te.Tensor:
    """softmax(Q Kᵀ / sqrt(d)) V for each of b heads."""
    Q, K, V = (te.placeholder((b, t, d), "float32", name=name) for name in "QKV")
    x, p, q, r = te.reduce_axis(d, "x"), te.reduce_axis(t, "p"), te.reduce_axis(t, "q"), te.reduce_axis(t, "r")
    scale = d**-0.5
    S = te.compute((b, t, t), lambda h, i, k: te.sum(Q[h, i, x] * K[h, k, x], axis=x), name="S")
    top = te.compute((b, t), lambda h, i: te.max(S[h, i, p], axis=p), name="top")
    E = te.compute((b, t, t), lambda h, i, k: te.exp((S[h, i, k] - top[h, i]) * scale), name="E")
    total = te.compute((b, t), lambda h, i: te.sum(E[h, i, q], axis=q), name="total")
    product = te.compute((b, t, d), lambda h, i, j: te.sum(E[h, i, r] * V[h, r, j], axis=r), name="product")
    return te.compute((b, t, d), lambda h, i, j: product[h, i, j] / total[h, i], name="Y")


def schedule_attention(sizes: dict[str, int], machine: Machine) -> tw.Schedule:
    """Tiles of eight rows of one head for the threads."""
    s = tw.Schedule(attention(sizes["b"], sizes["t"], sizes["d"]))
    lanes, rows, vectors = machine.vector, 8, 2
    keys = s.cache_read(s.block("S"), "K", "global")
    s.transform_layout("K_global", lambda h, k, x: (h, k // (vectors * lanes), x, k % (vectors * lanes)))
    h, i, j = s.loops("Y")
    tile, row = s.split(i, [None, rows])
    for block in ("total", "product", "E", "top", "S"):
        s.compute_at(s.block(block), tile)
    # From the scores of a row to its exponentials at once.
    *_, row, _ = s.loops("total")
    for block in ("E", "top"):
        s.compute_at(s.block(block), row)

    # Scores: a tile of rows by a panel of keys at a time in registers.
    product_tile(s, s.block("S"), vectors, lanes)
    reduce_along(s, s.block("top"), lanes, chains=2)
    chunk = reduce_along(s, s.block("total"), lanes, chains=2)
    s.compute_at(s.block("E"), chunk)
    s.unroll(run_along(s, s.loops("E")[-1], lanes))
    product_tile(s, s.block("product"), vectors, lanes)
    run_along(s, j, lanes, 1)
    s.parallel(s.fuse(h, tile))

    # Keys are transposed into panels beforehand.
    head, panel, x, key = s.loops(keys)
    x, at_once = s.split(x, [None, lanes])
    key, lane = s.split(key, [None, lanes])
    s.reorder(x, key, at_once, lane)
    s.unroll(at_once)
    s.vectorize(lane)
    s.parallel(s.fuse(head, panel))
    return s


def product_tile(s: tw.Schedule, block: tw.Block, vectors: int, lanes: int) -> tw.Block:
    """Runs a product of matrices, whose last two loops but the reduction are a few rows and many columns, by panels
    of columns with the sums of a panel in registers. Gives the block that writes them."""
    write = s.cache_write(block, "local")
    *_, row, column = s.loops(write)
    panel, column, lane = s.split(column, [None, vectors, lanes])
    s.reorder(panel, row, column, lane)
    s.compute_at(block, panel)
    *_, own_row, own_column, along = s.loops(block)
    own_column, own_lane = s.split(own_column, [vectors, lanes])
    s.reorder(along, own_row, own_column, own_lane)
    clear = s.decompose_reduction(block, along)
    for each in (write, clear, block):
        *_, row, column, lane = s.loops(each)
        s.unroll(row)
        s.unroll(column)
        s.vectorize(lane)
    return write
