"""Every operator of the corpus has the values of its reference, and a program that is legal and readable."""

from __future__ import annotations

import corpus
import numpy as np
import pytest
import tilewright as tw
from compare import assert_values
from tilewright import te


def points():
    for case in corpus.CASES:
        for number, sizes in enumerate(case.sizes):
            yield pytest.param(case, sizes, id=f"{case.name}-{number}")


def outputs_of(operator: corpus.Operator) -> tuple:
    return operator.outputs if isinstance(operator.outputs, tuple) else (operator.outputs,)


def as_tuple(values) -> tuple:
    return values if isinstance(values, tuple) else (values,)


def check(operator: corpus.Operator, found: tuple, inputs: list) -> None:
    expected = operator.expected(inputs)
    assert len(found) == len(expected) == len(outputs_of(operator))
    for tensor, one, reference in zip(outputs_of(operator), found, expected, strict=True):
        assert one.dtype.name == tensor.dtype
        assert_values(one, reference, operator.tolerance, tensor.name)


def test_the_corpus_has_at_least_forty_operators():
    assert len({case.name for case in corpus.CASES}) == len(corpus.CASES) >= 40


@pytest.mark.parametrize(("case", "sizes"), list(points()))
def test_values(case, sizes, rng):
    operator = case.build(**sizes)
    inputs = operator.inputs(rng)
    check(operator, as_tuple(tw.interpret(operator.outputs, inputs)), inputs)


def strided(array: np.ndarray) -> np.ndarray:
    """The same values with gaps in every dimension, the first one backwards."""
    wide = np.zeros([2 * n for n in array.shape], array.dtype)
    view = wide[(..., *[slice(None, None, 2) for _ in array.shape])]
    view = view[::-1] if array.ndim else view
    view[...] = array
    return view


@pytest.mark.parametrize("case", corpus.CASES, ids=lambda case: case.name)
def test_inputs_may_have_any_strides(case, rng):
    operator = case.make()
    inputs = operator.inputs(rng)
    views = [strided(value) if isinstance(value, np.ndarray) else value for value in inputs]
    check(operator, as_tuple(tw.interpret(operator.outputs, views)), inputs)


@pytest.mark.parametrize("case", corpus.CASES, ids=lambda case: case.name)
def test_programs(case, rng):
    """The first program is legal, its text parses back, and simplification keeps its values."""
    operator = case.make()
    program = te.program(operator.outputs)
    program.verify("schedule")
    text = str(program)
    again = tw.Program.parse(text)
    assert again == program
    assert hash(again) == hash(program)
    assert again.digest == program.digest
    assert str(again) == text
    simple = program.simplify()
    assert simple.simplify() == simple
    inputs = operator.inputs(rng)
    check(operator, as_tuple(simple.interpret(*inputs)), inputs)
    for one, other in zip(
        as_tuple(again.interpret(*inputs)), as_tuple(program.interpret(*inputs)), strict=True
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("case", corpus.CASES, ids=lambda case: case.name)
def test_the_structure_alone_decides_the_program(case):
    assert te.program(case.make().outputs) == te.program(case.make().outputs)
