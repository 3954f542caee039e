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
LONGEST_TURN = 112  # FMAs of a turn of the reduction


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

    @property
    def padded_around(self) -> bool:
        """Whether windows reach into the padding on both sides. Then half of the tiles may meet it, and a copy of
        the image with zeros around costs less. With a stride of 2 it is often one side: few tiles."""
        return self.pad > 0 and (self.ho - 1) * self.stride + self.kh > self.h + self.pad


@dataclass(frozen=True)
class Plan:
    """`rows` x `columns` pixels by `vectors` of channels in registers; more than one row only of all columns.
    `panels_outside`: all tiles of a panel of weights, then the next panel. `share`: what threads share out.
    `unroll`: steps of the reduction a turn."""

    rows: int
    columns: int
    vectors: int
    panels_outside: bool
    share: str  # "pixels", "channels", or "tiles": either, as the last loops but one make one range of tiles
    unroll: int = 1

    @property
    def sums(self) -> int:
        """Registers that hold sums."""
        return self.rows * self.columns * self.vectors


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
    copied = shape.padded_around
    lanes, width = machine.vector, plan.vectors * machine.vector
    s = tw.Schedule(conv2d(shape, copied))
    product = s.block("Y")
    panels = s.cache_read(product, "W", "global")
    out = s.cache_write(product, "local")

    # Where channels do not fill the last panel, it has zeros, and sums that are not written in the end.
    s.pad(panels, [1, 1, 1, width])
    s.pad(product, [1, 1, 1, width])

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
    if plan.unroll > 1:
        rc, step = s.split(rc, [None, plan.unroll])
        s.unroll(step)
    clear = s.decompose_reduction(product, ky)
    if shape.pad and not copied:
        s.unroll(ky)  # which rows of the window lie in the padding is then decided outside of the loops
    outside = len(s.loops(out)) - 3
    for block in (product, clear, out):
        # Loops of one turn are left out of the block that clears the sums.
        *pixels, channel = s.loops(block)[outside:]
        vector, lane = s.split(channel, [None, lanes])
        for loop in [*pixels[-2:], vector]:
            s.unroll(loop)
        s.vectorize(lane)

    # Panels of weights.
    s.transform_layout("W_global", lambda ky, kx, c, f: (f // width, ky, kx, c, f % width))
    _, lane = s.split(s.loops(panels)[-1], [None, lanes])
    s.vectorize(lane)

    share_out(s, plan, machine, f, y, x)
    if copied:
        copy = s.block("padded")
        _, y, x, c = s.loops(copy)
        s.vectorize(c if shape.c < lanes else s.split(c, [None, lanes])[1])
        s.parallel(y)
    return s


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


# What a plan takes, in cycles of one thread.

CYCLES_PER_BYTE = 0.008  # from the last-level cache, beside the arithmetic
CYCLES_PER_NEAR_BYTE = 0.001  # from the second
LATENCY = 6  # of an FMA, and some room: fewer sums than two for each cycle of it wait for each other
PER_CYCLE = 2  # FMAs, and loads


def choose(shape: Shape, machine: Machine) -> Plan:
    """The plan that is estimated to take least; of equals the one with the smaller tile."""
    plans = itertools.product(_tiles(shape, machine), (True, False), ("pixels", "channels", "tiles"))
    fitting = [Plan(*tile, outside, share, _unroll(shape, math.prod(tile))) for tile, outside, share in plans]
    return min(fitting, key=lambda plan: (estimate(shape, plan, machine), plan.sums))


def _tiles(shape: Shape, machine: Machine) -> Iterator[tuple[int, int, int]]:
    """Register tiles: sums, a vector of weights for each column of them, and one broadcast pixel."""
    most = machine.vector_registers - 1
    for vectors in range(1, 5):
        if (vectors - 1) * machine.vector >= shape.o:
            return
        pixels = most // vectors - 1
        for columns in range(1, min(pixels, shape.wo) + 1):
            yield 1, columns, vectors
        for rows in range(2, min(pixels // shape.wo, shape.ho) + 1):
            yield rows, shape.wo, vectors


def _unroll(shape: Shape, sums: int) -> int:
    """More than a step a turn where registers are left for it: else LLVM loads ahead of need, and spills."""
    if sums > 16 or (shape.pad and not shape.padded_around):
        return 1
    steps = shape.c * shape.kw
    return max(n for n in range(1, max(LONGEST_TURN // sums, 1) + 1) if steps % n == 0 and n <= 8)


def estimate(shape: Shape, plan: Plan, machine: Machine) -> float:
    """Cycles of the busiest thread: arithmetic or loads, whichever binds, and what streams from the last cache."""
    rows, columns, panels = _parts(shape.ho, plan.rows), _parts(shape.wo, plan.columns), _panels(shape, plan, machine)
    busiest = _busiest(plan, machine.threads, math.ceil(shape.ho / plan.rows), math.ceil(shape.wo / plan.columns), panels)
    of_all = math.ceil(shape.ho / plan.rows) * math.ceil(shape.wo / plan.columns) * panels
    cycles = 0.0
    for row, row_tiles in rows:
        for column, column_tiles in columns:
            cycles += row_tiles * column_tiles * panels * _tile(shape, row * column, plan.vectors, machine)
    ragged = 1.02 if len(rows) + len(columns) > 2 else 1.0
    if len(columns) > 1 and plan.share == "tiles" or len(rows) > 1 and plan.share != "channels":
        ragged = 2.0  # conditions on a parallel loop are not cut away
    return cycles * ragged * busiest / of_all + CYCLES_PER_BYTE * _streamed(shape, plan, machine, panels)


def _parts(extent: int, size: int) -> list[tuple[int, int]]:
    """Sizes of tiles along an axis, and how many there are."""
    return [part for part in ((size, extent // size), (extent % size, 1)) if part[0] and part[1]]


def _panels(shape: Shape, plan: Plan, machine: Machine) -> int:
    return math.ceil(shape.o / (plan.vectors * machine.vector))


def _busiest(plan: Plan, threads: int, rows: int, columns: int, panels: int) -> int:
    """Tiles of the busiest thread."""
    if plan.share == "tiles":
        return math.ceil(rows * columns * panels / threads)
    if plan.share == "channels":
        return rows * columns * math.ceil(panels / threads)
    return math.ceil(rows / threads) * columns * panels


def _tile(shape: Shape, pixels: int, vectors: int, machine: Machine) -> float:
    """Cycles of one tile."""
    sums = pixels * vectors
    loads = sums + vectors if vectors == 1 else pixels + vectors  # a broadcast that is used once is part of its FMA
    step = max(sums / PER_CYCLE, loads / PER_CYCLE, LATENCY)
    weights = vectors * machine.vector * FLOAT
    if shape.steps * weights > machine.caches[0] / 2:
        step += weights * CYCLES_PER_NEAR_BYTE
    # Rows of the image that fall into the same set of the first cache push each other out.
    sets, ways = 64, machine.caches[0] // LINE // 64
    pitch = shape.c * shape.stride * FLOAT // LINE
    crowded = pixels / (sets // math.gcd(pitch, sets)) > ways if pitch else False
    # A small tile is soon done with its last step, and the next begins meanwhile.
    end = sums * (0.5 if sums <= 16 else 1.0)
    return shape.steps * step * (1.05 if crowded else 1.0) + end


def _streamed(shape: Shape, plan: Plan, machine: Machine, panels: int) -> float:
    """Bytes that a thread reads again and again from beyond its second cache."""
    touched = min(shape.h, shape.ho * shape.kh) * min(shape.w, shape.wo * shape.kw)
    image, weights = touched * shape.c * FLOAT, shape.steps * shape.o * FLOAT
    of_channels = plan.share == "channels" or (plan.share == "tiles" and plan.panels_outside)
    image, weights = (image, weights / machine.threads) if of_channels else (image / machine.threads, weights)
    stays = machine.caches[1] * 3 / 4
    if plan.panels_outside:
        again = panels / (machine.threads if of_channels else 1)
        return weights + image * (again if image + weights / panels > stays else 1)
    again = math.ceil(shape.ho / plan.rows) * math.ceil(shape.wo / plan.columns) / (1 if of_channels else machine.threads)
    return image + weights * (again if weights > stays else 1)
