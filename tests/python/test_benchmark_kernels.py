"""The workloads of the benchmarks: their lists, and that NumPy and the tensor expressions agree on what they
are."""

from __future__ import annotations

import dataclasses
import pathlib
import sys

import numpy as np
import pytest
import tilewright as tw

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "benchmarks"))

from kernels import operators  # noqa: E402
from kernels.expressions import EXPRESSIONS, expression  # noqa: E402
from kernels.workloads import Workload, all_workloads, conv_sizes  # noqa: E402

SMALL_CONV = conv_sizes(3, 3, 4, 7, 2)
SMALL = {
    "matmul": {"m": 3, "n": 5, "k": 4},
    "batched_matmul": {"b": 2, "m": 3, "n": 4, "k": 5},
    "conv2d": SMALL_CONV,
    "depthwise_conv2d": SMALL_CONV | {"o": 3},
    "conv2d_bias_residual_relu": conv_sizes(1, 3, 4, 5, 1),
    "matmul_bias_gelu": {"m": 3, "n": 5, "k": 4},
    "matmul_residual_layer_norm": {"m": 3, "n": 5, "k": 4},
    "attention": {"b": 2, "t": 5, "d": 3},
    "inverted_residual": conv_sizes(3, 3, 3, 5, 1) | {"e": 4},
}


def small(operator: str, dtype: str = "float32") -> Workload:
    """A workload of any operator that the interpreter has done in no time."""
    (example, *_) = (w for w in all_workloads() if w.operator == operator)
    sizes = SMALL.get(operator, {"m": 3, "n": 5})
    return dataclasses.replace(example, name=f"small_{operator}", sizes=sizes, dtype=dtype)


@pytest.mark.parametrize("operator", operators.OPERATORS)
def test_expressions_compute_what_the_reference_says(operator):
    workload = small(operator)
    inputs = operators.make_inputs(workload)
    found = np.asarray(tw.interpret(expression(workload), list(inputs.values())))
    expected = operators.reference(workload, inputs)
    assert expected.shape == operators.result_shape(workload)
    assert operators.error_of(found, expected) < 1e-6


@pytest.mark.parametrize("dtype", ["bfloat16", "int8"])
def test_low_precision_products_round_once_or_not_at_all(dtype):
    workload = small("matmul", dtype)
    inputs = operators.make_inputs(workload)
    found = np.asarray(tw.interpret(expression(workload), list(inputs.values())))
    _, of_result = operators.dtypes_of(workload)
    assert found.dtype == of_result
    assert operators.error_of(found, operators.reference(workload, inputs)) <= operators.tolerance(workload)


def test_every_operator_is_there_in_all_forms():
    used = {w.operator for w in all_workloads()}
    assert used == set(operators.OPERATORS) == set(EXPRESSIONS)


def test_names_are_unique():
    names = [w.name for w in all_workloads()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("network", "layers", "kinds"), [("resnet50", 53, 23), ("mobilenetv2", 52, 30)])
def test_networks_have_all_their_convolutions(network, layers, kinds):
    found = [w for w in all_workloads() if w.family == network]
    assert (sum(w.count for w in found), len(found)) == (layers, kinds)


def test_mobilenetv2_follows_from_its_blocks():
    """Table 2 of Sandler et al. 2018, expanded."""
    found: dict[tuple, int] = {}

    def add(*key: int) -> None:
        found[key] = found.get(key, 0) + 1

    channels, image = 32, 112
    add(3, 3, 32, 224, 2)
    for t, c, n, s in [
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ]:
        for block in range(n):
            stride = s if block == 0 else 1
            wide = channels * t
            if t > 1:
                add(1, channels, wide, image, 1)
            add(0, wide, wide, image, stride)
            image //= stride
            add(1, wide, c, image, 1)
            channels = c
    add(1, 320, 1280, 7, 1)
    listed = {
        (
            0 if w.operator == "depthwise_conv2d" else w.sizes["kh"],
            w.sizes["c"],
            w.sizes["o"],
            w.sizes["h"],
            w.sizes["stride"],
        ): w.count
        for w in all_workloads()
        if w.family == "mobilenetv2"
    }
    assert listed == found


def test_resnet50_does_its_known_arithmetic():
    """4.09 thousand million multiply-adds with the products of the padding (torchvision's count, less the
    last layer)."""
    total = sum(
        w.count * w.sizes["ho"] * w.sizes["wo"] * w.sizes["o"] * w.sizes["c"] * w.sizes["kh"] * w.sizes["kw"]
        for w in all_workloads()
        if w.family == "resnet50"
    )
    assert total == pytest.approx(4.087e9, rel=1e-3)


def test_padding_is_no_arithmetic():
    sizes = conv_sizes(3, 1, 1, 2, 1)
    assert operators.OPERATORS["conv2d"].operations(sizes) == 2 * 16  # of 4 windows of 9, 4 products each
