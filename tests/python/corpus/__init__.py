"""The corpus of operators: named tensor expressions with inputs and a NumPy reference.

A case is a function of sizes that gives an `Operator`. Every case has one set of sizes or several, odd ones
and empty ones among them. Tests of the interpreter, of schedules and of code generators run over the same
list:

>>> for case in corpus.CASES:
...     operator = case.make()
...     inputs = operator.inputs(rng)
...     expected = operator.expected(inputs)
"""

from corpus import convolution, elementwise, matrix, movement, recurrence, reduction, stencil
from corpus.case import CASES, Case, Operator

__all__ = [
    "CASES",
    "Case",
    "Operator",
    "convolution",
    "elementwise",
    "matrix",
    "movement",
    "recurrence",
    "reduction",
    "stencil",
]
