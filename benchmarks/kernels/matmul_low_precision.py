"""Schedules of matrix products in bfloat16 (summed in float32, then rounded) and int8 (uint8 by int8 into
int32), from sizes and facts of the machine.

The loops are those of `matmul.py`. The innermost step is a dot product in every lane of a register, by a
tensor intrinsic: C[16] += A[d] . B[16, d], with d = 2 bfloat16 or 4 bytes, as many as 32 bits hold.

    B, packed     [columns / tile][k / d][columns of a tile][d]     a load for each vector
    A             as it stands; d elements of a row lie together    a broadcast of 32 bits for each row
    sums          rows by vectors, in registers                     converted when they are complete

Copies are padded with zeros, so that all steps are whole: B always, A where its rows are no whole steps.
Where k is large, sums over blocks of it are added up in memory.
"""

from __future__ import annotations

from dataclasses import dataclass

import tilewright as tw

from kernels.expressions import expression
from kernels.machine import Machine
from kernels.matmul import Blocks, ceil_div, even, in_registers, register_tile, round_up, tile_loops
from kernels.workloads import Workload, all_workloads

workloads = [w for w in all_workloads() if w.operator == "matmul" and w.dtype in ("bfloat16", "int8")]


@dataclass(frozen=True)
class Dot:
    """An intrinsic: `depth` products of elements of so many bytes in each of `lanes`."""

    name: str
    lanes: int
    depth: int
    bytes: int


def dot_of(dtype: str, machine: Machine) -> Dot:
    """The one that fills a vector register."""
    lanes = machine.vector
    if dtype == "bfloat16":
        return Dot(f"dot_bf16_{lanes}x2", lanes, 2, 2)
    return Dot(f"dot_u8s8_{lanes}x4", lanes, 4, 1)


@dataclass(frozen=True)
class Plan(Blocks):
    """The blocks of a product by `dot`."""

    dot: Dot


def plan(m: int, n: int, k: int, dot: Dot, machine: Machine) -> Plan:
    """How to compute an m x n product over k."""
    _, second, last = machine.caches
    threads = machine.threads
    shared = "n" if n >= m else "m"
    part = ceil_div(n if shared == "n" else m, threads)
    block = (m, part) if shared == "n" else (part, n)
    rows, vectors = register_tile(*block, 14, machine)
    columns = vectors * dot.lanes
    # A panel of B is read again for each tile of rows: it stays in the second cache, with room for rows of A.
    most_k = max(dot.depth, second // 4 // (dot.bytes * columns))
    kc = round_up(ceil_div(k, ceil_div(k, most_k)), dot.depth)
    mc = max(1, second // 2 // (dot.bytes * kc) // rows) * rows
    nc = max(1, last // 2 // threads // (dot.bytes * kc) // columns) * columns
    mc, nc = even(block[0], mc, rows), even(block[1], nc, columns)
    return Plan(rows, vectors, dot.lanes, mc, nc, kc, threads, shared, dot)


def sums_of(s: tw.Schedule, dtype: str, scope: str) -> tuple[tw.Block, tw.Block]:
    """The block that sums, into a buffer of this scope, and the one that makes the result of the sums."""
    if dtype == "bfloat16":
        s.set_scope("Y_sum", scope)
        return s.block("Y_sum"), s.block("Y")
    product = s.block("Y")
    return product, s.cache_write(product, scope)


def pack(s: tw.Schedule, block: tw.Block, p: Plan) -> None:
    """Copies B in panels as wide as a tile, `depth` elements of a column together."""
    depth, columns = p.dot.depth, p.columns
    *_, row, column = s.loops(block)
    row, inner = s.split(row, [None, depth])
    panel, column = s.split(column, [None, columns])
    s.reorder(panel, row, column, inner)
    s.transform_layout(block.name, lambda i, j: (j // columns, i // depth, j % columns, i % depth))
    s.unroll(inner)
    if p.threads > 1:
        s.parallel(panel)


def pad_rows(s: tw.Schedule, block: tw.Block, p: Plan) -> None:
    """Copies A with zeros behind each row."""
    s.pad(block, [1, p.kc])
    row, column = s.loops(block)
    _, lane = s.split(column, [None, p.dot.lanes * p.dot.depth])
    s.vectorize(lane)
    if p.threads > 1:
        s.parallel(row)


def dots(s: tw.Schedule, tile: tw.Block, p: Plan) -> tw.Block:
    """The tile by the intrinsic; gives the block that clears its sums."""
    *_, i, j, k = s.loops(tile)
    k, depth = s.split(k, [None, p.dot.depth])
    vectors, lane = s.split(j, [None, p.dot.lanes])
    s.reorder(k, i, vectors, lane, depth)
    clear = s.decompose_reduction(tile, k)
    s.tensorize(lane, p.dot.name)
    s.unroll(i)
    s.unroll(vectors)
    return clear


def blocked(s: tw.Schedule, dtype: str, sizes: dict[str, int], p: Plan) -> None:
    """Schedules a product as the plan says."""
    partial = p.kc < sizes["k"]
    product, result = sums_of(s, dtype, "global" if partial else "local")
    packed = s.cache_read(product, "B", "global")
    s.pad(packed, [p.kc, p.columns])
    if sizes["k"] % p.kc:
        pad_rows(s, s.cache_read(product, "A", "global"), p)
    s.pad(product, [1, p.columns, p.kc])
    tile, out = product, result
    if partial:
        *_, k = s.loops(product)
        blocks, _ = s.split(k, [None, p.kc])
        tile, out = s.rfactor(blocks, 0), product

    loops = tile_loops(s, out, sizes, p)
    pack(s, packed, p)
    s.compute_at(tile, loops.ir)
    clear = dots(s, tile, p)
    *_, i, vectors, lane = s.loops(clear)
    s.unroll(i)
    s.unroll(vectors)
    s.vectorize(lane)
    in_registers(s, out, p.dot.lanes)
    if partial:
        s.reverse_compute_at(result, loops.jc)
        _, lane = s.split(s.loops(result)[-1], [None, p.dot.lanes])
        s.vectorize(lane)
    for each in loops.share:
        s.parallel(each)


def schedule(workload: Workload, machine: Machine) -> tw.Schedule:
    """Of a product of the list."""
    s = tw.Schedule(expression(workload))
    sizes = workload.sizes
    p = plan(sizes["m"], sizes["n"], sizes["k"], dot_of(workload.dtype, machine), machine)
    blocked(s, workload.dtype, sizes, p)
    return s
