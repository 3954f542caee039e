"""Schedules by Winograd's filtering, compiled: against NumPy in float64 and the bound that they declare."""

from __future__ import annotations

import pathlib
import sys

import numpy as np
import pytest
import tilewright as tw
from tilewright import _core

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "benchmarks"))

from kernels import operators  # noqa: E402
from kernels.machine import Machine  # noqa: E402
from kernels.winograd import plan, plans, schedule, scheduled, workloads  # noqa: E402
from kernels.workloads import Workload, conv_sizes  # noqa: E402

MACHINE = Machine(threads=2)


def convolution(c: int, o: int, image: int, pad: int = 1) -> Workload:
    sizes = conv_sizes(3, c, o, image, 1)
    out = image + 2 * pad - 2
    return Workload("conv", "test", "conv2d", sizes | {"pad": pad, "ho": out, "wo": out}, constants=("W",))


def check(workload: Workload, s: tw.Schedule) -> None:
    """Prepared once; within the declared bound, and far within the tolerance of the benchmarks."""
    inputs = operators.make_inputs(workload)
    x, w = inputs["X"], inputs["W"]
    expected = operators.reference(workload, inputs)
    out = np.full(expected.shape, np.nan, np.float32)
    tw.build(s, MACHINE.target).prepare({"W": w})(x, out)

    (applied,) = _core.applied_rewrites(s.program)
    terms = 9 * workload.sizes["c"]
    factor = applied["error_factor"] + applied["error_per_term"] * terms
    bound = factor * 2.0**-24 * terms * np.abs(x).max() * np.abs(w).max()
    assert np.abs(out - expected).max() <= bound
    assert operators.error_of(out, expected) <= operators.tolerance(workload) / 5


# Channels in, channels out, height and width.
@pytest.mark.parametrize(
    ("c", "o", "image"),
    [(1, 1, 1), (3, 5, 4), (16, 32, 7), (17, 33, 9), (5, 40, 13), (32, 16, 2), (20, 50, 6), (64, 7, 5)],
)
def test_odd_shapes(c, o, image):
    workload = convolution(c, o, image)
    check(workload, scheduled(workload, plan(workload.sizes, MACHINE)))


@pytest.mark.parametrize(("down", "across"), [(2, 2), (4, 2), (4, 4)])
@pytest.mark.parametrize("by_parts", [False, True])
def test_every_tile_shared_by_blocks_or_by_parts(down, across, by_parts):
    workload = convolution(18, 40, 11)
    found = [
        p
        for p in plans(workload.sizes, MACHINE)
        if (p.down, p.across, p.part < 40) == (down, across, by_parts)
    ]
    for p in {len(found): found[0], 1: found[-1]}.values():
        check(workload, scheduled(workload, p))


def test_an_image_that_is_not_padded():
    workload = convolution(6, 20, 10, pad=0)
    for s in schedule(workload, MACHINE).values():
        check(workload, s)


def test_plans_take_the_fewest_products_unless_the_filter_is_too_large():
    def tiles_of(channels: int, machine: Machine) -> tuple[int, int]:
        (w,) = (w for w in workloads if w.sizes["c"] == channels)
        p = plan(w.sizes, machine)
        direct = 9 * w.sizes["c"] * w.sizes["o"] * w.sizes["ho"] * w.sizes["wo"]
        assert direct / (p.positions * p.tiles(w.sizes) * w.sizes["c"] * w.sizes["o"]) > 1.7
        return p.down, p.across

    assert tiles_of(64, MACHINE) == tiles_of(128, MACHINE) == (4, 4)
    # 7 x 7 results of 512 channels: 38 MB of a filter for tiles of 4 x 4, 25 for 4 x 2, 17 for 2 x 2.
    for last, expected in [(64, (4, 4)), (32, (4, 2)), (20, (2, 2))]:
        assert tiles_of(512, Machine(2, (48 << 10, 1 << 20, last << 20))) == expected


@pytest.mark.parametrize("workload", workloads, ids=lambda w: w.name)
def test_products_stay_in_registers(workload):
    p = plan(workload.sizes, MACHINE)
    asm = tw.build(scheduled(workload, p), "llvm -mcpu=znver4 -threads=2").source("asm")
    sums = p.rows * p.vectors
    loops = [
        part for part in asm.split(".LBB") if part.count("vfmadd231ps") == sums and "vbroadcastss" in part
    ]
    assert loops
    for loop in loops:
        body = loop[: loop.index("\tj")]
        assert not [line for line in body.splitlines() if "zmm" in line and line.rstrip().endswith(")")]
