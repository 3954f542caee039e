"""The schedules of memory-bound operators, depthwise convolutions and fused operators give the right
results at sizes that tiles and vectors do not divide."""

from __future__ import annotations

import dataclasses
import pathlib
import sys

import numpy as np
import pytest
import tilewright as tw

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "benchmarks"))

from kernels import depthwise, fused, memory_bound, operators  # noqa: E402
from kernels.machine import Machine  # noqa: E402
from kernels.workloads import Workload, all_workloads, conv_sizes  # noqa: E402

MACHINE = Machine(threads=2)
# One whose last cache holds next to nothing: results are written past it, rows are fetched ahead.
SMALL_CACHES = Machine(threads=2, caches=(1 << 10, 2 << 10, 4 << 10))


def workload_of(operator: str, sizes: dict[str, int]) -> Workload:
    """A workload of other sizes than those of the list."""
    (example, *_) = (w for w in all_workloads() if w.operator == operator)
    return dataclasses.replace(example, name=f"test_{operator}", sizes=sizes)


def check(schedule: tw.Schedule, workload: Workload, machine: Machine, tolerance: float = 2e-6) -> None:
    """Run a schedule, with its constants prepared, into memory that holds NaN."""
    inputs = operators.make_inputs(workload)
    function = tw.build(schedule, machine.target)
    constants = {name: inputs[name] for name in workload.constants}
    if constants:
        function = function.prepare(constants)
    out = np.full(operators.result_shape(workload), np.nan, np.float32)
    function(*(value for name, value in inputs.items() if name not in constants), out)
    expected = operators.reference(workload, inputs)
    assert operators.error_of(out, expected) < tolerance
    assert not np.isnan(out).any()


@pytest.mark.parametrize("operator", memory_bound.SCHEDULES)
@pytest.mark.parametrize("m, n", [(1, 1), (3, 5), (33, 100), (7, 129), (64, 256)])
def test_memory_bound_operators(operator, m, n):
    workload = workload_of(operator, {"m": m, "n": n})
    check(memory_bound.schedule(workload, MACHINE), workload, MACHINE)


@pytest.mark.parametrize("operator", memory_bound.SCHEDULES)
@pytest.mark.parametrize("m, n", [(5, 77), (40, 192)])
def test_results_that_no_cache_holds(operator, m, n):
    workload = workload_of(operator, {"m": m, "n": n})
    check(memory_bound.schedule(workload, SMALL_CACHES), workload, MACHINE)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38, -3e38])
def test_softmax_of_rows_with_an_extreme_value(value):
    workload = workload_of("softmax", {"m": 2, "n": 70})
    x = operators.make_inputs(workload)["X"]
    x[1, 66] = value
    found = tw.build(memory_bound.schedule(workload, MACHINE))(x)
    with np.errstate(invalid="ignore"):
        expected = operators.softmax(x.astype(np.float64))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-30)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize(
    "channels, image, stride",
    [(5, 3, 1), (16, 1, 1), (33, 7, 1), (32, 9, 2), (48, 14, 1), (17, 17, 1), (64, 8, 2)],
)
def test_depthwise_convolutions(threads, channels, image, stride):
    workload = workload_of("depthwise_conv2d", conv_sizes(3, channels, channels, image, stride))
    machine = dataclasses.replace(MACHINE, threads=threads)
    check(depthwise.schedule(workload, machine), workload, machine)


def test_depthwise_convolution_without_padding():
    sizes = conv_sizes(3, 24, 24, 11, 1) | {"pad": 0, "ho": 9, "wo": 9}
    workload = workload_of("depthwise_conv2d", sizes)
    check(depthwise.schedule(workload, MACHINE), workload, MACHINE)


@pytest.mark.parametrize("b, t, d", [(2, 16, 16), (3, 20, 24), (1, 7, 5), (2, 130, 32)])
def test_attention(b, t, d):
    workload = workload_of("attention", {"b": b, "t": t, "d": d})
    check(fused.schedule(workload, MACHINE), workload, MACHINE, 5e-6)


@pytest.mark.parametrize("c, e, image", [(4, 16, 6), (3, 40, 5), (24, 48, 9)])
def test_inverted_residual_blocks(c, e, image):
    workload = workload_of("inverted_residual", conv_sizes(3, c, c, image, 1) | {"e": e})
    check(fused.schedule(workload, MACHINE), workload, MACHINE)


@pytest.mark.parametrize("operator", ["matmul_bias_gelu", "matmul_residual_layer_norm"])
@pytest.mark.parametrize("m, n, k", [(5, 33, 7), (30, 100, 65), (16, 64, 2500)])
def test_products_with_an_epilogue(operator, m, n, k):
    workload = workload_of(operator, {"m": m, "n": n, "k": k})
    check(fused.schedule(workload, MACHINE), workload, MACHINE, 5e-6)


@pytest.mark.parametrize(
    "window, c, o, image, stride", [(1, 3, 40, 5, 1), (3, 6, 20, 7, 1), (3, 4, 16, 6, 2)]
)
def test_convolutions_with_an_epilogue(window, c, o, image, stride):
    workload = workload_of("conv2d_bias_residual_relu", conv_sizes(window, c, o, image, stride))
    check(fused.schedule(workload, MACHINE), workload, MACHINE)
