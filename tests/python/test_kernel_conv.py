"""Schedules of direct convolutions: right at odd sizes, whatever the plan; tiles that stay in registers."""

from __future__ import annotations

import pathlib
import sys

import numpy as np
import pytest
import tilewright as tw
from tilewright import te

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "benchmarks"))

from kernels import conv, operators  # noqa: E402
from kernels.conv_plans import Plan, Shape, choose  # noqa: E402
from kernels.machine import Machine  # noqa: E402
from kernels.workloads import Workload, all_workloads, conv_sizes  # noqa: E402

WIDE = Machine(threads=2)
NARROW = Machine(threads=3, vector=8, vector_registers=16)

# Window, channels in and out, image, stride.
SHAPES = [
    (1, 3, 5, 7, 1),  # channels that fill no vector
    (1, 24, 24, 5, 1),
    (1, 16, 48, 6, 2),
    (1, 7, 130, 3, 3),
    (1, 1, 1, 1, 1),
    (3, 5, 17, 9, 1),  # all four borders
    (3, 4, 33, 8, 2),
    (3, 2, 16, 1, 1),  # an image of padding, nearly
    (5, 2, 40, 6, 1),
    (7, 3, 20, 15, 2),
]


def check(sizes: dict[str, int], scheduled: tw.Schedule, threads: int) -> tw.Function:
    """Compare with NumPy in float64; the weights prepared."""
    workload = Workload("checked", "resnet50", "conv2d", sizes, constants=("W",))
    inputs = operators.make_inputs(workload)
    function = tw.build(scheduled, f"llvm -threads={threads}")
    result = np.full(operators.result_shape(workload), np.nan, "float32")
    function.prepare({"W": inputs["W"]})(inputs["X"], result)
    assert operators.error_of(result, operators.reference(workload, inputs)) < 1e-6
    return function


def shape_of(sizes: dict[str, int]) -> Shape:
    return Shape(**sizes)


@pytest.mark.parametrize("machine", [WIDE, NARROW], ids=["16 lanes", "8 lanes"])
@pytest.mark.parametrize("sizes", SHAPES, ids=str)
def test_any_size(sizes, machine):
    shape = shape_of(conv_sizes(*sizes))
    check(conv_sizes(*sizes), conv.schedule_conv2d(shape, choose(shape, machine), machine), machine.threads)


def test_images_that_are_not_square():
    sizes = conv_sizes(3, 4, 6, 8, 1) | {"h": 5, "ho": 5}
    shape = shape_of(sizes)
    check(sizes, conv.schedule_conv2d(shape, choose(shape, WIDE), WIDE), 2)


@pytest.mark.parametrize("share", ["pixels", "channels", "tiles"])
@pytest.mark.parametrize("panels_outside", [True, False])
@pytest.mark.parametrize("tile", [(1, 5, 2), (1, 4, 1), (2, 7, 1), (1, 3, 3)])
@pytest.mark.parametrize("sizes", [(1, 12, 50, 7, 1), (3, 4, 50, 7, 1), (3, 4, 50, 13, 2)], ids=str)
def test_any_plan(sizes, tile, panels_outside, share):
    shape = shape_of(conv_sizes(*sizes))
    plan = Plan(*tile, panels_outside, share, unroll=4)
    check(conv_sizes(*sizes), conv.schedule_conv2d(shape, plan, WIDE), 2)


CONVOLUTIONS = [workload for workload in all_workloads() if workload.operator == "conv2d"]


@pytest.mark.parametrize("workload", CONVOLUTIONS, ids=lambda workload: workload.name)
def test_tiles_of_the_networks_stay_in_registers(workload):
    function = tw.build(conv.schedule(workload, WIDE), "llvm -mcpu=znver4 -threads=2")
    assert function.stats.spills == 0
    assert not function.stats.notes


@pytest.mark.parametrize("sizes", [(1, 5, 40, 7, 1), (3, 4, 33, 8, 2)], ids=str)
def test_what_comes_after_the_sums(sizes):
    sizes = conv_sizes(*sizes)
    workload = Workload("checked", "fused", "conv2d_bias_residual_relu", sizes, constants=("W", "bias"))
    inputs = operators.make_inputs(workload)
    shape = shape_of(sizes)
    bias = te.placeholder((shape.o,), "float32", name="bias", constant=True)
    R = te.placeholder((1, shape.ho, shape.wo, shape.o), "float32", name="R")

    def after(conv: te.Tensor) -> te.Tensor:
        return te.compute(
            conv.shape,
            lambda n, y, x, o: te.maximum(conv[n, y, x, o] + bias[o] + R[n, y, x, o], 0.0),
            name="Y",
        )

    s = conv.schedule_conv2d(shape, choose(shape, WIDE), WIDE, after)
    f = tw.build(s, "llvm -threads=2").prepare({"W": inputs["W"], "bias": inputs["bias"]})
    found = f(X=inputs["X"], R=inputs["R"])
    assert operators.error_of(found, operators.reference(workload, inputs)) < 1e-6
