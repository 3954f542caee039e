"""What the operators of the workloads compute: their inputs, their meaning in NumPy, their arithmetic and
bytes.

Images are NHWC, filters HWIO (depthwise: HWC); a side that prefers others turns inputs beforehand and its
result back afterwards, outside of what is timed.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from kernels.workloads import Workload

Arrays = dict[str, NDArray]
Sizes = dict[str, int]


@dataclass(frozen=True)
class Operator:
    """`shapes` of the inputs by name, in the order of the arguments, and `result` that of the result;
    `reference` the result from inputs in float64; `operations` its arithmetic, a multiply-add counting as
    two."""

    shapes: Callable[[Sizes], dict[str, tuple[int, ...]]]
    result: Callable[[Sizes], tuple[int, ...]]
    reference: Callable[[Sizes, Arrays], NDArray]
    operations: Callable[[Sizes], float]


def _windows(s: Sizes, x: NDArray) -> NDArray:
    """The windows of an image: (n, ho, wo, c, kh, kw), a view of the padded image."""
    pad, stride = s["pad"], s["stride"]
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (s["kh"], s["kw"]), axis=(1, 2))
    return windows[:, ::stride, ::stride]


def conv2d(s: Sizes, x: NDArray, w: NDArray) -> NDArray:
    """Cross-correlation of an NHWC image with HWIO filters, padded with zeros."""
    return np.tensordot(_windows(s, x), w, axes=((4, 5, 3), (0, 1, 2)))


def depthwise_conv2d(s: Sizes, x: NDArray, w: NDArray) -> NDArray:
    """A filter of its own for every channel."""
    return np.einsum("nyxcij,ijc->nyxc", _windows(s, x), w, optimize=True)


def _erf(x: NDArray) -> NDArray:
    return np.vectorize(math.erf, otypes=[np.float64])(x)


def gelu(x: NDArray) -> NDArray:
    """In the exact form, by the error function."""
    return 0.5 * x * (1 + _erf(x / math.sqrt(2)))


def softmax(x: NDArray) -> NDArray:
    """Along the last axis."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


LAYER_NORM_EPSILON = 1e-5


def layer_norm(x: NDArray, gamma: NDArray, beta: NDArray) -> NDArray:
    """Along the last axis."""
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = (centred**2).mean(axis=-1, keepdims=True)
    return centred / np.sqrt(variance + LAYER_NORM_EPSILON) * gamma + beta


def _attention(s: Sizes, a: Arrays) -> NDArray:
    scores = a["Q"] @ a["K"].swapaxes(1, 2) / math.sqrt(s["d"])
    return softmax(scores) @ a["V"]


def _inverted_residual(s: Sizes, a: Arrays) -> NDArray:
    wide = np.clip(a["X"] @ a["W1"], 0, 6)
    wide = np.clip(depthwise_conv2d(s, wide, a["W2"]), 0, 6)
    return wide @ a["W3"]


def _image(s: Sizes) -> tuple[int, ...]:
    return (1, s["h"], s["w"], s["c"])


def _taps(s: Sizes, out: int, window: int, image: int) -> int:
    """How often a window along one axis meets the image: what it reads of the padding needs no arithmetic."""
    starts = [at * s["stride"] - s["pad"] for at in range(out)]
    return sum(min(start + window, image) - max(start, 0) for start in starts)


def _depthwise_operations(s: Sizes, channels: int) -> float:
    return 2.0 * channels * _taps(s, s["ho"], s["kh"], s["h"]) * _taps(s, s["wo"], s["kw"], s["w"])


def _conv_operations(s: Sizes) -> float:
    return s["o"] * _depthwise_operations(s, s["c"])


def _matmul_operations(s: Sizes) -> float:
    return 2.0 * s.get("b", 1) * s["m"] * s["n"] * s["k"]


def _image_out(s: Sizes) -> tuple[int, ...]:
    return (1, s["ho"], s["wo"], s["o"])


def _matrix(s: Sizes) -> tuple[int, ...]:
    return (s["m"], s["n"])


def _rowwise(
    reference: Callable[[NDArray], NDArray],
    per_element: float,
    result: Callable[[Sizes], tuple[int, ...]] = _matrix,
) -> Operator:
    return Operator(
        lambda s: {"X": _matrix(s)},
        result,
        lambda s, a: reference(a["X"]),
        lambda s: per_element * s["m"] * s["n"],
    )


OPERATORS: dict[str, Operator] = {
    "matmul": Operator(
        lambda s: {"A": (s["m"], s["k"]), "B": (s["k"], s["n"])},
        _matrix,
        lambda s, a: a["A"] @ a["B"],
        _matmul_operations,
    ),
    "batched_matmul": Operator(
        lambda s: {"A": (s["b"], s["m"], s["k"]), "B": (s["b"], s["k"], s["n"])},
        lambda s: (s["b"], s["m"], s["n"]),
        lambda s, a: a["A"] @ a["B"],
        _matmul_operations,
    ),
    "conv2d": Operator(
        lambda s: {"X": _image(s), "W": (s["kh"], s["kw"], s["c"], s["o"])},
        _image_out,
        lambda s, a: conv2d(s, a["X"], a["W"]),
        _conv_operations,
    ),
    "depthwise_conv2d": Operator(
        lambda s: {"X": _image(s), "W": (s["kh"], s["kw"], s["c"])},
        _image_out,
        lambda s, a: depthwise_conv2d(s, a["X"], a["W"]),
        lambda s: _depthwise_operations(s, s["c"]),
    ),
    "conv2d_bias_residual_relu": Operator(
        lambda s: {
            "X": _image(s),
            "W": (s["kh"], s["kw"], s["c"], s["o"]),
            "bias": (s["o"],),
            "R": (1, s["ho"], s["wo"], s["o"]),
        },
        _image_out,
        lambda s, a: np.maximum(conv2d(s, a["X"], a["W"]) + a["bias"] + a["R"], 0),
        _conv_operations,
    ),
    "matmul_bias_gelu": Operator(
        lambda s: {"A": (s["m"], s["k"]), "B": (s["k"], s["n"]), "bias": (s["n"],)},
        _matrix,
        lambda s, a: gelu(a["A"] @ a["B"] + a["bias"]),
        _matmul_operations,
    ),
    "matmul_residual_layer_norm": Operator(
        lambda s: {
            "A": (s["m"], s["k"]),
            "B": (s["k"], s["n"]),
            "bias": (s["n"],),
            "R": (s["m"], s["n"]),
            "gamma": (s["n"],),
            "beta": (s["n"],),
        },
        _matrix,
        lambda s, a: layer_norm(a["A"] @ a["B"] + a["bias"] + a["R"], a["gamma"], a["beta"]),
        _matmul_operations,
    ),
    "attention": Operator(
        lambda s: {name: (s["b"], s["t"], s["d"]) for name in "QKV"},
        lambda s: (s["b"], s["t"], s["d"]),
        _attention,
        lambda s: 4.0 * s["b"] * s["t"] * s["t"] * s["d"],
    ),
    "inverted_residual": Operator(
        lambda s: {
            "X": _image(s),
            "W1": (s["c"], s["e"]),
            "W2": (s["kh"], s["kw"], s["e"]),
            "W3": (s["e"], s["o"]),
        },
        _image_out,
        _inverted_residual,
        lambda s: 2.0 * s["ho"] * s["wo"] * s["e"] * (s["c"] + s["o"]) + _depthwise_operations(s, s["e"]),
    ),
    "softmax": _rowwise(softmax, 4),
    "layer_norm": Operator(
        lambda s: {"X": (s["m"], s["n"]), "gamma": (s["n"],), "beta": (s["n"],)},
        _matrix,
        lambda s, a: layer_norm(a["X"], a["gamma"], a["beta"]),
        lambda s: 8.0 * s["m"] * s["n"],
    ),
    "gelu": _rowwise(gelu, 8),
    "transpose": _rowwise(np.transpose, 0, lambda s: (s["n"], s["m"])),
    "row_sums": _rowwise(lambda x: x.sum(axis=1), 1, lambda s: (s["m"],)),
    "broadcast_add": Operator(
        lambda s: {"X": (s["m"], s["n"]), "bias": (s["n"],)},
        _matrix,
        lambda s, a: a["X"] + a["bias"],
        lambda s: 1.0 * s["m"] * s["n"],
    ),
}


def dtypes_of(workload: Workload) -> tuple[dict[str, np.dtype], np.dtype]:
    """Of the inputs and of the result. int8: unsigned times signed, summed in int32."""
    names = OPERATORS[workload.operator].shapes(workload.sizes)
    if workload.dtype == "int8":
        return {"A": np.dtype("uint8"), "B": np.dtype("int8")}, np.dtype("int32")
    dtype = np.dtype(ml_dtypes.bfloat16) if workload.dtype == "bfloat16" else np.dtype(workload.dtype)
    return dict.fromkeys(names, dtype), dtype


def result_shape(workload: Workload) -> tuple[int, ...]:
    """Of the result."""
    return OPERATORS[workload.operator].result(workload.sizes)


def make_inputs(workload: Workload) -> Arrays:
    """Normally distributed numbers, the same ones for everybody; weights of a size that keeps results near
    1."""
    rng = np.random.default_rng(zlib.crc32(workload.name.encode()))
    dtypes, _ = dtypes_of(workload)
    inputs = {}
    for name, shape in OPERATORS[workload.operator].shapes(workload.sizes).items():
        dtype = dtypes[name]
        if dtype.kind in "iu":
            limits = np.iinfo(dtype)
            inputs[name] = rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
            continue
        values = rng.standard_normal(shape, np.float32)
        if name in workload.constants and len(shape) > 1:
            values /= np.float32(math.sqrt(math.prod(shape) // shape[-1]))  # what each result sums
        inputs[name] = values.astype(dtype)
    return inputs


def reference(workload: Workload, inputs: Arrays) -> NDArray:
    """The result in float64."""
    wide = {name: value.astype(np.float64) for name, value in inputs.items()}
    return OPERATORS[workload.operator].reference(workload.sizes, wide)


def error_of(result: NDArray, expected: NDArray) -> float:
    """The largest difference as a fraction of the largest value."""
    if result.shape != expected.shape:
        raise ValueError(f"the result has shape {result.shape}, the reference {expected.shape}")
    difference = np.abs(result.astype(np.float64) - expected)
    return float(difference.max() / max(np.abs(expected).max(), 1e-300)) if result.size else 0.0


def tolerance(workload: Workload) -> float:
    """What `error_of` may be: room for any order of summation, and for Winograd's transforms."""
    return {"int8": 0.0, "bfloat16": 1e-2}.get(workload.dtype, 1e-4)


@dataclass(frozen=True)
class Moved:
    """Bytes that a kernel must read (the constants among them) and write, once each."""

    read: int
    constants: int
    written: int


def moved(workload: Workload) -> Moved:
    """Of the inputs and the result."""
    dtypes, dtype = dtypes_of(workload)
    shapes = OPERATORS[workload.operator].shapes(workload.sizes)
    read = {name: math.prod(shape) * dtypes[name].itemsize for name, shape in shapes.items()}
    constants = sum(read[name] for name in workload.constants)
    return Moved(sum(read.values()), constants, math.prod(result_shape(workload)) * dtype.itemsize)
