"""Schedules of matrix products, Y[m, n] = A[m, k] B[k, n] in float32, from sizes and facts of the machine.

A register tile of rows by vectors is summed over a block of k, then written to Y or added to it:

    t         a part of the columns, of the rows, or of k, for each thread
    jc, pc      a block of the columns, a block of k        pack that block of B, if it is worth it
    ic            a block of the rows
    jr, ir          tiles
    k                 one rank-1 update: a load for each vector of B, a broadcast for each row of A

A is read as it stands, element by element along k. How B is read depends on how often:

- by very few rows of tiles: as it stands, since a copy would not pay. For one row of A, memory is what takes
  time: threads share k, not columns, so that each reads whole rows of B, and their sums are added at the end;
- by some: packed in panels as wide as a tile, by the first row of tiles, which stores what it loads;
- by many: packed block by block. A block of B stays in the second cache, and rows of A pass by.

While a block is in use, hints fetch the next one, and those rows of A that come next, a few lines at a time:
no processor by itself sees that far ahead across rows. What is packed is padded with zeros, and the tile with
it: the loop over k has no condition whatever the sizes.
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
class Blocks:
    """A tile of `rows` by `vectors` of `lanes`; blocks of the sizes; threads share `shared`: m, n or k."""

    rows: int
    vectors: int
    lanes: int
    mc: int
    nc: int
    kc: int
    threads: int
    shared: str

    @property
    def columns(self) -> int:
        """Of a tile."""
        return self.vectors * self.lanes


@dataclass(frozen=True)
class Plan(Blocks):
    """`pack` says how B is packed: "" (not at all), "first" (a panel by the first tile that uses it), "block"
    (each block before it is used), "whole" (all of it before anything else: a constant, which is prepared).
    Panels of B are fetched `ahead` by so many bytes, from where they were prepared.
    """

    pack: str
    ahead: int = 0


@dataclass(frozen=True)
class TileLoops:
    """Around a tile, outermost first: `share` has the loop that threads share, if any; `pc` that over blocks
    of k."""

    share: list[tw.Loop]
    jc: tw.Loop
    pc: list[tw.Loop]
    ic: tw.Loop
    jr: tw.Loop
    ir: tw.Loop

    @property
    def pack(self) -> tw.Loop:
        """The innermost of those that choose a block of B."""
        return [self.jc, *self.pc][-1]


def cycles(rows: int, vectors: int) -> float:
    """About those of one rank-1 update: two multiply-adds or two loads at once, a sum once in four cycles."""
    return max(rows * vectors / 2, (rows + vectors) / 2, 4) + 0.02


def register_tile(m: int, n: int, most_rows: int, machine: Machine, afar: bool = False) -> tuple[int, int]:
    """Rows and vectors of the tile that covers m x n in the fewest cycles; of those the largest. Registers
    hold the sums, the vectors of a row of B and one element of A. `afar`: each row of tiles has B from the
    second cache or beyond, as it stands; arithmetic hides most of that."""
    tiles = [
        (rows, vectors)
        for vectors in (1, 2, 3, 4)
        for rows in range(1, min(m, most_rows) + 1)
        if rows * vectors + vectors + 1 <= machine.vector_registers
    ]

    def spent(tile: tuple[int, int]) -> tuple[float, int, int]:
        rows, vectors = tile
        count = ceil_div(m, rows) * ceil_div(n, vectors * machine.vector)
        return count * (cycles(rows, vectors) + afar * vectors / 2), -rows * vectors, -rows

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
        kc = round_up(min(max(8, m), 16), 8)
        vectors = min(4, (machine.vector_registers - 1) // (rows + 1))
        if m == 1 and threads > 1 and k >= 128 * threads:  # the sums of threads are few beside B
            shared = "k"
        columns = round_up(part if shared == "n" else n, vectors * lanes)
        return Plan(rows, vectors, lanes, m, columns, kc, threads, shared, "")

    # Rows of A that are a multiple of 4 KiB apart meet in one set of the first cache, of 8 or 12 lines.
    most_rows = 8 if k % 1024 == 0 else 14
    tiles = ceil_div(block[0], most_rows)
    far = 4 * n * k > 2 * threads * second  # B comes from further than the second caches
    pack = "whole" if constant else "block" if tiles > 32 else "first" if tiles > 8 and far else ""
    rows, vectors = register_tile(*block, most_rows, machine, afar=not pack)
    columns = vectors * lanes
    most_k = 2048 if pack else 512
    if pack == "first":  # all rows of A stay in the second cache
        most_k = min(most_k, second // 2 // (4 * block[0]))
    kc = round_up(ceil_div(k, ceil_div(k, most_k)), 8)
    if pack in ("", "whole"):  # a block of A in the second cache
        mc = max(1, second // 2 // (4 * kc) // rows) * rows
        nc = max(1, last // 2 // threads // (4 * kc) // columns) * columns
    else:  # a block of B
        mc = rows
        nc = columns if pack == "first" else max(1, second // 2 // (4 * kc) // columns) * columns
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


def partial_sums(s: tw.Schedule, product: tw.Block, k: int, p: Blocks) -> tw.Block:
    """The block that computes a product over the part of k of each thread. The product adds them up."""
    *_, all_k = s.loops(product)
    each, _ = s.split(all_k, [None, round_up(ceil_div(k, p.threads), p.kc)])
    partial = s.rfactor(each, 0)
    _, columns, each = s.loops(product)
    columns, lane = s.split(columns, [None, p.lanes])
    s.reorder(columns, each, lane)
    s.parallel(columns)
    s.vectorize(lane)
    return partial


def tile_loops(s: tw.Schedule, out: tw.Block, sizes: dict[str, int], p: Blocks) -> TileLoops:
    """Blocks and tiles of the block that takes the sums of a tile."""
    i, j, *pc = s.loops(out)
    share = []
    if p.shared == "k":  # of partial sums
        share, pc = pc[:1], pc[1:]
    elif p.threads > 1 and p.shared == "n":
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
    return TileLoops(share, jc, pc, ic, jr, ir)


def steps_between_hints(sizes: dict[str, int], p: Plan) -> int:
    """As many along k as use up a line of A, or half of it; 0 where neither divides blocks of k."""
    return next((steps for steps in (p.lanes, p.lanes // 2) if sizes["k"] % p.kc == p.kc % steps == 0), 0)


def hint_ahead(
    s: tw.Schedule,
    tile: tw.Block,
    packed: tw.Block,
    loops: TileLoops,
    line: tw.Loop | None,
    sizes: dict[str, int],
    p: Plan,
) -> None:
    """Fetches the next block of B while this one is used and, where A is large, its next rows. `line`: the
    loop over lines along k, if k has been split so."""
    m, n = (
        ceil_div(sizes[name], p.threads) if p.shared == name and p.threads > 1 else sizes[name]
        for name in ("m", "n")
    )
    if n > p.nc or p.kc < sizes["k"]:
        tiles = ceil_div(m, p.rows) * p.nc // p.columns
        few = p.nc < tiles  # fewer lines than those of A that the tiles read along k
        s.prefetch(packed, "B", loops.pack, 1, over=loops.ir if few or line is None else line)
    if line is not None and p.pack == "block":
        s.prefetch(tile, "A", loops.ic, 1, over=line)


def pack_in_first_tile(s: tw.Schedule, packed: tw.Block, loops: TileLoops, p: Plan) -> list[tw.Block]:
    """The first row of tiles gets a nest of its own, which packs as it goes. Gives the blocks of it."""
    first, _ = s.loop_partition(loops.ic, [1, None])
    blocks = [block for block in s.blocks() if first in s.loops(block)]
    reader = next(block for block in blocks if len(s.loops(block)) == max(len(s.loops(b)) for b in blocks))
    *_, k, _, _ = s.loops(reader)
    s.compute_at(packed, k)
    in_vectors(s, s.loops(packed)[-1], p)
    return blocks


def in_vectors(s: tw.Schedule, columns: tw.Loop, p: Plan) -> None:
    """The columns of one panel."""
    vectors, lane = s.split(columns, [p.vectors, p.lanes])
    s.unroll(vectors)
    s.vectorize(lane)


def pack(s: tw.Schedule, block: tw.Block, p: Plan) -> None:
    """Copies panel after panel."""
    *_, row, column = s.loops(block)
    panel, column = s.split(column, [None, p.columns])
    s.reorder(panel, row, column)
    in_vectors(s, column, p)


def blocked(s: tw.Schedule, product: tw.Block, sizes: dict[str, int], p: Plan) -> None:
    """Schedules the block of a product whose loops are i, j, k, as the plan says."""
    if p.shared == "k":
        product = partial_sums(s, product, sizes["k"], p)
    tile, out = partial_tile(s, product, sizes["k"], p.kc)
    packed = s.cache_read(tile, "B", "global") if p.pack else None
    if packed:
        s.pad(packed, [1, p.columns])
    s.pad(tile, [p.rows, p.columns])

    loops = tile_loops(s, out, sizes, p)
    s.compute_at(tile, loops.ir)
    *_, ti, tj, tk = s.loops(tile)
    s.reorder(tk, ti, tj)
    if packed and p.pack != "whole":
        s.compute_at(packed, loops.pack)
    line = None
    steps = steps_between_hints(sizes, p)
    if steps and p.pack in ("first", "block"):
        line, tk = s.split(tk, [None, steps])
    clear = s.decompose_reduction(tile, line or tk)
    if p.ahead:
        s.prefetch(tile, packed.name, tk, p.ahead // (4 * p.columns))
    if p.rows == 1:
        s.unroll(tk)
    if packed:
        if p.pack != "first":
            pack(s, packed, p)
        columns = p.columns
        s.transform_layout(packed.name, lambda i, j: (j // columns, i, j % columns))
    if p.pack in ("first", "block"):
        hint_ahead(s, tile, packed, loops, line, sizes, p)
    blocks = [tile, clear, out]
    if p.pack == "first":
        blocks += pack_in_first_tile(s, packed, loops, p)
    for block in blocks:
        in_registers(s, block, p.lanes)
    for each in loops.share:
        s.parallel(each)


def schedule(workload: Workload, machine: Machine) -> tw.Schedule:
    """Of a product of the list."""
    s = tw.Schedule(expression(workload))
    sizes = workload.sizes
    constant = "B" in workload.constants
    blocked(s, s.block("Y"), sizes, plan(sizes["m"], sizes["n"], sizes["k"], machine, constant))
    return s
