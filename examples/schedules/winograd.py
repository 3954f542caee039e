"""3x3 convolution by Winograd's minimal filtering, F(4x4, 3x3), as a rewrite.

A tile of 4 x 4 results needs 6 x 6 inputs. In a transformed space its convolution is an elementwise product,
36 multiplications for 16 results instead of 144; summed over channels these become 36 matrix products (Lavin
and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016; Winograd 1980). The price is
precision: see the error bound of the rewrite. So it is a step of the schedule that one asks for, not a
freedom that is taken.

The schedule afterwards is an ordinary one: a row of tiles at a time goes through the transform of the input,
the products and the transform of the result, so that what lies between stays in the cache. The transform of
the weights reads weights alone, and stands before everything else.
"""

from __future__ import annotations

import numpy as np
import tilewright as tw
from tilewright import te
from worked_example import Example, run

LANES = 16
M = 4  # results of a tile, in each direction
TILES = 6  # whose products stay in registers


def conv2d(h: int, w: int, c: int, o: int) -> te.Tensor:
    """Give the valid 3x3 convolution of a picture (h, w, c) with weights (3, 3, c, o)."""
    X = te.placeholder((h, w, c), "float32", name="X")
    W = te.placeholder((3, 3, c, o), "float32", name="W", constant=True)
    ky, kx, ic = te.reduce_axis(3, "ky"), te.reduce_axis(3, "kx"), te.reduce_axis(c, "ic")
    return te.compute(
        (h - 2, w - 2, o),
        lambda y, x, oc: te.sum(X[y + ky, x + kx, ic] * W[ky, kx, ic, oc], axis=[ky, kx, ic]),
        name="Y",
    )


def reference(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    h, w = x.shape[0] - 2, x.shape[1] - 2
    return sum(x[i : i + h, j : j + w] @ weight[i, j] for i in range(3) for j in range(3))


def straight_code(s: tw.Schedule, block: str, row: int, drop: int = 0) -> None:
    """Write out the rows of a transform: loop `row` goes inwards, as straight code over vectors of channels.

    A row is chosen by a comparison with its number, so once the loop is unrolled no comparison is left.
    """
    loops = s.loops(block)[drop:]
    channel, lane = s.split(loops[-1], [None, LANES])
    others = [loop for i, loop in enumerate(loops[:-1]) if i != row]
    s.reorder(*others, channel, loops[row], lane)
    s.unroll(loops[row])
    s.vectorize(lane)


def schedule(Y: te.Tensor) -> tw.Schedule:
    """Rewrite; then fuse all but the transform of the weights over rows of tiles.

    The result has one column, or 5 and more: the steps name the loop over the tiles of a row, which is left
    out where one tile holds 2 to 4 columns.
    """
    s = tw.Schedule(Y)
    s.rewrite(s.block("Y"), "winograd", m=M)
    s.compute_inline(s.block("Y_tiles"))  # the transform reads the picture itself

    # Rows of tiles, from the last step to the first. The transform of the weights stays in front of the loop.
    y, x, oc = s.loops("Y")
    tiles, y = s.split(y, [None, M])
    x, column = s.split(x, [None, M])
    s.reorder(x, y, column, oc)
    for name in ("Y_output_rows", "Y_product", "Y_input", "Y_input_rows"):
        s.compute_at(s.block(name), tiles)

    # The transforms: along the rows of a tile, then along its columns.
    straight_code(s, "Y_filter_rows", row=0)  # of a, kx, ic, oc
    straight_code(s, "Y_filter", row=1)  # of a, b, ic, oc
    straight_code(s, "Y_input_rows", row=0, drop=1)  # of a, j, p, ic
    straight_code(s, "Y_input", row=1, drop=1)  # of a, b, p, ic
    straight_code(s, "Y_output_rows", row=0, drop=1)  # of i, b, p, oc
    straight_code(s, "Y", row=2, drop=1)  # of x, y, column, oc

    # 36 matrix products, with a register tile of 6 tiles by 16 channels.
    product = s.block("Y_product")
    _, a, b, p, oc, ic = s.loops(product)
    p, row = s.split(p, [None, TILES])
    oc, lane = s.split(oc, [None, LANES])
    s.reorder(a, b, p, oc, ic, row, lane)
    for block in (product, s.decompose_reduction(product, ic)):
        *_, row, lane = s.loops(block)
        s.unroll(row)
        s.vectorize(lane)

    s.parallel(tiles)
    return s


EXAMPLE = Example(
    tensors=conv2d,
    schedule=schedule,
    reference=reference,
    sizes=[
        dict(h=10, w=14, c=8, o=16),  # whole tiles
        dict(h=9, w=13, c=5, o=7),
        dict(h=3, w=3, c=3, o=2),
        dict(h=7, w=11, c=1, o=17),
        dict(h=5, w=23, c=2, o=1),
    ],
    tolerance=1e-5,
)


def main() -> None:
    run(EXAMPLE)


if __name__ == "__main__":
    main()
