"""Functions of values, element by element. Names and dtype rules are NumPy's.

Functions of real numbers keep a float dtype; bool, int8 and uint8 are computed in float16, 16-bit integers in
float32, wider ones in float64, as NumPy does.
"""

from __future__ import annotations

from tilewright import _core
from tilewright._core import Expr
from tilewright.te.tensors import ExprLike


def exp(x: ExprLike) -> Expr:
    """Compute e to the power x.

    Parameters
    ----------
    x : Expr or number
        A number.

    Returns
    -------
    Expr
        Of the dtype of x if it is a float.

    Raises
    ------
    InvalidType
        If x cannot stand in an expression.

    Examples
    --------
    >>> A = te.placeholder((2,), "float64", name="A")
    >>> B = te.compute(2, lambda i: te.exp(A[i]), name="B")
    >>> tw.interpret(B, [np.array([0.0, 1.0])])
    array([1.        , 2.71828183])
    """
    return _core.exp(x)


def log(x: ExprLike) -> Expr:
    """Compute the natural logarithm of x; NaN below 0, -inf at 0.

    Parameters
    ----------
    x : Expr or number
        A number.

    Returns
    -------
    Expr
        Of the dtype of x if it is a float.

    Raises
    ------
    InvalidType
        If x cannot stand in an expression.

    Examples
    --------
    >>> A = te.placeholder((2,), "float64", name="A")
    >>> B = te.compute(2, lambda i: te.log(A[i]), name="B")
    >>> tw.interpret(B, [np.array([1.0, 2.0])])
    array([0.        , 0.69314718])
    """
    return _core.log(x)


def sqrt(x: ExprLike) -> Expr:
    """Compute the square root of x; NaN below 0.

    Parameters
    ----------
    x : Expr or number
        A number.

    Returns
    -------
    Expr
        Of the dtype of x if it is a float.

    Raises
    ------
    InvalidType
        If x cannot stand in an expression.

    Examples
    --------
    >>> A = te.placeholder((2,), "float64", name="A")
    >>> B = te.compute(2, lambda i: te.sqrt(A[i]), name="B")
    >>> tw.interpret(B, [np.array([4.0, 2.0])])
    array([2.        , 1.41421356])
    """
    return _core.sqrt(x)


def rsqrt(x: ExprLike) -> Expr:
    """Compute 1 / sqrt(x).

    Parameters
    ----------
    x : Expr or number
        A number.

    Returns
    -------
    Expr
        Of the dtype of x if it is a float.

    Raises
    ------
    InvalidType
        If x cannot stand in an expression.

    Examples
    --------
    >>> A = te.placeholder((2,), "float64", name="A")
    >>> B = te.compute(2, lambda i: te.rsqrt(A[i]), name="B")
    >>> tw.interpret(B, [np.array([4.0, 0.25])])
    array([0.5, 2. ])
    """
    return _core.rsqrt(x)


def tanh(x: ExprLike) -> Expr:
    """Compute the hyperbolic tangent of x.

    Parameters
    ----------
    x : Expr or number
        A number.

    Returns
    -------
    Expr
        Of the dtype of x if it is a float.

    Raises
    ------
    InvalidType
        If x cannot stand in an expression.

    Examples
    --------
    >>> A = te.placeholder((2,), "float64", name="A")
    >>> B = te.compute(2, lambda i: te.tanh(A[i]), name="B")
    >>> tw.interpret(B, [np.array([0.0, 1.0])])
    array([0.        , 0.76159416])
    """
    return _core.tanh(x)


def erf(x: ExprLike) -> Expr:
    """Compute the error function of x.

    Parameters
    ----------
    x : Expr or number
        A number.

    Returns
    -------
    Expr
        Of the dtype of x if it is a float.

    Raises
    ------
    InvalidType
        If x cannot stand in an expression.

    Examples
    --------
    >>> A = te.placeholder((2,), "float64", name="A")
    >>> B = te.compute(2, lambda i: te.erf(A[i]), name="B")
    >>> tw.interpret(B, [np.array([0.0, 1.0])])
    array([0.        , 0.84270079])
    """
    return _core.erf(x)


def sigmoid(x: ExprLike) -> Expr:
    """Compute the logistic function 1 / (1 + exp(-x)).

    Parameters
    ----------
    x : Expr or number
        A number.

    Returns
    -------
    Expr
        Of the dtype of x if it is a float.

    Raises
    ------
    InvalidType
        If x cannot stand in an expression.

    Examples
    --------
    >>> A = te.placeholder((2,), "float64", name="A")
    >>> B = te.compute(2, lambda i: te.sigmoid(A[i]), name="B")
    >>> tw.interpret(B, [np.array([0.0, 1.0])])
    array([0.5       , 0.73105858])
    """
    return _core.sigmoid(x)


def sin(x: ExprLike) -> Expr:
    """Compute the sine of x in radians.

    Parameters
    ----------
    x : Expr or number
        A number.

    Returns
    -------
    Expr
        Of the dtype of x if it is a float.

    Raises
    ------
    InvalidType
        If x cannot stand in an expression.

    Examples
    --------
    >>> A = te.placeholder((2,), "float64", name="A")
    >>> B = te.compute(2, lambda i: te.sin(A[i]), name="B")
    >>> tw.interpret(B, [np.array([0.0, 1.0])])
    array([0.        , 0.84147098])
    """
    return _core.sin(x)


def cos(x: ExprLike) -> Expr:
    """Compute the cosine of x in radians.

    Parameters
    ----------
    x : Expr or number
        A number.

    Returns
    -------
    Expr
        Of the dtype of x if it is a float.

    Raises
    ------
    InvalidType
        If x cannot stand in an expression.

    Examples
    --------
    >>> A = te.placeholder((2,), "float64", name="A")
    >>> B = te.compute(2, lambda i: te.cos(A[i]), name="B")
    >>> tw.interpret(B, [np.array([0.0, 1.0])])
    array([1.        , 0.54030231])
    """
    return _core.cos(x)


def abs(x: ExprLike) -> Expr:
    """Compute the absolute value of x. The smallest signed integer wraps to itself.

    Parameters
    ----------
    x : Expr or number
        A number.

    Returns
    -------
    Expr
        Of the dtype of x.

    Raises
    ------
    InvalidType
        If x cannot stand in an expression.

    Examples
    --------
    >>> A = te.placeholder((2,), "float64", name="A")
    >>> B = te.compute(2, lambda i: te.abs(A[i]), name="B")
    >>> tw.interpret(B, [np.array([-2.0, 3.0])])
    array([2., 3.])
    """
    return _core.abs(x)


def floor(x: ExprLike) -> Expr:
    """Round x down to a whole number.

    Parameters
    ----------
    x : Expr or number
        A number; integers stay as they are.

    Returns
    -------
    Expr
        Of the dtype of x.

    Raises
    ------
    InvalidType
        If x cannot stand in an expression.

    Examples
    --------
    >>> A = te.placeholder((2,), "float64", name="A")
    >>> B = te.compute(2, lambda i: te.floor(A[i]), name="B")
    >>> tw.interpret(B, [np.array([-1.5, 1.5])])
    array([-2.,  1.])
    """
    return _core.floor(x)


def ceil(x: ExprLike) -> Expr:
    """Round x up to a whole number.

    Parameters
    ----------
    x : Expr or number
        A number; integers stay as they are.

    Returns
    -------
    Expr
        Of the dtype of x.

    Raises
    ------
    InvalidType
        If x cannot stand in an expression.

    Examples
    --------
    >>> A = te.placeholder((2,), "float64", name="A")
    >>> B = te.compute(2, lambda i: te.ceil(A[i]), name="B")
    >>> tw.interpret(B, [np.array([-1.5, 1.5])])
    array([-1.,  2.])
    """
    return _core.ceil(x)


def round(x: ExprLike) -> Expr:
    """Round x to the nearest whole number, halves to the even one.

    Parameters
    ----------
    x : Expr or number
        A number; integers stay as they are.

    Returns
    -------
    Expr
        Of the dtype of x.

    Raises
    ------
    InvalidType
        If x cannot stand in an expression.

    Examples
    --------
    >>> A = te.placeholder((2,), "float64", name="A")
    >>> B = te.compute(2, lambda i: te.round(A[i]), name="B")
    >>> tw.interpret(B, [np.array([0.5, 1.5])])
    array([0., 2.])
    """
    return _core.round(x)


def pow(a: ExprLike, b: ExprLike) -> Expr:
    """Compute a to the power b, as `a ** b`. Integers wrap.

    Parameters
    ----------
    a, b : Expr or number
        The base and the exponent.

    Returns
    -------
    Expr
        Of the common dtype of a and b.

    Raises
    ------
    InvalidValue
        If both are integers and b is a negative constant.

    Examples
    --------
    >>> A = te.placeholder((2,), "float64", name="A")
    >>> B = te.compute(2, lambda i: te.pow(A[i], 2), name="B")
    >>> tw.interpret(B, [np.array([3.0, 0.5])])
    array([9.  , 0.25])
    """
    return _core.pow(a, b)


def maximum(a: ExprLike, b: ExprLike) -> Expr:
    """Give the greater of a and b; NaN if either is.

    Parameters
    ----------
    a, b : Expr or number
        What to compare.

    Returns
    -------
    Expr
        Of the common dtype of a and b.

    Raises
    ------
    InvalidType
        If one of them cannot stand in an expression.

    Examples
    --------
    >>> A = te.placeholder((2,), "float64", name="A")
    >>> B = te.compute(2, lambda i: te.maximum(A[i], 0), name="B")
    >>> tw.interpret(B, [np.array([-3.0, 0.5])])
    array([0. , 0.5])
    """
    return _core.maximum(a, b)


def minimum(a: ExprLike, b: ExprLike) -> Expr:
    """Give the lesser of a and b; NaN if either is.

    Parameters
    ----------
    a, b : Expr or number
        What to compare.

    Returns
    -------
    Expr
        Of the common dtype of a and b.

    Raises
    ------
    InvalidType
        If one of them cannot stand in an expression.

    Examples
    --------
    >>> A = te.placeholder((2,), "float64", name="A")
    >>> B = te.compute(2, lambda i: te.minimum(A[i], 0), name="B")
    >>> tw.interpret(B, [np.array([-3.0, 0.5])])
    array([-3.,  0.])
    """
    return _core.minimum(a, b)


def where(condition: ExprLike, on_true: ExprLike, on_false: ExprLike) -> Expr:
    """Choose by a condition. Only the branch taken is evaluated: reads in the other may be out of range.

    Parameters
    ----------
    condition : Expr
        Of dtype bool. Conditions combine with `&`, `|` and `~`.
    on_true, on_false : Expr or number
        The value where the condition holds, and where it does not.

    Returns
    -------
    Expr
        Of the common dtype of the branches.

    Raises
    ------
    InvalidType
        If the condition is not bool.

    Examples
    --------
    >>> A = te.placeholder((3,), "int32", name="A")
    >>> padded = te.compute(5, lambda i: te.where((i >= 1) & (i < 4), A[i - 1], 0), name="padded")
    >>> tw.interpret(padded, [np.array([7, 8, 9], "int32")])
    array([0, 7, 8, 9, 0], dtype=int32)
    """
    return _core.where(condition, on_true, on_false)
