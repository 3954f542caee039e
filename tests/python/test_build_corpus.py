"""Every operator of the corpus, compiled, has the values of its reference and of the interpreter."""

from __future__ import annotations

import corpus
import numpy as np
import pytest
import tilewright as tw
from compare import assert_values
from test_corpus import as_tuple, check, points, strided


@pytest.mark.parametrize(("case", "sizes"), list(points()))
def test_values(case, sizes, rng):
    operator = case.build(**sizes)
    inputs = operator.inputs(rng)
    function = tw.build(operator.outputs)
    check(operator, as_tuple(function(*inputs)), inputs)
    for found, expected in zip(
        as_tuple(function(*inputs)), as_tuple(function.program.interpret(*inputs)), strict=True
    ):
        assert_values(found, expected, operator.tolerance)


@pytest.mark.parametrize("case", corpus.CASES, ids=lambda case: case.name)
def test_outputs_are_written_in_place_and_inputs_may_have_any_strides(case, rng):
    operator = case.make()
    inputs = operator.inputs(rng)
    views = [strided(value) if isinstance(value, np.ndarray) else value for value in inputs]
    function = tw.build(operator.outputs)
    made = as_tuple(function(*views))
    outputs = [np.full_like(one, 77) for one in made]
    named = dict(zip((a.name for a in function.program.arguments if a.kind == "out"), outputs, strict=True))
    names = (a.name for a in function.program.arguments if a.kind != "out")
    assert function(**dict(zip(names, inputs, strict=True)), **named) is None
    for one, other in zip(made, outputs, strict=True):
        np.testing.assert_array_equal(one, other)
