"""1x1 -> depthwise 3x3 -> 1x1, fused, with a rolling buffer: the block of MobileNetV2.

The first convolution widens the channels, the last narrows them, so what lies between is several times as
large as input and output together (Sandler et al., "MobileNetV2", 2018). It need not exist: a row of the
depthwise convolution needs three rows of the widened picture, and the next row needs two of them again. So
the widened picture is computed row by row into a buffer of three rows used in a circle, and every row once in
each strip of rows that a thread works on. That is Halide's sliding window with storage folding (Ragan-Kelley
et al., PLDI 2013), and the line buffer of hardware pipelines.
"""

from __future__ import annotations

import numpy as np
import tilewright as tw
from tilewright import te
from worked_example import Example, run

LANES = 16

# Rows of the result that a thread computes, one after the other.
ROWS = tw.param("rows", min=1, max=4096, default=16)


def inverted_residual(h: int | te.Var, w: int | te.Var, c: int, t: int, o: int) -> te.Tensor:
    """Give the block for a picture (h, w, c), widened to t channels, narrowed to o; no border."""
    X = te.placeholder((h, w, c), "float32", name="X")
    V = te.placeholder((c, t), "float32", name="V", constant=True)
    D = te.placeholder((3, 3, t), "float32", name="D", constant=True)
    U = te.placeholder((t, o), "float32", name="U", constant=True)
    p, q = te.reduce_axis(c, "p"), te.reduce_axis(t, "q")
    ky, kx = te.reduce_axis(3, "ky"), te.reduce_axis(3, "kx")

    wide = te.compute((h, w, t), lambda y, x, a: te.sum(X[y, x, p] * V[p, a], axis=p), name="wide")
    active = te.compute((h, w, t), lambda y, x, a: te.maximum(wide[y, x, a], 0.0), name="active")
    depth = te.compute(
        (h - 2, w - 2, t),
        lambda y, x, a: te.sum(active[y + ky, x + kx, a] * D[ky, kx, a], axis=[ky, kx]),
        name="depth",
    )
    return te.compute((h - 2, w - 2, o), lambda y, x, b: te.sum(depth[y, x, q] * U[q, b], axis=q), name="Y")


def reference(x: np.ndarray, v: np.ndarray, d: np.ndarray, u: np.ndarray) -> np.ndarray:
    h, w = x.shape[0] - 2, x.shape[1] - 2
    active = np.maximum(x @ v, 0)
    return sum(active[i : i + h, j : j + w] * d[i, j] for i in range(3) for j in range(3)) @ u


def along_channels(s: tw.Schedule, block: tw.Block, channel: tw.Loop, *reduction: tw.Loop) -> None:
    """Run a block in vectors along its channels; its reduction runs inside of the vector of sums."""
    channel, lane = s.split(channel, [None, LANES])
    if reduction:
        s.reorder(channel, *reduction, lane)
        clear = s.decompose_reduction(block, reduction[0])
        s.vectorize(s.loops(clear)[-1])
    s.vectorize(lane)


def schedule(Y: te.Tensor, rows=ROWS) -> tw.Schedule:
    """Compute all three convolutions row by row, in strips; keep three rows of the wide picture."""
    s = tw.Schedule(Y)
    wide, active, depth, Y = (s.block(name) for name in ("wide", "active", "depth", "Y"))

    # Strips of rows for the threads. The first row of each computes what the strip before has computed too.
    strip, y = s.split(s.loops(Y)[0], [None, rows])

    # From the last producer to the first, into the loop over rows of the result.
    s.compute_at(depth, y)
    s.compute_at(active, y)

    # Without this, every turn would compute three rows of the wide picture; with it, the first one does, and
    # the others one row.
    s.rolling_buffer(s.buffer("active"), y)

    # The sums of a pixel's channels are finished where the activation takes them: they never leave the first
    # cache.
    *_, pixel, _ = s.loops(active)
    s.compute_at(wide, pixel)

    # Channels lie beside each other: every stage runs in vectors along them.
    *_, a, p = s.loops(wide)
    along_channels(s, wide, a, p)
    *_, a = s.loops(active)
    along_channels(s, active, a)
    *_, a, ky, kx = s.loops(depth)
    along_channels(s, depth, a, ky, kx)
    *_, b, q = s.loops(Y)
    along_channels(s, Y, b, q)

    s.parallel(strip)
    return s


EXAMPLE = Example(
    tensors=inverted_residual,
    schedule=schedule,
    reference=reference,
    sizes=[
        dict(h=7, w=8, c=4, t=16, o=4),
        dict(h=5, w=7, c=3, t=17, o=5),
        dict(h=3, w=3, c=2, t=7, o=1),
        dict(h=11, w=4, c=1, t=5, o=3),
        dict(h=4, w=13, c=5, t=2, o=2),
    ],
    params=[dict(rows=1), dict(rows=3), dict(rows=64)],
    symbolic=("h", "w"),
)


def main() -> None:
    run(EXAMPLE)


if __name__ == "__main__":
    main()
