"""Reductions over one or several axes. They may stand anywhere in an expression."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from tilewright import _core
from tilewright._core import Expr, ReduceAxis
from tilewright.errors import InvalidType
from tilewright.te.tensors import ExprLike

Axes: TypeAlias = ReduceAxis | Sequence[ReduceAxis]
"""One axis of `te.reduce_axis` or several."""


def sum(x: ExprLike, axis: Axes) -> Expr:
    """Sum over axes, in the dtype of the operand.

    float16 and bfloat16 accumulate in float32 and round once; integers wrap. The empty sum is 0.

    Parameters
    ----------
    x : Expr
        What to reduce; uses every axis.
    axis : ReduceAxis or sequence of them
        The axes to reduce over.

    Returns
    -------
    Expr
        Of the dtype of x.

    Raises
    ------
    InvalidValue
        If there is no axis, one is listed twice, or x does not use it.
    InvalidType
        If x is bool; `x.astype("int32")` counts.

    Examples
    --------
    >>> A = te.placeholder((2, 3), "int32", name="A")
    >>> k = te.reduce_axis(3, name="k")
    >>> B = te.compute(2, lambda i: te.sum(A[i, k], axis=k), name="B")
    >>> tw.interpret(B, [np.array([[1, 5, 2], [4, 4, 0]], "int32")])
    array([8, 8], dtype=int32)
    """
    return _core.sum(x, axis)


def prod(x: ExprLike, axis: Axes) -> Expr:
    """Multiply over axes, in the dtype of the operand.

    float16 and bfloat16 accumulate in float32 and round once; integers wrap. The empty product is 1.

    Parameters
    ----------
    x : Expr
        What to reduce; uses every axis.
    axis : ReduceAxis or sequence of them
        The axes to reduce over.

    Returns
    -------
    Expr
        Of the dtype of x.

    Raises
    ------
    InvalidValue
        If there is no axis, one is listed twice, or x does not use it.
    InvalidType
        If x is bool.

    Examples
    --------
    >>> A = te.placeholder((2, 3), "int32", name="A")
    >>> k = te.reduce_axis(3, name="k")
    >>> B = te.compute(2, lambda i: te.prod(A[i, k], axis=k), name="B")
    >>> tw.interpret(B, [np.array([[1, 5, 2], [4, 4, 0]], "int32")])
    array([10,  0], dtype=int32)
    """
    return _core.prod(x, axis)


def max(x: ExprLike, axis: Axes) -> Expr:
    """Find the greatest value over axes.

    NaN if any value is. Without values it is -inf, or the least integer.

    Parameters
    ----------
    x : Expr
        What to reduce; uses every axis.
    axis : ReduceAxis or sequence of them
        The axes to reduce over.

    Returns
    -------
    Expr
        Of the dtype of x.

    Raises
    ------
    InvalidValue
        If there is no axis, one is listed twice, or x does not use it.
    InvalidType
        If x is bool; use te.any.

    Examples
    --------
    >>> A = te.placeholder((2, 3), "int32", name="A")
    >>> k = te.reduce_axis(3, name="k")
    >>> B = te.compute(2, lambda i: te.max(A[i, k], axis=k), name="B")
    >>> tw.interpret(B, [np.array([[1, 5, 2], [4, 4, 0]], "int32")])
    array([5, 4], dtype=int32)
    """
    return _core.max(x, axis)


def min(x: ExprLike, axis: Axes) -> Expr:
    """Find the least value over axes.

    NaN if any value is. Without values it is inf, or the greatest integer.

    Parameters
    ----------
    x : Expr
        What to reduce; uses every axis.
    axis : ReduceAxis or sequence of them
        The axes to reduce over.

    Returns
    -------
    Expr
        Of the dtype of x.

    Raises
    ------
    InvalidValue
        If there is no axis, one is listed twice, or x does not use it.
    InvalidType
        If x is bool; use te.all.

    Examples
    --------
    >>> A = te.placeholder((2, 3), "int32", name="A")
    >>> k = te.reduce_axis(3, name="k")
    >>> B = te.compute(2, lambda i: te.min(A[i, k], axis=k), name="B")
    >>> tw.interpret(B, [np.array([[1, 5, 2], [4, 4, 0]], "int32")])
    array([1, 0], dtype=int32)
    """
    return _core.min(x, axis)


def argmax(x: ExprLike, axis: Axes) -> Expr:
    """Find where the greatest value over axes is.

    The first of ties, and the first NaN if there is one. Over several axes it is the row-major position.

    Parameters
    ----------
    x : Expr
        What to reduce; uses every axis.
    axis : ReduceAxis or sequence of them
        The axes to reduce over.

    Returns
    -------
    Expr
        Of dtype int64.

    Raises
    ------
    InvalidValue
        If there is no axis, one is listed twice, or x does not use it.

    Examples
    --------
    >>> A = te.placeholder((2, 3), "int32", name="A")
    >>> k = te.reduce_axis(3, name="k")
    >>> B = te.compute(2, lambda i: te.argmax(A[i, k], axis=k), name="B")
    >>> tw.interpret(B, [np.array([[1, 5, 2], [4, 4, 0]], "int32")])
    array([1, 0])
    """
    return _core.argmax(x, axis)


def argmin(x: ExprLike, axis: Axes) -> Expr:
    """Find where the least value over axes is.

    The first of ties, and the first NaN if there is one. Over several axes it is the row-major position.

    Parameters
    ----------
    x : Expr
        What to reduce; uses every axis.
    axis : ReduceAxis or sequence of them
        The axes to reduce over.

    Returns
    -------
    Expr
        Of dtype int64.

    Raises
    ------
    InvalidValue
        If there is no axis, one is listed twice, or x does not use it.

    Examples
    --------
    >>> A = te.placeholder((2, 3), "int32", name="A")
    >>> k = te.reduce_axis(3, name="k")
    >>> B = te.compute(2, lambda i: te.argmin(A[i, k], axis=k), name="B")
    >>> tw.interpret(B, [np.array([[1, 5, 2], [4, 4, 0]], "int32")])
    array([0, 2])
    """
    return _core.argmin(x, axis)


def all(x: ExprLike, axis: Axes) -> Expr:
    """Find whether all values over axes are true, or not zero.

    Without values it is true.

    Parameters
    ----------
    x : Expr
        What to reduce; uses every axis.
    axis : ReduceAxis or sequence of them
        The axes to reduce over.

    Returns
    -------
    Expr
        Of dtype bool.

    Raises
    ------
    InvalidValue
        If there is no axis, one is listed twice, or x does not use it.

    Examples
    --------
    >>> A = te.placeholder((2, 3), "int32", name="A")
    >>> k = te.reduce_axis(3, name="k")
    >>> B = te.compute(2, lambda i: te.all(A[i, k], axis=k), name="B")
    >>> tw.interpret(B, [np.array([[1, 5, 2], [4, 4, 0]], "int32")])
    array([ True, False])
    """
    return _core.all(x, axis)


def any(x: ExprLike, axis: Axes) -> Expr:
    """Find whether any value over axes is true, or not zero.

    Without values it is false.

    Parameters
    ----------
    x : Expr
        What to reduce; uses every axis.
    axis : ReduceAxis or sequence of them
        The axes to reduce over.

    Returns
    -------
    Expr
        Of dtype bool.

    Raises
    ------
    InvalidValue
        If there is no axis, one is listed twice, or x does not use it.

    Examples
    --------
    >>> A = te.placeholder((2, 3), "int32", name="A")
    >>> k = te.reduce_axis(3, name="k")
    >>> B = te.compute(2, lambda i: te.any(A[i, k], axis=k), name="B")
    >>> tw.interpret(B, [np.array([[1, 5, 2], [4, 4, 0]], "int32")])
    array([ True,  True])
    """
    return _core.any(x, axis)


class Reducer:
    """A reduction of one's own, made by `te.reducer`.

    Calling it on an operand, or on a tuple of operands that reduce together, gives the reduction, or a tuple.

    Parameters
    ----------
    combine, identity, name
        As of `te.reducer`.

    Examples
    --------
    >>> te.reducer(lambda a, b: a | b, identity=0, name="bits_set")
    Reducer bits_set
    """

    def __init__(self, combine: Callable[[Any, Any], Any], identity: Any, name: str = "custom") -> None:
        if not callable(combine):
            raise InvalidType(
                f"combine is {combine!r} of type {type(combine).__name__}; a function of two is needed"
            )
        if not isinstance(name, str):
            raise InvalidType(f"the name of a reducer is {name!r} of type {type(name).__name__}; it is a str")
        self._combine, self._identity, self.name = combine, identity, name

    def __repr__(self) -> str:
        """Give the name."""
        return f"Reducer {self.name}"

    def __call__(self, *operands: Any, axis: Axes) -> Any:
        """Reduce over axes.

        Parameters
        ----------
        *operands : Expr
            What to reduce: one for each component; a tuple of them counts as several.
        axis : ReduceAxis or sequence of them
            The axes to reduce over.

        Returns
        -------
        Expr or tuple of Expr
            One for each component.

        Raises
        ------
        InvalidValue
            If the numbers of components of operands, `combine` and `identity` differ, or the axes are wrong.
        InvalidType
            If `combine` gives a component another dtype than its operand.

        Examples
        --------
        >>> A = te.placeholder((3,), "uint8", name="A")
        >>> k = te.reduce_axis(3, name="k")
        >>> bits_set = te.reducer(lambda a, b: a | b, identity=0)
        >>> bits = te.compute((), lambda: bits_set(A[k], axis=k), name="bits")
        >>> tw.interpret(bits, [np.array([1, 4, 5], "uint8")])
        array(5, dtype=uint8)
        """
        if len(operands) == 1 and isinstance(operands[0], (tuple, list)):
            operands, single = tuple(operands[0]), False
        else:
            single = len(operands) == 1

        def combine(a: tuple[Expr, ...], b: tuple[Expr, ...]) -> Any:
            return self._combine(a[0], b[0]) if single else self._combine(a, b)

        def identity(dtypes: tuple[str, ...]) -> Any:
            return self._identity(*dtypes) if callable(self._identity) else self._identity

        results = tuple(_core.reduce(combine, identity, self.name, operands, axis))
        return results[0] if single else results


def reducer(combine: Callable[[Any, Any], Any], identity: Any, name: str = "custom") -> Reducer:
    """Declare a reduction of one's own.

    Parameters
    ----------
    combine : callable
        Combines two partial results into one; of several components it takes two tuples and gives a tuple.
        Must be associative and commutative: the order of combination is free.
    identity : number, tuple of numbers, or callable
        The neutral element, of each component; a function takes the names of the operands' dtypes.
    name : str
        Names it in programs.

    Returns
    -------
    Reducer
        Call it on what to reduce: `best(x, axis=k)`, `best((x, y), axis=k)`.

    Raises
    ------
    InvalidType
        If `combine` is no function.

    Examples
    --------
    The greatest absolute value, with its sign:

    >>> A = te.placeholder((4,), "float64", name="A")
    >>> k = te.reduce_axis(4, name="k")
    >>> def combine(a, b):
    ...     first = (a[0] > b[0]) | ((a[0] == b[0]) & (a[1] > b[1]))
    ...     return te.where(first, a[0], b[0]), te.where(first, a[1], b[1])
    >>> strongest = te.reducer(combine, identity=(-1, -1), name="strongest")
    >>> value = te.compute((), lambda: strongest((te.abs(A[k]), A[k]), axis=k)[1], name="value")
    >>> tw.interpret(value, [np.array([1.0, -5.0, 3.0, 4.0])])
    array(-5.)
    """
    return Reducer(combine, identity, name)
