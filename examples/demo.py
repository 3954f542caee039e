"""The main job, as far as it exists: operators as tensor expressions, their loop programs, their values.

Multiplies matrices of several sizes with one program, draws a picture and finds its edges with a chain of
operators (resize, blur, Sobel, threshold), mixes tokens by attention, and checks it against NumPy: first in
the reference interpreter, which checks each access, then compiled. A scheduled matrix product is timed
beside NumPy's, exported as a library and called from a C program.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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


C_PROGRAM = """
#include <stdio.h>
#include "libproduct.h"

int main(void) {
  static float a[37 * 29], b[29 * 41], c[37 * 41];
  int64_t shape_a[] = {37, 29}, shape_b[] = {29, 41}, shape_c[] = {37, 41};
  tw_tensor in[] = {{a, TW_FLOAT32, 2, shape_a, NULL}, {b, TW_FLOAT32, 2, shape_b, NULL}};
  tw_tensor out[] = {{c, TW_FLOAT32, 2, shape_c, NULL}};
  product* handle;
  for (int i = 0; i < 37 * 29; i++) a[i] = i % 7;
  for (int i = 0; i < 29 * 41; i++) b[i] = i % 5;
  if (product_open(NULL, &handle) || product_run(handle, in, 2, out, 1)) {
    fprintf(stderr, "%s\\n", product_error());
    return 1;
  }
  double sum = 0;
  for (int i = 0; i < 37 * 41; i++) sum += c[i];
  printf("%.0f\\n", sum);
  product_close(handle);
  return 0;
}
"""


def product():
    """Give a matrix product of any sizes, scheduled: tiles of 8 x 48 stay in registers."""
    m, n, k = (te.var(name, range=(1, 4096)) for name in "mnk")
    A, B = te.placeholder((m, k), name="A"), te.placeholder((k, n), name="B")
    p = te.reduce_axis(k, name="p")
    s = tw.Schedule(te.compute((m, n), lambda i, j: te.sum(A[i, p] * B[p, j], axis=p), name="C"))
    out = s.cache_write("C", "local")
    i, j = s.loops(out)
    io, ii = s.split(i, [None, 8])
    jo, ji = s.split(j, [None, 48])
    s.reorder(jo, io, ii, ji)
    s.compute_at("C", io)
    *_, ti, tj, tp = s.loops("C")
    s.reorder(tp, ti, tj)
    clear = s.decompose_reduction("C", tp)
    for block in (clear, "C", out):
        *_, rows, columns = s.loops(block)
        vectors, lanes = s.split(columns, [None, 16])
        s.unroll(rows)
        s.unroll(vectors)
        s.vectorize(lanes)
    s.parallel(jo)
    return s


def run_from_c(function, expected: float) -> bool:
    """Export the product, compile the C program with whatever compiler there is, and run it."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        print("no C compiler here: left out")
        return True
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "libproduct.so"
        function.export(library)
        (Path(folder) / "main.c").write_text(C_PROGRAM)
        program = str(Path(folder) / "main")
        subprocess.run(
            [compiler, "main.c", "-o", program, "-L.", "-lproduct", f"-Wl,-rpath,{folder}"],
            cwd=folder,
            check=True,
        )
        printed = subprocess.run([program], capture_output=True, text=True, check=True).stdout.strip()
        size = os.path.getsize(library)
    print(f"libproduct.so ({size // 1024} KiB) and its header; the C program sums up its result: {printed}")
    return float(printed) == expected


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
    if error > 1e-5:
        return 1

    step("the same, compiled")
    compiled = tw.build(edge)
    same = np.array_equal(compiled(picture, weight), found)
    mix = tw.build(attention(24, 16))
    error = np.abs(mix(q, k, v) - mixed).max()
    print(f"edges {'equal' if same else 'different'}; attention differs by {error:.1e} from the interpreter")
    if not same or error > 1e-5:
        return 1

    step("a scheduled matrix product beside NumPy's")
    multiply = tw.build(product())
    for size in (37, 256, 512):
        x, y = rng.standard_normal((size, size), "float32"), rng.standard_normal((size, size), "float32")
        z, flops = np.empty_like(x), 2 * size**3
        multiply(x, y, z)
        error = np.abs(z - x.astype("float64") @ y).max()
        ours = multiply.time(x, y, z).median
        theirs = min(timed(lambda x=x, y=y, z=z: np.matmul(x, y, out=z)) for _ in range(20))
        print(
            f"{size:3}^3: {flops / ours / 1e9:6.1f} GFLOP/s, NumPy {flops / theirs / 1e9:6.1f}; "
            f"largest difference {error:.1e}"
        )
        if error > 1e-3:
            return 1

    step("a library and a C program that uses it")
    x, y = np.arange(37 * 29).reshape(37, 29) % 7, np.arange(29 * 41).reshape(29, 41) % 5
    return 0 if run_from_c(multiply, float((x @ y).sum())) else 1


def timed(call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
