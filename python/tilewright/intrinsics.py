"""Tensor intrinsics: what a machine does to boxes of elements with one instruction or a few.

An intrinsic is a tensor expression, its meaning, and data by which code generators bring it about.
`Schedule.tensorize` puts one in the place of a loop nest that computes the same.

>>> A, B = te.placeholder((32, 7), name="A"), te.placeholder((7, 64), name="B")
>>> k = te.reduce_axis(7, name="k")
>>> C = te.compute((32, 64), lambda i, j: te.sum(A[i, k] * B[k, j], axis=k), name="C")
>>> s = tw.Schedule(C)
>>> i, j, k = s.loops("C")
>>> (i, ii), (j, jj) = s.split(i, [None, 8]), s.split(j, [None, 32])
>>> s.reorder(i, j, k, ii, jj)
>>> s.tensorize(ii, "outer_f32_8x32")
<tw.Block C>
>>> s.loops("C")
[<tw.Loop i_0>, <tw.Loop j_0>, <tw.Loop k>]
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tilewright import _core
from tilewright._core import Program, Tensor
from tilewright.errors import InvalidType, InvalidValue
from tilewright.te.tensors import program as first_program

__all__ = ["Intrinsic", "intrinsic", "intrinsics"]


class Intrinsic(str):
    """A tensor intrinsic: its name, with what is known of it. `Schedule.tensorize` takes it or the name.

    Attributes
    ----------
    summary : str
        One line.
    meaning : Program
        What it computes.
    accumulates : bool
        Whether its output is added to, as in C += A * B.
    operands : dict
        What it needs of the memory of each operand, by name, as `intrinsic` takes it.
    numerics : dict
        How results differ from those of the meaning: exact, error_per_term, error, non_finite.
    implementations : list of dict
        How code generators do it.

    Examples
    --------
    >>> dot = tw.intrinsic("dot_bf16_16x2")
    >>> dot
    <tw.Intrinsic dot_bf16_16x2: C[i] += A[0] * B[i, 0] + A[1] * B[i, 1], bfloat16 into float32.>
    >>> print(dot.meaning)
    program meaning(A: in bfloat16[2], B: in bfloat16[16, 2], C: inout float32[16]):
      for i in 16:
        for k in 2:
          C[i] = C[i] + float32(A[k]) * float32(B[i, k])
    <BLANKLINE>
    >>> dot.operands["B"]
    {'strides': [2, 1]}
    >>> dot.numerics["exact"], dot.implementations[0]["instruction"]
    (False, 'llvm.x86.avx512bf16.dpbf16ps.512')
    """

    @property
    def _data(self) -> dict[str, Any]:
        return _core.find_intrinsic(str(self))

    @property
    def summary(self) -> str:
        """One line."""
        return self._data["summary"]

    @property
    def meaning(self) -> Program:
        """What it computes."""
        return self._data["meaning"]

    @property
    def accumulates(self) -> bool:
        """Whether its output is added to."""
        return self._data["accumulates"]

    @property
    def operands(self) -> dict[str, dict[str, Any]]:
        """What it needs of the memory of each operand."""
        return self._data["operands"]

    @property
    def numerics(self) -> dict[str, Any]:
        """How results differ from those of the meaning."""
        return self._data["numerics"]

    @property
    def implementations(self) -> list[dict[str, Any]]:
        """How code generators do it."""
        return self._data["implementations"]

    def __repr__(self) -> str:
        summary = self.summary
        return f"<tw.Intrinsic {self}{': ' if summary else ''}{summary}>"


def _as_dict(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


def intrinsic(
    name: str,
    output: Tensor | None = None,
    *,
    accumulates: bool = False,
    operands: Mapping[str, Mapping[str, Any]] | None = None,
    implementations: Iterable[Mapping[str, Any]] = (),
    exact: bool = True,
    error_per_term: float = 0.0,
    error: str = "",
    non_finite: str = "",
    summary: str = "",
) -> Intrinsic:
    """Declare a tensor intrinsic from an expression, or find one by its name.

    Parameters
    ----------
    name : str
        Its name, which traces and programs use. A name has one meaning; declaring it again with the
        same one replaces the rest.
    output : Tensor, optional
        The meaning: a `te.compute` of placeholders with constant extents, each subscript an axis of its
        own. If left out, the intrinsic of that name is looked up.
    accumulates : bool
        Whether the output is added to: a reduction goes on from what is there, and a value that is no
        reduction is added.
    operands : mapping, optional
        What is needed of the memory of operands, by name: `scope` (a name or a list of them), `strides`
        (an int, None for any, "8n" for a multiple, for each dimension), `alignment` in bytes, and for
        fragments `lanes`, which maps an element to a lane and a slot: "(i, j) -> (i % 8 * 4 + j // 2, j
        % 2)".
    implementations : iterable of mapping
        For each kind of machine: `target` ("llvm", "cuda"), `features`, and either `program`, a loop
        program of the same parameters, or `instruction` with its `result` and `arguments`: which
        `operand`, the `type` of a register, how many `registers` of how many `elements`, and their
        `place`, "(r, e) -> (e)".
    exact : bool
        Whether it rounds as the meaning does, but for fused a * b + c and the order of a reduction.
    error_per_term : float
        What is lost beyond that, in units of the last place of the sum of magnitudes, for each term.
    error, non_finite : str
        The bound in words, and what becomes of infinities, NaN and subnormal numbers.
    summary : str
        One line for lists.

    Returns
    -------
    Intrinsic
        To be given to `Schedule.tensorize`.

    Raises
    ------
    InvalidValue
        If there is none of the name, the name has another meaning, or the data do not fit the meaning.
    InvalidType
        If `output` is no tensor or the data are of other types.

    Examples
    --------
    >>> A, B = te.placeholder((8,), name="A"), te.placeholder((8,), name="B")
    >>> C = te.compute((8,), lambda i: A[i] * B[i], name="C")
    >>> fma = tw.intrinsic("fma_8", C, accumulates=True, operands={"A": {"strides": (1,)}})
    >>> print(fma.meaning)
    program meaning(A: in float32[8], B: in float32[8], C: inout float32[8]):
      for i in 8:
        C[i] = C[i] + A[i] * B[i]
    <BLANKLINE>
    """
    if not isinstance(name, str):
        raise InvalidType(f"the name of an intrinsic is {name!r} of type {type(name).__name__}; it is a str")
    if output is None:
        if _core.find_intrinsic(name) is None:
            raise InvalidValue(
                f"there is no intrinsic '{name}'; tw.intrinsics() lists them, and one is declared from the "
                "tensor that it computes"
            )
        return Intrinsic(name)
    if not isinstance(output, Tensor):
        raise InvalidType(
            f"the meaning of intrinsic '{name}' is {output!r} of type {type(output).__name__}; it is a tensor"
        )
    names = [argument.name for argument in first_program(output).arguments]
    numerics = {
        "exact": bool(exact),
        "error_per_term": float(error_per_term),
        "error": error,
        "non_finite": non_finite,
    }
    by_name = None if operands is None else {key: _as_dict(value) for key, value in operands.items()}
    data = [_as_dict(one) for one in implementations]
    _core.declare_intrinsic(name, output, bool(accumulates), names, by_name, data, numerics, summary)
    return Intrinsic(name)


def intrinsics() -> dict[str, str]:
    """List the tensor intrinsics.

    Returns
    -------
    dict of str to str
        Summaries by name. Braces in a name stand for sizes: "outer_f32_{m}x{n}" is found as
        "outer_f32_14x32".

    Examples
    --------
    >>> tw.intrinsics()["outer_f32_{m}x{n}"]
    'C[i, j] += A[i] * B[j] in float32: the register tile of a matrix product.'
    """
    return {name: summary for name, summary, _ in _core.intrinsics()}
