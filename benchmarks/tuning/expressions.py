"""Twelve expressions that no rule of the tuner names, each with its meaning in NumPy.

They measure the general space of schedules: gathers and scans, reductions over three tensors, chains, several
outputs. `CASES` lists them:

    case = CASES["mttkrp"]
    sizes = case.sizes                    # or case.small, for checks
    outputs = case.expression(**sizes)    # tensors; arguments are the inputs, in order, then these
    inputs = case.inputs(np.random.default_rng(0), **sizes)
    expected = case.reference(sizes, **inputs)  # a tuple of arrays

`reference` is what one would write in NumPy, and is timed as such.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tilewright import te

Arrays = dict[str, NDArray]
Sizes = dict[str, int]


@dataclass(frozen=True)
class Case:
    """`expression` gives the outputs for `sizes`, `inputs` the arguments by name in their order, `reference`
    the outputs from the sizes and those."""

    expression: Callable[..., tuple[te.Tensor, ...]]
    inputs: Callable[..., Arrays]
    reference: Callable[..., tuple[NDArray, ...]]
    sizes: Sizes
    small: Sizes


def _normal(rng: np.random.Generator, *shape: int) -> NDArray:
    return rng.standard_normal(shape, dtype=np.float32)


# Bilateral slice: each pixel reads a coarse grid where its position and its brightness lie between points.


def bilateral_slice(h: int, w: int, cell: int, depth: int, c: int) -> tuple[te.Tensor, ...]:
    """Out[y, x, k] = the grid at (y / cell, x / cell, guide[y, x] * depth), interpolated linearly."""
    gh, gw = h // cell + 1, w // cell + 1
    grid = te.placeholder((gh, gw, depth, c), "float32", name="grid")
    guide = te.placeholder((h, w), "float32", name="guide")
    u, v, t = (te.reduce_axis(2, name=name) for name in "uvt")

    def level(y, x):
        return te.minimum(te.maximum(guide[y, x], 0.0), 0.999) * (depth - 1)

    low = te.compute((h, w), lambda y, x: te.floor(level(y, x)).astype("int64"), name="low")
    part = te.compute((h, w), lambda y, x: level(y, x) - te.floor(level(y, x)), name="part")

    def share(at, corner):
        inside = (at % cell).astype("float32") * (1.0 / cell)
        return te.where(corner == 1, inside, 1.0 - inside)

    def element(y, x, k):
        depth_share = te.where(t == 1, part[y, x], 1.0 - part[y, x])
        value = grid[y // cell + u, x // cell + v, low[y, x] + t, k]
        return te.sum(value * share(y, u) * share(x, v) * depth_share, axis=(u, v, t))

    return (te.compute((h, w, c), element, name="Y"),)


def bilateral_slice_inputs(rng, h, w, cell, depth, c) -> Arrays:
    """A grid with a border of one point more."""
    return {
        "grid": _normal(rng, h // cell + 1, w // cell + 1, depth, c),
        "guide": rng.random((h, w), dtype=np.float32),
    }


def bilateral_slice_reference(sizes: Sizes, grid: NDArray, guide: NDArray) -> tuple[NDArray, ...]:
    """Eight gathers."""
    h, w = guide.shape
    cell = h // (grid.shape[0] - 1)
    y, x = np.arange(h)[:, None], np.arange(w)[None, :]
    level = np.clip(guide, 0, np.float32(0.999)) * np.float32(grid.shape[2] - 1)
    low = np.floor(level).astype(np.int64)
    part = level - np.floor(level)
    down, across = np.float32((y % cell) / cell), np.float32((x % cell) / cell)
    out = np.zeros((h, w, grid.shape[3]), np.float32)
    for u in (0, 1):
        for v in (0, 1):
            for t in (0, 1):
                share = (down if u else 1 - down) * (across if v else 1 - across) * (part if t else 1 - part)
                out += grid[y // cell + u, x // cell + v, low + t] * share[..., None]
    return (out,)


# Forces between n bodies.


def n_body(n: int) -> tuple[te.Tensor, ...]:
    """F[i] = the sum over j of M[j] (P[j] - P[i]) / |P[j] - P[i]|^3, softened."""
    P = te.placeholder((n, 3), "float32", name="P")
    M = te.placeholder((n,), "float32", name="M")
    j = te.reduce_axis(n, name="j")

    def weight(i, k):
        squares = [(P[k, d] - P[i, d]) * (P[k, d] - P[i, d]) for d in range(3)]
        inverse = te.rsqrt(squares[0] + squares[1] + squares[2] + 1e-3)
        return M[k] * inverse * inverse * inverse

    weights = te.compute((n, n), weight, name="weights")
    return (te.compute((n, 3), lambda i, d: te.sum(weights[i, j] * (P[j, d] - P[i, d]), axis=j), name="F"),)


def n_body_inputs(rng, n) -> Arrays:
    """Positions and masses."""
    return {"P": _normal(rng, n, 3), "M": rng.random(n, dtype=np.float32)}


def n_body_reference(sizes: Sizes, P: NDArray, M: NDArray) -> tuple[NDArray, ...]:
    """All distances at once."""
    away = P[None, :, :] - P[:, None, :]
    weights = M / (np.einsum("ijd,ijd->ij", away, away) + np.float32(1e-3)) ** np.float32(1.5)
    return (np.einsum("ij,ijd->id", weights, away),)


# A 3-D stencil of 27 points: one weight for each distance from the middle.

STENCIL_WEIGHTS = (0.4, 0.06, 0.015, 0.0075)
OFFSETS = [(a, b, c) for a in (0, 1, 2) for b in (0, 1, 2) for c in (0, 1, 2)]


def stencil_27(n: int) -> tuple[te.Tensor, ...]:
    """The inner points of a cube."""
    A = te.placeholder((n, n, n), "float32", name="A")

    def element(z, y, x):
        terms = [[] for _ in STENCIL_WEIGHTS]
        for a, b, c in OFFSETS:
            terms[(a != 1) + (b != 1) + (c != 1)].append(A[z + a, y + b, x + c])
        return sum(sum(group[1:], group[0]) * k for group, k in zip(terms, STENCIL_WEIGHTS, strict=True))

    return (te.compute((n - 2, n - 2, n - 2), element, name="Y"),)


def stencil_27_inputs(rng, n) -> Arrays:
    """A cube."""
    return {"A": _normal(rng, n, n, n)}


def stencil_27_reference(sizes: Sizes, A: NDArray) -> tuple[NDArray, ...]:
    """27 shifted cubes."""
    n = A.shape[0] - 2
    out = np.zeros((n, n, n), np.float32)
    for a, b, c in OFFSETS:
        k = np.float32(STENCIL_WEIGHTS[(a != 1) + (b != 1) + (c != 1)])
        out += k * A[a : a + n, b : b + n, c : c + n]
    return (out,)


# Forward substitution, for many right-hand sides.


def triangular_solve(n: int, m: int) -> tuple[te.Tensor, ...]:
    """L X = B with a lower triangular L: row t takes the rows before it."""
    L = te.placeholder((n, n), "float32", name="L")
    B = te.placeholder((n, m), "float32", name="B")
    zero = te.compute((m,), lambda j: te.const(0.0, "float32"), name="zero")
    k = te.reduce_axis(n, name="k")

    def step(X, t, j):
        before = te.sum(te.where(k < t, L[t, k] * X[k, j], 0.0), axis=k)
        return (B[t, j] - before) / L[t, t]

    return (te.scan(zero, step, n, name="X"),)


def triangular_solve_inputs(rng, n, m) -> Arrays:
    """A well-conditioned triangle."""
    L = np.tril(_normal(rng, n, n)) / np.float32(n**0.5)
    np.fill_diagonal(L, 2)
    return {"L": L.astype(np.float32), "B": _normal(rng, n, m)}


def triangular_solve_reference(sizes: Sizes, L: NDArray, B: NDArray) -> tuple[NDArray, ...]:
    """Row by row."""
    X = np.empty_like(B)
    for t in range(len(L)):
        X[t] = (B[t] - L[t, :t] @ X[:t]) / L[t, t]
    return (X,)


# The product of a tensor with two factor matrices, as in fitting a tensor by alternating least squares.


def mttkrp(i: int, j: int, k: int, r: int) -> tuple[te.Tensor, ...]:
    """D[i, r] = the sum over j and k of T[i, j, k] B[j, r] C[k, r]."""
    T = te.placeholder((i, j, k), "float32", name="T")
    B = te.placeholder((j, r), "float32", name="B")
    C = te.placeholder((k, r), "float32", name="C")
    u, v = te.reduce_axis(j, name="u"), te.reduce_axis(k, name="v")
    return (te.compute((i, r), lambda x, y: te.sum(T[x, u, v] * C[v, y] * B[u, y], axis=(u, v)), name="D"),)


def mttkrp_inputs(rng, i, j, k, r) -> Arrays:
    """A tensor and two factors."""
    return {"T": _normal(rng, i, j, k), "B": _normal(rng, j, r), "C": _normal(rng, k, r)}


def mttkrp_reference(sizes: Sizes, T: NDArray, B: NDArray, C: NDArray) -> tuple[NDArray, ...]:
    """By einsum, which may choose the order of its products."""
    return (np.einsum("ijk,jr,kr->ir", T, B, C, optimize=True),)


# Attention in which a mask forbids pairs, and far pairs count less.


def masked_attention(b: int, t: int, d: int) -> tuple[te.Tensor, ...]:
    """Softmax of Q K^T / sqrt(d) - slope |i - j| over the pairs that the mask allows, times V."""
    Q, K, V = (te.placeholder((b, t, d), "float32", name=name) for name in "QKV")
    mask = te.placeholder((t, t), "bool", name="mask")
    slope = te.placeholder((b,), "float32", name="slope")
    x, p, q, r = (
        te.reduce_axis(extent, name=name) for extent, name in ((d, "x"), (t, "p"), (t, "q"), (t, "r"))
    )
    dots = te.compute((b, t, t), lambda h, i, j: te.sum(Q[h, i, x] * K[h, j, x], axis=x), name="dots")

    def score(h, i, j):
        far = te.abs(i - j).astype("float32")
        return te.where(mask[i, j], dots[h, i, j] * d**-0.5 - slope[h] * far, -1e9)

    scores = te.compute((b, t, t), score, name="scores")
    most = te.compute((b, t), lambda h, i: te.max(scores[h, i, p], axis=p), name="most")
    powers = te.compute((b, t, t), lambda h, i, j: te.exp(scores[h, i, j] - most[h, i]), name="powers")
    total = te.compute((b, t), lambda h, i: te.sum(powers[h, i, q], axis=q), name="total")
    product = te.compute(
        (b, t, d), lambda h, i, c: te.sum(powers[h, i, r] * V[h, r, c], axis=r), name="product"
    )
    return (te.compute((b, t, d), lambda h, i, c: product[h, i, c] / total[h, i], name="Y"),)


def masked_attention_inputs(rng, b, t, d) -> Arrays:
    """A causal mask with holes."""
    mask = np.tril(rng.random((t, t)) < 0.9)
    np.fill_diagonal(mask, True)
    slopes = np.float32(2.0) ** -np.arange(1, b + 1, dtype=np.float32)
    return {name: _normal(rng, b, t, d) for name in "QKV"} | {"mask": mask, "slope": slopes}


def masked_attention_reference(sizes: Sizes, Q, K, V, mask, slope) -> tuple[NDArray, ...]:
    """With the whole matrix of scores."""
    t, d = Q.shape[1:]
    far = np.abs(np.arange(t)[:, None] - np.arange(t)[None, :]).astype(np.float32)
    scores = Q @ K.transpose(0, 2, 1) * np.float32(d**-0.5) - slope[:, None, None] * far
    scores = np.where(mask, scores, np.float32(-1e9))
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return (powers @ V / powers.sum(-1, keepdims=True),)


# A rank-1 update of each matrix of a batch.


def outer_update(b: int, m: int, n: int) -> tuple[te.Tensor, ...]:
    """Y[b] = decay[b] A[b] + x[b] y[b]^T."""
    A = te.placeholder((b, m, n), "float32", name="A")
    x, y = te.placeholder((b, m), "float32", name="x"), te.placeholder((b, n), "float32", name="y")
    decay = te.placeholder((b,), "float32", name="decay")
    return (te.compute((b, m, n), lambda h, i, j: A[h, i, j] * decay[h] + x[h, i] * y[h, j], name="Y"),)


def outer_update_inputs(rng, b, m, n) -> Arrays:
    """Matrices and two vectors for each."""
    return {
        "A": _normal(rng, b, m, n),
        "x": _normal(rng, b, m),
        "y": _normal(rng, b, n),
        "decay": rng.random(b, dtype=np.float32),
    }


def outer_update_reference(sizes: Sizes, A, x, y, decay) -> tuple[NDArray, ...]:
    """By broadcasting."""
    return (A * decay[:, None, None] + x[:, :, None] * y[:, None, :],)


# Maxima of windows, and where they stand.


def max_pool_argmax(c: int, h: int, w: int) -> tuple[te.Tensor, ...]:
    """Windows of 3 x 3, two apart: the greatest element and its place in the window."""
    X = te.placeholder((c, h, w), "float32", name="X")
    shape = (c, (h - 3) // 2 + 1, (w - 3) // 2 + 1)
    u, v, p, q = (te.reduce_axis(3, name=name) for name in "uvpq")
    most = te.compute(shape, lambda k, i, j: te.max(X[k, i * 2 + u, j * 2 + v], axis=(u, v)), name="most")
    at = te.compute(shape, lambda k, i, j: te.argmax(X[k, i * 2 + p, j * 2 + q], axis=(p, q)), name="at")
    return most, at


def max_pool_argmax_inputs(rng, c, h, w) -> Arrays:
    """An image of channels."""
    return {"X": _normal(rng, c, h, w)}


def max_pool_argmax_reference(sizes: Sizes, X: NDArray) -> tuple[NDArray, ...]:
    """All windows as rows of nine."""
    windows = np.lib.stride_tricks.sliding_window_view(X, (3, 3), axis=(1, 2))[:, ::2, ::2]
    rows = windows.reshape(*windows.shape[:3], 9)
    return rows.max(-1), rows.argmax(-1)


# Correlations between all pairs of antennas: complex numbers in two arrays.


def correlate_pairs(f: int, a: int, t: int) -> tuple[te.Tensor, ...]:
    """For each frequency, the sum over time of x[a] times the conjugate of x[b]."""
    re, im = (te.placeholder((f, t, a), "float32", name=name) for name in ("re", "im"))
    u, v = te.reduce_axis(t, name="u"), te.reduce_axis(t, name="v")

    def real(k, i, j):
        return te.sum(re[k, u, i] * re[k, u, j] + im[k, u, i] * im[k, u, j], axis=u)

    def imaginary(k, i, j):
        return te.sum(im[k, v, i] * re[k, v, j] - re[k, v, i] * im[k, v, j], axis=v)

    shape = (f, a, a)
    return te.compute(shape, real, name="real"), te.compute(shape, imaginary, name="imaginary")


def correlate_pairs_inputs(rng, f, a, t) -> Arrays:
    """Samples of antennas."""
    return {"re": _normal(rng, f, t, a), "im": _normal(rng, f, t, a)}


def correlate_pairs_reference(sizes: Sizes, re: NDArray, im: NDArray) -> tuple[NDArray, ...]:
    """Sums of complex numbers, as a correlator is written down."""
    x = re + 1j * im
    product = np.einsum("fti,ftj->fij", x, x.conj())
    return product.real, product.imag


# A row of the table of local alignments, for many pairs of sequences at once.


def alignment_row(t: int, b: int) -> tuple[te.Tensor, ...]:
    """H[t] = max(0, above[t - 1] + score[t], above[t] - gap, H[t - 1] - gap) for each of b pairs."""
    above = te.placeholder((t, b), "float32", name="above")
    score = te.placeholder((t, b), "float32", name="score")
    zero = te.compute((b,), lambda i: te.const(0.0, "float32"), name="zero")

    def step(H, s, i):
        corner = te.where(s > 0, above[s - 1, i], 0.0)
        best = te.maximum(corner + score[s, i], above[s, i] - 2.0)
        return te.maximum(te.maximum(best, H[s - 1, i] - 2.0), 0.0)

    return (te.scan(zero, step, t, name="H"),)


def alignment_row_inputs(rng, t, b) -> Arrays:
    """The row above, and scores of matches."""
    return {"above": np.abs(_normal(rng, t, b)) * 4, "score": _normal(rng, t, b) * 3}


def alignment_row_reference(sizes: Sizes, above: NDArray, score: NDArray) -> tuple[NDArray, ...]:
    """Column by column."""
    gap, zero = np.float32(2), np.float32(0)
    corner = np.concatenate([np.zeros_like(above[:1]), above[:-1]])
    best = np.maximum(corner + score, above - gap)
    H = np.empty_like(above)
    last = np.zeros_like(above[0])
    for s in range(len(above)):
        last = np.maximum(np.maximum(best[s], last - gap), zero)
        H[s] = last
    return (H,)


# Weighted sums of rows of a table.


def embedding_bag(rows: int, b: int, l: int, d: int) -> tuple[te.Tensor, ...]:
    """Y[b] = the sum over l of weight[b, l] table[index[b, l]]."""
    table = te.placeholder((rows, d), "float32", name="table")
    index = te.placeholder((b, l), "int64", name="index")
    weight = te.placeholder((b, l), "float32", name="weight")
    k = te.reduce_axis(l, name="k")
    return (te.compute((b, d), lambda i, j: te.sum(weight[i, k] * table[index[i, k], j], axis=k), name="Y"),)


def embedding_bag_inputs(rng, rows, b, l, d) -> Arrays:
    """Indices all over the table."""
    return {
        "table": _normal(rng, rows, d),
        "index": rng.integers(0, rows, (b, l)),
        "weight": rng.random((b, l), dtype=np.float32),
    }


def embedding_bag_reference(sizes: Sizes, table, index, weight) -> tuple[NDArray, ...]:
    """A gather and a product."""
    return (np.einsum("bld,bl->bd", table[index], weight),)


# How well each pixel of one image fits those beside its place in another.


def cost_volume(c: int, h: int, w: int, shifts: int) -> tuple[te.Tensor, ...]:
    """Y[d, y, x] = the sum over channels of A[c, y, x] B[c, y, x - d]; 0 left of the image."""
    A, B = (te.placeholder((c, h, w), "float32", name=name) for name in "AB")
    k = te.reduce_axis(c, name="k")

    def element(s, y, x):
        return te.sum(te.where(x >= s, A[k, y, x] * B[k, y, x - s], 0.0), axis=k)

    return (te.compute((shifts, h, w), element, name="Y"),)


def cost_volume_inputs(rng, c, h, w, shifts) -> Arrays:
    """Two images."""
    return {"A": _normal(rng, c, h, w), "B": _normal(rng, c, h, w)}


def cost_volume_reference(sizes: Sizes, A: NDArray, B: NDArray) -> tuple[NDArray, ...]:
    """A shift at a time."""
    w, shifts = sizes["w"], sizes["shifts"]
    out = np.zeros((shifts, *A.shape[1:]), np.float32)
    for s in range(min(shifts, w)):
        out[s, :, s:] = np.einsum("cyx,cyx->yx", A[:, :, s:], B[:, :, : w - s])
    return (out,)


def _case(name: str, sizes: Sizes, small: Sizes) -> Case:
    functions = globals()
    return Case(functions[name], functions[name + "_inputs"], functions[name + "_reference"], sizes, small)


CASES = {
    name: _case(name, sizes, small)
    for name, sizes, small in (
        (
            "bilateral_slice",
            dict(h=512, w=512, cell=16, depth=8, c=12),
            dict(h=8, w=12, cell=4, depth=3, c=5),
        ),
        ("n_body", dict(n=2048), dict(n=37)),
        ("stencil_27", dict(n=130), dict(n=9)),
        ("triangular_solve", dict(n=512, m=512), dict(n=11, m=19)),
        ("mttkrp", dict(i=128, j=128, k=128, r=64), dict(i=5, j=4, k=7, r=9)),
        ("masked_attention", dict(b=12, t=256, d=64), dict(b=2, t=9, d=8)),
        ("outer_update", dict(b=32, m=128, n=128), dict(b=3, m=5, n=17)),
        ("max_pool_argmax", dict(c=64, h=112, w=112), dict(c=3, h=9, w=11)),
        ("correlate_pairs", dict(f=32, a=64, t=256), dict(f=2, a=5, t=9)),
        ("alignment_row", dict(t=1024, b=512), dict(t=9, b=19)),
        ("embedding_bag", dict(rows=100000, b=512, l=32, d=128), dict(rows=11, b=5, l=4, d=18)),
        ("cost_volume", dict(c=64, h=64, w=128, shifts=32), dict(c=5, h=4, w=19, shifts=6)),
    )
}
