"""Exceptions.

Two kinds of failure are kept apart. A `UserError` says that what was asked is wrong: what was found against
what is needed, how to mend it, and the line of the user's own source that asked. An `InternalError` says that
Tilewright itself is wrong.
"""

from __future__ import annotations

import linecache
import os
import sys
from types import FrameType

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


def _source_line() -> str:
    """Give file, line number and text of the innermost frame outside this package; empty if there is none."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    if frame is None:
        return ""
    file, number = frame.f_code.co_filename, frame.f_lineno
    text = linecache.getline(file, number, frame.f_globals).strip()
    return f"\n  at {file}:{number}: {text}" if text else ""


def _restore(kind: type[UserError], message: str) -> UserError:
    error = kind.__new__(kind)
    Exception.__init__(error, message)
    return error


class UserError(Exception):
    """What was asked is wrong.

    The message says what was found against what is needed and how to mend it, and ends with the user's own
    source line where there is one. Every error raised is of one of the kinds below, which are also the built-
    in exceptions of that meaning.

    Parameters
    ----------
    message : str
        What is wrong. The source line is added.

    Examples
    --------
    >>> import tilewright as tw
    >>> from tilewright import te
    >>> A = te.placeholder((2, 3), name="A")
    >>> try:
    ...     A[0]
    ... except tw.UserError as error:
    ...     print(isinstance(error, IndexError))
    True
    """

    def __init__(self, message: str) -> None:
        super().__init__(message + _source_line())

    def __reduce__(self) -> tuple:
        """Keep the message as it is in a copy that another process makes."""
        return _restore, (type(self), str(self))


class InvalidValue(UserError, ValueError):
    """A value that is not allowed: an extent, a shape, a name, a range. Also a ValueError.

    Examples
    --------
    >>> import tilewright as tw
    >>> from tilewright import te
    >>> try:
    ...     te.placeholder((-1,), name="A")
    ... except ValueError as error:
    ...     print(type(error).__name__)
    InvalidValue
    """


class InvalidType(UserError, TypeError):
    """A dtype, or an object of the wrong type. Also a TypeError.

    Examples
    --------
    >>> from tilewright import te
    >>> try:
    ...     te.placeholder((2,), "complex64")
    ... except TypeError as error:
    ...     print(type(error).__name__)
    InvalidType
    """


class InvalidIndex(UserError, IndexError):
    """An index, an axis or a number of subscripts out of range. Also an IndexError.

    Examples
    --------
    >>> from tilewright import te
    >>> try:
    ...     te.placeholder((2,), name="A")[0, 0]
    ... except IndexError as error:
    ...     print(type(error).__name__)
    InvalidIndex
    """


class Unsupported(UserError, NotImplementedError):
    """A legal request for a part that is not there. Also a NotImplementedError.

    Examples
    --------
    >>> import tilewright as tw
    >>> issubclass(tw.Unsupported, NotImplementedError)
    True
    """


class InternalError(RuntimeError):
    """Tilewright itself is wrong. Never the user's fault: please report it.

    Examples
    --------
    >>> import tilewright as tw
    >>> issubclass(tw.InternalError, tw.UserError)
    False
    """
