"""Tensor expressions: operators defined by the value of each element.

>>> A = te.placeholder((2, 3), "float32", name="A")
>>> B = te.placeholder((3, 4), "float32", name="B")
>>> k = te.reduce_axis(3, name="k")
>>> C = te.compute((2, 4), lambda i, j: te.sum(A[i, k] * B[k, j], axis=k), name="C")
>>> tw.interpret(C, [np.ones((2, 3), "float32"), np.ones((3, 4), "float32")])
array([[3., 3., 3., 3.],
       [3., 3., 3., 3.]], dtype=float32)
"""

from tilewright._core import Expr, ReduceAxis, Tensor, Var
from tilewright.te.functions import (
    abs,
    ceil,
    cos,
    erf,
    exp,
    floor,
    log,
    maximum,
    minimum,
    pow,
    round,
    rsqrt,
    sigmoid,
    sin,
    sqrt,
    tanh,
    where,
)
from tilewright.te.reductions import Reducer, all, any, argmax, argmin, max, min, prod, reducer, sum
from tilewright.te.tensors import (
    compute,
    const,
    pieces,
    placeholder,
    program,
    reduce_axis,
    scan,
    scatter,
    var,
)

__all__ = [
    "Expr",
    "ReduceAxis",
    "Reducer",
    "Tensor",
    "Var",
    "abs",
    "all",
    "any",
    "argmax",
    "argmin",
    "ceil",
    "compute",
    "const",
    "cos",
    "erf",
    "exp",
    "floor",
    "log",
    "max",
    "maximum",
    "min",
    "minimum",
    "pieces",
    "placeholder",
    "pow",
    "prod",
    "program",
    "reduce_axis",
    "reducer",
    "round",
    "rsqrt",
    "scan",
    "scatter",
    "sigmoid",
    "sin",
    "sqrt",
    "sum",
    "tanh",
    "var",
    "where",
]
