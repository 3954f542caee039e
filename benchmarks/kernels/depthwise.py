"""Schedules of depthwise convolutions: NHWC images, a filter of its own for each channel.

Nothing is summed over channels, so vectors run along them and there is little to reuse: a pixel enters 9 sums
of its channel at most. A tile of pixels by rows is written out; going along its columns, it keeps the columns
of the image that the window covers in registers, and the filter, so that each loaded vector serves all its sums.

The border is a condition of the expression. Tiles at the left and right edge are loops of their own, where it is
known; rows above and below the image are masked loads in the tiles that have such rows, and none elsewhere.
"""

from __future__ import annotations

import tilewright as tw
from tilewright import te

from kernels.machine import Machine
from kernels.workloads import Workload, all_workloads

workloads = [workload for workload in all_workloads() if workload.operator == "depthwise_conv2d"]


def depthwise_conv2d(sizes: dict[str, int]) -> te.Tensor:
    """The convolution; sizes as `workloads.conv_sizes` gives them."""
    h, w, c, kh, kw = (sizes[name] for name in ("h", "w", "c", "kh", "kw"))
    ho, wo, stride, pad = (sizes[name] for name in ("ho", "wo", "stride", "pad"))
    X = te.placeholder((1, h, w, c), "float32", name="X")
    W = te.placeholder((kh, kw, c), "float32", name="W", constant=True)
    inside = te.compute(
        (1, h + 2 * pad, w + 2 * pad, c),
        lambda n, y, x, ch: te.where(
            (y >= pad) & (y < h + pad) & (x >= pad) & (x < w + pad), X[n, y - pad, x - pad, ch], 0.0
        ),
        name="inside",
    )
    ky, kx = te.reduce_axis(kh, "ky"), te.reduce_axis(kw, "kx")
    return te.compute(
        (1, ho, wo, c),
        lambda n, y, x, ch: te.sum(
            inside[n, y * stride + ky, x * stride + kx, ch] * W[ky, kx, ch], axis=[ky, kx]
        ),
        name="Y",
    )


def tile_of(sizes: dict[str, int]) -> tuple[int, int]:
    """Rows and pixels of a tile: all of a short row; else as many pixels as cut a row into even parts."""
    pixels = min(range(4, 15), key=lambda p: (-(-sizes["wo"] // p) * p, -p))
    return (2 if sizes["stride"] == 1 and sizes["ho"] % 2 == 0 else 1), min(pixels, sizes["wo"])


def schedule(workload: Workload, machine: Machine) -> tw.Schedule:
    """Tiles of rows by pixels by one vector of channels."""
    sizes = workload.sizes
    rows, pixels = tile_of(sizes)
    vectors = -(-sizes["c"] // machine.vector)
    # Small images of many channels: a thread has some of the channels.
    return tiled(sizes, machine.vector, rows, pixels, by_channels=vectors % machine.threads == 0 and sizes["wo"] < 56)


def tiled(sizes: dict[str, int], lanes: int, rows: int, pixels: int, by_channels: bool) -> tw.Schedule:
    """The schedule by its tile; `by_channels`: threads share the channels, not the rows."""
    s = tw.Schedule(depthwise_conv2d(sizes))
    s.compute_inline(s.block("inside"))
    Y = s.block("Y")
    write = s.cache_write(Y, "local")
    n, y, x, ch = s.loops(write)
    y, row = s.split(y, [None, rows])
    x, pixel = s.split(x, [None, pixels])
    ch, lane = s.split(ch, [None, lanes])
    s.reorder(*((n, ch, y, x) if by_channels else (n, y, x, ch)), pixel, row, lane)
    # The sum of a pixel is finished before the next begins: what pixels share are the vectors that they read.
    s.compute_at(Y, row)
    *_, window_y, window_x = s.loops(Y)
    *_, own_lane, _, _ = s.loops(Y)
    s.reorder(window_y, window_x, own_lane)
    clear = s.decompose_reduction(Y, window_y)
    for block in (Y, clear, write):
        s.vectorize(s.loops(block)[-1])
    for loop in (pixel, row, window_y, window_x):
        s.unroll(loop)
    tiles = -(-sizes["wo"] // pixels)
    if tiles > 2:
        s.loop_partition(x, [1, None, 1])
    elif tiles == 2:
        s.loop_partition(x, [1, None])
    strips = -(-sizes["ho"] // rows)
    if by_channels and strips > 1:
        s.loop_partition(y, [1, None, 1] if strips > 2 else [1, None])
    s.parallel(ch if by_channels else y)
    return s
