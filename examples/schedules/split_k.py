"""Split-K: the reduction of a matrix product in several parts that run at once, and are added up afterwards.

With few rows and columns and a long reduction there are too few tiles to keep all threads busy, while each
has much to do. So the reduction is cut into chunks; `rfactor` gives each a result of its own, which a second,
small reduction adds up. It is the split-K of CUTLASS and of GPU matrix products in general; the primitive is
that of Suriana, Adams and Kamil, "Parallel associative reductions in Halide", CGO 2017. The sum of a declared
reduction may be taken in any order: no rewrite is needed, only floating-point rounding differs.

The number of chunks is a parameter: as many as there are threads, when it runs.
"""

from __future__ import annotations

import tilewright as tw
from tilewright import te
from worked_example import Example, run

LANES = 16

CHUNKS = tw.param("chunks", min=1, max=1024, default=2)


def matmul(m: int | te.Var, n: int | te.Var, k: int | te.Var) -> te.Tensor:
    """Give C[m, n] = A[m, k] B[k, n]."""
    A = te.placeholder((m, k), "float32", name="A")
    B = te.placeholder((k, n), "float32", name="B")
    p = te.reduce_axis(k, name="p")
    return te.compute((m, n), lambda i, j: te.sum(A[i, p] * B[p, j], axis=p), name="C")


def schedule(C: te.Tensor, chunks=CHUNKS) -> tw.Schedule:
    """Cut the reduction into chunks, in parallel; then add the partial results up, in parallel over rows."""
    s = tw.Schedule(C)
    C = s.block("C")
    i, j, p = s.loops(C)
    chunk, p = s.split(p, [chunks, None])
    partial = s.rfactor(chunk, 0)

    # The partial products: chunks outermost, vectors along the columns.
    i, j, chunk, p = s.loops(partial)
    j, lane = s.split(j, [None, LANES])
    s.reorder(chunk, i, j, p, lane)
    clear = s.decompose_reduction(partial, p)
    s.vectorize(lane)
    s.vectorize(s.loops(clear)[-1])
    s.parallel(chunk)

    # Their sum. The chunks of a vector of columns are added one after the other.
    i, j, chunk = s.loops(C)
    j, lane = s.split(j, [None, LANES])
    s.reorder(i, j, chunk, lane)
    s.vectorize(lane)
    s.parallel(i)
    return s


EXAMPLE = Example(
    tensors=matmul,
    schedule=schedule,
    reference=lambda a, b: a @ b,
    sizes=[
        dict(m=4, n=16, k=256),
        dict(m=3, n=5, k=1031),
        dict(m=1, n=1, k=509),
        dict(m=2, n=37, k=3),  # fewer steps than chunks
        dict(m=7, n=17, k=1),
    ],
    params=[dict(chunks=1), dict(chunks=4), dict(chunks=7), dict(chunks=64)],
    symbolic=("m", "n", "k"),
)


def main() -> None:
    run(EXAMPLE)


if __name__ == "__main__":
    main()
