"""Schedules of 3x3 convolutions of stride 1 by Winograd's minimal filtering: NHWC images, constant filters.

The rewrite `winograd` turns a convolution into transforms of tiles of the image, a matrix product (tiles by
channels, by the filter) for each position of a transformed tile, and transforms of the products. Results in
tiles of 4 x 4 take 4 times fewer multiplications than the direct sum, 4 x 2 take 3, 2 x 2 take 2.25; but the
smaller the tile, the fewer are wasted at the edges of a small image, and the smaller the transformed filter.

    part       some channels of the result              threads share the parts, or
      block      some tiles, in any rows                  the blocks
        tile       transform the image, a vector of channels at a time, in straight code
        position   a matrix product in register tiles, as in `matmul.py`
        tile       transform the products

A block is so small that what lies between stays in the second cache, or, where the filter is large, so large
that the filter is read once. Each thread transforms what it needs itself: nothing is passed between threads.
Which tiles and blocks, `plan` finds by counting cycles. The filter is transformed and packed beforehand.

The results are less exact than direct sums: docs/rewrites.md has the bound, which the program carries.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import tilewright as tw

from kernels.expressions import expression
from kernels.machine import Machine
from kernels.matmul import ceil_div, cycles, in_registers, register_tile, round_up
from kernels.workloads import Workload, all_workloads

workloads = [
    w
    for w in all_workloads()
    if w.operator == "conv2d" and (w.sizes["kh"], w.sizes["kw"], w.sizes["stride"]) == (3, 3, 1)
]

FLOAT = 4
# Bytes of the second cache, the last and memory that a thread gets in a cycle, about.
SECOND, LAST, MEMORY = 32, 24, 6
TRANSFORM = 5  # cycles for each vector of a transformed tile
TILE = 40  # cycles of a register tile beside its products
AHEAD = 16 << 10  # how many bytes before its use a large filter is fetched


@dataclass(frozen=True)
class Plan:
    """Tiles of `down` by `across` results; `block` tiles and `part` channels of the result at once.

    The products have register tiles of `rows` tiles by `vectors` of `lanes`. The filter is fetched so many
    bytes `ahead`; 0: not at all.
    """

    down: int
    across: int
    block: int
    part: int
    rows: int
    vectors: int
    lanes: int
    ahead: int = 0

    @property
    def positions(self) -> int:
        """Of a transformed tile."""
        return (self.down + 2) * (self.across + 2)

    @property
    def columns(self) -> int:
        """Channels of a register tile."""
        return self.vectors * self.lanes

    def tiles(self, sizes: dict[str, int]) -> int:
        """Of the image."""
        return ceil_div(sizes["ho"], self.down) * ceil_div(sizes["wo"], self.across)


def cost(p: Plan, sizes: dict[str, int], machine: Machine) -> float:
    """About the cycles that the busiest thread spends. The filter is read while products are computed."""
    c, o = sizes["c"], sizes["o"]
    blocks = ceil_div(p.tiles(sizes), p.block) * ceil_div(o, p.part)
    vectors = ceil_div(c, p.lanes) + ceil_div(p.part, p.lanes)
    register_tiles = ceil_div(p.block, p.rows) * ceil_div(p.part, p.columns)
    products = p.positions * register_tiles * (c * cycles(p.rows, p.vectors) + TILE)
    transforms = p.positions * p.block * vectors * TRANSFORM

    _, second, last = machine.caches
    between = FLOAT * p.positions * p.block * (c + p.part)
    filters = FLOAT * p.positions * c * p.part
    near = between + filters < second
    read = filters / (SECOND if near else LAST if filters * ceil_div(o, p.part) < last else MEMORY)
    passed = 2 * between / (SECOND if near else LAST)
    return ceil_div(blocks, machine.threads) * (max(products, read) + transforms + passed)


def plans(sizes: dict[str, int], machine: Machine) -> Iterator[Plan]:
    """Those worth comparing."""
    o, lanes, threads = sizes["o"], machine.vector, machine.threads
    for down, across in ((2, 2), (4, 2), (4, 4)):
        tiles = ceil_div(sizes["ho"], down) * ceil_div(sizes["wo"], across)
        for part in {o, min(o, round_up(ceil_div(o, threads), lanes))}:
            # Threads share the blocks or the parts. Blocks of one tile would have no loop over tiles.
            counts = range(1, max(tiles, 2)) if part == o else [1]
            for block in sorted({ceil_div(tiles, count) for count in counts}):
                rows, vectors = register_tile(block, part, 14, machine)
                far = FLOAT * (down + 2) * (across + 2) * sizes["c"] * part > machine.caches[1]
                yield Plan(down, across, block, part, rows, vectors, lanes, AHEAD if far else 0)


def plan(sizes: dict[str, int], machine: Machine) -> Plan:
    """The one of the least cost; of two the first."""
    return min(plans(sizes, machine), key=lambda p: cost(p, sizes, machine))


def schedule(workload: Workload, machine: Machine) -> dict[str, tw.Schedule]:
    """The best plan of each size of tile, where it is not clearly worse than another: how much of the last
    cache is free, and how quick it is, cannot be known here."""
    best: dict[str, Plan] = {}
    for p in plans(workload.sizes, machine):
        name = f"winograd {p.down}x{p.across}"
        best[name] = min(best.get(name, p), p, key=lambda p: cost(p, workload.sizes, machine))
    least = min(cost(p, workload.sizes, machine) for p in best.values())
    return {
        name: scheduled(workload, p)
        for name, p in best.items()
        if cost(p, workload.sizes, machine) < 1.4 * least
    }


def scheduled(workload: Workload, p: Plan) -> tw.Schedule:
    """The convolution as the plan says."""
    s = tw.Schedule(expression(workload))
    s.rewrite("Y", "winograd", m=p.down, across=p.across)
    if workload.sizes["pad"]:
        s.compute_inline("padded")  # zeros around the image: loads that are masked
    part, block = transform_products(s, p)
    multiply(s, block, p)
    transform_image(s, block, p)
    transform_filter(s, p)
    s.parallel(part if p.part < workload.sizes["o"] else block)
    return s


def transform_products(s: tw.Schedule, p: Plan) -> tuple[tw.Loop, tw.Loop]:
    """From products to results, for one tile and one vector of channels in straight code.

    Gives the loops over parts and over blocks.
    """
    n, y, x, channel = s.loops("Y")
    tile_y, y = s.split(y, [None, p.down])
    tile_x, x = s.split(x, [None, p.across])
    part, vector, lane = s.split(channel, [None, ceil_div(p.part, p.lanes), p.lanes])
    s.reorder(part, n, tile_y, tile_x, vector, y, x, lane)
    block, _ = s.split(s.fuse(n, tile_y, tile_x), [None, p.block])

    s.compute_at("Y_output_rows", vector)
    row, column, *tile, own_lane = loops_below(s, "Y_output_rows", vector)
    s.reorder(column, row, *tile, own_lane)
    for loop in (y, x, row, column):
        s.unroll(loop)
    for loop in (lane, own_lane):
        s.vectorize(loop)
    return part, block


def multiply(s: tw.Schedule, block: tw.Loop, p: Plan) -> None:
    """A product for each position: a panel of the filter by all tiles of the block, then another."""
    columns = p.columns
    product = s.block("Y_product")
    s.compute_at(product, block)
    out = s.cache_write(product, "local")
    a, b, tile, channel = s.loops(out)[-4:]
    tiles, tile = s.split(tile, [None, p.rows])
    panel, channel = s.split(channel, [None, columns])
    s.reorder(a, b, panel, tiles, tile, channel)
    s.compute_at(product, tiles)
    rows, vectors, k = s.loops(product)[-3:]
    s.reorder(k, rows, vectors)
    clear = s.decompose_reduction(product, k)
    s.transform_layout("Y_filter", lambda a, b, c, f: (a, b, f // columns, c, f % columns))
    if p.ahead:
        s.prefetch(product, "Y_filter", k, ceil_div(p.ahead, FLOAT * columns))
    for each in (product, clear, out):
        in_registers(s, each, p.lanes)


def transform_image(s: tw.Schedule, block: tw.Loop, p: Plan) -> None:
    """For one tile and one vector of channels in straight code: columns of the image and their sums, then the
    sums of those."""
    s.compute_at("Y_input", block)
    a, b, tile, channel = s.loops("Y_input")[-4:]
    vector, lane = s.split(channel, [None, p.lanes])
    s.reorder(tile, vector, a, b, lane)
    s.compute_at("Y_input_rows", vector)
    row, column, *rest, rows_lane = loops_below(s, "Y_input_rows", vector)
    s.reorder(column, row, *rest, rows_lane)
    s.compute_at("Y_tiles", column)
    pixel, *_, pixels_lane = loops_below(s, "Y_tiles", column)
    for loop in (a, b, row, column, pixel):
        s.unroll(loop)
    for loop in (lane, rows_lane, pixels_lane):
        s.vectorize(loop)


def transform_filter(s: tw.Schedule, p: Plan) -> None:
    """Along its columns, then along its rows. Constants alone are read: it is done beforehand."""
    for block, row in (("Y_filter_rows", 0), ("Y_filter", 1)):
        *loops, channel = s.loops(block)
        position = loops.pop(row)
        vector, lane = s.split(channel, [None, p.lanes])
        s.reorder(*loops, vector, position, lane)
        s.unroll(position)
        s.vectorize(lane)


def loops_below(s: tw.Schedule, block: str, loop: tw.Loop) -> list[tw.Loop]:
    """The loops of a block inside a loop."""
    loops = s.loops(block)
    return loops[loops.index(loop) + 1 :]
