"""Convolutions and transposed convolutions."""

from __future__ import annotations

import references
from tilewright import te

from corpus.case import Operator, case


def conv_operator(size, channels=4, filters=6, kernel=3, stride=1, padding=0, dilation=1, groups=1, batch=2):
    """A convolution of any rank: X (batch, channels, *size), W (filters, channels / groups, *kernel)."""
    rank = len(size)
    X = te.placeholder((batch, channels, *size), name="X")
    W = te.placeholder((filters, channels // groups, *[kernel] * rank), name="W", constant=True)

    def padded(n, c, *p):
        inside = te.const(True)
        for x, s in zip(p, size, strict=True):
            inside = inside & (x >= padding) & (x < s + padding)
        return te.where(inside, X[(n, c, *[x - padding for x in p])], 0)

    P = X
    if padding:
        P = te.compute((batch, channels, *[s + 2 * padding for s in size]), padded, name="P")
    out = [(s + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1 for s in size]
    rc = te.reduce_axis(channels // groups, name="rc")
    rk = [te.reduce_axis(kernel, name=f"r{d}") for d in "xyz"[:rank]]

    def convolved(n, o, *p):
        first = o // (filters // groups) * (channels // groups)
        at = [x * stride + r * dilation for x, r in zip(p, rk, strict=True)]
        return te.sum(P[(n, first + rc, *at)] * W[(o, rc, *rk)], axis=[rc, *rk])

    Y = te.compute((batch, filters, *out), convolved, name="Y")
    return Operator(Y, lambda x, w: references.conv(x, w, stride, padding, dilation, groups))


@case(dict(stride=1, padding=0), dict(stride=2, padding=1), dict(stride=3, padding=2))
def conv1d(stride, padding):
    return conv_operator((11,), stride=stride, padding=padding)


@case(dict(stride=1, padding=1), dict(stride=2, padding=0), dict(stride=2, padding=3))
def conv2d(stride, padding):
    return conv_operator((7, 6), stride=stride, padding=padding)


@case(dict(dilation=2), dict(dilation=3))
def conv2d_dilated(dilation):
    return conv_operator((9, 8), padding=1, dilation=dilation)


@case(dict(groups=2))
def conv2d_grouped(groups):
    return conv_operator((6, 5), padding=1, groups=groups)


@case(dict(channels=4, multiplier=1), dict(channels=3, multiplier=2))
def conv2d_depthwise(channels, multiplier):
    return conv_operator((6, 5), channels=channels, filters=channels * multiplier, padding=1, groups=channels)


@case({})
def conv2d_pointwise():
    return conv_operator((5, 4), kernel=1)


@case(dict(stride=1, padding=1), dict(stride=2, padding=0))
def conv3d(stride, padding):
    return conv_operator((5, 4, 6), channels=2, filters=3, batch=1, stride=stride, padding=padding)


@case(dict(n=2, h=6, w=5, c=3, o=4))
def conv2d_nhwc(n, h, w, c, o):
    X = te.placeholder((n, h, w, c), name="X")
    W = te.placeholder((3, 3, c, o), name="W")
    y, x, rc = te.reduce_axis(3, name="ry"), te.reduce_axis(3, name="rx"), te.reduce_axis(c, name="rc")
    Y = te.compute(
        (n, h - 2, w - 2, o),
        lambda b, i, j, f: te.sum(X[b, i + y, j + x, rc] * W[y, x, rc, f], axis=[y, x, rc]),
        name="Y",
    )

    def reference(x, w):
        return references.conv(x.transpose(0, 3, 1, 2), w.transpose(3, 2, 0, 1), 1, 0, 1, 1).transpose(
            0, 2, 3, 1
        )

    return Y, reference


@case(dict(stride=2, kernel=3), dict(stride=3, kernel=2))
def conv_transpose_where(stride, kernel):
    n, c, h, o = 2, 3, 5, 4
    X = te.placeholder((n, c, h), name="X")
    W = te.placeholder((c, o, kernel), name="W")
    rc, rk = te.reduce_axis(c, name="rc"), te.reduce_axis(kernel, name="rk")

    def value(b, f, i):
        at = i - rk
        inside = (at % stride == 0) & (at >= 0) & (at // stride < h)
        return te.sum(te.where(inside, X[b, rc, at // stride] * W[rc, f, rk], 0), axis=[rc, rk])

    Y = te.compute((n, o, (h - 1) * stride + kernel), value, name="Y")
    return Y, lambda x, w: references.conv_transpose(x, w, stride)


@case(dict(kernel=4), dict(kernel=3))
def conv_transpose_residues(kernel):
    """Stride 2: each residue class of the output is a small convolution of its own."""
    n, c, h, o, stride = 2, 3, 5, 4, 2
    X = te.placeholder((n, c, h), name="X")
    W = te.placeholder((c, o, kernel), name="W")

    def piece(residue):
        rc = te.reduce_axis(c, name="rc")
        rk = te.reduce_axis((kernel - residue + stride - 1) // stride, name=f"rk{residue}")

        def value(b, f, i):
            at = i // stride - rk
            inside = (at >= 0) & (at < h)
            return te.sum(te.where(inside, X[b, rc, at] * W[rc, f, rk * stride + residue], 0), axis=[rc, rk])

        return (lambda b, f, i: i % stride == residue), value

    Y = te.pieces((n, o, (h - 1) * stride + kernel), [piece(r) for r in range(stride)], name="Y")
    return Y, lambda x, w: references.conv_transpose(x, w, stride)
