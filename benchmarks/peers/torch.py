"""PyTorch: eager calls, and the packed forms that its compiler uses."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import ml_dtypes
import numpy as np
import torch
from kernels.operators import LAYER_NORM_EPSILON
from kernels.workloads import Workload
from numpy.typing import NDArray

from peers.side import Side, Unsupported, Way

Inputs = dict[str, NDArray]
F = torch.nn.functional


def _tensor(array: NDArray) -> torch.Tensor:
    if array.dtype == ml_dtypes.bfloat16:
        return torch.from_numpy(array.view(np.uint16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def _array(tensor: torch.Tensor) -> NDArray:
    tensor = tensor.to_dense() if tensor.is_mkldnn else tensor
    if tensor.dtype == torch.bfloat16:
        return tensor.contiguous().view(torch.uint16).numpy().view(ml_dtypes.bfloat16)
    return tensor.contiguous().numpy()


class _Kept:
    """Calls a function and keeps what it gives."""

    def __init__(self, function: Callable[[], torch.Tensor]) -> None:
        self.function, self.value = function, None

    def __call__(self) -> None:
        self.value = self.function()

    def way(self, name: str, turned: Callable[[torch.Tensor], torch.Tensor] = lambda t: t) -> Way:
        return Way(name, [self], lambda: _array(turned(self.value)))


def _to_nhwc(tensor: torch.Tensor) -> torch.Tensor:
    return (tensor.to_dense() if tensor.is_mkldnn else tensor).permute(0, 2, 3, 1)


class Peer(Side):
    """Gradients are off; results go to tensors made beforehand where an operator takes one."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        torch.set_num_threads(threads)
        torch.set_num_interop_threads(1)
        torch.set_grad_enabled(False)
        self.settings = {"torch": torch.__version__, "threads": str(torch.get_num_threads())}

    def matmul(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """As it is, and with packed weights."""
        if workload.dtype == "int8":
            raise Unsupported("no product of uint8 and int8")
        left, right = _tensor(a["A"]), _tensor(a["B"])
        out = torch.empty(*left.shape[:-1], right.shape[-1], dtype=left.dtype)
        yield Way("matmul", [lambda: torch.matmul(left, right, out=out)], lambda: _array(out))
        if "B" not in workload.constants:
            return
        weights = right.t().contiguous()
        if workload.dtype == "float32" and torch.backends.mkl.is_available():
            packed = torch.ops.mkl._mkl_reorder_linear_weight(weights, left.shape[0])
            rows = left.shape[0]
            yield _Kept(lambda: torch.ops.mkl._mkl_linear(left, packed, weights, None, rows)).way(
                "MKL, packed"
            )
        blocked = torch.ops.mkldnn._reorder_linear_weight(weights, left.shape[0])
        call = torch.ops.mkldnn._linear_pointwise
        yield _Kept(lambda: call(left, blocked, None, "none", [], "")).way("oneDNN, packed")

    def batched_matmul(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """By bmm."""
        left, right = _tensor(a["A"]), _tensor(a["B"])
        out = torch.empty(*left.shape[:-1], right.shape[-1])
        yield Way("bmm", [lambda: torch.bmm(left, right, out=out)], lambda: _array(out))

    def conv2d(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """In every layout that it has."""
        yield from self._conv(workload, a["X"], a["W"].transpose(3, 2, 0, 1), 1)

    def depthwise_conv2d(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """In every layout that it has."""
        yield from self._conv(workload, a["X"], a["W"].transpose(2, 0, 1)[:, None], a["W"].shape[2])

    def _conv(self, workload: Workload, x: NDArray, w: NDArray, groups: int) -> Iterator[Way]:
        stride, pad = workload.sizes["stride"], workload.sizes["pad"]
        nhwc = _tensor(x).permute(0, 3, 1, 2)  # strides of channels_last
        nchw, filters = nhwc.contiguous(), _tensor(w).contiguous()
        last = filters.contiguous(memory_format=torch.channels_last)
        for name, image, weights in (("nchw", nchw, filters), ("nhwc", nhwc, last)):
            call = lambda i=image, f=weights: F.conv2d(i, f, None, stride, pad, 1, groups)
            yield _Kept(call).way(name, _to_nhwc)
        yield from self._packed_conv(nchw, nhwc, filters, stride, pad, groups)

    def _packed_conv(
        self,
        nchw: torch.Tensor,
        nhwc: torch.Tensor,
        filters: torch.Tensor,
        stride: int,
        pad: int,
        groups: int,
    ) -> Iterator[Way]:
        pads, strides, ones = [pad, pad], [stride, stride], [1, 1]
        packed = torch._C._nn.mkldnn_reorder_conv2d_weight(
            filters.to_mkldnn(), pads, strides, ones, groups, list(nchw.shape)
        )
        pointwise = torch.ops.mkldnn._convolution_pointwise
        call = lambda: pointwise(nhwc, packed, None, pads, strides, ones, groups, "none", [], "")
        yield _Kept(call).way("oneDNN, nhwc, packed", _to_nhwc)
        blocked = nchw.to_mkldnn()
        call = lambda: torch.mkldnn_convolution(blocked, packed, None, pads, strides, ones, groups)
        yield _Kept(call).way("oneDNN, blocked", _to_nhwc)

    def conv2d_bias_residual_relu(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """Eager, and fused by oneDNN."""
        stride, pad = workload.sizes["stride"], workload.sizes["pad"]
        x, r = (_tensor(a[name]).permute(0, 3, 1, 2) for name in "XR")
        w = _tensor(a["W"].transpose(3, 2, 0, 1)).contiguous(memory_format=torch.channels_last)
        bias = _tensor(a["bias"])
        yield _Kept(lambda: F.conv2d(x, w, bias, stride, pad).add_(r).relu_()).way("eager", _to_nhwc)
        pads, strides, ones = [pad, pad], [stride, stride], [1, 1]
        packed = torch._C._nn.mkldnn_reorder_conv2d_weight(
            w.to_mkldnn(), pads, strides, ones, 1, list(x.shape)
        )
        binary = torch.ops.mkldnn._convolution_pointwise.binary
        call = lambda: binary(x, r, packed, bias, pads, strides, ones, 1, "add", 1.0, "relu", [], "")
        yield _Kept(call).way("oneDNN, fused", _to_nhwc)

    def matmul_bias_gelu(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """Eager, and fused by oneDNN."""
        x, bias, w = _tensor(a["A"]), _tensor(a["bias"]), _tensor(a["B"]).t().contiguous()
        yield _Kept(lambda: F.gelu(F.linear(x, w, bias))).way("eager")
        packed = torch.ops.mkldnn._reorder_linear_weight(w, x.shape[0])
        call = torch.ops.mkldnn._linear_pointwise
        yield _Kept(lambda: call(x, packed, bias, "gelu", [], "none")).way("oneDNN, fused")

    def matmul_residual_layer_norm(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """Eager."""
        x, bias, r, gamma, beta = (_tensor(a[name]) for name in ("A", "bias", "R", "gamma", "beta"))
        w, shape = _tensor(a["B"]).t().contiguous(), a["gamma"].shape
        norm = lambda y: F.layer_norm(y.add_(r), shape, gamma, beta, LAYER_NORM_EPSILON)
        yield _Kept(lambda: norm(F.linear(x, w, bias))).way("eager")

    def attention(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """By its fused operator."""
        q, k, v = (_tensor(a[name])[None] for name in "QKV")
        call = lambda: F.scaled_dot_product_attention(q, k, v, scale=1 / math.sqrt(workload.sizes["d"]))
        yield _Kept(call).way("scaled_dot_product_attention", lambda t: t[0])

    def inverted_residual(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """Eager, channels last."""
        x = _tensor(a["X"]).permute(0, 3, 1, 2)
        last = lambda t: t.contiguous(memory_format=torch.channels_last)
        w1, w3 = (last(_tensor(a[name]).t()[:, :, None, None]) for name in ("W1", "W3"))
        w2 = last(_tensor(a["W2"]).permute(2, 0, 1)[:, None])
        stride, pad = workload.sizes["stride"], workload.sizes["pad"]
        relu6 = lambda t: t.clamp_(0, 6)
        wide = lambda: relu6(F.conv2d(relu6(F.conv2d(x, w1)), w2, None, stride, pad, 1, len(w2)))
        yield _Kept(lambda: F.conv2d(wide(), w3)).way("eager", _to_nhwc)

    def softmax(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """Into a tensor made beforehand, as the next four."""
        x = _tensor(a["X"])
        out = torch.empty_like(x)
        yield Way("softmax", [lambda: torch.ops.aten._softmax.out(x, 1, False, out=out)], lambda: _array(out))

    def layer_norm(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """With the means and deviations that it also gives."""
        x, gamma, beta = (_tensor(a[name]) for name in ("X", "gamma", "beta"))
        out, mean, rstd = torch.empty_like(x), torch.empty(len(x), 1), torch.empty(len(x), 1)
        call = torch.ops.aten.native_layer_norm.out
        shape = list(gamma.shape)
        run = lambda: call(x, shape, gamma, beta, LAYER_NORM_EPSILON, out0=out, out1=mean, out2=rstd)
        yield Way("layer_norm", [run], lambda: _array(out))

    def gelu(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """Exact form."""
        x = _tensor(a["X"])
        out = torch.empty_like(x)
        yield Way("gelu", [lambda: torch.ops.aten.gelu.out(x, out=out)], lambda: _array(out))

    def transpose(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """A copy of the transposed view."""
        x = _tensor(a["X"])
        out = torch.empty(x.shape[::-1])
        yield Way("copy", [lambda: out.copy_(x.t())], lambda: _array(out))

    def row_sums(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """By sum."""
        x = _tensor(a["X"])
        out = torch.empty(len(x))
        yield Way("sum", [lambda: torch.sum(x, 1, out=out)], lambda: _array(out))

    def broadcast_add(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """By add."""
        x, bias = _tensor(a["X"]), _tensor(a["bias"])
        out = torch.empty_like(x)
        yield Way("add", [lambda: torch.add(x, bias, out=out)], lambda: _array(out))
