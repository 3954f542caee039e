"""The operators of the workloads as tensor expressions: what our schedules start from.

    s = tw.Schedule(expression(workload))

Inputs have the names, the shapes and the order of `operators.py`; what is a constant of the workload is one
here. Tensors between have the names that the functions below give them; the result is `Y`.
"""

from __future__ import annotations

import math

from tilewright import te

from kernels.operators import LAYER_NORM_EPSILON, OPERATORS, dtypes_of
from kernels.workloads import Workload

Sizes = dict[str, int]
Tensors = dict[str, te.Tensor]


def expression(workload: Workload) -> te.Tensor:
    """The result of a workload's operator."""
    dtypes, _ = dtypes_of(workload)
    inputs = {
        name: te.placeholder(shape, str(dtypes[name]), name=name, constant=name in workload.constants)
        for name, shape in OPERATORS[workload.operator].shapes(workload.sizes).items()
    }
    return EXPRESSIONS[workload.operator](workload.sizes, inputs)


def matmul(s: Sizes, t: Tensors, name: str = "Y") -> te.Tensor:
    """int8: in int32."""
    k = te.reduce_axis(s["k"], name="k")
    A, B = t["A"], t["B"]

    def element(i, j):
        a, b = A[i, k], B[k, j]
        if A.dtype == "uint8":
            a, b = a.astype("int32"), b.astype("int32")
        return te.sum(a * b, axis=k)

    return te.compute((s["m"], s["n"]), element, name=name)


def batched_matmul(s: Sizes, t: Tensors) -> te.Tensor:
    """A product for each b."""
    k = te.reduce_axis(s["k"], name="k")
    shape = (s["b"], s["m"], s["n"])
    return te.compute(shape, lambda b, i, j: te.sum(t["A"][b, i, k] * t["B"][b, k, j], axis=k), name="Y")


def _padded(s: Sizes, x: te.Tensor, channels: int) -> te.Tensor:
    """The image with zeros around it; itself where the window needs none."""
    pad = s["pad"]
    if pad == 0:
        return x

    def element(n, y, z, c):
        inside = (y >= pad) & (y < s["h"] + pad) & (z >= pad) & (z < s["w"] + pad)
        return te.where(inside, x[n, y - pad, z - pad, c], 0.0)

    return te.compute((1, s["h"] + 2 * pad, s["w"] + 2 * pad, channels), element, name="padded")


def conv2d(s: Sizes, t: Tensors, name: str = "Y") -> te.Tensor:
    """NHWC with HWIO filters."""
    image = _padded(s, t["X"], s["c"])
    u, v, c = (
        te.reduce_axis(extent, name=n) for extent, n in ((s["kh"], "u"), (s["kw"], "v"), (s["c"], "c"))
    )
    step = s["stride"]

    def element(n, y, x, o):
        return te.sum(image[n, y * step + u, x * step + v, c] * t["W"][u, v, c, o], axis=(u, v, c))

    return te.compute((1, s["ho"], s["wo"], s["o"]), element, name=name)


def _depthwise(s: Sizes, x: te.Tensor, w: te.Tensor, channels: int, name: str) -> te.Tensor:
    image = _padded(s, x, channels)
    u, v = te.reduce_axis(s["kh"], name="u"), te.reduce_axis(s["kw"], name="v")
    step = s["stride"]

    def element(n, y, x, c):
        return te.sum(image[n, y * step + u, x * step + v, c] * w[u, v, c], axis=(u, v))

    return te.compute((1, s["ho"], s["wo"], channels), element, name=name)


def depthwise_conv2d(s: Sizes, t: Tensors) -> te.Tensor:
    """NHWC with HWC filters."""
    return _depthwise(s, t["X"], t["W"], s["c"], "Y")


def conv2d_bias_residual_relu(s: Sizes, t: Tensors) -> te.Tensor:
    """The tail of a residual block."""
    conv = conv2d(s, t, "conv")

    def element(n, y, x, o):
        return te.maximum(conv[n, y, x, o] + t["bias"][o] + t["R"][n, y, x, o], 0.0)

    return te.compute(conv.shape, element, name="Y")


def _gelu(x: te.Expr) -> te.Expr:
    return 0.5 * x * (1.0 + te.erf(x * (1 / math.sqrt(2))))


def matmul_bias_gelu(s: Sizes, t: Tensors) -> te.Tensor:
    """The first half of a feed-forward layer."""
    product = matmul(s, t, "product")
    return te.compute(product.shape, lambda i, j: _gelu(product[i, j] + t["bias"][j]), name="Y")


def _layer_norm(s: Sizes, x: te.Tensor, gamma: te.Tensor, beta: te.Tensor) -> te.Tensor:
    m, n = s["m"], s["n"]
    j, l = te.reduce_axis(n, name="j"), te.reduce_axis(n, name="l")
    mean = te.compute(m, lambda i: te.sum(x[i, j], axis=j) / n, name="mean")
    squares = te.compute(
        m, lambda i: te.sum((x[i, l] - mean[i]) * (x[i, l] - mean[i]), axis=l), name="squares"
    )
    scale = te.compute(m, lambda i: te.rsqrt(squares[i] / n + LAYER_NORM_EPSILON), name="scale")
    return te.compute((m, n), lambda i, j: (x[i, j] - mean[i]) * scale[i] * gamma[j] + beta[j], name="Y")


def matmul_residual_layer_norm(s: Sizes, t: Tensors) -> te.Tensor:
    """The end of a transformer's layer."""
    product = matmul(s, t, "product")
    total = te.compute(product.shape, lambda i, j: product[i, j] + t["bias"][j] + t["R"][i, j], name="total")
    return _layer_norm(s, total, t["gamma"], t["beta"])


def attention(s: Sizes, t: Tensors) -> te.Tensor:
    """Products, a softmax over the keys, products."""
    b, n, d = s["b"], s["t"], s["d"]
    k, j, l, p = (
        te.reduce_axis(extent, name=name) for extent, name in ((d, "k"), (n, "j"), (n, "l"), (n, "p"))
    )
    dots = te.compute(
        (b, n, n), lambda h, i, j: te.sum(t["Q"][h, i, k] * t["K"][h, j, k], axis=k), name="dots"
    )
    scores = te.compute((b, n, n), lambda h, i, j: dots[h, i, j] * (1 / math.sqrt(d)), name="scores")
    most = te.compute((b, n), lambda h, i: te.max(scores[h, i, j], axis=j), name="most")
    powers = te.compute((b, n, n), lambda h, i, j: te.exp(scores[h, i, j] - most[h, i]), name="powers")
    total = te.compute((b, n), lambda h, i: te.sum(powers[h, i, l], axis=l), name="total")
    weights = te.compute((b, n, n), lambda h, i, j: powers[h, i, j] / total[h, i], name="weights")
    return te.compute((b, n, d), lambda h, i, c: te.sum(weights[h, i, p] * t["V"][h, p, c], axis=p), name="Y")


def inverted_residual(s: Sizes, t: Tensors) -> te.Tensor:
    """A block of MobileNetV2: widen, filter each channel, narrow."""
    c, e = te.reduce_axis(s["c"], name="c"), te.reduce_axis(s["e"], name="e")
    relu6 = lambda x: te.minimum(te.maximum(x, 0.0), 6.0)
    shape = (1, s["h"], s["w"], s["e"])
    wide = te.compute(
        shape, lambda n, y, x, o: te.sum(t["X"][n, y, x, c] * t["W1"][c, o], axis=c), name="wide"
    )
    wide6 = te.compute(shape, lambda n, y, x, o: relu6(wide[n, y, x, o]), name="wide6")
    deep = _depthwise(s, wide6, t["W2"], s["e"], "deep")
    deep6 = te.compute(deep.shape, lambda n, y, x, o: relu6(deep[n, y, x, o]), name="deep6")
    shape = (1, s["ho"], s["wo"], s["o"])
    return te.compute(shape, lambda n, y, x, o: te.sum(deep6[n, y, x, e] * t["W3"][e, o], axis=e), name="Y")


def softmax(s: Sizes, t: Tensors) -> te.Tensor:
    """Along rows."""
    m, n, x = s["m"], s["n"], t["X"]
    j, l = te.reduce_axis(n, name="j"), te.reduce_axis(n, name="l")
    most = te.compute(m, lambda i: te.max(x[i, j], axis=j), name="most")
    powers = te.compute((m, n), lambda i, j: te.exp(x[i, j] - most[i]), name="powers")
    total = te.compute(m, lambda i: te.sum(powers[i, l], axis=l), name="total")
    return te.compute((m, n), lambda i, j: powers[i, j] / total[i], name="Y")


def layer_norm(s: Sizes, t: Tensors) -> te.Tensor:
    """Along rows."""
    return _layer_norm(s, t["X"], t["gamma"], t["beta"])


def gelu(s: Sizes, t: Tensors) -> te.Tensor:
    """Exact form."""
    return te.compute((s["m"], s["n"]), lambda i, j: _gelu(t["X"][i, j]), name="Y")


def transpose(s: Sizes, t: Tensors) -> te.Tensor:
    """Rows become columns."""
    return te.compute((s["n"], s["m"]), lambda i, j: t["X"][j, i], name="Y")


def row_sums(s: Sizes, t: Tensors) -> te.Tensor:
    """One number a row."""
    j = te.reduce_axis(s["n"], name="j")
    return te.compute(s["m"], lambda i: te.sum(t["X"][i, j], axis=j), name="Y")


def broadcast_add(s: Sizes, t: Tensors) -> te.Tensor:
    """The same row added to every row."""
    return te.compute((s["m"], s["n"]), lambda i, j: t["X"][i, j] + t["bias"][j], name="Y")


EXPRESSIONS = {
    function.__name__: function
    for function in (
        matmul,
        batched_matmul,
        conv2d,
        depthwise_conv2d,
        conv2d_bias_residual_relu,
        matmul_bias_gelu,
        matmul_residual_layer_norm,
        attention,
        inverted_residual,
        softmax,
        layer_norm,
        gelu,
        transpose,
        row_sums,
        broadcast_add,
    )
}
