"""Attention in one pass over the keys: no matrix of scores, whatever the length.

Written down plainly, attention makes a matrix of n x n scores, takes the softmax of each row and multiplies
by the values. The rewrite `online_softmax` cuts each row into chunks: a chunk has a maximum, exponentials
relative to it, their sum and their product with the values, and a running maximum, sum and product take in
one chunk after the other. This is a reduction over chunks like any other. With its loop over chunks outside
and everything that belongs to a chunk computed in it, a tile of rows goes once along the keys, and all that
lives at a time is a tile of scores.

The number of rows of a tile and of keys of a chunk are parameters: one program serves all of them.

Maxim Milakov and Natalia Gimelshein, "Online normalizer calculation for softmax", 2018; Markus Rabe and
Charles Staats, "Self-attention does not need O(n^2) memory", 2021; Tri Dao et al., "FlashAttention", 2022.
"""

from __future__ import annotations

import numpy as np
import tilewright as tw
from tilewright import te
from worked_example import Example, run

LANES = 16


def attention(n: int | te.Var, m: int | te.Var, d: int) -> te.Tensor:
    """Give softmax(Q K^T / sqrt(d)) V for n queries and m keys of d features; query i sees keys up to i."""
    Q = te.placeholder((n, d), "float32", name="Q")
    K = te.placeholder((m, d), "float32", name="K")
    V = te.placeholder((m, d), "float32", name="V")
    x, p = te.reduce_axis(d, name="x"), te.reduce_axis(m, name="p")
    q, k = te.reduce_axis(m, name="q"), te.reduce_axis(m, name="k")
    S = te.compute((n, m), lambda i, k: te.sum(Q[i, x] * K[k, x], axis=x), name="S")
    seen = te.compute(
        (n, m), lambda i, k: te.where(k <= i, S[i, k] * float(d**-0.5), -float("inf")), name="seen"
    )
    top = te.compute((n,), lambda i: te.max(seen[i, p], axis=p), name="top")
    E = te.compute((n, m), lambda i, k: te.exp(seen[i, k] - top[i]), name="E")
    total = te.compute((n,), lambda i: te.sum(E[i, q], axis=q), name="total")
    product = te.compute((n, d), lambda i, j: te.sum(E[i, k] * V[k, j], axis=k), name="product")
    return te.compute((n, d), lambda i, j: product[i, j] / total[i], name="out")


def reference(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
    s = q @ k.T / np.sqrt(q.shape[1])
    s = np.where(np.arange(len(k)) <= np.arange(len(q))[:, None], s, -np.inf)
    e = np.exp(s - s.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True) @ v


def schedule(out: te.Tensor) -> tw.Schedule:
    """Go along the keys once for each tile of rows."""
    s = tw.Schedule(out)
    chunk = tw.param("chunk", multiple_of=4, max=1 << 12, default=64)
    rows = tw.param("rows", max=1 << 10, default=16)

    # m, o and l of the papers are the components of one reduction over chunks, "product_online".
    s.rewrite("out", "online_softmax", chunk=chunk)
    i, j, c = s.loops("product_online")
    tile, row = s.split(i, [None, rows])
    s.reorder(tile, c, row, j)

    # All that belongs to a chunk is computed in it, from the last reader to the first producer.
    for block in ("product_part", "total_part", "exp_part", "top_part", "seen", "S"):
        s.compute_at(block, c)
    s.reverse_compute_at("out", tile)

    # Products of rows of V: lanes along the features.
    *_, along, key = s.loops("product_part")
    outer, lane = s.split(along, [None, LANES])
    s.reorder(key, outer, lane)
    s.vectorize(lane)
    # Running values and the quotient: the same lanes.
    for block in ("product_online", "out"):
        *_, along = s.loops(block)
        _, lane = s.split(along, [None, LANES])
        s.vectorize(lane)
    # Exponentials: lanes along the keys.
    *_, along = s.loops("exp_part")
    _, lane = s.split(along, [None, LANES])
    s.vectorize(lane)

    s.parallel(tile)
    return s


EXAMPLE = Example(
    tensors=attention,
    schedule=schedule,
    reference=reference,
    sizes=[
        dict(n=23, m=23, d=8),
        dict(n=16, m=16, d=16),
        dict(n=31, m=17, d=5),
        dict(n=5, m=41, d=19),
        dict(n=1, m=1, d=1),
        dict(n=7, m=3, d=2),
    ],
    params=[dict(rows=4, chunk=8), dict(rows=16, chunk=64), dict(rows=1, chunk=4)],
    symbolic=("n", "m"),
    tolerance=2e-6,
)


def main() -> None:
    run(EXAMPLE)


if __name__ == "__main__":
    main()
