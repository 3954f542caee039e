"""Softmax along rows, fused: each row is read, exponentiated, summed and divided while it is in the cache.

The default program makes four passes over the whole matrix. Here one loop over rows holds all four steps, so
that what lies between is a row, not a matrix, and rows run in parallel. Each pass over a row is vectorized;
the maximum and the sum, which are reductions along the vector, get one partial result a lane (`rfactor`),
combined after the row.

The four steps are those of the numerically safe softmax (Milakov and Gimelshein, "Online normalizer
calculation for softmax", 2018, which takes two of its passes together: `attention.py` does that with a
rewrite).
"""

from __future__ import annotations

import numpy as np
import tilewright as tw
from tilewright import te
from worked_example import Example, run

LANES = 16


def softmax(n: int | te.Var, m: int | te.Var) -> te.Tensor:
    """Give the softmax of each row of a matrix (n, m)."""
    X = te.placeholder((n, m), "float32", name="X")
    p, q = te.reduce_axis(m, "p"), te.reduce_axis(m, "q")
    top = te.compute((n,), lambda i: te.max(X[i, p], axis=p), name="top")
    E = te.compute((n, m), lambda i, j: te.exp(X[i, j] - top[i]), name="E")
    total = te.compute((n,), lambda i: te.sum(E[i, q], axis=q), name="total")
    return te.compute((n, m), lambda i, j: E[i, j] / total[i], name="Y")


def reference(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(1, keepdims=True, initial=-np.inf))
    return e / e.sum(1, keepdims=True)


def schedule(Y: te.Tensor) -> tw.Schedule:
    """Fuse the passes over a row; vectorize each."""
    s = tw.Schedule(Y)
    row, _ = s.loops("Y")

    # From the last reader to the first producer, into the loop over rows.
    for block in ("total", "E", "top"):
        s.compute_at(s.block(block), row)

    # A reduction along the vector: every lane takes every 16th element, then the lanes are combined.
    for block in ("top", "total"):
        _, along = s.loops(block)
        _, lane = s.split(along, [None, LANES])
        partial = s.rfactor(lane, 0)
        s.vectorize(s.loops(partial)[-1])

    # The elementwise passes.
    for block in ("E", "Y"):
        _, along = s.loops(block)
        _, lane = s.split(along, [None, LANES])
        s.vectorize(lane)

    s.parallel(row)
    return s


EXAMPLE = Example(
    tensors=softmax,
    schedule=schedule,
    reference=reference,
    sizes=[
        dict(n=4, m=64),
        dict(n=7, m=37),
        dict(n=3, m=5),  # a row smaller than a vector
        dict(n=1, m=131),
        dict(n=13, m=1),
        dict(n=5, m=16),
    ],
    symbolic=("n", "m"),
    tolerance=1e-6,
)


def main() -> None:
    run(EXAMPLE)


if __name__ == "__main__":
    main()
