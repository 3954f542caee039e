"""ONNX Runtime: each workload a small model, its arrays bound once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import onnx
import onnxruntime
from kernels.operators import LAYER_NORM_EPSILON
from kernels.workloads import Workload
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from peers.side import Side, Unsupported, Way, empty

Inputs = dict[str, NDArray]
ELEMENT = {
    np.dtype("float32"): onnx.TensorProto.FLOAT,
    np.dtype("int32"): onnx.TensorProto.INT32,
    np.dtype("int8"): onnx.TensorProto.INT8,
    np.dtype("uint8"): onnx.TensorProto.UINT8,
}


class Graph:
    """Nodes one after the other; the last one's output is the result, `Y`."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []

    def add(self, operator: str, *inputs: str, out: str = "", **attributes: object) -> str:
        """Appends a node and names its result."""
        name = out or f"t{len(self.nodes)}"
        domain = attributes.pop("domain", "")
        self.nodes.append(helper.make_node(operator, list(inputs), [name], domain=domain, **attributes))
        return name


def _oihw(w: NDArray) -> NDArray:
    return np.ascontiguousarray(w.transpose(3, 2, 0, 1))


def _conv(s: dict[str, int], groups: int = 1) -> dict[str, object]:
    return {"strides": [s["stride"]] * 2, "pads": [s["pad"]] * 4, "group": groups}


class Peer(Side):
    """Spinning threads, as by default; every optimisation."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        # One pool for all sessions: the threads of each would spin beside those of the others.
        onnxruntime.set_global_thread_pool_sizes(threads, 1)
        self.options = onnxruntime.SessionOptions()
        self.options.use_per_session_threads = False
        self.options.log_severity_level = 3
        self.options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        self.settings = {"onnxruntime": onnxruntime.__version__, "threads of the global pool": str(threads)}

    def _way(
        self,
        inputs: Inputs,
        constants: Inputs,
        shape: tuple[int, ...],
        build: Callable[[Graph], object],
        turned: Callable[[NDArray], NDArray] = lambda y: y,
        dtype: str = "float32",
        name: str = "model",
    ) -> Way:
        """`build` ends with a node that gives "Y"."""
        graph = Graph()
        build(graph)
        out = empty(shape, dtype)
        inputs = {key: np.ascontiguousarray(value) for key, value in inputs.items()}
        info = lambda key, value: helper.make_tensor_value_info(key, ELEMENT[value.dtype], value.shape)
        model = helper.make_model(
            helper.make_graph(
                graph.nodes,
                "workload",
                [info(k, v) for k, v in inputs.items()],
                [info("Y", out)],
                [numpy_helper.from_array(np.ascontiguousarray(v), k) for k, v in constants.items()],
            ),
            opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)],
            ir_version=10,
        )
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), self.options, ["CPUExecutionProvider"]
        )
        binding = session.io_binding()
        bound = {key: onnxruntime.OrtValue.ortvalue_from_numpy(value) for key, value in inputs.items()}
        for key, value in bound.items():
            binding.bind_ortvalue_input(key, value)
        result = onnxruntime.OrtValue.ortvalue_from_numpy(out)
        binding.bind_ortvalue_output("Y", result)
        run, options = session._sess.run_with_iobinding, onnxruntime.RunOptions()
        return Way(
            name,
            [lambda _kept=(bound, result): run(binding._iobinding, options)],
            lambda: turned(result.numpy()),
        )

    def _image(
        self, a: Inputs, constants: Inputs, s: dict[str, int], build: Callable[[Graph], object]
    ) -> Way:
        """Images are NCHW."""
        inputs = {key: a[key].transpose(0, 3, 1, 2) for key in ("X", "R") if key in a}
        shape = (1, s["o"], s["ho"], s["wo"])
        return self._way(inputs, constants, shape, build, lambda y: y.transpose(0, 2, 3, 1), name="nchw")

    def matmul(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """One node."""
        if workload.dtype == "bfloat16":
            raise Unsupported("no matmul of bfloat16")
        constants = {key: a[key] for key in workload.constants}
        shape = (*a["A"].shape[:-1], a["B"].shape[-1])
        operator, dtype = ("MatMulInteger", "int32") if workload.dtype == "int8" else ("MatMul", "float32")
        inputs = {key: value for key, value in a.items() if key not in constants}
        yield self._way(inputs, constants, shape, lambda g: g.add(operator, "A", "B", out="Y"), dtype=dtype)

    batched_matmul = matmul

    def conv2d(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """One node, between turns into its blocked layout."""
        s = workload.sizes
        yield self._image(a, {"W": _oihw(a["W"])}, s, lambda g: g.add("Conv", "X", "W", out="Y", **_conv(s)))

    def depthwise_conv2d(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """As above."""
        s, w = workload.sizes, a["W"].transpose(2, 0, 1)[:, None]
        yield self._image(a, {"W": w}, s, lambda g: g.add("Conv", "X", "W", out="Y", **_conv(s, len(w))))

    def conv2d_bias_residual_relu(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """Fused by the runtime."""
        s, constants = workload.sizes, {"W": _oihw(a["W"]), "bias": a["bias"]}

        def build(g: Graph) -> None:
            g.add("Relu", g.add("Add", g.add("Conv", "X", "W", "bias", **_conv(s)), "R"), out="Y")

        yield self._image(a, constants, s, build)

    def inverted_residual(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """Three convolutions."""
        s = workload.sizes
        constants = {
            "W1": a["W1"].T[:, :, None, None],
            "W2": a["W2"].transpose(2, 0, 1)[:, None],
            "W3": a["W3"].T[:, :, None, None],
            "low": np.float32(0),
            "high": np.float32(6),
        }

        def build(g: Graph) -> None:
            wide = g.add("Clip", g.add("Conv", "X", "W1"), "low", "high")
            deep = g.add("Clip", g.add("Conv", wide, "W2", **_conv(s, s["e"])), "low", "high")
            g.add("Conv", deep, "W3", out="Y")

        yield self._image(a, {k: np.asarray(v) for k, v in constants.items()}, s, build)

    def matmul_bias_gelu(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """Fused by the runtime."""
        build = lambda g: g.add("Gelu", g.add("Add", g.add("MatMul", "A", "B"), "bias"), out="Y")
        constants = {key: a[key] for key in workload.constants}
        yield self._way({"A": a["A"]}, constants, (a["A"].shape[0], a["B"].shape[1]), build)

    def matmul_residual_layer_norm(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """A product and a normalisation."""

        def build(g: Graph) -> None:
            total = g.add("Add", g.add("Add", g.add("MatMul", "A", "B"), "bias"), "R")
            g.add("LayerNormalization", total, "gamma", "beta", out="Y", epsilon=LAYER_NORM_EPSILON)

        constants = {key: a[key] for key in workload.constants}
        yield self._way({"A": a["A"], "R": a["R"]}, constants, a["R"].shape, build)

    def attention(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """Products and a softmax, and the operator of transformers."""
        s = workload.sizes
        scale = {"scale": np.float32(1 / math.sqrt(s["d"]))}

        def build(g: Graph) -> None:
            scores = g.add("Mul", g.add("MatMul", "Q", g.add("Transpose", "K", perm=[0, 2, 1])), "scale")
            g.add("MatMul", g.add("Softmax", scores, axis=-1), "V", out="Y")

        yield self._way(
            a, {k: np.asarray(v) for k, v in scale.items()}, a["Q"].shape, build, name="products and softmax"
        )
        heads = {k: v.transpose(1, 0, 2).reshape(1, s["t"], -1) for k, v in a.items()}
        fused = lambda g: g.add(
            "MultiHeadAttention", "Q", "K", "V", out="Y", domain="com.microsoft", num_heads=s["b"]
        )
        turned = lambda y: y.reshape(s["t"], s["b"], s["d"]).transpose(1, 0, 2)
        yield self._way(heads, {}, heads["Q"].shape, fused, turned, name="MultiHeadAttention")

    def _one(
        self, a: Inputs, shape: tuple[int, ...], operator: str, inputs: list[str], **attributes: object
    ) -> Way:
        constants = {key: value for key, value in a.items() if key != "X"}
        build = lambda g: g.add(operator, *inputs, out="Y", **attributes)
        return self._way({"X": a["X"]}, constants, shape, build)

    def softmax(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """One node, as those below."""
        yield self._one(a, a["X"].shape, "Softmax", ["X"], axis=1)

    def layer_norm(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """One node."""
        yield self._one(
            a, a["X"].shape, "LayerNormalization", ["X", "gamma", "beta"], epsilon=LAYER_NORM_EPSILON
        )

    def gelu(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """One node."""
        yield self._one(a, a["X"].shape, "Gelu", ["X"])

    def transpose(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """One node."""
        yield self._one(a, a["X"].shape[::-1], "Transpose", ["X"], perm=[1, 0])

    def row_sums(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """One node."""
        a = a | {"axes": np.array([1], np.int64)}
        yield self._one(a, a["X"].shape[:1], "ReduceSum", ["X", "axes"], keepdims=0)

    def broadcast_add(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """One node."""
        yield self._one(a, a["X"].shape, "Add", ["X", "bias"])
