"""The expressions of expressions.py in Halide, scheduled by its Adams2019.

    functions = PIPELINES["n_body"](images, sizes)    # of the outputs; one with a Tuple is several outputs

Axes are in Halide's order, the fastest first. What a programmer would write twice is written once, as in
loops/*.c: common factors stand outside of sums, outputs of one pass are a Tuple.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import halide as hl
import numpy as np
from numpy.typing import NDArray
from peers.side import Way, empty

Images = dict[str, hl.ImageParam]
Sizes = dict[str, int]
PIPELINES: dict[str, Callable[[Images, Sizes], list[hl.Func]]] = {}


def _pipeline(define: Callable[[Images, Sizes], list[hl.Func]]) -> Callable[[Images, Sizes], list[hl.Func]]:
    PIPELINES[define.__name__] = define
    return define


def _vars(names: str) -> list[hl.Var]:
    return [hl.Var(name) for name in names.split()]


def _sum(name: str, at: list[hl.Var], term: hl.Expr) -> hl.Func:
    """A Func that is 0 first and then adds terms over the reduction in them."""
    total = hl.Func(name)
    total[at] = 0.0
    total[at] += term
    return total


@_pipeline
def bilateral_slice(p: Images, s: Sizes) -> list[hl.Func]:
    """Three linear interpolations."""
    k, x, y = _vars("k x y")
    grid, cell = p["grid"], s["cell"]
    level = hl.min(hl.max(p["guide"][x, y], 0.0), hl.f32(0.999)) * float(s["depth"] - 1)
    low = hl.clamp(hl.i32(hl.floor(level)), 0, s["depth"] - 2)
    part = level - hl.floor(level)
    down, across = hl.f32(y % cell) / float(cell), hl.f32(x % cell) / float(cell)

    def at(u: int, v: int) -> hl.Expr:
        corner = (x // cell + v, y // cell + u)
        return hl.lerp(grid[k, low, corner[0], corner[1]], grid[k, low + 1, corner[0], corner[1]], part)

    result = hl.Func("Y")
    result[k, x, y] = hl.lerp(hl.lerp(at(0, 0), at(0, 1), across), hl.lerp(at(1, 0), at(1, 1), across), down)
    return [result]


@_pipeline
def n_body(p: Images, s: Sizes) -> list[hl.Func]:
    """Weights of pairs, and a sum over them."""
    d, i, j = _vars("d i j")
    weights = hl.Func("weights")
    squares = [(p["P"][e, j] - p["P"][e, i]) * (p["P"][e, j] - p["P"][e, i]) for e in range(3)]
    inverse = 1.0 / hl.sqrt(squares[0] + squares[1] + squares[2] + hl.f32(1e-3))
    weights[j, i] = p["M"][j] * inverse * inverse * inverse
    r = hl.RDom([(0, s["n"])], "r")
    return [_sum("F", [d, i], weights[r, i] * (p["P"][d, r] - p["P"][d, i]))]


@_pipeline
def stencil_27(p: Images, s: Sizes) -> list[hl.Func]:
    """Sums of equal weights."""
    x, y, z = _vars("x y z")
    groups: list[list[hl.Expr]] = [[], [], [], []]  # by distance from the middle
    for a, b, c in itertools.product(range(3), repeat=3):
        groups[(a != 1) + (b != 1) + (c != 1)].append(p["A"][x + c, y + b, z + a])
    middle, faces, edges, corners = (sum(group[1:], group[0]) for group in groups)
    result = hl.Func("Y")
    weights = [hl.f32(weight) for weight in (0.4, 0.06, 0.015, 0.0075)]
    result[x, y, z] = weights[0] * middle + weights[1] * faces + weights[2] * edges + weights[3] * corners
    return [result]


@_pipeline
def triangular_solve(p: Images, s: Sizes) -> list[hl.Func]:
    """An update cannot divide a row when its sum is complete: rows are kept undivided and read divided."""
    j, t = _vars("j t")
    rows, result = hl.Func("rows"), hl.Func("X")
    r = hl.RDom([(0, s["n"]), (0, s["n"])], "r")
    r.where(r.x < r.y)
    rows[j, t] = p["B"][j, t]
    rows[j, r.y] -= p["L"][r.x, r.y] / p["L"][r.x, r.x] * rows[j, r.x]
    result[j, t] = rows[j, t] / p["L"][t, t]
    return [result]


@_pipeline
def mttkrp(p: Images, s: Sizes) -> list[hl.Func]:
    """The common factor outside of the inner sum."""
    x, y, u = _vars("x y u")
    v, w = hl.RDom([(0, s["k"])], "v"), hl.RDom([(0, s["j"])], "w")
    inner = _sum("inner", [y, u, x], p["T"][v, u, x] * p["C"][y, v])
    return [_sum("D", [y, x], inner[y, w, x] * p["B"][y, w])]


@_pipeline
def masked_attention(p: Images, s: Sizes) -> list[hl.Func]:
    """Stage by stage, as in expressions.py."""
    c, j, i, h = _vars("c j i h")
    t, d = s["t"], s["d"]
    x, q = hl.RDom([(0, d)], "x"), hl.RDom([(0, t)], "q")
    dots = _sum("dots", [j, i, h], p["Q"][x, i, h] * p["K"][x, j, h])
    scores, most, powers, result = (hl.Func(name) for name in ("scores", "most", "powers", "Y"))
    far = hl.f32(hl.abs(i - j))
    scores[j, i, h] = hl.select(p["mask"][j, i], dots[j, i, h] * hl.f32(d**-0.5) - p["slope"][h] * far, -1e9)
    most[i, h] = hl.f32(-np.inf)
    most[i, h] = hl.max(most[i, h], scores[q, i, h])
    powers[j, i, h] = hl.exp(scores[j, i, h] - most[i, h])
    total = _sum("total", [i, h], powers[q, i, h])
    product = _sum("product", [c, i, h], powers[q, i, h] * p["V"][c, q, h])
    result[c, i, h] = product[c, i, h] / total[i, h]
    return [result]


@_pipeline
def outer_update(p: Images, s: Sizes) -> list[hl.Func]:
    """One point at a time."""
    j, i, h = _vars("j i h")
    result = hl.Func("Y")
    result[j, i, h] = p["A"][j, i, h] * p["decay"][h] + p["x"][i, h] * p["y"][j, h]
    return [result]


@_pipeline
def max_pool_argmax(p: Images, s: Sizes) -> list[hl.Func]:
    """The greatest element and its place in one pass."""
    j, i, k = _vars("j i k")
    r = hl.RDom([(0, 3), (0, 3)], "r")
    found, result = hl.Func("found"), hl.Func("most_at")
    value = p["X"][j * 2 + r.x, i * 2 + r.y, k]
    found[j, i, k] = (hl.f32(-np.inf), hl.i32(0))
    greater = value > found[j, i, k][0]
    found[j, i, k] = (
        hl.select(greater, value, found[j, i, k][0]),
        hl.select(greater, r.y * 3 + r.x, found[j, i, k][1]),
    )
    result[j, i, k] = (found[j, i, k][0], hl.i64(found[j, i, k][1]))
    return [result]


@_pipeline
def correlate_pairs(p: Images, s: Sizes) -> list[hl.Func]:
    """A complex sum."""
    j, i, k = _vars("j i k")
    r = hl.RDom([(0, s["t"])], "r")
    re, im, total = p["re"], p["im"], hl.Func("total")
    total[j, i, k] = (0.0, 0.0)
    total[j, i, k] = (
        total[j, i, k][0] + re[i, r, k] * re[j, r, k] + im[i, r, k] * im[j, r, k],
        total[j, i, k][1] + im[i, r, k] * re[j, r, k] - re[i, r, k] * im[j, r, k],
    )
    return [total]


@_pipeline
def alignment_row(p: Images, s: Sizes) -> list[hl.Func]:
    """A recurrence along t: at first every row is 0, so row 0 may take itself for the one before."""
    i, t = _vars("i t")
    above, score, rows = p["above"], p["score"], hl.Func("H")
    r = hl.RDom([(0, s["t"])], "r")
    corner = hl.select(r > 0, above[i, hl.max(r - 1, 0)], 0.0)
    best = hl.max(corner + score[i, r], above[i, r] - 2.0)
    rows[i, t] = 0.0
    rows[i, r] = hl.max(hl.max(best, rows[i, hl.max(r - 1, 0)] - 2.0), 0.0)
    return [rows]


@_pipeline
def embedding_bag(p: Images, s: Sizes) -> list[hl.Func]:
    """Halide wants to know the range of what it gathers by."""
    j, i = _vars("j i")
    r = hl.RDom([(0, s["l"])], "r")
    row = hl.clamp(hl.i32(p["index"][r, i]), 0, s["rows"] - 1)
    return [_sum("Y", [j, i], p["weight"][r, i] * p["table"][j, row])]


@_pipeline
def cost_volume(p: Images, s: Sizes) -> list[hl.Func]:
    """Left of the image the nearest pixel is read and not counted."""
    x, y, shift = _vars("x y shift")
    r = hl.RDom([(0, s["c"])], "r")
    inside = p["A"][x, y, r] * p["B"][hl.max(x - shift, 0), y, r]
    return [_sum("Y", [x, y, shift], hl.select(x >= shift, inside, 0.0))]


class Adams2019:
    """A side of sides.py."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        folder = Path(hl.__file__).parent
        hl.load_plugin(str(next(folder.rglob("*autoschedule_adams2019*"))))
        self.target = hl.get_jit_target_from_environment()
        self.settings = {"target": str(self.target)}

    def ways(self, case: str, sizes: Sizes, inputs: dict[str, NDArray], like: list[NDArray]) -> Iterator[Way]:
        """One: what the auto-scheduler finds when it is told all sizes."""
        images = {name: hl.ImageParam(_type(array), array.ndim, name) for name, array in inputs.items()}
        functions = PIPELINES[case](images, sizes)
        for name, array in inputs.items():
            images[name].set_estimates([(0, extent) for extent in array.shape[::-1]])
            images[name].set(hl.Buffer(array))
        for function in functions:
            function.set_estimates([(0, extent) for extent in like[0].shape[::-1]])
        pipeline = hl.Pipeline(functions)
        options = {"parallelism": str(self.threads)}
        pipeline.apply_autoscheduler(self.target, hl.AutoschedulerParams("Adams2019", options))
        pipeline.compile_jit(self.target)
        outputs = [empty(array.shape, array.dtype) for array in like]
        buffers = [hl.Buffer(array) for array in outputs]
        # The images and the arrays are kept by the call.
        call = lambda kept=(images, inputs): pipeline.realize(buffers)
        yield Way("Adams2019", [call], lambda: outputs)


def _type(array: NDArray) -> hl.Type:
    if array.dtype == np.bool_:
        return hl.Bool()
    return hl.Float(32) if array.dtype == np.float32 else hl.Int(array.dtype.itemsize * 8)
