"""Direct convolutions of NHWC images, pointwise and windowed, with weights packed beforehand.

A register tile holds some pixels by some vectors of channels. Its loop over the reduction broadcasts elements
of the image straight from where they lie, and reads the weights from panels: the weights of a tile's channels
stand behind each other in the order in which the loop takes them. So a step is `vectors` loads of weights,
`pixels` broadcasts and `pixels * vectors` FMAs, and nothing of the image is copied.

`conv_plans.py` chooses the tile, the order of tiles and what threads share out.
"""

from __future__ import annotations

from collections.abc import Callable

import tilewright as tw
from tilewright import te

from kernels.conv_plans import Plan, Shape, choose
from kernels.machine import Machine
from kernels.workloads import Workload, all_workloads

# 3x3 windows of stride 1 take less by Winograd's algorithm: winograd.py.
workloads = [
    w for w in all_workloads() if w.operator == "conv2d" and (w.sizes["kh"], w.sizes["stride"]) != (3, 1)
]


def schedule(workload: Workload, machine: Machine) -> tw.Schedule:
    """The schedule of a workload of this family."""
    shape = Shape(**{name: workload.sizes[name] for name in Shape.__annotations__})
    return schedule_conv2d(shape, choose(shape, machine), machine)


def conv2d(shape: Shape, name: str = "Y") -> te.Tensor:
    """The operator. The padding is a copy of the image, or what a sum leaves out."""
    s, copied = shape, shape.padded_around
    X = te.placeholder((1, s.h, s.w, s.c), "float32", name="X")
    W = te.placeholder((s.kh, s.kw, s.c, s.o), "float32", name="W", constant=True)
    ky, kx, rc = te.reduce_axis(s.kh, "ky"), te.reduce_axis(s.kw, "kx"), te.reduce_axis(s.c, "rc")

    def inside(y: te.Expr, x: te.Expr) -> te.Expr:
        return (y >= 0) & (y < s.h) & (x >= 0) & (x < s.w)

    if copied:
        P = te.compute(
            (1, s.h + 2 * s.pad, s.w + 2 * s.pad, s.c),
            lambda n, y, x, c: te.where(inside(y - s.pad, x - s.pad), X[n, y - s.pad, x - s.pad, c], 0.0),
            name="padded",
        )

    def product(n: te.Expr, y: te.Expr, x: te.Expr, f: te.Expr) -> te.Expr:
        y, x = y * s.stride + ky, x * s.stride + kx
        if copied:
            return te.sum(P[n, y, x, rc] * W[ky, kx, rc, f], axis=[ky, kx, rc])
        y, x = y - s.pad, x - s.pad
        term = X[n, y, x, rc] * W[ky, kx, rc, f]
        # Adding -0.0 changes no number, so a tap that lies in the padding costs nothing.
        return te.sum(te.where(inside(y, x), term, -0.0) if s.pad else term, axis=[ky, kx, rc])

    return te.compute((1, s.ho, s.wo, s.o), product, name=name)


def schedule_conv2d(
    shape: Shape, plan: Plan, machine: Machine, after: Callable[[te.Tensor], te.Tensor] | None = None
) -> tw.Schedule:
    """The convolution as a plan says. `after` gives the result `Y` from the convolution, elementwise: that is
    computed as the sums leave their registers."""
    lanes, width = machine.vector, plan.vectors * machine.vector
    s = tw.Schedule(after(conv2d(shape, "conv")) if after else conv2d(shape))
    product = s.block("conv" if after else "Y")
    panels = s.cache_read(product, "W", "global")
    out = s.cache_write(product, "local")
    if after:
        s.reverse_compute_inline(s.block("Y"))

    # Where channels do not fill the last panel, it has zeros, and sums that are not written in the end.
    s.pad(panels, [1, 1, 1, width])
    s.pad(product, [1, 1, 1, width])

    f, y, x = cut_into_tiles(s, product, out, plan, width)
    sum_in_registers(s, product, out, shape, plan, lanes)
    share_out(s, plan, machine, f, y, x)

    s.transform_layout("W_global", lambda ky, kx, c, f: (f // width, ky, kx, c, f % width))
    _, lane = s.split(s.loops(panels)[-1], [None, lanes])
    s.vectorize(lane)

    if shape.padded_around:
        copy = s.block("padded")
        _, y, x, c = s.loops(copy)
        s.vectorize(c if shape.c < lanes else s.split(c, [None, lanes])[1])
        s.parallel(y)
    return s


def cut_into_tiles(
    s: tw.Schedule, product: tw.Block, out: tw.Block, plan: Plan, width: int
) -> tuple[tw.Loop, tw.Loop, tw.Loop]:
    """Compute tile by tile; gives the loops over tiles: channels, rows, columns."""
    _, y, x, f = s.loops(out)
    y, row = s.split(y, [None, plan.rows])
    x, column = s.split(x, [None, plan.columns])
    f, channel = s.split(f, [None, width])
    s.reorder(*((f, y, x) if plan.panels_outside else (y, x, f)), row, column, channel)
    s.compute_at(product, x if plan.panels_outside else f)
    return f, y, x


def sum_in_registers(
    s: tw.Schedule, product: tw.Block, out: tw.Block, shape: Shape, plan: Plan, lanes: int
) -> None:
    """Write a tile out, in vectors; its sums are in registers all through the reduction."""
    *_, row, column, channel, ky, kx, rc = s.loops(product)
    s.reorder(ky, kx, rc, row, column, channel)
    # One long loop, since the processor does not foresee the end of each.
    if shape.kw > 1:
        rc = s.fuse(kx, rc)
    if plan.unroll > 1:
        rc, step = s.split(rc, [None, plan.unroll])
        s.unroll(step)
    clear = s.decompose_reduction(product, ky)
    if shape.pad and not shape.padded_around:
        s.unroll(ky)  # which rows of the window lie in the padding is then decided outside of the loops
    outside = len(s.loops(out)) - 3
    for block in (product, clear, out):
        # Loops of one turn are left out of the block that clears the sums.
        *pixels, channel = s.loops(block)[outside:]
        vector, lane = s.split(channel, [None, lanes])
        for loop in [*pixels[-2:], vector]:
            s.unroll(loop)
        s.vectorize(lane)


def share_out(s: tw.Schedule, plan: Plan, machine: Machine, f: tw.Loop, y: tw.Loop, x: tw.Loop) -> None:
    """Gives each thread a run of tiles, of pixels or of channels."""
    order = [f, y, x] if plan.panels_outside else [y, x, f]
    if plan.share == "tiles":
        s.parallel(s.fuse(*order))
        return
    shared = f if plan.share == "channels" else y
    if shared is not order[0]:
        part, within = s.split(shared, [machine.threads, None])
        s.reorder(part, *(within if loop is shared else loop for loop in order))
        shared = part
    s.parallel(shared)
