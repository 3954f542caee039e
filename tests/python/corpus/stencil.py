"""Stencils and images."""

from __future__ import annotations

import numpy as np
import references
from tilewright import te

from corpus.case import case


@case(dict(n=11))
def stencil_1d(n):
    A = te.placeholder((n,), name="A")
    return (
        te.compute((n - 2,), lambda i: A[i] - 2 * A[i + 1] + A[i + 2], name="B"),
        lambda a: a[:-2] - 2 * a[1:-1] + a[2:],
    )


@case(dict(h=6, w=7))
def stencil_2d(h, w):
    """Five points, twice; zero outside."""

    def smoothed(T, name):
        def at(i, j):
            return te.where((i >= 0) & (i < h) & (j >= 0) & (j < w), T[i, j], 0)

        value = lambda i, j: (at(i - 1, j) + at(i + 1, j) + at(i, j - 1) + at(i, j + 1) + 4 * T[i, j]) / 8  # noqa: E731
        return te.compute((h, w), value, name=name)

    def reference(a):
        for _ in range(2):
            p = np.pad(a, 1)
            a = (p[:-2, 1:-1] + p[2:, 1:-1] + p[1:-1, :-2] + p[1:-1, 2:] + 4 * a) / 8
        return a

    return smoothed(smoothed(te.placeholder((h, w), name="A"), "B"), "C"), reference


@case(dict(n=5))
def stencil_3d(n):
    A = te.placeholder((n, n, n), "float64", name="A")
    value = lambda i, j, k: (  # noqa: E731
        A[i, j + 1, k + 1] + A[i + 2, j + 1, k + 1] + A[i + 1, j, k + 1] + A[i + 1, j + 2, k + 1]
        + A[i + 1, j + 1, k] + A[i + 1, j + 1, k + 2] - 6 * A[i + 1, j + 1, k + 1]
    )  # fmt: skip

    def reference(a):
        c = slice(1, -1)
        return (
            a[:-2, c, c]
            + a[2:, c, c]
            + a[c, :-2, c]
            + a[c, 2:, c]
            + a[c, c, :-2]
            + a[c, c, 2:]
            - 6 * a[c, c, c]
        )

    return te.compute((n - 2, n - 2, n - 2), value, name="B"), reference


@case(dict(n=4, steps=3))
def heat_equation(n, steps):
    """A stencil over time: a scan whose state is a row."""
    A = te.placeholder((n,), name="A")

    def step(H, t, i):
        left = te.where(i > 0, H[t - 1, i - 1], 0)
        right = te.where(i < n - 1, H[t - 1, i + 1], 0)
        return H[t - 1, i] + (left - 2 * H[t - 1, i] + right) / 4

    def reference(a):
        rows = [a]
        for _ in range(steps):
            p = np.pad(rows[-1], 1)
            rows.append(rows[-1] + (p[:-2] - 2 * rows[-1] + p[2:]) / 4)
        return np.stack(rows[1:])

    return te.scan(A, step, steps, name="H"), reference


@case(dict(c=2, h=5, w=4, oh=8, ow=9), dict(c=1, h=6, w=7, oh=3, ow=2))
def resize_nearest(c, h, w, oh, ow):
    X = te.placeholder((c, h, w), name="X")
    Y = te.compute((c, oh, ow), lambda f, i, j: X[f, i * h // oh, j * w // ow], name="Y")
    return Y, lambda x: x[:, np.arange(oh) * h // oh][:, :, np.arange(ow) * w // ow]


@case(dict(c=2, h=5, w=4, oh=8, ow=9), dict(c=1, h=6, w=7, oh=3, ow=2))
def resize_bilinear(c, h, w, oh, ow):
    X = te.placeholder((c, h, w), "float64", name="X")

    def coordinate(i, size, out):
        at = te.minimum(te.maximum((i.astype("float64") + 0.5) * size / out - 0.5, 0), size - 1)
        low = te.floor(at).astype("int64")
        return low, te.minimum(low + 1, size - 1), at - te.floor(at)

    def value(f, i, j):
        y0, y1, fy = coordinate(i, h, oh)
        x0, x1, fx = coordinate(j, w, ow)
        top = X[f, y0, x0] * (1 - fx) + X[f, y0, x1] * fx
        bottom = X[f, y1, x0] * (1 - fx) + X[f, y1, x1] * fx
        return top * (1 - fy) + bottom * fy

    return te.compute((c, oh, ow), value, name="Y"), lambda x: references.resize_bilinear(x, oh, ow)


@case(dict(h=4, w=5))
def integral_image(h, w):
    """Two scans, one along each dimension."""
    A = te.placeholder((h, w), "int64", name="A")
    zero_row = te.compute((w,), lambda j: te.const(0, "int64"), name="zero_row")
    S = te.scan(zero_row, lambda S, t, j: S[t - 1, j] + A[t, j], h, name="S")
    zero_column = te.compute((h,), lambda i: te.const(0, "int64"), name="zero_column")
    T = te.scan(zero_column, lambda T, t, i: T[t - 1, i] + S[i, t], w, name="T")
    return te.compute((h, w), lambda i, j: T[j, i], name="I"), lambda a: a.cumsum(0).cumsum(1)
