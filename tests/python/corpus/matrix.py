"""Matrix products."""

from __future__ import annotations

import numpy as np
from tilewright import te

from corpus.case import Operator, case


@case(
    dict(m=5, k=7, n=6), dict(m=1, k=1, n=1), dict(m=3, k=0, n=2), dict(m=0, k=4, n=3), dict(m=17, k=33, n=9)
)
def matmul(m, k, n):
    A = te.placeholder((m, k), name="A")
    B = te.placeholder((k, n), name="B")
    r = te.reduce_axis(k, name="k")
    return te.compute((m, n), lambda i, j: te.sum(A[i, r] * B[r, j], axis=r), name="C"), lambda a, b: a @ b


@case(dict(m=4, k=5, n=6))
def matmul_nt(m, k, n):
    A = te.placeholder((m, k), name="A")
    B = te.placeholder((n, k), name="B")
    r = te.reduce_axis(k, name="k")
    return te.compute((m, n), lambda i, j: te.sum(A[i, r] * B[j, r], axis=r), name="C"), lambda a, b: a @ b.T


@case(dict(m=4, k=5, n=6))
def matmul_tn(m, k, n):
    A = te.placeholder((k, m), name="A")
    B = te.placeholder((k, n), name="B")
    r = te.reduce_axis(k, name="k")
    return te.compute((m, n), lambda i, j: te.sum(A[r, i] * B[r, j], axis=r), name="C"), lambda a, b: a.T @ b


@case(dict(m=4, k=5, n=6))
def matmul_tt(m, k, n):
    A = te.placeholder((k, m), name="A")
    B = te.placeholder((n, k), name="B")
    r = te.reduce_axis(k, name="k")
    return te.compute(
        (m, n), lambda i, j: te.sum(A[r, i] * B[j, r], axis=r), name="C"
    ), lambda a, b: a.T @ b.T


@case(dict(b=3, m=4, k=5, n=2), dict(b=0, m=2, k=2, n=2))
def batched_matmul(b, m, k, n):
    A = te.placeholder((b, m, k), name="A")
    B = te.placeholder((b, k, n), name="B")
    r = te.reduce_axis(k, name="k")
    C = te.compute((b, m, n), lambda s, i, j: te.sum(A[s, i, r] * B[s, r, j], axis=r), name="C")
    return C, lambda a, b: a @ b


@case(dict(m=4, k=9, n=3))
def matmul_half(m, k, n):
    A = te.placeholder((m, k), "float16", name="A")
    B = te.placeholder((k, n), "float16", name="B")
    r = te.reduce_axis(k, name="k")
    C = te.compute((m, n), lambda i, j: te.sum(A[i, r].astype("float32") * B[r, j], axis=r), name="C")
    return C, lambda a, b: a @ b


@case(dict(m=4, k=9, n=3))
def matmul_int8(m, k, n):
    A = te.placeholder((m, k), "uint8", name="A")
    B = te.placeholder((k, n), "int8", name="B")
    r = te.reduce_axis(k, name="k")
    C = te.compute(
        (m, n), lambda i, j: te.sum(A[i, r].astype("int32") * B[r, j].astype("int32"), axis=r), name="C"
    )
    return C, lambda a, b: a.astype(int) @ b.astype(int)


@case(dict(m=5, k=4, n=6))
def dense_bias_relu(m, k, n):
    X = te.placeholder((m, k), name="X")
    W = te.placeholder((n, k), name="W", constant=True)
    b = te.placeholder((n,), name="b", constant=True)
    r = te.reduce_axis(k, name="k")
    Y = te.compute((m, n), lambda i, j: te.sum(X[i, r] * W[j, r], axis=r) + b[j], name="Y")
    return te.compute((m, n), lambda i, j: te.maximum(Y[i, j], 0), name="Z"), lambda x, w, b: np.maximum(
        x @ w.T + b, 0
    )


@case(dict(n=7))
def dot(n):
    A = te.placeholder((n,), "float64", name="A")
    B = te.placeholder((n,), "float64", name="B")
    k = te.reduce_axis(n, name="k")
    return te.compute((), lambda: te.sum(A[k] * B[k], axis=k), name="C"), lambda a, b: np.asarray(a @ b)


@case(dict(n=4, m=6))
def symbolic_matmul(n, m):
    M = te.var("M", range=(1, 64))
    K = te.var("K")
    A = te.placeholder((M, K), name="A")
    B = te.placeholder((K, 5), name="B")
    k = te.reduce_axis(K, name="k")
    C = te.compute((M, 5), lambda i, j: te.sum(A[i, k] * B[k, j], axis=k), name="C")
    return Operator(C, lambda a, b: a @ b, sizes={"M": n, "K": m})
