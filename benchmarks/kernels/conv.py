"""Direct convolutions of NHWC images, pointwise and windowed, with weights packed beforehand.

A register tile holds some pixels by some vectors of channels. Its loop over the reduction broadcasts elements of
the image straight from where they lie, and reads the weights from panels: the weights of a tile's channels stand
behind each other in the order in which the loop takes them. So a step is `vectors` loads of weights, `pixels`
broadcasts and `pixels * vectors` FMAs, and nothing of the image is copied.

What a schedule decides, by `Plan`: the tile; whether the tiles of one panel of weights run one after the other
(the weights stay in a cache, the image streams) or the panels of one tile do; and whether threads share out
pixels or channels. `choose` compares estimated times; nothing here knows of particular layers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import tilewright as tw
from tilewright import te

from kernels.machine import Machine
from kernels.workloads import Workload, all_workloads

workloads = [workload for workload in all_workloads() if workload.operator == "conv2d"]

FLOAT = 4
LINE = 64
FEW_CHANNELS = 8  # an image of fewer is cheap to copy, and its padding touches much of a tile


def schedule(workload: Workload, machine: Machine) -> tw.Schedule:
    """The schedule of a workload of this family."""
    shape = Shape(**{name: workload.sizes[name] for name in Shape.__annotations__})
    return schedule_conv2d(shape, choose(shape, machine), machine)


@dataclass(frozen=True)
class Shape:
    """Of one image: height, width, channels in and out, window, stride, padding on each side, result."""

    h: int
    w: int
    c: int
    o: int
    kh: int
    kw: int
    stride: int
    pad: int
    ho: int
    wo: int

    @property
    def steps(self) -> int:
        """Of the reduction."""
        return self.kh * self.kw * self.c


@dataclass(frozen=True)
class Plan:
    """`rows` x `columns` pixels by `vectors` of channels in registers; more than one row only of all columns.
    `panels_outside`: all tiles of a panel of weights, then the next panel. `share`: what threads share out."""

    rows: int
    columns: int
    vectors: int
    panels_outside: bool
    share: str  # "pixels" or "channels"


def conv2d(shape: Shape, copied: bool) -> te.Tensor:
    """The operator. The padding is a copy of the image, or what a sum leaves out."""
    s = shape
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

    return te.compute((1, s.ho, s.wo, s.o), product, name="Y")


def schedule_conv2d(shape: Shape, plan: Plan, machine: Machine) -> tw.Schedule:
    """The convolution as a plan says."""
    copied = shape.pad > 0 and shape.c < FEW_CHANNELS
    lanes, width = machine.vector, plan.vectors * machine.vector
    s = tw.Schedule(conv2d(shape, copied))
    product = s.block("Y")
    panels = s.cache_read(product, "W", "global")
    out = s.cache_write(product, "local")

    # Tiles, and the loops over them.
    _, y, x, f = s.loops(out)
    y, row = s.split(y, [None, plan.rows])
    x, column = s.split(x, [None, plan.columns])
    f, channel = s.split(f, [None, width])
    s.reorder(*((f, y, x) if plan.panels_outside else (y, x, f)), row, column, channel)
    s.compute_at(product, x if plan.panels_outside else f)

    # The register tile. Long loops: at the end of each the processor guesses wrong.
    *_, row, column, channel, ky, kx, rc = s.loops(product)
    s.reorder(ky, kx, rc, row, column, channel)
    if shape.kw > 1:
        rc = s.fuse(kx, rc)
    clear = s.decompose_reduction(product, ky)
    if shape.pad and not copied:
        s.unroll(ky)  # which rows of the window lie in the padding is then decided outside of the loops
    for block in (product, clear, out):
        *_, row, column, channel = s.loops(block)
        vector, lane = s.split(channel, [None, lanes])
        s.unroll(row)
        s.unroll(column)
        s.unroll(vector)
        s.vectorize(lane)

    # Panels of weights, zeros in the last one where channels do not fill it.
    s.pad(panels, [1, 1, 1, width])
    s.transform_layout("W_global", lambda ky, kx, c, f: (f // width, ky, kx, c, f % width))
    _, lane = s.split(s.loops(panels)[-1], [None, lanes])
    s.vectorize(lane)

    share_out(s, plan, machine, f, y, x)
    if copied:
        copy = s.block("padded")
        _, y, x, c = s.loops(copy)
        _, lane = s.split(s.fuse(x, c), [None, lanes])
        s.vectorize(lane)
        s.parallel(y)
    return s


def share_out(s: tw.Schedule, plan: Plan, machine: Machine, f: tw.Loop, y: tw.Loop, x: tw.Loop) -> None:
    """Gives each thread a run of pixels or of channels."""
    if (plan.share == "channels") == plan.panels_outside:
        s.parallel(f if plan.panels_outside else s.fuse(y, x))
        return
    if plan.share == "channels":
        part, f = s.split(f, [machine.threads, None])
        s.reorder(part, y, x, f)
    else:
        part, y = s.split(y, [machine.threads, None])
        s.reorder(part, f, y, x)
    s.parallel(part)
