"""NumPy references of operators that NumPy itself lacks, in the dtype of their inputs."""

from __future__ import annotations

import itertools
import math

import numpy as np


def conv(x, w, stride, padding, dilation, groups):
    """Convolution (cross-correlation) of x (N, C, *size) with w (O, C / groups, *kernel)."""
    rank = x.ndim - 2
    x = np.pad(x, [(0, 0), (0, 0)] + [(padding, padding)] * rank)
    kernel = w.shape[2:]
    out = [(s - dilation * (k - 1) - 1) // stride + 1 for s, k in zip(x.shape[2:], kernel, strict=True)]
    per_group, outputs = w.shape[1], w.shape[0] // groups
    y = np.zeros((x.shape[0], w.shape[0], *out), x.dtype)
    for at in itertools.product(*map(range, kernel)):
        window = tuple(
            slice(a * dilation, a * dilation + stride * (n - 1) + 1, stride)
            for a, n in zip(at, out, strict=True)
        )
        for g in range(groups):
            part = x[(slice(None), slice(g * per_group, (g + 1) * per_group), *window)]
            weights = w[(slice(g * outputs, (g + 1) * outputs), slice(None), *at)]
            y[:, g * outputs : (g + 1) * outputs] += np.einsum("nc...,oc->no...", part, weights)
    return y


def conv_transpose(x, w, stride):
    """Transposed convolution of x (N, C, H) with w (C, O, K), without padding."""
    n, _, h = x.shape
    y = np.zeros((n, w.shape[1], (h - 1) * stride + w.shape[2]), x.dtype)
    for i, k in itertools.product(range(h), range(w.shape[2])):
        y[:, :, i * stride + k] += np.einsum("nc,co->no", x[:, :, i], w[:, :, k])
    return y


def pool(x, kernel, stride, padding, reduce, fill):
    """Pooling of the last two dimensions of x (N, C, H, W)."""
    x = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)], constant_values=fill)
    windows = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), (2, 3))[:, :, ::stride, ::stride]
    return reduce(windows, axis=(-1, -2))


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def layer_norm(x, scale, shift, epsilon):
    mean = x.mean(axis=-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon) * scale + shift


def attention(q, k, v):
    """Attention of q (heads, L, d) on k, v (heads, S, d)."""
    scores = np.einsum("hld,hsd->hls", q, k) / math.sqrt(q.shape[-1])
    return np.einsum("hls,hsd->hld", softmax(scores), v)


def lstm(x, w, u, b, h, c):
    """The states h, c after each step of x (T, D); w (4, H, D), u (4, H, H), b (4, H) for i, f, g, o."""
    hs, cs = [], []
    for t in range(x.shape[0]):
        gates = w @ x[t] + u @ h + b
        i, f, o = sigmoid(gates[0]), sigmoid(gates[1]), sigmoid(gates[3])
        c = f * c + i * np.tanh(gates[2])
        h = o * np.tanh(c)
        hs.append(h)
        cs.append(c)
    return np.stack(hs), np.stack(cs)


def resize_bilinear(x, height, width):
    """Bilinear resize of x (C, H, W), half-pixel centres, edges clamped."""

    def weights(size, out):
        at = np.clip((np.arange(out) + 0.5) * size / out - 0.5, 0, size - 1)
        low = np.floor(at).astype(int)
        return low, np.minimum(low + 1, size - 1), at - low

    y0, y1, fy = weights(x.shape[1], height)
    x0, x1, fx = weights(x.shape[2], width)
    top = x[:, y0][:, :, x0] * (1 - fx) + x[:, y0][:, :, x1] * fx
    bottom = x[:, y1][:, :, x0] * (1 - fx) + x[:, y1][:, :, x1] * fx
    return top * (1 - fy[:, None]) + bottom * fy[:, None]


def erf(x):
    return np.vectorize(math.erf, otypes=[float])(x)
