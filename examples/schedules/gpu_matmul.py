"""Matrix product for a GPU: tiles in shared memory, a register tile a thread.

Each block of threads computes a tile of C, 32 x 32. It walks along the reduction in steps of 8: all its
threads together copy a slice of A and a slice of B to shared memory, then every thread updates its 4 x 4
elements, which stay in registers. So each element fetched from global memory is used 32 times, and each one
fetched from shared memory 4 times: the two levels of tiling of Volkov and Demmel, "Benchmarking GPUs to tune
dense linear algebra", SC 2008, which CUTLASS and TVM build on.

The interpreter simulates blocks, threads, shared memory and barriers, and reports races, so this runs without
a GPU.
"""

from __future__ import annotations

import tilewright as tw
from tilewright import te
from worked_example import Example, run

TILE = 32  # rows and columns of C that a block of threads computes
STEP = 8  # of the reduction
MINE = 4  # rows and columns of C that a thread computes
THREADS = TILE // MINE  # of a block, in each direction


def matmul(m: int | te.Var, n: int | te.Var, k: int | te.Var) -> te.Tensor:
    """Give C[m, n] = A[m, k] B[k, n]."""
    A = te.placeholder((m, k), "float32", name="A")
    B = te.placeholder((k, n), "float32", name="B")
    p = te.reduce_axis(k, name="p")
    return te.compute((m, n), lambda i, j: te.sum(A[i, p] * B[p, j], axis=p), name="C")


def schedule(C: te.Tensor) -> tw.Schedule:
    """Tile for blocks of threads and for threads; go through shared memory."""
    s = tw.Schedule(C)
    C = s.block("C")

    # A tile of C for each block of threads, a tile of that for each thread. The loop over the reduction
    # stands outside of the threads: they go through it together.
    i, j, p = s.loops(C)
    block_y, thread_y, i = s.split(i, [None, THREADS, MINE])
    block_x, thread_x, j = s.split(j, [None, THREADS, MINE])
    p, step = s.split(p, [None, STEP])
    s.reorder(block_y, block_x, p, thread_y, thread_x, step, i, j)

    # The sums stay in registers: set to zero before the loop, stored to C after it, by the thread that owns
    # them.
    store = s.cache_write(C, "local")
    s.reverse_compute_at(store, block_x)
    *_, i, j = s.loops(store)
    rows, columns = s.split(i, [THREADS, MINE]), s.split(j, [THREADS, MINE])
    s.reorder(rows[0], columns[0], rows[1], columns[1])
    clear = s.decompose_reduction(C, p)

    # Slices in shared memory, copied by all threads of the block together: element after element goes to
    # thread after thread, so that neighbouring threads read neighbouring addresses.
    copies = [s.cache_read(C, operand, "shared") for operand in ("A", "B")]
    for copy in copies:
        s.compute_at(copy, p)
        *_, row, column = s.loops(copy)
        _, y, x = s.split(s.fuse(row, column), [None, THREADS, THREADS])
        s.bind(y, "threadIdx.y")
        s.bind(x, "threadIdx.x")

    # While the threads work on one slice, the next one is on its way: two versions of each slice.
    s.pipeline(p, 2)

    # Which loops are blocks and which are threads. The three nests of C_local give an element to the same
    # thread.
    s.bind(block_y, "blockIdx.y")
    s.bind(block_x, "blockIdx.x")
    for block, outside in ((clear, 2), (C, 3), (store, 2)):  # loops around the threads: the blocks, and p
        thread_y, thread_x, *_, i, j = s.loops(block)[outside:]
        s.bind(thread_y, "threadIdx.y")
        s.bind(thread_x, "threadIdx.x")
        s.unroll(i)
        s.unroll(j)
    return s


EXAMPLE = Example(
    tensors=matmul,
    schedule=schedule,
    reference=lambda a, b: a @ b,
    sizes=[
        dict(m=32, n=64, k=16),
        dict(m=37, n=29, k=19),
        dict(m=5, n=3, k=2),
        dict(m=1, n=41, k=31),
        dict(m=33, n=1, k=7),
    ],
    symbolic=("m", "n", "k"),
)


def main() -> None:
    run(EXAMPLE)


if __name__ == "__main__":
    main()
