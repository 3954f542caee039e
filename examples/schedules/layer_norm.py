"""Layer normalisation, fused: a row is read into the cache once.

Mean and variance of a row come from two sums, of x and of (x - mean)^2: the two-pass form keeps its precision
where the mean is large, which E[x^2] - E[x]^2 does not (Ba et al., "Layer normalization", 2016; Chan, Golub
and LeVeque, "Algorithms for computing the sample variance", 1983). Both sums, and the scaled result, are
taken from the same row in the cache.

Sums along the vector get one partial result a lane (`rfactor`), combined at the end of the row.
"""

from __future__ import annotations

import numpy as np
import tilewright as tw
from tilewright import te
from worked_example import Example, run

LANES = 16


def layer_norm(n: int | te.Var, m: int) -> te.Tensor:
    """Give each row of (n, m) with mean 0 and variance 1, times a gain, plus a bias."""
    X = te.placeholder((n, m), "float32", name="X")
    gain = te.placeholder((m,), "float32", name="gain", constant=True)
    bias = te.placeholder((m,), "float32", name="bias", constant=True)
    p, q = te.reduce_axis(m, "p"), te.reduce_axis(m, "q")
    mean = te.compute((n,), lambda i: te.sum(X[i, p], axis=p) / m, name="mean")
    centred = te.compute((n, m), lambda i, j: X[i, j] - mean[i], name="centred")
    spread = te.compute((n,), lambda i: te.sum(centred[i, q] * centred[i, q], axis=q), name="spread")
    scale = te.compute((n,), lambda i: te.rsqrt(spread[i] / m + 1e-5), name="scale")
    return te.compute((n, m), lambda i, j: centred[i, j] * scale[i] * gain[j] + bias[j], name="Y")


def reference(x: np.ndarray, gain: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5) * gain + bias


def schedule(Y: te.Tensor) -> tw.Schedule:
    """Fuse all passes over a row; vectorize each."""
    s = tw.Schedule(Y)
    row, along_row = s.loops("Y")

    # The centred row is cheaper to compute again than to keep.
    s.compute_inline(s.block("centred"))

    # From the last reader to the first producer, into the loop over rows. "mean_sum" is the reduction inside
    # the expression of the mean.
    for block in ("scale", "spread", "mean", "mean_sum"):
        s.compute_at(s.block(block), row)

    # A reduction along the vector: every lane takes every 16th element, then the lanes are combined.
    for block in ("mean_sum", "spread"):
        _, along = s.loops(block)
        _, lane = s.split(along, [None, LANES])
        partial = s.rfactor(lane, 0)
        s.vectorize(s.loops(partial)[-1])

    # The elementwise pass.
    _, lane = s.split(along_row, [None, LANES])
    s.vectorize(lane)

    s.parallel(row)
    return s


EXAMPLE = Example(
    tensors=layer_norm,
    schedule=schedule,
    reference=reference,
    sizes=[
        dict(n=4, m=64),
        dict(n=7, m=37),
        dict(n=3, m=5),
        dict(n=1, m=131),
        dict(n=11, m=2),
    ],
    symbolic=("n",),
    tolerance=1e-5,
)


def main() -> None:
    run(EXAMPLE)


if __name__ == "__main__":
    main()
