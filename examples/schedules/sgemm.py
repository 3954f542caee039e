"""Matrix product, blocked and packed: C = A B in float32.

The blocks are those of GotoBLAS and BLIS (Goto and van de Geijn, "Anatomy of high-performance matrix
multiplication", 2008; Van Zee and van de Geijn, "BLIS", 2015). From the outside in:

    jc   nc columns of B and C                  the panel of B stays in the last cache
    pc     kc of the reduction                  pack kc x nc of B
    ic       mc rows of A and C, in parallel    pack mc x kc of A: stays in the second cache
    jr         32 columns                       one kc x 32 panel of B: stays in the first cache
    ir           14 rows                        the register tile, 14 x 32
    k              one rank-1 update of it

The register tile is constant: 14 rows of two 16-lane vectors are 28 of the 32 registers of AVX-512, which
leaves two for a row of B and one for an element of A. The blocks mc, nc and kc are parameters: one program
serves all of them.
"""

from __future__ import annotations

import tilewright as tw
from tilewright import te
from worked_example import Example, run

ROWS, COLUMNS, LANES = 14, 32, 16  # the register tile, and the lanes of a vector

MC = tw.param("mc", min=ROWS, max=4096, multiple_of=ROWS, default=140)
NC = tw.param("nc", min=COLUMNS, max=8192, multiple_of=COLUMNS, default=512)
KC = tw.param("kc", min=1, max=4096, default=256)


def matmul(m: int | te.Var, n: int | te.Var, k: int | te.Var) -> te.Tensor:
    """Give C[m, n] = A[m, k] B[k, n]."""
    A = te.placeholder((m, k), "float32", name="A")
    B = te.placeholder((k, n), "float32", name="B")
    p = te.reduce_axis(k, name="p")
    return te.compute((m, n), lambda i, j: te.sum(A[i, p] * B[p, j], axis=p), name="C")


def registers(s: tw.Schedule, block: tw.Block) -> None:
    """Keep the two innermost loops of a block, 14 x 32, in registers: rows unrolled, columns in vectors."""
    *_, rows, columns = s.loops(block)
    vectors, lanes = s.split(columns, [None, LANES])
    s.unroll(rows)
    s.unroll(vectors)
    s.vectorize(lanes)


def schedule(C: te.Tensor, mc=MC, nc=NC, kc=KC, cut: bool = False) -> tw.Schedule:
    """Block, pack and tile a matrix product. The cache blocks are parameters, or ints."""
    s = tw.Schedule(C)

    # Every kc of the reduction gets a result of its own, which "C" adds up: so the register tile starts from
    # zero and meets C once in kc rank-1 updates, not in each.
    i, j, p = s.loops("C")
    pc, _ = s.split(p, [None, kc])
    tile = s.rfactor(pc, 0)

    # Copies of A and B, rounded up to whole panels and filled with zeros there, and a tile of the same size:
    # its loops need no condition, whatever m and n are. What is written to C is cut off.
    a_panel = s.cache_read(tile, "A", "global")
    b_panel = s.cache_read(tile, "B", "global")
    s.pad(a_panel, [ROWS])
    s.pad(b_panel, [1, COLUMNS])
    s.pad(tile, [ROWS, COLUMNS])

    # The five loops around the register tile, in the order of BLIS. What they run is "C": C += the tile.
    i, j, pc = s.loops("C")
    jc, jr = s.split(j, [None, nc])
    ic, ir = s.split(i, [None, mc])
    jr, jj = s.split(jr, [None, COLUMNS])
    ir, ii = s.split(ir, [None, ROWS])
    s.reorder(jc, pc, ic, jr, ir, ii, jj)

    # The tile is made where it is used, one rank-1 update after the other: 28 vectors of sums.
    s.compute_at(tile, ir)
    *_, ti, tj, tk = s.loops(tile)
    s.reorder(tk, ti, tj)
    clear = s.decompose_reduction(tile, tk)
    registers(s, tile)
    registers(s, clear)
    registers(s, s.block("C"))

    # Panels of B, kc x 32 each, one behind the other, and panels of A, 14 x kc each: the innermost loop walks
    # through memory. They are packed in that order. Rows of B are copied in vectors, A is transposed. Packing
    # B is shared work; each thread packs its own A.
    s.compute_at(b_panel, pc)
    *_, row, column = s.loops(b_panel)
    panel, vectors, lanes = s.split(column, [None, COLUMNS // LANES, LANES])
    s.reorder(panel, row, vectors, lanes)
    s.transform_layout("B_global", lambda p, j: (j // COLUMNS, p, j % COLUMNS))
    s.unroll(vectors)
    s.vectorize(lanes)
    s.parallel(panel)

    s.compute_at(a_panel, ic)
    *_, row, column = s.loops(a_panel)
    panel, row = s.split(row, [None, ROWS])
    s.reorder(panel, column, row)
    s.transform_layout("A_global", lambda i, p: (i // ROWS, p, i % ROWS))
    s.unroll(row)

    # Optionally, the last block of rows and of columns apart from the full ones, which then write to C with
    # no condition. Code generation does so by itself where it pays; written out, it can be read and checked.
    parts = s.loop_partition(ic, [None, 1]) if cut else [ic]
    for part in parts:
        s.parallel(part)
    if cut:
        s.loop_partition(jc, [None, 1])
    return s


EXAMPLE = Example(
    tensors=matmul,
    schedule=schedule,
    reference=lambda a, b: a @ b,
    sizes=[
        dict(m=56, n=96, k=64),  # full tiles
        dict(m=37, n=41, k=29),  # primes
        dict(m=5, n=3, k=2),  # smaller than a tile
        dict(m=1, n=67, k=131),
        dict(m=14, n=32, k=1),
        dict(m=83, n=1, k=17),
    ],
    params=[dict(mc=28, nc=64, kc=16), dict(mc=14, nc=32, kc=7), dict(mc=84, nc=128, kc=160)],
    symbolic=("m", "n", "k"),
)


def main() -> None:
    run(EXAMPLE)


if __name__ == "__main__":
    main()
