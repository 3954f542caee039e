"""OpenVINO: each workload a small graph, float32 kept, one stream, one request used again and again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import openvino
from kernels.operators import LAYER_NORM_EPSILON
from kernels.workloads import Workload
from numpy.typing import NDArray
from openvino import opset13 as ops

from peers.side import Side, Unsupported, Way, empty

Inputs = dict[str, NDArray]
Node = openvino.Node
Arguments = dict[str, Node]


def _axes(*axes: int) -> Node:
    return ops.constant(np.array(axes, np.int64))


def _conv(s: dict[str, int], image: Node, filters: Node, groups: bool = False) -> Node:
    strides, pads = [s["stride"]] * 2, [s["pad"]] * 2
    make = ops.group_convolution if groups else ops.convolution
    return make(image, filters, strides, pads, pads, [1, 1])


def _layer_norm(x: Node, gamma: Node, beta: Node) -> Node:
    normal = ops.mvn(x, _axes(-1), True, LAYER_NORM_EPSILON, "inside_sqrt")
    return ops.add(ops.multiply(normal, gamma), beta)


def _oihw(w: NDArray) -> NDArray:
    return np.ascontiguousarray(w.transpose(3, 2, 0, 1))


def _depthwise(w: NDArray) -> NDArray:
    return np.ascontiguousarray(w.transpose(2, 0, 1)[:, None, None])


def _pointwise(w: NDArray) -> NDArray:
    return np.ascontiguousarray(w.T[:, :, None, None])


class Peer(Side):
    """Graphs over images are made twice: with images given as NCHW, and as NHWC."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self.core = openvino.Core()
        self.config = {
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": str(threads),
            "NUM_STREAMS": "1",
        }
        self.settings = {"openvino": openvino.__version__, **self.config}

    def _way(
        self,
        name: str,
        inputs: Inputs,
        constants: Inputs,
        build: Callable[[Arguments], Node],
        turned: Callable[[NDArray], NDArray] = lambda y: y,
    ) -> Way:
        """Compiles build(arguments): inputs are parameters, constants stand in the graph."""
        parameters = {key: ops.parameter(value.shape, value.dtype, name=key) for key, value in inputs.items()}
        arguments = parameters | {key: ops.constant(value) for key, value in constants.items()}
        model = openvino.Model([build(arguments)], list(parameters.values()), "workload")
        request = self.core.compile_model(model, "CPU", self.config).create_infer_request()
        arrays = [np.ascontiguousarray(value) for value in inputs.values()]
        for index, value in enumerate(arrays):
            request.set_input_tensor(index, openvino.Tensor(value, shared_memory=True))
        out = empty(tuple(model.output(0).shape), np.float32)
        request.set_output_tensor(0, openvino.Tensor(out, shared_memory=True))

        def run(_kept: tuple[object, ...] = (arrays, out)) -> None:  # the request does not keep them alive
            request.start_async()
            request.wait()

        return Way(name, [run], lambda: turned(out))

    def _images(self, inputs: Inputs, constants: Inputs, build: Callable[[Arguments], Node]) -> Iterator[Way]:
        """`build` takes images as NCHW and gives one."""
        images = {key for key, value in inputs.items() if value.ndim == 4}
        nchw = {
            k: np.ascontiguousarray(v.transpose(0, 3, 1, 2)) if k in images else v for k, v in inputs.items()
        }
        yield self._way("nchw", nchw, constants, build, lambda y: y.transpose(0, 2, 3, 1))

        def from_nhwc(a: Arguments) -> Node:
            turned = {k: ops.transpose(v, _axes(0, 3, 1, 2)) if k in images else v for k, v in a.items()}
            return ops.transpose(build(turned), _axes(0, 2, 3, 1))

        yield self._way("nhwc", inputs, constants, from_nhwc)

    def _plain(self, workload: Workload, inputs: Inputs, build: Callable[[Arguments], Node]) -> Iterator[Way]:
        """Inputs and constants as the workload has them."""
        constants = {key: inputs[key] for key in workload.constants}
        yield self._way("graph", {k: v for k, v in inputs.items() if k not in constants}, constants, build)

    def matmul(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """One node."""
        if workload.dtype != "float32":
            raise Unsupported(f"no graph of {workload.dtype} is made")
        yield from self._plain(workload, a, lambda n: ops.matmul(n["A"], n["B"], False, False))

    batched_matmul = matmul

    def conv2d(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """One node."""
        weights = {"W": _oihw(a["W"])}
        yield from self._images({"X": a["X"]}, weights, lambda n: _conv(workload.sizes, n["X"], n["W"]))

    def depthwise_conv2d(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """One node."""
        weights = {"W": _depthwise(a["W"])}
        yield from self._images({"X": a["X"]}, weights, lambda n: _conv(workload.sizes, n["X"], n["W"], True))

    def conv2d_bias_residual_relu(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """Fused by the plugin."""
        constants = {"W": _oihw(a["W"]), "bias": a["bias"].reshape(1, -1, 1, 1)}

        def build(n: Arguments) -> Node:
            return ops.relu(ops.add(ops.add(_conv(workload.sizes, n["X"], n["W"]), n["bias"]), n["R"]))

        yield from self._images({"X": a["X"], "R": a["R"]}, constants, build)

    def inverted_residual(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """Three convolutions."""
        s = workload.sizes
        constants = {"W1": _pointwise(a["W1"]), "W2": _depthwise(a["W2"]), "W3": _pointwise(a["W3"])}
        point = s | {"stride": 1, "pad": 0}

        def build(n: Arguments) -> Node:
            wide = ops.clamp(_conv(point, n["X"], n["W1"]), 0, 6)
            return _conv(point, ops.clamp(_conv(s, wide, n["W2"], True), 0, 6), n["W3"])

        yield from self._images({"X": a["X"]}, constants, build)

    def matmul_bias_gelu(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """Fused by the plugin."""
        product = lambda n: ops.add(ops.matmul(n["A"], n["B"], False, False), n["bias"])
        yield from self._plain(workload, a, lambda n: ops.gelu(product(n), "erf"))

    def matmul_residual_layer_norm(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """A product and a normalisation."""

        def build(n: Arguments) -> Node:
            product = ops.add(ops.matmul(n["A"], n["B"], False, False), n["bias"])
            return _layer_norm(ops.add(product, n["R"]), n["gamma"], n["beta"])

        yield from self._plain(workload, a, build)

    def attention(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """As its own operator, and as products and a softmax."""
        inputs = {key: value[None] for key, value in a.items()}
        yield self._way(
            "scaled_dot_product_attention",
            inputs,
            {},
            lambda n: ops.scaled_dot_product_attention(n["Q"], n["K"], n["V"]),
            lambda y: y[0],
        )
        scale = ops.constant(np.float32(1 / math.sqrt(workload.sizes["d"])))

        def build(n: Arguments) -> Node:
            scores = ops.multiply(ops.matmul(n["Q"], n["K"], False, True), scale)
            return ops.matmul(ops.softmax(scores, -1), n["V"], False, False)

        yield self._way("products and softmax", a, {}, build)

    def softmax(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """One node, as those below."""
        yield from self._plain(workload, a, lambda n: ops.softmax(n["X"], 1))

    def layer_norm(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """By MVN."""
        weights = {key: a[key] for key in ("gamma", "beta")}
        yield self._way("graph", {"X": a["X"]}, weights, lambda n: _layer_norm(n["X"], n["gamma"], n["beta"]))

    def gelu(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """Exact form."""
        yield from self._plain(workload, a, lambda n: ops.gelu(n["X"], "erf"))

    def transpose(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """One node."""
        yield from self._plain(workload, a, lambda n: ops.transpose(n["X"], _axes(1, 0)))

    def row_sums(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """One node."""
        yield from self._plain(workload, a, lambda n: ops.reduce_sum(n["X"], _axes(1), False))

    def broadcast_add(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """One node."""
        yield from self._plain(workload, a, lambda n: ops.add(n["X"], n["bias"]))
