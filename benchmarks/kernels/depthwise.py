"""Schedules of depthwise convolutions: NHWC images, a filter of its own for each channel.

Nothing is summed over channels, so vectors run along them and there is little to reuse: a pixel enters 9
sums of its channel at most. A tile of pixels by rows is written out; going along its columns, it keeps the
columns of the image that the window covers in registers, and the filter, so that each loaded vector serves
all its sums.

The border is a condition of the expression. Tiles at the left and right edge are loops of their own, where
it is known; of rows above and below the image the compiler makes a form apart, or loops of their own where
they are many."""

from __future__ import annotations

import tilewright as tw

from kernels.expressions import expression
from kernels.machine import Machine
from kernels.workloads import Workload, all_workloads

workloads = [workload for workload in all_workloads() if workload.operator == "depthwise_conv2d"]


def schedule(workload: Workload, machine: Machine) -> tw.Schedule:
    """Tiles of rows by pixels by one vector of channels."""
    s = tw.Schedule(expression(workload))
    if workload.sizes["pad"]:
        s.compute_inline(s.block("padded"))
    Y = s.block("Y")
    write = s.cache_write(Y, "local")
    by_channels = shares_channels(workload.sizes, machine)
    n, y, x, ch = s.loops(write)
    ch, lane = s.split(ch, [None, machine.vector])
    s.reorder(*((n, ch, y, x) if by_channels else (n, y, x, ch)), lane)
    y, _ = window_tiles(s, Y, write, workload.sizes, cut_rows=by_channels)
    s.parallel(ch if by_channels else y)
    return s


def shares_channels(sizes: dict[str, int], machine: Machine) -> bool:
    """Whether threads have some of the channels each, not some of the rows: many channels of a small
    image."""
    vectors = -(-sizes["c"] // machine.vector)
    image = sizes["h"] * sizes["w"] * machine.vector * 4
    return image <= machine.caches[0] and vectors % machine.threads == 0


def tile_of(sizes: dict[str, int]) -> tuple[int, int]:
    """Rows and pixels of a tile: of up to eight pixels as many as cut a row into even parts."""
    pixels = min(range(4, 9), key=lambda p: (-(-sizes["wo"] // p) * p, -p))
    return (2 if sizes["stride"] == 1 and sizes["ho"] % 2 == 0 else 1), min(pixels, sizes["wo"])


def window_tiles(
    s: tw.Schedule, block: tw.Block, write: tw.Block, sizes: dict[str, int], cut_rows: bool
) -> tuple[tw.Loop, tw.Loop]:
    """Cut the loops y and x of the block that writes the sums of windows into tiles, and compute the sums
    in them. Its last loop is the vector of channels. Gives the loops over tiles."""
    rows, pixels = tile_of(sizes)
    y, x = (loop for loop in s.loops(write) if loop.name in ("y", "x"))
    y, row = s.split(y, [None, rows])
    x, pixel = s.split(x, [None, pixels])
    nest = s.loops(write)
    *outside, lane = [loop for loop in nest[nest.index(y) :] if loop not in (row, pixel)]
    s.reorder(*outside, pixel, row, lane)
    # The sum of a pixel is finished before the next begins: what pixels share are the vectors that they read.
    s.compute_at(block, row)
    *_, own_lane, u, v = s.loops(block)
    s.reorder(u, v, own_lane)
    clear = s.decompose_reduction(block, u)
    for each in (block, clear, write):
        s.vectorize(s.loops(each)[-1])
    for loop in (pixel, row, u, v):
        s.unroll(loop)
    cut_ends(s, x, -(-sizes["wo"] // pixels))
    if cut_rows:
        cut_ends(s, y, -(-sizes["ho"] // rows))
    return y, x


def cut_ends(s: tw.Schedule, loop: tw.Loop, turns: int) -> None:
    """Make loops of their own of the first and the last turn, which meet the border of the image."""
    if turns > 1:
        s.loop_partition(loop, [1, None, 1] if turns > 2 else [1, None])
