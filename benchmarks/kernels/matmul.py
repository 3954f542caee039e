"""Schedules of matrix products, Y[m, n] = A[m, k] B[k, n] in float32, from sizes and facts of the machine.

A register tile of rows by vectors is summed over a block of k, then written to Y or added to it:

    t         a part of the columns, or of the rows, for each thread
    jc, pc      a block of the columns, a block of k        pack that block of B, if it is worth it
    ic            a block of the rows: its part of A stays in the second cache
    jr, ir          tiles
    k                 one rank-1 update: a load for each vector of B, a broadcast for each row of A

A is read as it stands, element by element along k. B is read as it stands by products of few rows, which use
each of its elements too rarely for a copy to pay, and packed in panels as wide as a tile otherwise. What is
packed is padded with zeros, and the tile with it: the loop over k has no condition whatever the sizes.
"""

from __future__ import annotations

from dataclasses import dataclass

import tilewright as tw

from kernels.expressions import expression
from kernels.machine import Machine
from kernels.workloads import Workload, all_workloads

workloads = [w for w in all_workloads() if w.operator == "matmul" and w.dtype == "float32"]


def ceil_div(a: int, b: int) -> int:
    """The quotient, rounded up."""
    return -(-a // b)


def round_up(a: int, b: int) -> int:
    """The least multiple of b from a on."""
    return ceil_div(a, b) * b


@dataclass(frozen=True)
class Plan:
    """A tile of `rows` by `vectors` of `lanes`; blocks of the sizes; threads share `shared`: "m" or "n".

    `pack` says where B is packed: "" (nowhere), "block" (each block before it is used), "whole" (all of it
    before anything else: a constant, which is prepared). Panels of B are fetched `ahead` by so many bytes.
    """

    rows: int
    vectors: int
    lanes: int
    mc: int
    nc: int
    kc: int
    threads: int
    shared: str
    pack: str
    ahead: int = 0

    @property
    def columns(self) -> int:
        """Of a tile."""
        return self.vectors * self.lanes


def cycles(rows: int, vectors: int) -> float:
    """About those of one rank-1 update: two multiply-adds or two loads at once, a sum once in four cycles."""
    return max(rows * vectors / 2, (rows + vectors) / 2, 4) + 0.02


def register_tile(m: int, n: int, most_rows: int, machine: Machine) -> tuple[int, int]:
    """Rows and vectors of the tile that covers m x n in the fewest cycles; of those the largest. Registers
    hold the sums, the vectors of a row of B and one element of A."""
    tiles = [
        (rows, vectors)
        for vectors in (1, 2, 3, 4)
        for rows in range(1, min(m, most_rows) + 1)
        if rows * vectors + vectors + 1 <= machine.vector_registers
    ]

    def spent(tile: tuple[int, int]) -> tuple[float, int, int]:
        rows, vectors = tile
        count = ceil_div(m, rows) * ceil_div(n, vectors * machine.vector)
        return count * cycles(rows, vectors), -rows * vectors, -rows

    return min(tiles, key=spent)


def plan(m: int, n: int, k: int, machine: Machine, constant: bool = False) -> Plan:
    """How to compute an m x n product over k; `constant`: B may be packed beforehand."""
    lanes, threads = machine.vector, machine.threads
    first, second, last = machine.caches
    shared = "n" if n >= m else "m"
    part = ceil_div(n if shared == "n" else m, threads)
    block = (m, part) if shared == "n" else (part, n)

    if m < 2 * lanes and 4 * n * k > last and not (constant and m > 1):
        # Little is computed with each element of B: walk through it row by row, a few rows at once, and keep
        # a part of Y in the first cache.
        rows = min(m, lanes // 2)
        kc = round_up(min(max(4, m), 16), 4)
        vectors = 8 if rows == 1 else min(4, (machine.vector_registers - 1) // (rows + 1))
        columns = round_up(part if shared == "n" else n, vectors * lanes)
        return Plan(rows, vectors, lanes, m, columns, kc, threads, shared, "")

    # Rows of A that are a multiple of 4 KiB apart meet in one set of the first cache, of 8 or 12 lines.
    most_rows = 8 if k % 1024 == 0 else 14
    rows, vectors = register_tile(*block, most_rows, machine)
    columns = vectors * lanes
    pack = "whole" if constant else "block" if ceil_div(m, rows) > 16 else ""
    most_k = 2048 if pack else 512
    kc = round_up(ceil_div(k, ceil_div(k, most_k)), 8)
    mc = max(1, second // 2 // (4 * kc) // rows) * rows
    nc = max(1, last // 2 // threads // (4 * kc) // columns) * columns
    mc, nc = even(block[0], mc, rows), even(block[1], nc, columns)
    ahead = 8 << 10 if pack == "whole" and 4 * n * k > last else 0
    return Plan(rows, vectors, lanes, mc, nc, min(kc, k), threads, shared, pack, ahead)


def even(size: int, most: int, unit: int) -> int:
    """Blocks of about the same size, in units, that are at most `most`."""
    return round_up(ceil_div(size, ceil_div(size, most)), unit)


def in_registers(s: tw.Schedule, block: tw.Block, lanes: int) -> None:
    """Rows and vectors of a tile written out."""
    *_, rows, columns = s.loops(block)
    vectors, lane = s.split(columns, [None, lanes])
    s.unroll(rows)
    s.unroll(vectors)
    s.vectorize(lane)


def partial_tile(s: tw.Schedule, product: tw.Block, k: int, kc: int) -> tuple[tw.Block, tw.Block]:
    """The block that sums over kc of k, and the one that writes what it gives."""
    if kc >= k:
        return product, s.cache_write(product, "local")
    *_, p = s.loops(product)
    pc, _ = s.split(p, [None, kc])
    return s.rfactor(pc, 0), product


def pack_columns(s: tw.Schedule, block: tw.Block, at: tw.Loop | None, p: Plan) -> None:
    """Copies B in panels as wide as a tile, row after row, with zeros behind the last column."""
    name = block.name
    if at is not None:
        s.compute_at(block, at)
    *_, row, column = s.loops(block)
    panel, vectors, lane = s.split(column, [None, p.vectors, p.lanes])
    s.reorder(panel, row, vectors, lane)
    columns = p.columns
    s.transform_layout(name, lambda i, j: (j // columns, i, j % columns))
    s.unroll(vectors)
    s.vectorize(lane)


def blocked(s: tw.Schedule, product: tw.Block, sizes: dict[str, int], p: Plan) -> None:
    """Schedules the block of a product whose loops are i, j, k, as the plan says."""
    tile, out = partial_tile(s, product, sizes["k"], p.kc)
    packed = s.cache_read(tile, "B", "global") if p.pack else None
    if packed:
        s.pad(packed, [1, p.columns])
    s.pad(tile, [p.rows, p.columns])

    i, j, *pc = s.loops(out)
    share = []
    if p.threads > 1 and p.shared == "n":
        each, j = s.split(j, [None, round_up(ceil_div(sizes["n"], p.threads), p.columns)])
        share = [each]
    elif p.threads > 1:
        each, i = s.split(i, [None, round_up(ceil_div(sizes["m"], p.threads), p.rows)])
        share = [each]
    jc, jr = s.split(j, [None, p.nc])
    ic, ir = s.split(i, [None, p.mc])
    jr, jj = s.split(jr, [None, p.columns])
    ir, ii = s.split(ir, [None, p.rows])
    s.reorder(*share, jc, *pc, ic, jr, ir, ii, jj)

    s.compute_at(tile, ir)
    *_, ti, tj, tk = s.loops(tile)
    s.reorder(tk, ti, tj)
    clear = s.decompose_reduction(tile, tk)
    if p.ahead:
        s.prefetch(tile, packed.name, tk, p.ahead // (4 * p.columns))
    if p.rows == 1:
        s.unroll(tk)
    for block in (tile, clear, out):
        in_registers(s, block, p.lanes)
    if packed:
        pack_columns(s, packed, [jc, *pc][-1] if p.pack == "block" else None, p)
    for each in share:
        s.parallel(each)


def schedule(workload: Workload, machine: Machine) -> tw.Schedule:
    """Of a product of the list."""
    s = tw.Schedule(expression(workload))
    sizes = workload.sizes
    constant = "B" in workload.constants
    blocked(s, s.block("Y"), sizes, plan(sizes["m"], sizes["n"], sizes["k"], machine, constant))
    return s
