"""What the operations ask of the functions that users give them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from tilewright.errors import InvalidType

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def axis_names(fn: Callable[..., Any], what: str, count: int, skip: int = 0) -> list[str]:
    """Names for `count` axes: those of the parameters after the first `skip` (states), else i0, i1, ….

    Raises InvalidType if it is no function or cannot be called with so many arguments.
    """
    names = [f"i{d}" for d in range(count)] if skip == 0 else ["t", *(f"i{d}" for d in range(count - 1))]
    if not callable(fn):
        raise InvalidType(f"{what} is {fn!r} of type {type(fn).__name__}; a function is needed")
    try:
        parameters = list(inspect.signature(fn).parameters.values())
    except (TypeError, ValueError):  # some built-in functions have no signature
        return names
    positional = [p for p in parameters if p.kind in _POSITIONAL]
    required = [p for p in positional if p.default is p.empty]
    rest = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    needed = skip + count
    if len(required) > needed or (len(positional) < needed and not rest):
        found = ", ".join(str(p) for p in parameters)
        given = (
            f"{_count(skip, 'state')}, time and {_count(count - 1, 'axis')}"
            if skip
            else _count(count, "axis")
        )
        raise InvalidType(f"{what} has the parameters ({found}) but is called with {given}")
    for d, parameter in enumerate(positional[skip:needed]):
        if parameter.name.isascii():
            names[d] = parameter.name
    return names


def _count(number: int, noun: str) -> str:
    plural = {"axis": "axes"}.get(noun, noun + "s")
    return f"{number} {noun if number == 1 else plural}"
