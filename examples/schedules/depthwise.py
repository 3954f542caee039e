"""Depthwise convolution, 3x3, in the layout NHWC.

Each channel is convolved with a filter of its own, so there is no reduction over channels and little to
reuse: 9 multiplications an element. What counts is that every input element is loaded few times, in whole
vectors. Channels lie beside each other, so vectors run along them; a tile of pixels shares its loads of the
picture and of the filter, and holds its sums in registers, as in Zhang et al., "High performance depthwise
and pointwise convolutions on mobile devices", AAAI 2020.

The border is part of the expression (`te.where`: reads outside give zero). It is inlined into the
convolution, so no padded copy of the picture is ever made.
"""

from __future__ import annotations

import numpy as np
import tilewright as tw
from tilewright import te
from worked_example import Example, run

LANES = 16
ROWS, PIXELS = 2, 4  # the register tile: 8 vectors of sums, 9 of filter, and the picture's passing by


def depthwise(h: int | te.Var, w: int | te.Var, c: int | te.Var) -> te.Tensor:
    """Give the 3x3 depthwise convolution of a picture (h, w, c), as large as the picture."""
    X = te.placeholder((h, w, c), "float32", name="X")
    W = te.placeholder((3, 3, c), "float32", name="W", constant=True)
    inside = te.compute(
        (h + 2, w + 2, c),
        lambda y, x, ch: te.where((y >= 1) & (y <= h) & (x >= 1) & (x <= w), X[y - 1, x - 1, ch], 0.0),
        name="inside",
    )
    ky, kx = te.reduce_axis(3, "ky"), te.reduce_axis(3, "kx")
    return te.compute(
        (h, w, c),
        lambda y, x, ch: te.sum(inside[y + ky, x + kx, ch] * W[ky, kx, ch], axis=[ky, kx]),
        name="Y",
    )


def reference(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    h, w, _ = x.shape
    around = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    return sum(around[i : i + h, j : j + w] * weight[i, j] for i in range(3) for j in range(3))


def schedule(Y: te.Tensor) -> tw.Schedule:
    """Keep 2 x 4 pixels by 16 channels in registers, all of the 3 x 3 window unrolled over them."""
    s = tw.Schedule(Y)
    s.compute_inline(s.block("inside"))
    Y = s.block("Y")
    y, x, ch, ky, kx = s.loops(Y)

    y, row = s.split(y, [None, ROWS])
    x, pixel = s.split(x, [None, PIXELS])
    ch, lane = s.split(ch, [None, LANES])
    s.reorder(y, x, ch, ky, kx, row, pixel, lane)
    clear = s.decompose_reduction(Y, ky)
    for loop in (ky, kx):
        s.unroll(loop)
    for block in (Y, clear):
        *_, row, pixel, lane = s.loops(block)
        s.unroll(row)
        s.unroll(pixel)
        s.vectorize(lane)

    # Two rows of the picture are the work of one thread.
    s.parallel(y)
    return s


EXAMPLE = Example(
    tensors=depthwise,
    schedule=schedule,
    reference=reference,
    sizes=[
        dict(h=8, w=8, c=32),
        dict(h=7, w=11, c=17),
        dict(h=1, w=3, c=5),  # smaller than the tile in every direction
        dict(h=5, w=2, c=16),
        dict(h=13, w=1, c=3),
    ],
    symbolic=("h", "w", "c"),
)


def main() -> None:
    run(EXAMPLE)


if __name__ == "__main__":
    main()
