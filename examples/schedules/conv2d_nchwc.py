"""Direct convolution in the blocked layout NCHWc, weights in OIHWio.

Channels lie in blocks of 16, so that one vector holds 16 output channels of a pixel whatever the picture's
width is. That is the layout of oneDNN's direct convolutions (Georganas et al., "Anatomy of high-performance
deep learning convolutions on SIMD architectures", SC 2018) and of Liu et al., "Optimizing CNN model inference
on CPUs", ATC 2019.

The operator stays the plain NCHW one: its input and weight are copied into the blocked layout, the result is
computed in it and copied back. In a chain of convolutions those copies cancel out. Channels that do not fill
their last block are padded there with zeros, so that vectors can always be loaded whole; the conditions of
the convolution leave out sums that nobody asked for.
"""

from __future__ import annotations

import numpy as np
import tilewright as tw
from tilewright import te
from worked_example import Example, run

BLOCK = 16  # channels of a block, and lanes of a vector
PIXELS = 6  # pixels of a row whose sums stay in registers


def conv2d(c: int, o: int, h: int, w: int, r: int = 3) -> te.Tensor:
    """Give the valid convolution of a picture (c, h, w) with weights (o, c, r, r)."""
    X = te.placeholder((c, h, w), "float32", name="X")
    W = te.placeholder((o, c, r, r), "float32", name="W", constant=True)
    ic, ky, kx = te.reduce_axis(c, "ic"), te.reduce_axis(r, "ky"), te.reduce_axis(r, "kx")
    return te.compute(
        (o, h - r + 1, w - r + 1),
        lambda oc, y, x: te.sum(X[ic, y + ky, x + kx] * W[oc, ic, ky, kx], axis=[ic, ky, kx]),
        name="Y",
    )


def reference(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(x, weight.shape[2:], axis=(1, 2))
    return np.einsum("chwyx,ocyx->ohw", windows, weight)


def schedule(Y: te.Tensor) -> tw.Schedule:
    """Block the channels, keep a row of pixels by a block of channels in registers."""
    s = tw.Schedule(Y)
    Y = s.block("Y")

    # The three blocked layouts. Copies into them come before the nest, the copy out of the result comes
    # behind it.
    s.cache_read(Y, "X", "global")
    s.transform_layout("X_global", lambda c, h, w: (c // BLOCK, h, w, c % BLOCK), pad_value=0.0)
    s.cache_read(Y, "W", "global")
    s.transform_layout(
        "W_global",
        lambda o, c, y, x: (o // BLOCK, c // BLOCK, y, x, c % BLOCK, o % BLOCK),
        pad_value=0.0,
    )
    unpack = s.cache_write(Y, "global")
    s.transform_layout("Y_global", lambda o, h, w: (o // BLOCK, h, w, o % BLOCK))

    # A register tile of 6 pixels by 16 output channels. All of its reduction runs before the next tile
    # begins, input channels of a block innermost: they lie beside each other in the input, and their weights
    # behind each other.
    oc, y, x, ic, ky, kx = s.loops(Y)
    oc, lane = s.split(oc, [None, BLOCK])
    x, pixel = s.split(x, [None, PIXELS])
    ic, channel = s.split(ic, [None, BLOCK])
    s.reorder(oc, y, x, ic, ky, kx, channel, pixel, lane)
    clear = s.decompose_reduction(Y, ic)
    for block in (Y, clear):
        *_, pixel, lane = s.loops(block)
        s.unroll(pixel)
        s.vectorize(lane)

    # A row of the result is the work of one thread; its copy back follows while it is in the cache.
    s.reverse_compute_at(unpack, y)
    s.parallel(s.fuse(oc, y))
    return s


EXAMPLE = Example(
    tensors=conv2d,
    schedule=schedule,
    reference=reference,
    sizes=[
        dict(c=32, o=32, h=8, w=14),
        dict(c=3, o=16, h=9, w=8),  # the first layer of a network
        dict(c=17, o=19, h=5, w=13),  # primes: both channels are padded
        dict(c=16, o=5, h=3, w=3),  # one pixel
        dict(c=1, o=1, h=7, w=11),
    ],
)


def main() -> None:
    run(EXAMPLE)


if __name__ == "__main__":
    main()
