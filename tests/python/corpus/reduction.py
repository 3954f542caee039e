"""Pooling, reductions, normalisation and attention."""

from __future__ import annotations

import math

import numpy as np
import references
from tilewright import te

from corpus.case import Operator, case


@case(dict(kernel=3, stride=2, padding=1), dict(kernel=2, stride=2, padding=0))
def max_pool(kernel, stride, padding):
    n, c, h, w = 2, 3, 7, 8
    X = te.placeholder((n, c, h, w), name="X")
    ry, rx = te.reduce_axis(kernel, name="ry"), te.reduce_axis(kernel, name="rx")

    def value(b, f, i, j):
        y, x = i * stride + ry - padding, j * stride + rx - padding
        inside = (y >= 0) & (y < h) & (x >= 0) & (x < w)
        return te.max(te.where(inside, X[b, f, y, x], -math.inf), axis=[ry, rx])

    out = [(s + 2 * padding - kernel) // stride + 1 for s in (h, w)]
    Y = te.compute((n, c, *out), value, name="Y")
    return Y, lambda x: references.pool(x, kernel, stride, padding, np.max, -np.inf)


@case(dict(kernel=2, stride=2), dict(kernel=3, stride=1))
def avg_pool(kernel, stride):
    n, c, h, w = 1, 3, 6, 7
    X = te.placeholder((n, c, h, w), name="X")
    ry, rx = te.reduce_axis(kernel, name="ry"), te.reduce_axis(kernel, name="rx")
    Y = te.compute(
        (n, c, (h - kernel) // stride + 1, (w - kernel) // stride + 1),
        lambda b, f, i, j: (
            te.sum(X[b, f, i * stride + ry, j * stride + rx], axis=[ry, rx]) / (kernel * kernel)
        ),
        name="Y",
    )
    return Y, lambda x: references.pool(x, kernel, stride, 0, np.mean, 0)


@case(dict(n=3, h=5, w=6))
def global_mean(n, h, w):
    X = te.placeholder((n, h, w), name="X")
    y, x = te.reduce_axis(h, name="y"), te.reduce_axis(w, name="x")
    return te.compute((n,), lambda b: te.sum(X[b, y, x], axis=[y, x]) / (h * w), name="M"), lambda x: x.mean(
        (1, 2)
    )


@case(dict(m=4, n=9), dict(m=3, n=1))
def reductions(m, n):
    A = te.placeholder((m, n), name="A")
    k = [te.reduce_axis(n, name=f"k{i}") for i in range(4)]
    rows = (
        te.compute((m,), lambda i: te.prod(A[i, k[0]], axis=k[0]), name="product"),
        te.compute((m,), lambda i: te.max(A[i, k[1]], axis=k[1]), name="largest"),
        te.compute((m,), lambda i: te.min(A[i, k[2]], axis=k[2]), name="smallest"),
        te.compute((m,), lambda i: te.sum(te.abs(A[i, k[3]]), axis=k[3]), name="norm"),
    )
    return rows, lambda a: (a.prod(1), a.max(1), a.min(1), np.abs(a).sum(1))


@case(dict(m=4, n=5), dict(m=2, n=0))
def any_all(m, n):
    A = te.placeholder((m, n), "bool", name="A")
    k, l = te.reduce_axis(n, name="k"), te.reduce_axis(n, name="l")
    some = te.compute((m,), lambda i: te.any(A[i, k], axis=k), name="some")
    every = te.compute((m,), lambda i: te.all(A[i, l], axis=l), name="every")
    return (some, every), lambda a: (a.any(1), a.all(1))


@case(dict(m=4, n=9))
def argmax(m, n):
    A = te.placeholder((m, n), name="A")
    k = te.reduce_axis(n, name="k")
    ties = lambda rng, shape: rng.integers(0, 4, shape).astype(np.float32)  # noqa: E731
    return Operator(
        te.compute((m,), lambda i: te.argmax(A[i, k], axis=k), name="at"), lambda a: a.argmax(1), {"A": ties}
    )


@case(dict(m=4, n=9))
def argmin(m, n):
    A = te.placeholder((m, n), "int32", name="A")
    k = te.reduce_axis(n, name="k")
    return te.compute((m,), lambda i: te.argmin(A[i, k], axis=k), name="at"), lambda a: a.argmin(1)


@case(dict(m=3, n=8))
def top_one(m, n):
    A = te.placeholder((m, n), name="A")
    k = te.reduce_axis(n, name="k")
    at = te.compute((m,), lambda i: te.argmax(A[i, k], axis=k), name="at")
    value = te.compute((m,), lambda i: A[i, at[i]], name="value")
    return (at, value), lambda a: (a.argmax(1), a.max(1))


@case(dict(m=4, n=7), dict(m=1, n=1))
def log_sum_exp(m, n):
    """A reducer of one's own: pairs (largest, sum of exponentials relative to it), as in online softmax."""
    A = te.placeholder((m, n), "float64", name="A")
    k = te.reduce_axis(n, name="k")

    def combine(a, b):
        largest = te.maximum(a[0], b[0])
        scale = lambda part: te.where(part[1] == 0, 0.0, part[1] * te.exp(part[0] - largest))  # noqa: E731
        return largest, scale(a) + scale(b)

    online = te.reducer(combine, identity=(-math.inf, 0.0), name="online")
    largest, total = te.compute((m,), lambda i: online((A[i, k], te.const(1.0, "float64")), axis=k), name="L")
    return te.compute((m,), lambda i: largest[i] + te.log(total[i]), name="lse"), lambda a: np.log(
        np.exp(a).sum(1)
    )


@case(dict(m=4, n=7), dict(m=2, n=1))
def softmax(m, n):
    A = te.placeholder((m, n), name="A")
    k, l = te.reduce_axis(n, name="k"), te.reduce_axis(n, name="l")
    largest = te.compute((m,), lambda i: te.max(A[i, k], axis=k), name="largest")
    E = te.compute((m, n), lambda i, j: te.exp(A[i, j] - largest[i]), name="E")
    total = te.compute((m,), lambda i: te.sum(E[i, l], axis=l), name="total")
    return te.compute((m, n), lambda i, j: E[i, j] / total[i], name="S"), references.softmax


@case(dict(m=3, n=10))
def layer_norm(m, n):
    A = te.placeholder((m, n), name="A")
    scale, shift = te.placeholder((n,), name="scale"), te.placeholder((n,), name="shift")
    k, l = te.reduce_axis(n, name="k"), te.reduce_axis(n, name="l")
    mean = te.compute((m,), lambda i: te.sum(A[i, k], axis=k) / n, name="mean")
    variance = te.compute(
        (m,), lambda i: te.sum((A[i, l] - mean[i]) * (A[i, l] - mean[i]), axis=l) / n, name="variance"
    )
    Y = te.compute(
        (m, n),
        lambda i, j: (A[i, j] - mean[i]) * te.rsqrt(variance[i] + 1e-5) * scale[j] + shift[j],
        name="Y",
    )
    return Operator(Y, lambda a, scale, shift: references.layer_norm(a, scale, shift, 1e-5), tolerance=4)


@case(dict(m=3, n=8))
def rms_norm(m, n):
    A = te.placeholder((m, n), name="A")
    k = te.reduce_axis(n, name="k")
    scale = te.compute((m,), lambda i: te.rsqrt(te.sum(A[i, k] * A[i, k], axis=k) / n + 1e-6), name="scale")
    Y = te.compute((m, n), lambda i, j: A[i, j] * scale[i], name="Y")
    return Y, lambda a: a / np.sqrt((a * a).mean(1, keepdims=True) + 1e-6)


@case(dict(heads=2, l=4, s=5, d=3))
def attention(heads, l, s, d):
    Q = te.placeholder((heads, l, d), name="Q")
    K = te.placeholder((heads, s, d), name="K")
    V = te.placeholder((heads, s, d), name="V")
    rd, r1, r2, r3 = (te.reduce_axis(e, name=f"r{i}") for i, e in enumerate((d, s, s, s)))
    scores = te.compute(
        (heads, l, s),
        lambda h, i, j: te.sum(Q[h, i, rd] * K[h, j, rd], axis=rd) / math.sqrt(d),
        name="scores",
    )
    largest = te.compute((heads, l), lambda h, i: te.max(scores[h, i, r1], axis=r1), name="largest")
    E = te.compute((heads, l, s), lambda h, i, j: te.exp(scores[h, i, j] - largest[h, i]), name="E")
    total = te.compute((heads, l), lambda h, i: te.sum(E[h, i, r2], axis=r2), name="total")
    Y = te.compute(
        (heads, l, d), lambda h, i, j: te.sum(E[h, i, r3] * V[h, r3, j], axis=r3) / total[h, i], name="Y"
    )
    return Operator(Y, references.attention, tolerance=4)
