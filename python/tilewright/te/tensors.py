"""Operations that make tensors, and the loop programs of tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import EllipsisType
from typing import Any, TypeAlias, overload

import numpy as np

from tilewright import _core
from tilewright._core import Expr, Program, ReduceAxis, Tensor, Var
from tilewright.errors import InvalidType, InvalidValue
from tilewright.te._call import axis_names

ExprLike: TypeAlias = Expr | Tensor | bool | int | float | np.generic
"""What may stand where an expression is wanted: numbers and tensors of rank 0 too."""

DTypeLike: TypeAlias = Any
"""The name of a dtype, a NumPy dtype or scalar type (`ml_dtypes.bfloat16` too), or bool, int, float."""

Extent: TypeAlias = int | Expr
Shape: TypeAlias = Extent | Sequence[Extent]


def _shape(shape: Shape) -> tuple[Any, ...]:
    if isinstance(shape, (tuple, list)):
        return tuple(shape)
    if isinstance(shape, (Expr, int, np.integer)):
        return (shape,)
    raise InvalidType(
        f"shape is {shape!r} of type {type(shape).__name__}; it is an extent or a tuple of them"
    )


def _name(name: str | None, what: str = "name") -> str:
    if name is not None and not isinstance(name, str):
        raise InvalidType(f"{what} is {name!r} of type {type(name).__name__}; it is a str")
    return name or ""


def _int(number: Any, what: str) -> int:
    if isinstance(number, (int, np.integer)) and not isinstance(number, bool):
        return int(number)
    raise InvalidType(f"{what} is {number!r} of type {type(number).__name__}; it is an int")


def _tensors(tensors: Tensor | Sequence[Tensor]) -> list[Tensor]:
    several: list[Any] = list(tensors) if isinstance(tensors, (tuple, list)) else [tensors]
    for tensor in several:
        if not isinstance(tensor, Tensor):
            raise InvalidType(f"{tensor!r} of type {type(tensor).__name__} is no tensor")
    return several


def placeholder(
    shape: Shape, dtype: DTypeLike = "float32", name: str | None = None, constant: bool = False
) -> Tensor:
    """Declare a tensor that is given from outside.

    Parameters
    ----------
    shape : int, Expr or tuple of them
        The extents; symbolic ones are `te.var` or expressions of them.
    dtype : str or numpy dtype
        bool, int8-64, uint8-64, float16, bfloat16, float32 or float64.
    name : str, optional
        Names the argument in programs and errors.
    constant : bool
        Whether it is a weight, which may be prepared beforehand.

    Returns
    -------
    Tensor
        The tensor.

    Raises
    ------
    InvalidValue
        If an extent is negative or the name is no identifier.
    InvalidType
        If the dtype is unknown or an extent is no integer.

    Examples
    --------
    >>> te.placeholder((2, 3), "float32", name="A")
    Tensor A: float32(2, 3)
    """
    return _core.placeholder(_shape(shape), dtype, _name(name), bool(constant))


def var(name: str, range: tuple[int | None, int | None] | None = None, multiple_of: int = 1) -> Var:
    """Declare a symbolic dimension: an extent that is known when a program runs.

    Parameters
    ----------
    name : str
        Its name.
    range : tuple of int, optional
        Least and greatest value, both included; None for an open end. Never below 0 if not given.
    multiple_of : int
        What every value is a multiple of.

    Returns
    -------
    Var
        The dimension, an expression of dtype "index".

    Raises
    ------
    InvalidValue
        If the range is empty, holds no multiple, or the name is no identifier.

    Examples
    --------
    >>> n = te.var("n", range=(1, 512))
    >>> A = te.placeholder((n, 4), name="A")
    >>> A.shape
    (n, 4)
    """
    name = _name(name, "the name of a symbolic dimension")
    if range is None:
        range = (0, None)
    if not isinstance(range, (tuple, list)) or len(range) != 2:
        raise InvalidValue(f"the range of {name} is {range!r}; it is a pair (least, greatest)")
    least = 0 if range[0] is None else _int(range[0], f"the least value of {name}")
    greatest = None if range[1] is None else _int(range[1], f"the greatest value of {name}")
    return _core.var(name, least, greatest, _int(multiple_of, f"multiple_of of {name}"))


def reduce_axis(extent: Extent | tuple[Extent, Extent], name: str = "k") -> ReduceAxis:
    """Declare an axis to reduce over.

    Parameters
    ----------
    extent : int, Expr or pair of them
        The axis goes from 0 to the extent, or from begin to end (excluded) for a pair.
    name : str
        Its name.

    Returns
    -------
    ReduceAxis
        The axis, an expression of its position.

    Raises
    ------
    InvalidValue
        If the end is before the begin, or the name is no identifier.

    Examples
    --------
    >>> A = te.placeholder((8,), "int32", name="A")
    >>> k = te.reduce_axis((1, 7), name="k")
    >>> inner = te.compute((), lambda: te.sum(A[k], axis=k), name="inner")
    >>> tw.interpret(inner, [np.arange(8, dtype="int32")])
    array(21, dtype=int32)
    """
    name = _name(name, "the name of a reduction axis")
    if isinstance(extent, (tuple, list)):
        if len(extent) != 2:
            raise InvalidValue(f"the reduction axis {name} has {len(extent)} bounds; it takes (begin, end)")
        return _core.reduce_axis(extent[0], extent[1], name)
    return _core.reduce_axis(0, extent, name)


def const(value: bool | int | float | np.generic, dtype: DTypeLike | None = None) -> Expr:
    """Make a constant of a dtype, where a plain number would take that of what it meets.

    Parameters
    ----------
    value : bool, int, float or numpy scalar
        The value.
    dtype : str or numpy dtype, optional
        Its dtype; else that of a NumPy scalar, or bool, int64, float64 for Python's numbers.

    Returns
    -------
    Expr
        The constant.

    Raises
    ------
    InvalidValue
        If an int does not fit the integer dtype.
    InvalidType
        If a float is given for an integer dtype.

    Examples
    --------
    >>> te.const(1, "int8")
    1i8
    >>> te.const(0.5).dtype
    'float64'
    """
    return _core.const(value) if dtype is None else _core.const_of(value, dtype)


def compute(shape: Shape, fn: Callable[..., Any], name: str | None = None) -> Any:
    """Define a tensor by the value of each element.

    Parameters
    ----------
    shape : int, Expr or tuple of them
        The extents; `()` makes a tensor of rank 0.
    fn : callable
        Called once, with a `Var` for each dimension; the names of its parameters name the axes. Gives the
        value of the element there, or a tuple of values for several tensors of one shape.
    name : str, optional
        The tensor's name; several are NAME_0, NAME_1, ….

    Returns
    -------
    Tensor or tuple of Tensor
        What the function defines.

    Raises
    ------
    InvalidIndex
        If a subscript is provably out of bounds, or their number is wrong.
    InvalidValue
        If an extent is negative, or a reduction axis is used outside its reduction.
    InvalidType
        If the function gives no expression, or takes another number of axes.

    Examples
    --------
    >>> A = te.placeholder((2, 3), "int32", name="A")
    >>> T = te.compute((3, 2), lambda i, j: A[j, i] * 10, name="T")
    >>> tw.interpret(T, [np.arange(6, dtype="int32").reshape(2, 3)])
    array([[ 0, 30],
           [10, 40],
           [20, 50]], dtype=int32)
    """
    shape = _shape(shape)
    return _core.compute(shape, fn, _name(name), axis_names(fn, "the function of te.compute", len(shape)))


def pieces(
    shape: Shape,
    pieces: Sequence[tuple[Callable[..., Any] | EllipsisType, Callable[..., Any]]],
    name: str | None = None,
) -> Tensor:
    """Define a tensor by its parts: disjoint domains, each with its own value.

    Concatenations, residue classes and updates of a part are written so. At every point exactly one condition
    holds.

    Parameters
    ----------
    shape : int, Expr or tuple of them
        The extents.
    pieces : sequence of (condition, value)
        Functions of the axes. The last condition may be `...`: everywhere else.
    name : str, optional
        The tensor's name.

    Returns
    -------
    Tensor
        The tensor, of the common dtype of the values.

    Raises
    ------
    InvalidValue
        If two conditions hold at one point, or none does, or `...` is not last. What cannot be decided
        beforehand is checked when the program runs.

    Examples
    --------
    >>> A = te.placeholder((3,), "int32", name="A")
    >>> B = te.placeholder((2,), "int32", name="B")
    >>> C = te.pieces((5,), [(lambda i: i < 3, lambda i: A[i]), (..., lambda i: B[i - 3])], name="C")
    >>> tw.interpret(C, [np.array([1, 2, 3], "int32"), np.array([8, 9], "int32")])
    array([1, 2, 3, 8, 9], dtype=int32)
    """
    shape = _shape(shape)
    pairs, names = [], [f"i{d}" for d in range(len(shape))]
    for p, piece in enumerate(pieces):
        if not isinstance(piece, (tuple, list)) or len(piece) != 2:
            raise InvalidType(
                f"piece {p} is {piece!r}; it is a pair (condition, value) of functions of the axes"
            )
        condition, value = piece
        found = axis_names(value, f"the value of piece {p}", len(shape))
        if condition is not ...:
            found = axis_names(condition, f"the condition of piece {p}", len(shape))
        names = found if p == 0 else names
        pairs.append((None if condition is ... else condition, value))
    return _core.pieces(shape, pairs, _name(name), names)


def scatter(
    init: Tensor,
    domain: Shape,
    index: Callable[..., Any],
    value: Callable[..., Any],
    combine: str = "set",
    name: str | None = None,
) -> Tensor:
    """Write values at places that are data into a copy of a tensor.

    Parameters
    ----------
    init : Tensor
        What the result begins as.
    domain : int, Expr or tuple of them
        Extents of the writes: there is one at each point.
    index : callable
        Gives the place that a point writes: one subscript for each dimension of `init`.
    value : callable
        Gives what a point writes, of the dtype of `init`.
    combine : {"set", "sum", "max", "min"}
        How it meets the element there. With "set" the last point in row-major order wins.
    name : str, optional
        The tensor's name.

    Returns
    -------
    Tensor
        The tensor after all writes, of the shape and dtype of `init`.

    Raises
    ------
    InvalidIndex
        If a place is provably out of bounds, or has a wrong number of subscripts; others are found when the
        program runs.
    InvalidType
        If the value has another dtype than `init`.

    Examples
    --------
    >>> word = te.placeholder((6,), "int64", name="word")
    >>> zero = te.compute(4, lambda i: te.const(0, "int32"), name="zero")
    >>> count = te.scatter(zero, 6, lambda p: word[p], lambda p: 1, combine="sum", name="count")
    >>> tw.interpret(count, [np.array([3, 0, 3, 3, 1, 0])])
    array([2, 1, 0, 3], dtype=int32)
    """
    domain = _shape(domain)
    if not isinstance(init, Tensor):
        raise InvalidType(
            f"init is {init!r} of type {type(init).__name__}; te.scatter writes into a copy of a tensor"
        )
    axis_names(value, "the value of te.scatter", len(domain))
    names = axis_names(index, "the index of te.scatter", len(domain))
    return _core.scatter(init, domain, index, value, _name(combine, "combine"), _name(name), names)


@overload
def scan(init: ExprLike, step: Callable[..., Any], length: Extent, name: str | None = None) -> Tensor: ...
@overload
def scan(
    init: tuple[ExprLike, ...], step: Callable[..., Any], length: Extent, name: str | None = None
) -> tuple[Tensor, ...]: ...
def scan(init, step, length, name=None):
    """Define states over time, each step from earlier ones: cumulative sums, time loops, triangular solves.

    A state over time is a tensor H of shape (length, *S), where S is the shape of `init`. Reads of H at a
    negative time give `init`: H[t - 1] is the previous state, and `init` at time 0.

    Parameters
    ----------
    init : Tensor or number, or tuple of them
        The state before time 0, or several of one shape. A number is a state of rank 0 and takes the dtype
        that the step gives it.
    step : callable
        Called with the states over time, the time t and the axes of S: `step(H, t, i, …)`, `step(H, C, t, i,
        …)`. Gives the value of the state there, a tuple for several. It may read earlier times only; the
        second state may also read the first at time t, and so on.
    length : int or Expr
        How many steps.
    name : str, optional
        The tensor's name; several are NAME_0, NAME_1, ….

    Returns
    -------
    Tensor or tuple of Tensor
        The states over time; a tuple if `init` is one.

    Raises
    ------
    InvalidType
        If the step gives a value of another dtype than the state.
    InvalidValue
        If the states differ in shape, or the step reads a time not yet computed.

    Examples
    --------
    >>> A = te.placeholder((5,), "int32", name="A")
    >>> total = te.scan(te.const(0, "int32"), lambda S, t: S[t - 1] + A[t], 5, name="total")
    >>> tw.interpret(total, [np.array([1, 2, 3, 4, 5], "int32")])
    array([ 1,  3,  6, 10, 15], dtype=int32)
    """
    several = isinstance(init, (tuple, list))
    inits = tuple(init) if several else (init,)
    rank = next((i.ndim for i in inits if isinstance(i, Tensor)), 0)
    names = axis_names(step, "the step of te.scan", rank + 1, skip=len(inits))
    states = _core.scan(inits, step, length, _name(name), names)
    return states if several else states[0]


def program_of(what: Any, args: Sequence[Tensor | Var] | None, refusal: str) -> Program:
    """Give the first program of a tensor or several; a program as it is.

    Parameters
    ----------
    what : Tensor, sequence of Tensor, or Program
        What somebody gave.
    args : sequence of Tensor and Var, optional
        As of `program`; programs have their own order.
    refusal : str
        What to say of anything else, behind what it is: "cannot be built; give a tensor".

    Returns
    -------
    Program
        The program.

    Raises
    ------
    InvalidType
        If it is nothing of these.
    InvalidValue
        If `args` are given for a program; as `program` does.

    Examples
    --------
    >>> from tilewright.te.tensors import program_of
    >>> A = te.placeholder((3,), name="A")
    >>> program_of(te.compute((3,), lambda i: A[i], name="B"), None, "is refused").name
    'main'
    """
    if isinstance(what, Program):
        if args is not None:
            raise InvalidValue("args orders the arguments of tensors; a program has its own order")
        return what
    if isinstance(what, Tensor) or (
        isinstance(what, (list, tuple)) and what and all(isinstance(one, Tensor) for one in what)
    ):
        return program(what, args)
    raise InvalidType(f"{what!r} of type {type(what).__name__} {refusal}")


def program(
    tensors: Tensor | Sequence[Tensor], args: Sequence[Tensor | Var] | None = None, name: str | None = None
) -> Program:
    """Make the first loop program of tensors: what they mean, in the plainest order.

    Parameters
    ----------
    tensors : Tensor or sequence of Tensor
        The outputs.
    args : sequence of Tensor and Var, optional
        The arguments in order: all placeholders, symbolic dimensions and outputs. If not given: the
        placeholders in the order they were made, the symbolic dimensions that no placeholder's shape shows,
        the outputs.
    name : str, optional
        The program's name, "main" if not given.

    Returns
    -------
    Program
        The program, with a block for each operation.

    Raises
    ------
    InvalidValue
        If two arguments have one name, an output is a placeholder, or `args` leaves something out.

    Examples
    --------
    >>> A = te.placeholder((3,), "float32", name="A")
    >>> print(te.program(te.compute(3, lambda i: -A[i], name="B"), name="negate"))
    program negate(A: in float32[3], B: out float32[3]):
      for i in 3:
        block B#0(vi: spatial(3) = i):
          reads A[vi]
          writes B[vi]
          B[vi] = -A[vi]
    <BLANKLINE>
    """
    return _core.program(_tensors(tensors), None if args is None else list(args), _name(name) or "main")
