"""The corpus as loop programs for the C++ tests: tests/common/corpus/NAME.tw, with inputs.txt beside them.

Each file is the first program of a case at sizes small enough to be interpreted many thousand times. A line
of inputs.txt says what a case needs that random numbers of small magnitude are not: `NAME.argument = values`,
row-major, for an input, and one value for a size. `pytest --update-goldens` writes the files.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import corpus
import numpy as np
import pytest
import tilewright as tw
from corpus.case import Operator
from corpus.convolution import conv_operator
from tilewright import te

FOLDER = Path(__file__).parents[1] / "common" / "corpus"

# What takes the place of the first sizes of a case where these make too much work, or are too even.
SMALLER: dict[str, Callable[[], Operator]] = {
    "conv1d": lambda: conv_operator((8,), 2, 3, stride=2, padding=1, batch=1),
    "conv2d": lambda: conv_operator((4, 3), 2, 3, padding=1, batch=1),
    "conv2d_dilated": lambda: conv_operator((5, 4), 1, 2, padding=1, dilation=2, batch=1),
    "conv2d_grouped": lambda: conv_operator((3, 3), 4, 4, kernel=2, padding=1, groups=2, batch=1),
    "conv2d_depthwise": lambda: conv_operator((3, 4), 3, 6, padding=1, groups=3, batch=1),
    "conv2d_pointwise": lambda: conv_operator((3, 3), 4, 5, kernel=1, batch=1),
    "conv3d": lambda: conv_operator((3, 2, 3), 2, 2, kernel=2, padding=1, batch=1),
}

SMALLER_SIZES: dict[str, dict[str, int]] = {
    "conv2d_nhwc": dict(n=1, h=4, w=5, c=2, o=3),
    "conv_transpose_where": dict(stride=2, kernel=3),
    "conv_transpose_residues": dict(kernel=3),
    "resize_bilinear": dict(c=1, h=4, w=3, oh=5, ow=7),
    "resize_nearest": dict(c=2, h=5, w=4, oh=7, ow=5),
    "attention": dict(heads=2, l=3, s=4, d=2),
    "lstm": dict(steps=3, d=2, h=3),
    "space_to_depth": dict(n=1, h=3, w=2, block=2),
    "histogram": dict(n=13, bins=4),
    "global_mean": dict(n=2, h=5, w=3),
    "stencil_3d": dict(n=4),
    "avg_pool": dict(kernel=2, stride=2),
}


def diamond(n: int, m: int) -> Operator:
    """Two readers of one tensor, joined again."""
    A = te.placeholder((n, m), name="A")
    base = te.compute((n, m), lambda i, j: A[i, j] * 2 + 1, name="base")
    left = te.compute((n, m), lambda i, j: base[i, j] + te.where(j > 0, base[i, j - 1], 0), name="left")
    right = te.compute((n, m), lambda i, j: base[i, j] - te.where(i > 0, base[i - 1, j], 0), name="right")
    D = te.compute((n, m), lambda i, j: left[i, j] * right[i, j], name="D")
    return Operator(D, lambda a: a)


def symbolic_chain() -> Operator:
    """Bias, rectifier and scale over symbolic sizes."""
    n, m = te.var("n"), te.var("m", range=(1, 40))
    A, b = te.placeholder((n, m), name="A"), te.placeholder((m,), name="b")
    T = te.compute((n, m), lambda i, j: te.maximum(A[i, j] + b[j], 0), name="T")
    D = te.compute((n, m), lambda i, j: T[i, j] * 2, name="D")
    return Operator(D, lambda a, b: a, sizes={"n": 5, "m": 7})


def symbolic_blur() -> Operator:
    """Two stages of a stencil over a symbolic length."""
    n = te.var("n", range=(5, 999))
    A = te.placeholder((n,), name="A")
    T = te.compute((n - 2,), lambda i: A[i] + A[i + 1] + A[i + 2], name="T")
    B = te.compute((n - 4,), lambda i: T[i] + 2 * T[i + 1] + T[i + 2], name="B")
    return Operator(B, lambda a: a, sizes={"n": 13})


def symbolic_softmax() -> Operator:
    """Maximum, sum of exponentials and quotient over a symbolic width."""
    n = te.var("n", range=(1, 100))
    A = te.placeholder((3, n), name="A")
    k, l = te.reduce_axis(n, name="k"), te.reduce_axis(n, name="l")
    M = te.compute((3,), lambda i: te.max(A[i, k], axis=k), name="M")
    E = te.compute((3, n), lambda i, j: te.exp(A[i, j] - M[i]), name="E")
    S = te.compute((3,), lambda i: te.sum(E[i, l], axis=l), name="S")
    return Operator(te.compute((3, n), lambda i, j: E[i, j] / S[i], name="P"), lambda a: a, sizes={"n": 7})


def two_products() -> Operator:
    """A matrix product of a matrix product, and a rectifier."""
    A, B, C = (
        te.placeholder(shape, name=name) for shape, name in [((3, 4), "A"), ((4, 5), "B"), ((5, 3), "C")]
    )
    k, l = te.reduce_axis(4, name="k"), te.reduce_axis(5, name="l")
    T = te.compute((3, 5), lambda i, j: te.sum(A[i, k] * B[k, j], axis=k), name="T")
    U = te.compute((3, 3), lambda i, j: te.sum(T[i, l] * C[l, j], axis=l), name="U")
    return Operator(te.compute((3, 3), lambda i, j: te.maximum(U[i, j], 0), name="R"), lambda a, b, c: a)


def blur_2d() -> Operator:
    """A separable stencil in two stages."""
    A = te.placeholder((7, 6), name="A")
    H = te.compute((7, 4), lambda i, j: A[i, j] + A[i, j + 1] + A[i, j + 2], name="H")
    V = te.compute((5, 4), lambda i, j: H[i, j] + H[i + 1, j] + H[i + 2, j], name="V")
    return Operator(V, lambda a: a)


def long_chain() -> Operator:
    """Four elementwise stages, one of them read twice."""
    A = te.placeholder((11,), "int32", name="A")
    B = te.compute((11,), lambda i: A[i] * 3, name="B")
    C = te.compute((11,), lambda i: B[i] + A[i], name="C")
    D = te.compute((11,), lambda i: C[i] - B[10 - i], name="D")
    return Operator(te.compute((11,), lambda i: D[i] * D[i], name="E"), lambda a: a)


def column_sums() -> Operator:
    """A reduction of a reduction, over both dimensions in turn."""
    A = te.placeholder((5, 7), name="A")
    i, j = te.reduce_axis(5, name="i"), te.reduce_axis(7, name="j")
    S = te.compute((7,), lambda c: te.sum(A[i, c], axis=i), name="S")
    return Operator(te.compute((), lambda: te.max(S[j], axis=j), name="M"), lambda a: a)


def empty_product() -> Operator:
    """A matrix product with nothing to sum."""
    return next(case for case in corpus.CASES if case.name == "matmul").build(m=3, k=0, n=2)


EXTRA: dict[str, Callable[[], Operator]] = {
    "diamond": lambda: diamond(5, 6),
    "symbolic_chain": symbolic_chain,
    "symbolic_blur": symbolic_blur,
    "symbolic_softmax": symbolic_softmax,
    "two_products": two_products,
    "blur_2d": blur_2d,
    "long_chain": long_chain,
    "column_sums": column_sums,
    "empty_product": empty_product,
}


def operators() -> dict[str, Operator]:
    """Every operator by the name of its file."""
    found = {
        case.name: SMALLER[case.name]()
        if case.name in SMALLER
        else case.make(**SMALLER_SIZES.get(case.name, {}))
        for case in corpus.CASES
    }
    return found | {name: build() for name, build in EXTRA.items()}


OPERATORS = operators()


def inputs_of(name: str, operator: Operator) -> list[str]:
    """The lines of inputs.txt about one operator."""
    lines = [f"{name}.{size} = {value}" for size, value in sorted(operator.sizes.items())]
    rng = np.random.default_rng(20240229)
    for argument in te.program(operator.outputs).arguments:
        if argument.name in operator.special:
            values = operator.special[argument.name](rng, tuple(argument.shape))
            numbers = " ".join(f"{value:.9g}" for value in values.ravel())
            lines.append(f"{name}.{argument.name} = {numbers}")
    return lines


def check_golden(path: Path, text: str, update: bool) -> None:
    """The file says the text; or is made to."""
    if update:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.read_text() == text, f"{path.name} is stale: run pytest --update-goldens and read the change"


@pytest.mark.parametrize("name", OPERATORS)
def test_texts(name: str, request: pytest.FixtureRequest):
    text = str(te.program(OPERATORS[name].outputs))
    check_golden(FOLDER / f"{name}.tw", text, request.config.getoption("--update-goldens"))
    assert tw.Program.parse(text) == te.program(OPERATORS[name].outputs)


def test_inputs(request: pytest.FixtureRequest):
    lines = [line for name, operator in OPERATORS.items() for line in inputs_of(name, operator)]
    check_golden(FOLDER / "inputs.txt", "\n".join(lines) + "\n", request.config.getoption("--update-goldens"))


def test_no_file_is_left_over():
    assert {path.stem for path in FOLDER.glob("*.tw")} == set(OPERATORS)
    assert len(OPERATORS) >= 40
