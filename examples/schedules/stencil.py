"""Two steps of a 5-point stencil in overlapped tiles.

Each tile of the result computes the part of the first step that it reads, halo included: the halos of
neighbouring tiles overlap and are computed twice, and in exchange tiles are independent and what lies between
stays in the cache. The trade is that of Krishnamoorthy et al., "Effective automatic parallelization of
stencil computations", PLDI 2007, and the schedule is the one that Halide is known for (Ragan-Kelley et al.,
PLDI 2013: blur).

The tile is a parameter in both directions: its best size depends on the machine, not on the program.
"""

from __future__ import annotations

import numpy as np
import tilewright as tw
from tilewright import te
from worked_example import Example, run

LANES = 16

TH = tw.param("th", min=1, max=4096, default=32)
TW = tw.param("tw", min=LANES, max=1 << 16, multiple_of=LANES, default=256)


def jacobi(h: int | te.Var, w: int | te.Var) -> te.Tensor:
    """Give two steps of a sum over a point and its neighbours; the grid is (h + 4, w + 4) with its border."""
    A = te.placeholder((h + 4, w + 4), "float32", name="A")

    def around(grid: te.Tensor, y: te.Expr, x: te.Expr) -> te.Expr:
        """Add the points around (y + 1, x + 1)."""
        return grid[y + 1, x + 1] + grid[y, x + 1] + grid[y + 2, x + 1] + grid[y + 1, x] + grid[y + 1, x + 2]

    first = te.compute((h + 2, w + 2), lambda y, x: around(A, y, x) * 0.25, name="first")
    return te.compute((h, w), lambda y, x: around(first, y, x) * 0.25, name="second")


def reference(a: np.ndarray) -> np.ndarray:
    for _ in range(2):
        a = (a[1:-1, 1:-1] + a[:-2, 1:-1] + a[2:, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:]) * 0.25
    return a


def schedule(second: te.Tensor, th=TH, tw_=TW) -> tw.Schedule:
    """Tile the second step; compute the first where it is read."""
    s = tw.Schedule(second)
    y, x = s.loops("second")
    yo, y = s.split(y, [None, th])
    xo, x = s.split(x, [None, tw_])
    s.reorder(yo, xo, y, x)

    # (th + 2) x (tw + 2) points of the first step for each tile.
    s.compute_at(s.block("first"), xo)

    # Vectors along the rows of both.
    for block in ("first", "second"):
        *_, along = s.loops(block)
        _, lane = s.split(along, [None, LANES])
        s.vectorize(lane)

    s.parallel(s.fuse(yo, xo))
    return s


EXAMPLE = Example(
    tensors=jacobi,
    schedule=schedule,
    reference=reference,
    sizes=[
        dict(h=32, w=64),  # tiles that divide
        dict(h=13, w=37),
        dict(h=1, w=1),
        dict(h=3, w=101),
        dict(h=41, w=5),
    ],
    params=[dict(th=8, tw=32), dict(th=5, tw=16), dict(th=64, tw=256)],
    symbolic=("h", "w"),
)


def main() -> None:
    run(EXAMPLE)


if __name__ == "__main__":
    main()
