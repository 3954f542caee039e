"""The main job, as far as it exists: operators as tensor expressions, their loop programs, their values.

Multiplies matrices of several sizes with one program, draws a picture and finds its edges with a chain of
operators (resize, blur, Sobel, threshold), mixes tokens by attention, and checks every result against NumPy.
All of it runs in the reference interpreter, which checks each access.
"""

import sys
import time

import numpy as np
import tilewright as tw
from tilewright import te

GLYPHS = {
    "T": ["#####", "..#..", "..#..", "..#..", "..#.."],
    "I": ["#####", "..#..", "..#..", "..#..", "#####"],
    "L": ["#....", "#....", "#....", "#....", "#####"],
    "E": ["#####", "#....", "####.", "#....", "#####"],
}


def draw(text: str) -> np.ndarray:
    """Draw the text as a picture: float32 in [0, 1], 7 rows."""
    rows = [" ".join(GLYPHS[letter][row] for letter in text) for row in range(5)]
    picture = np.array([[1.0 if c == "#" else 0.0 for c in f" {row} "] for row in rows], dtype="float32")
    return np.pad(picture, ((1, 1), (1, 1)))


def edges(height: int, width: int, scale: int):
    """Resize by `scale`, blur (3x3 binomial), take the Sobel magnitude, threshold; borders read as zero."""
    picture = te.placeholder((height, width), "float32", name="picture")
    h, w = height * scale, width * scale
    large = te.compute((h, w), lambda y, x: picture[y // scale, x // scale], name="large")

    def padded(image, y, x):
        inside = (y >= 0) & (y < h) & (x >= 0) & (x < w)
        return te.where(inside, image[y, x], 0.0)

    row, col = te.reduce_axis(3, name="row"), te.reduce_axis(3, name="col")
    weight = te.placeholder((3,), "float32", name="weight")
    blurred = te.compute(
        (h, w),
        lambda y, x: te.sum(
            padded(large, y + row - 1, x + col - 1) * weight[row] * weight[col], axis=[row, col]
        ),
        name="blurred",
    )

    def sobel(y, x):
        gx = padded(blurred, y, x + 1) - padded(blurred, y, x - 1)
        gy = padded(blurred, y + 1, x) - padded(blurred, y - 1, x)
        return te.sqrt(gx * gx + gy * gy)

    strength = te.compute((h, w), sobel, name="strength")
    return picture, weight, te.compute((h, w), lambda y, x: strength[y, x] > 0.35, name="edge")


def numpy_edges(picture: np.ndarray, weight: np.ndarray, scale: int) -> np.ndarray:
    large = picture.repeat(scale, 0).repeat(scale, 1)
    h, w = large.shape
    around = np.pad(large, 1)
    blurred = sum(around[r : r + h, c : c + w] * weight[r] * weight[c] for r in range(3) for c in range(3))
    around = np.pad(blurred, 1)
    gx = around[1:-1, 2:] - around[1:-1, :-2]
    gy = around[2:, 1:-1] - around[:-2, 1:-1]
    return np.sqrt(gx * gx + gy * gy) > np.float32(0.35)


def attention(tokens: int, width: int):
    """Give softmax(Q K^T / sqrt(width)) V over one head."""
    q, k, v = (te.placeholder((tokens, width), "float32", name=name) for name in "QKV")
    d, s, t, u = te.reduce_axis(width, "d"), *(te.reduce_axis(tokens, name) for name in "stu")
    score = te.compute(
        (tokens, tokens), lambda i, j: te.sum(q[i, d] * k[j, d], axis=d) / width**0.5, name="score"
    )
    top = te.compute((tokens,), lambda i: te.max(score[i, s], axis=s), name="top")
    weight = te.compute((tokens, tokens), lambda i, j: te.exp(score[i, j] - top[i]), name="weight")
    total = te.compute((tokens,), lambda i: te.sum(weight[i, t], axis=t), name="total")
    return te.compute(
        (tokens, width), lambda i, c: te.sum(weight[i, u] * v[u, c], axis=u) / total[i], name="mixed"
    )


def step(title: str) -> None:
    print(f"\n== {title}", flush=True)


def main() -> int:
    rng = np.random.default_rng(0)

    step("a matrix product and its loop program")
    n = te.var("n", range=(1, 512))
    a, b = te.placeholder((n, 64), name="A"), te.placeholder((64, 48), name="B")
    k = te.reduce_axis(64, name="k")
    c = te.compute((n, 48), lambda i, j: te.sum(a[i, k] * b[k, j], axis=k), name="C")
    print(te.program(c, name="matmul"))
    for size in (1, 37, 128):
        x, y = rng.standard_normal((size, 64), "float32"), rng.standard_normal((64, 48), "float32")
        start = time.perf_counter()
        result = tw.interpret(c, [x, y])
        seconds = time.perf_counter() - start
        error = np.abs(result - x.astype("float64") @ y).max()
        rate = size * 64 * 48 / seconds / 1e6
        print(f"n = {size:3}: largest difference from NumPy {error:.1e}, {rate:.0f} million updates a second")
        if error > 1e-4:
            return 1

    step("the edges of a picture")
    picture, scale = draw("TILE"), 3
    weight = np.array([0.25, 0.5, 0.25], "float32")
    *_, edge = edges(*picture.shape, scale)
    found = tw.interpret(edge, [picture, weight])
    for row in found[::2]:
        print("".join("#" if x else " " for x in row))
    if not np.array_equal(found, numpy_edges(picture, weight, scale)):
        print("differs from NumPy", file=sys.stderr)
        return 1
    print(f"{found.sum()} of {found.size} points are edges, the same as NumPy's")

    step("attention over 24 tokens")
    q, k, v = (rng.standard_normal((24, 16), "float32") for _ in range(3))
    mixed = tw.interpret(attention(24, 16), [q, k, v])
    score = q.astype("float64") @ k.T / 4
    score = np.exp(score - score.max(1, keepdims=True))
    error = np.abs(mixed - score / score.sum(1, keepdims=True) @ v).max()
    print(f"largest difference from NumPy {error:.1e}")
    return 0 if error < 1e-5 else 1


if __name__ == "__main__":
    sys.exit(main())
