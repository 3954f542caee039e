"""Data movement: layouts, padding, concatenation, gathers and scatters."""

from __future__ import annotations

import numpy as np
from tilewright import te

from corpus.case import Operator, case, integers


@case(dict(m=5, n=7))
def transpose(m, n):
    A = te.placeholder((m, n), name="A")
    return te.compute((n, m), lambda i, j: A[j, i], name="T"), lambda a: a.T


@case(dict(n=2, h=3, w=4, block=2))
def space_to_depth(n, h, w, block):
    A = te.placeholder((n, h * block, w * block), name="A")
    B = te.compute(
        (n, block * block, h, w),
        lambda b, c, y, x: A[b, y * block + c // block, x * block + c % block],
        name="B",
    )
    return (
        B,
        lambda a: a.reshape(n, h, block, w, block).transpose(0, 2, 4, 1, 3).reshape(n, block * block, h, w),
    )


@case(dict(m=4, n=6))
def reshape(m, n):
    A = te.placeholder((m, n), name="A")
    return te.compute((m * n,), lambda i: A[i // n, i % n], name="flat"), lambda a: a.reshape(-1)


@case(dict(n=9, before=2, after=3), dict(n=1, before=0, after=0))
def pad(n, before, after):
    A = te.placeholder((n,), name="A")
    B = te.compute(
        (before + n + after,),
        lambda i: te.where((i >= before) & (i < before + n), A[i - before], 0),
        name="padded",
    )
    return B, lambda a: np.pad(a, (before, after))


@case(dict(n=11))
def reverse(n):
    A = te.placeholder((n,), "int16", name="A")
    return te.compute((n,), lambda i: A[n - 1 - i], name="R"), lambda a: a[::-1]


@case(dict(m=3, n=4, k=5), dict(m=3, n=0, k=2))
def concatenate(m, n, k):
    A = te.placeholder((m, n), name="A")
    B = te.placeholder((m, k), name="B")
    C = te.pieces(
        (m, n + k),
        [(lambda i, j: j < n, lambda i, j: A[i, j]), (lambda i, j: j >= n, lambda i, j: B[i, j - n])],
        name="C",
    )
    return C, lambda a, b: np.concatenate([a, b], axis=1)


@case(dict(n=10))
def concatenate_three(n):
    A = te.placeholder((n,), name="A")
    B = te.placeholder((n,), name="B")
    C = te.pieces(
        (3 * n,),
        [
            (lambda i: i < n, lambda i: A[i]),
            (lambda i: i >= 2 * n, lambda i: B[i - 2 * n]),
            (..., lambda i: 0.5),
        ],
        name="C",
    )
    return C, lambda a, b: np.concatenate([a, np.full(n, 0.5), b])


@case(dict(n=6, rows=10, width=4), dict(n=0, rows=3, width=2))
def gather(n, rows, width):
    A = te.placeholder((rows, width), name="A")
    index = te.placeholder((n,), "int32", name="index")
    B = te.compute((n, width), lambda i, j: A[index[i], j], name="B")
    return Operator(B, lambda a, index: a[index], {"index": integers(0, rows, "int32")})


@case(dict(batch=2, length=5, words=11, width=3))
def embedding(batch, length, words, width):
    table = te.placeholder((words, width), name="table", constant=True)
    tokens = te.placeholder((batch, length), "int64", name="tokens")
    E = te.compute((batch, length, width), lambda b, t, d: table[tokens[b, t], d], name="E")
    return Operator(E, lambda table, tokens: table[tokens], {"tokens": integers(0, words)})


@case(dict(n=6, depth=5))
def one_hot(n, depth):
    index = te.placeholder((n,), "int64", name="index")
    B = te.compute((n, depth), lambda i, j: te.where(index[i] == j, 1.0, 0.0).astype("float32"), name="B")
    return Operator(B, lambda index: np.eye(depth)[index], {"index": integers(0, depth)})


@case(dict(n=9, rows=5, width=3), dict(n=0, rows=2, width=2))
def scatter_add(n, rows, width):
    A = te.placeholder((rows, width), name="A")
    index = te.placeholder((n,), "int64", name="index")
    U = te.placeholder((n, width), name="U")
    S = te.scatter(A, (n, width), lambda i, j: (index[i], j), lambda i, j: U[i, j], combine="sum", name="S")

    def reference(a, index, u):
        a = a.copy()
        np.add.at(a, index, u)
        return a

    return Operator(S, reference, {"index": integers(0, rows)})


@case(dict(n=12, rows=5))
def scatter_max(n, rows):
    A = te.placeholder((rows,), name="A")
    index = te.placeholder((n,), "int32", name="index")
    U = te.placeholder((n,), name="U")
    S = te.scatter(A, (n,), lambda i: index[i], lambda i: U[i], combine="max", name="S")

    def reference(a, index, u):
        a = a.copy()
        np.maximum.at(a, index, u)
        return a

    return Operator(S, reference, {"index": integers(0, rows, "int32")})


@case(dict(n=5, rows=8))
def scatter_set(n, rows):
    A = te.placeholder((rows,), name="A")
    index = te.placeholder((n,), "int64", name="index")
    U = te.placeholder((n,), name="U")
    S = te.scatter(A, (n,), lambda i: index[i], lambda i: U[i], combine="set", name="S")

    def reference(a, index, u):
        a = a.copy()
        a[index] = u
        return a

    return Operator(S, reference, {"index": lambda rng, shape: rng.permutation(rows)[: shape[0]]})


@case(dict(n=40, bins=7))
def histogram(n, bins):
    value = te.placeholder((n,), "uint8", name="value")
    zero = te.compute((bins,), lambda i: te.const(0, "int32"), name="zero")
    H = te.scatter(zero, (n,), lambda i: value[i], lambda i: 1, combine="sum", name="H")
    return Operator(H, lambda v: np.bincount(v, minlength=bins), {"value": integers(0, bins, "uint8")})
