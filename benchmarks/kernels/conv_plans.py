"""How a direct convolution is cut into tiles and shared out, chosen by an estimate of the time that it takes.

The inner loop of a tile is the same for all convolutions (see `conv.py`), so its time follows from how many
FMAs and loads a step has. What else differs between plans: how many tiles the busiest thread has, how often
the image or the weights stream from the last cache, and whether rows of the image collide in the first one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

from kernels.machine import Machine

FLOAT = 4
LINE = 64  # bytes of a line of a cache
PAGE = 4096  # of virtual memory, and the bytes of a way of a first cache

PER_CYCLE = 2  # FMAs, and loads
LATENCY = (
    6  # of an FMA, with some room: sums that are fewer than two for each cycle of it wait for themselves
)
CYCLES_PER_BYTE = 0.008  # from the last cache, beside the arithmetic
CYCLES_PER_NEAR_BYTE = 0.001  # from the second
CROWDED = 1.05  # a tile whose rows push each other out of the first cache
RAGGED = 1.02  # a tile that does not divide the image

FEW_SUMS = 16  # registers: a tile of so many leaves enough for loads ahead of need
LONGEST_TURN = 112  # FMAs of one turn of the reduction
MOST_STEPS = 8  # of one turn


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
        """Whether windows reach into the padding on both sides. Then half of the tiles may meet it, and a
        copy of the image with zeros around costs less. With a stride of 2 it is often one side: few tiles."""
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


def choose(shape: Shape, machine: Machine) -> Plan:
    """The plan that is estimated to take least; of equals the one with the smallest tile."""
    plans = itertools.product(_tiles(shape, machine), (True, False), ("pixels", "channels", "tiles"))
    found = [
        Plan(*tile, outside, share, _steps_of_a_turn(shape, math.prod(tile)))
        for tile, outside, share in plans
    ]
    return min(found, key=lambda plan: (estimate(shape, plan, machine), plan.sums))


def estimate(shape: Shape, plan: Plan, machine: Machine) -> float:
    """Cycles of the busiest thread."""
    count = _Counts.of(shape, plan, machine)
    cycles = sum(
        tiles * count.panels * _tile(shape, pixels, plan.vectors, machine) for pixels, tiles in count.parts
    )
    if count.ragged:
        # Where the loop that says whether a tile is whole is the parallel one, the test stays in the tile.
        cycles *= 2 if plan.share == "tiles" else RAGGED
    return cycles * count.busiest + CYCLES_PER_BYTE * _streamed(shape, plan, machine, count)


def _tiles(shape: Shape, machine: Machine) -> Iterator[tuple[int, int, int]]:
    """Register tiles: sums, a vector of weights for each column of them, and one broadcast pixel."""
    for vectors in range(1, 5):
        if (vectors - 1) * machine.vector >= shape.o:
            return
        pixels = (machine.vector_registers - 1) // vectors - 1
        for columns in range(1, min(pixels, shape.wo) + 1):
            yield 1, columns, vectors
        for rows in range(2, min(pixels // shape.wo, shape.ho) + 1):
            yield rows, shape.wo, vectors


def _steps_of_a_turn(shape: Shape, sums: int) -> int:
    """Several where registers are left: else the compiler loads ahead of need, and spills. Then the loop is
    short, and the processor foresees its end."""
    if sums > FEW_SUMS or (shape.pad and not shape.padded_around):
        return 1
    most = min(max(LONGEST_TURN // sums, 1), MOST_STEPS)
    return max(steps for steps in range(1, most + 1) if shape.c * shape.kw % steps == 0)


@dataclass(frozen=True)
class _Counts:
    """Tiles of the image by size: pixels, and how many. Panels of channels. The busiest thread's part."""

    parts: list[tuple[int, int]]
    panels: int
    busiest: float

    @staticmethod
    def of(shape: Shape, plan: Plan, machine: Machine) -> _Counts:
        rows, columns = _cut(shape.ho, plan.rows), _cut(shape.wo, plan.columns)
        parts = [(row * column, m * n) for (row, m), (column, n) in itertools.product(rows, columns)]
        panels = math.ceil(shape.o / (plan.vectors * machine.vector))
        if plan.share == "pixels":
            most = math.ceil(math.ceil(shape.ho / plan.rows) / machine.threads) * plan.rows
            return _Counts(parts, panels, min(most, shape.ho) / shape.ho)
        shared = panels if plan.share == "channels" else sum(n for _, n in parts) * panels
        return _Counts(parts, panels, math.ceil(shared / machine.threads) / shared)

    @property
    def tiles(self) -> int:
        """Of one panel."""
        return sum(n for _, n in self.parts)

    @property
    def ragged(self) -> bool:
        """Whether some tiles are smaller than others."""
        return len(self.parts) > 1


def _cut(extent: int, size: int) -> list[tuple[int, int]]:
    """The sizes of the pieces of an extent, and how many there are of each."""
    return [(piece, n) for piece, n in ((size, extent // size), (extent % size, 1)) if piece and n]


def _tile(shape: Shape, pixels: int, vectors: int, machine: Machine) -> float:
    """Cycles of one tile."""
    sums = pixels * vectors
    # An element of the image that is used once is loaded by its FMA, others by a broadcast.
    step = max(sums / PER_CYCLE, (pixels + vectors) / PER_CYCLE, LATENCY)
    weights = vectors * machine.vector * FLOAT
    if shape.steps * weights > machine.caches[0] / 2:
        step += weights * CYCLES_PER_NEAR_BYTE
    if _collide(shape, pixels, machine):
        step *= CROWDED
    # A small tile is soon done with its last step, and the next begins meanwhile.
    end = sums * (0.5 if sums <= FEW_SUMS else 1.0)
    return shape.steps * step + end


def _collide(shape: Shape, pixels: int, machine: Machine) -> bool:
    """Whether the elements of a tile's pixels at one step lie in so few sets of the first cache that these
    overflow: pixels that are a multiple of 4096 bytes apart share one."""
    pitch, sets = shape.c * shape.stride * FLOAT // LINE, PAGE // LINE
    used = sets // math.gcd(pitch, sets) if pitch else sets
    return pixels > used * (machine.caches[0] // PAGE)


def _streamed(shape: Shape, plan: Plan, machine: Machine, count: _Counts) -> float:
    """Bytes that a thread reads from beyond its second cache."""
    touched = min(shape.h, shape.ho * shape.kh) * min(shape.w, shape.wo * shape.kw)
    image, weights = touched * shape.c * FLOAT, shape.steps * shape.o * FLOAT
    tiles, panels = count.tiles, count.panels
    if plan.share == "channels" or (plan.share == "tiles" and plan.panels_outside):
        weights, panels = weights / machine.threads, panels / machine.threads
    else:
        image, tiles = image / machine.threads, tiles / machine.threads
    stays = machine.caches[1] * 3 / 4
    if plan.panels_outside:
        return weights + image * (panels if image + weights / panels > stays else 1)
    return image + weights * (tiles if weights > stays else 1)
