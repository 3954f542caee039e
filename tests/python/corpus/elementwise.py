"""Elementwise operators and broadcasts."""

from __future__ import annotations

import math

import numpy as np
import references
from tilewright import te

from corpus.case import Operator, case, positive


@case(dict(n=17), dict(n=0), dict(n=1))
def add(n):
    A = te.placeholder((n,), name="A")
    B = te.placeholder((n,), name="B")
    return te.compute((n,), lambda i: A[i] + B[i], name="C"), lambda a, b: a + b


@case(dict(m=5, n=7), dict(m=0, n=3), dict(m=1, n=1))
def broadcast_row(m, n):
    A = te.placeholder((m, n), name="A")
    b = te.placeholder((n,), name="b")
    return te.compute((m, n), lambda i, j: A[i, j] * 2 + b[j], name="C"), lambda a, b: a * 2 + b


@case(dict(l=3, m=4, n=5))
def broadcast_outer(l, m, n):
    A = te.placeholder((l, 1, n), name="A")
    B = te.placeholder((m, 1), name="B")
    C = te.compute((l, m, n), lambda i, j, k: A[i, 0, k] - B[j, 0], name="C")
    return C, lambda a, b: a - b


@case(dict(n=23))
def gelu(n):
    A = te.placeholder((n,), name="A")
    B = te.compute((n,), lambda i: 0.5 * A[i] * (1 + te.erf(A[i] / math.sqrt(2))), name="gelu")
    return B, lambda a: 0.5 * a * (1 + references.erf(a / math.sqrt(2)))


@case(dict(n=19))
def activations(n):
    A = te.placeholder((n,), name="A")
    relu = te.compute((n,), lambda i: te.maximum(A[i], 0), name="relu")
    silu = te.compute((n,), lambda i: A[i] * te.sigmoid(A[i]), name="silu")
    clipped = te.compute((n,), lambda i: te.minimum(te.maximum(A[i], -1), 1), name="clipped")
    return (relu, silu, clipped), lambda a: (np.maximum(a, 0), a * references.sigmoid(a), np.clip(a, -1, 1))


@case(dict(n=21))
def functions(n):
    A = te.placeholder((n,), name="A")

    def all_of(i):
        x = A[i]
        return (
            te.exp(-x)
            + te.log(x)
            + te.sqrt(x) * te.rsqrt(x + 1)
            + te.tanh(x)
            + te.sin(x) * te.cos(x)
            + te.pow(x, 1.5)
        )

    def reference(a):
        return (
            np.exp(-a) + np.log(a) + np.sqrt(a) / np.sqrt(a + 1) + np.tanh(a) + np.sin(a) * np.cos(a) + a**1.5
        )

    return Operator(te.compute((n,), all_of, name="B"), reference, {"A": positive}, tolerance=4)


@case(dict(n=33))
def rounding(n):
    A = te.placeholder((n,), name="A")
    B = te.compute(
        (n,), lambda i: te.floor(A[i]) + 10 * te.ceil(A[i]) + 100 * te.round(A[i]) + te.abs(A[i]), name="B"
    )
    halves = lambda rng, shape: (rng.integers(-9, 9, shape) / 2).astype(np.float32)  # noqa: E731
    return Operator(B, lambda a: np.floor(a) + 10 * np.ceil(a) + 100 * np.round(a) + np.abs(a), {"A": halves})


@case(dict(n=13))
def integer_arithmetic(n):
    A = te.placeholder((n,), "int32", name="A")
    B = te.placeholder((n,), "int32", name="B")
    C = te.compute((n,), lambda i: (A[i] // 3) * 7 - A[i] % 5 + (A[i] ^ B[i]) + (B[i] << 2), name="C")
    return C, lambda a, b: (a // 3) * 7 - a % 5 + (a ^ b) + (b << 2)


@case(dict(n=15))
def half_precision(n):
    A = te.placeholder((n,), "float16", name="A")
    B = te.placeholder((n,), "bfloat16", name="B")
    return te.compute((n,), lambda i: A[i] * B[i] + 1, name="C"), lambda a, b: a * b + 1


@case(dict(n=12))
def quantize(n):
    A = te.placeholder((n,), name="A")
    q = te.compute((n,), lambda i: te.round(A[i] / 0.02).astype("int8"), name="q")
    d = te.compute((n,), lambda i: q[i] * te.const(0.02, "float32"), name="d")
    return (q, d), lambda a: (
        quantized := np.clip(np.round(np.float32(a) / np.float32(0.02)), -128, 127).astype(np.int8),
        quantized.astype(np.float64) * np.float32(0.02),
    )


@case({})
def rank_zero():
    A = te.placeholder((), name="A")
    return te.compute((), lambda: A[()] * A[()] + 1, name="B"), lambda a: a * a + 1
