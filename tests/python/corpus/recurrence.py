"""Recurrences: cumulative sums, time loops, solves."""

from __future__ import annotations

import numpy as np
import references
from tilewright import te

from corpus.case import Operator, case


@case(dict(n=9), dict(n=1))
def cumulative_sum_reduction(n):
    A = te.placeholder((n,), name="A")
    k = te.reduce_axis(n, name="k")
    return te.compute((n,), lambda i: te.sum(te.where(k <= i, A[k], 0), axis=k), name="S"), np.cumsum


@case(dict(n=9, m=4), dict(n=1, m=1))
def cumulative_sum_scan(n, m):
    A = te.placeholder((n, m), name="A")
    zero = te.compute((m,), lambda j: te.const(0, "float32"), name="zero")
    return te.scan(zero, lambda S, t, j: S[t - 1, j] + A[t, j], n, name="S"), lambda a: np.cumsum(a, axis=0)


@case(dict(n=12))
def fibonacci(n):
    """Reads two steps back; the state before the beginning is 1 at every time."""

    def reference():
        values = [1, 1]
        while len(values) < n + 2:
            values.append(values[-1] + values[-2])
        return np.array(values[2:])

    return te.scan(te.const(1, "int64"), lambda F, t: F[t - 1] + F[t - 2], n, name="F"), reference


@case(dict(steps=4, d=3, h=5))
def lstm(steps, d, h):
    X = te.placeholder((steps, d), name="X")
    W = te.placeholder((4, h, d), name="W", constant=True)
    U = te.placeholder((4, h, h), name="U", constant=True)
    b = te.placeholder((4, h), name="b", constant=True)
    h0, c0 = te.placeholder((h,), name="h0"), te.placeholder((h,), name="c0")
    rd = te.reduce_axis(d, name="rd")
    G = te.compute((steps, 4, h), lambda t, g, j: te.sum(X[t, rd] * W[g, j, rd], axis=rd) + b[g, j], name="G")

    def step(H, C, t, j):
        def gate(g):
            k = te.reduce_axis(h, name="k")
            return G[t, g, j] + te.sum(H[t - 1, k] * U[g, j, k], axis=k)

        c = te.sigmoid(gate(1)) * C[t - 1, j] + te.sigmoid(gate(0)) * te.tanh(gate(2))
        return te.sigmoid(gate(3)) * te.tanh(c), c

    return Operator(te.scan((h0, c0), step, steps, name="state"), references.lstm, tolerance=4)


@case(dict(n=6), dict(n=1))
def forward_substitution(n):
    """L x = b, L lower triangular."""
    L = te.placeholder((n, n), "float64", name="L")
    b = te.placeholder((n,), "float64", name="b")

    def step(x, t):
        k = te.reduce_axis(n, name="k")
        return (b[t] - te.sum(te.where(k < t, L[t, k] * x[k], 0), axis=k)) / L[t, t]

    lower = lambda rng, shape: np.tril(rng.uniform(0.5, 1, shape)) + 2 * np.eye(n)  # noqa: E731
    return Operator(
        te.scan(te.const(0.0, "float64"), step, n, name="x"), lambda l, b: np.linalg.solve(l, b), {"L": lower}
    )
