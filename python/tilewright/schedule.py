"""Schedules: how a tensor expression runs, apart from what it means.

A schedule starts with the plain loop program of an expression and changes it by steps. Each is a registered
primitive that checks its own legality; the methods of `Schedule` are made from the registry.

>>> A = te.placeholder((64, 48), name="A")
>>> B = te.compute((64, 48), lambda i, j: A[i, j] * 2, name="B")
>>> s = tw.Schedule(B)
>>> i, j = s.loops("B")
>>> outer, inner = s.split(j, [None, 16])
>>> s.vectorize(inner)
>>> print(s)
program main(A: in float32[64, 48], B: out float32[64, 48]):
  for i in 64:
    for j_0 in 3:
      for j_1 in vectorized(16):
        block B#0(vi: spatial(64) = i, vj: spatial(48) = j_0*16 + j_1):
          reads A[vi, vj]
          writes B[vi, vj]
          B[vi, vj] = A[vi, vj] * 2.0f32
<BLANKLINE>
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from tilewright import _core
from tilewright._core import Program, Tensor, Tunable
from tilewright.errors import InvalidType, InvalidValue
from tilewright.te.tensors import program as first_program

__all__ = ["Block", "BufferHandle", "Loop", "Schedule", "Trace", "param"]


class _Handle:
    """What a schedule's step takes and gives. Stays valid until a step removes what it names."""

    def __init__(self, owner: Schedule, ref: Any) -> None:
        self._owner = owner
        self._ref = ref

    @property
    def name(self) -> str:
        """The name that it has in the program now."""
        return self._owner._state.name_of(self._ref)

    def __repr__(self) -> str:
        return f"<tw.{type(self).__name__} {self.name}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Handle) and self._owner is other._owner and self._ref == other._ref

    def __hash__(self) -> int:
        return hash((id(self._owner), self._ref))


class Loop(_Handle):
    """A loop of a schedule.

    Examples
    --------
    >>> s = tw.Schedule(te.compute((4,), lambda i: 1.0, name="one"))
    >>> s.loops("one")
    [<tw.Loop i>]
    """


class Block(_Handle):
    """A block of a schedule: the computation of one tensor, or a part of it.

    Examples
    --------
    >>> s = tw.Schedule(te.compute((4,), lambda i: 1.0, name="one"))
    >>> s.block("one")
    <tw.Block one>
    """


class BufferHandle(_Handle):
    """A buffer of a schedule.

    Examples
    --------
    >>> s = tw.Schedule(te.compute((4,), lambda i: 1.0, name="one"))
    >>> s.buffer("one")
    <tw.BufferHandle one>
    """


_HANDLES = {_core.LoopRef: Loop, _core.BlockRef: Block, _core.BufferRef: BufferHandle}


def param(
    name: str, *, min: int = 1, max: int = 1 << 30, multiple_of: int = 1, default: int | None = None
) -> Tunable:
    """Name an extent that is chosen when the kernel runs: a parameter of the schedule.

    Parameters
    ----------
    name : str
        Two uses of one name are one parameter.
    min, max : int
        Least and greatest value, inclusive.
    multiple_of : int
        Every value is a multiple of it.
    default : int, optional
        What runs when nobody says otherwise; the least legal value if left out.

    Returns
    -------
    Tunable
        To be used as a factor of `Schedule.split`.

    Examples
    --------
    >>> s = tw.Schedule(te.compute((100,), lambda i: 1.0, name="one"))
    >>> (i,) = s.loops("one")
    >>> s.split(i, [None, tw.param("tile", multiple_of=4)])
    [<tw.Loop i_0>, <tw.Loop i_1>]
    """
    return Tunable(name, min, max, multiple_of, 0 if default is None else default)


class Trace:
    """The steps that made a schedule: plain data that replays on another expression of the same operator.

    Examples
    --------
    >>> def double(n):
    ...     A = te.placeholder((n,), name="A")
    ...     return te.compute((n,), lambda i: A[i] * 2, name="B")
    >>> s = tw.Schedule(double(64))
    >>> _ = s.split(s.loops("B")[0], [None, 16])
    >>> trace = tw.Trace.from_json(s.trace.to_json())
    >>> len(trace)
    1
    >>> tw.Schedule.replay(double(100), trace).loops("B")
    [<tw.Loop i_0>, <tw.Loop i_1>]
    """

    def __init__(self, data: _core.TraceData) -> None:
        self._data = data

    @staticmethod
    def from_json(text: str) -> Trace:
        """Read what `to_json` wrote.

        Raises
        ------
        InvalidValue
            If the text is no trace, has a newer version or an unknown step.

        Examples
        --------
        >>> s = tw.Schedule(te.compute((4,), lambda i: 1.0, name="one"))
        >>> tw.Trace.from_json(s.trace.to_json()) == s.trace
        True
        """
        if not isinstance(text, str):
            raise InvalidType(f"{text!r} of type {type(text).__name__} is no text; to_json gives one")
        return Trace(_core.TraceData.from_json(text))

    def to_json(self) -> str:
        """Give the steps as JSON, with the version of the format.

        Returns
        -------
        str
            `{"format": "tilewright-trace", "version": 1, "steps": [[name, [argument, ...]], ...]}`.

        Examples
        --------
        >>> s = tw.Schedule(te.compute((4,), lambda i: 1.0, name="one"))
        >>> s.trace.to_json()
        '{"format":"tilewright-trace","steps":[],"version":1}'
        """
        return self._data.to_json()

    def __len__(self) -> int:
        return len(self._data)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Trace) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.to_json())

    def __repr__(self) -> str:
        return f"<tw.Trace of {len(self)} steps>"


class Schedule:
    """A loop program and the steps that made it.

    Every primitive of the registry is a method. A step that would change what is computed is refused:
    the error names the step, what was required and found, and the place; the schedule is as it was.

    Parameters
    ----------
    tensors : Tensor, sequence of Tensor, or Program
        What is computed; arguments follow the rules of `te.program`.

    Examples
    --------
    >>> A = te.placeholder((100,), name="A")
    >>> s = tw.Schedule(te.compute((100,), lambda i: A[i] + 1, name="B"))
    >>> (i,) = s.loops("B")
    >>> i_0, i_1 = s.split(i, [None, 8])
    >>> s.parallel(i_0)
    >>> s.program.interpret(np.zeros(100, "float32")).sum()
    np.float32(100.0)
    """

    def __init__(self, tensors: Tensor | Sequence[Tensor] | Program) -> None:
        program = tensors if isinstance(tensors, Program) else first_program(tensors)
        self._state = _core.ScheduleState(program)

    @classmethod
    def _of(cls, state: _core.ScheduleState) -> Schedule:
        """Wrap a schedule that somebody else holds."""
        schedule = cls.__new__(cls)
        schedule._state = state
        return schedule

    @classmethod
    def replay(cls, tensors: Tensor | Sequence[Tensor] | Program, trace: Trace) -> Schedule:
        """Apply the steps of a trace to an expression: the same one, or another size of the same operator.

        Parameters
        ----------
        tensors : Tensor, sequence of Tensor, or Program
            What is computed.
        trace : Trace
            The steps.

        Returns
        -------
        Schedule
            A schedule of that expression.

        Raises
        ------
        UserError
            If a step cannot be replayed there: names the step and says why.

        Examples
        --------
        >>> s = tw.Schedule(te.compute((4,), lambda i: 1.0, name="one"))
        >>> tw.Schedule.replay(s.program, s.trace).program == s.program
        True
        """
        if not isinstance(trace, Trace):
            raise InvalidType(f"{trace!r} of type {type(trace).__name__} is no trace; schedule.trace is one")
        schedule = cls(tensors)
        schedule._state = _core.ScheduleState.replay(schedule._state.program, trace._data)
        return schedule

    @property
    def program(self) -> Program:
        """The program as it is now."""
        return self._state.program

    @property
    def trace(self) -> Trace:
        """The steps so far."""
        return Trace(self._state.trace)

    def blocks(self) -> list[Block]:
        """Give all blocks, in the order of the program.

        Returns
        -------
        list of Block
            Handles that later steps leave valid.

        Examples
        --------
        >>> s = tw.Schedule(te.compute((4,), lambda i: 1.0, name="one"))
        >>> s.blocks()
        [<tw.Block one>]
        """
        return [Block(self, ref) for ref in self._state.blocks()]

    def block(self, name: str) -> Block:
        """Give the block of a name.

        Raises
        ------
        InvalidValue
            If there is none or several; lists the names.

        Examples
        --------
        >>> s = tw.Schedule(te.compute((4,), lambda i: 1.0, name="one"))
        >>> s.block("one")
        <tw.Block one>
        """
        return Block(self, self._state.block(name))

    def loops(self, block: Block | str) -> list[Loop]:
        """Give the loops around a block, outermost first.

        Parameters
        ----------
        block : Block or str
            The block, or its name.

        Returns
        -------
        list of Loop
            Handles that later steps leave valid.

        Examples
        --------
        >>> s = tw.Schedule(te.compute((4,), lambda i: 1.0, name="one"))
        >>> s.loops("one")
        [<tw.Loop i>]
        """
        of = self.block(block) if isinstance(block, str) else block
        if not isinstance(of, Block):
            raise InvalidType(
                f"{of!r} of type {type(of).__name__} is no block; take one of blocks(), or a name"
            )
        return [Loop(self, ref) for ref in self._state.loops(self._given(of))]

    def buffer(self, name: str) -> BufferHandle:
        """Give the buffer of a name.

        Raises
        ------
        InvalidValue
            If there is none or several; lists the names.

        Examples
        --------
        >>> s = tw.Schedule(te.compute((4,), lambda i: 1.0, name="one"))
        >>> s.buffer("one")
        <tw.BufferHandle one>
        """
        return BufferHandle(self, self._state.buffer(name))

    def show(self) -> None:
        """Print the program with comments: how loops run and how often, where buffers lie, and their sizes.

        Sizes stand as formulas; what depends on parameters is also given for their defaults. Of an allocation
        inside of loops, what is in use at a time is told where that is less than the whole.

        Examples
        --------
        >>> A = te.placeholder((100,), name="A")
        >>> s = tw.Schedule(te.compute((100,), lambda i: A[i] + 1, name="B"))
        >>> outer, inner = s.split(s.loops("B")[0], [None, 8])
        >>> s.vectorize(inner)
        >>> s.show()
        program main(A: in float32[100], B: out float32[100]):
          # A: global, 400 bytes
          # B: global, 400 bytes
          for i_0 in 13:               # 13 turns
            for i_1 in vectorized(8):  # vectorized, 8 turns
              block B#0(vi: spatial(100) = i_0 * 8 + i_1) where i_0 * 8 + i_1 < 100:
                reads A[vi]
                writes B[vi]
                B[vi] = A[vi] + 1.0f32
        <BLANKLINE>
        """
        print(self._state.show_text())

    def __str__(self) -> str:
        return str(self.program)

    def __repr__(self) -> str:
        return f"<tw.Schedule of {len(self.trace)} steps>"

    def _given(self, value: Any) -> Any:
        """Turn handles into references, after a check that they are of this schedule."""
        if isinstance(value, _Handle):
            if value._owner is not self:
                raise InvalidValue(f"{value!r} is of another schedule; take loops and blocks from this one")
            return value._ref
        if isinstance(value, (list, tuple)):
            return [self._given(part) for part in value]
        return value

    def _made(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._made(part) for part in value]
        handle = _HANDLES.get(type(value))
        return handle(self, value) if handle else value

    def _apply(self, primitive: str, args: list[Any]) -> Any:
        results = [self._made(result) for result in self._state.apply(primitive, self._given(args))]
        return None if not results else results[0] if len(results) == 1 else tuple(results)


def _as_map(value: Any) -> Any:
    if not callable(value):
        return value
    return _core.IndexMap(value, list(inspect.signature(value).parameters))


# What the example of every primitive starts from.
_EXAMPLE = [
    '>>> A, B = te.placeholder((64, 32), name="A"), te.placeholder((32, 48), name="B")',
    '>>> k = te.reduce_axis(32, name="k")',
    '>>> C = te.compute((64, 48), lambda i, j: te.sum(A[i, k] * B[k, j], axis=k), name="C")',
    ">>> s = tw.Schedule(C)",
    '>>> i, j, k = s.loops("C")',
]


def _method(primitive: dict[str, Any]) -> Callable[..., Any]:
    """Make the method of a primitive: positional and keyword arguments in the order of its specification."""
    specs = primitive["args"]
    name = primitive["name"]
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [
        inspect.Parameter(
            spec["name"], kind, default=inspect.Parameter.empty if spec["required"] else spec["default"]
        )
        for spec in specs
    ]
    has_options = bool(specs) and specs[-1]["is_options"]
    if has_options:
        parameters[-1] = inspect.Parameter(specs[-1]["name"], inspect.Parameter.VAR_KEYWORD)
    if primitive["variadic"]:
        parameters[-1] = inspect.Parameter(specs[-1]["name"], inspect.Parameter.VAR_POSITIONAL)
    signature = inspect.Signature(parameters)

    def method(self: Schedule, *args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise InvalidType(f"{name}{signature}: {error}") from None
        bound.apply_defaults()
        values = list(bound.arguments.values())
        if has_options:
            values[-1] = [[option, value] for option, value in sorted(values[-1].items())]
        if primitive["variadic"]:
            listed = len(values[-1]) == 1 and isinstance(values[-1][0], (list, tuple))
            values[-1] = list(values[-1][0] if listed else values[-1])
        values = [_as_map(v) if spec["is_map"] else v for v, spec in zip(values, specs, strict=True)]
        return self._apply(name, values)

    lines = [primitive["summary"], "", primitive["doc"], "", "Parameters", "----------"]
    for spec in specs:
        lines += [spec["name"], f"    {spec['doc']}"]
    if primitive["results"]:
        lines += ["", "Returns", "-------", *primitive["results"]]
    lines += ["", "Examples", "--------", *_EXAMPLE, *primitive["example"].splitlines()]
    method.__doc__ = "\n".join(lines)
    method.__name__ = name
    method.__qualname__ = f"Schedule.{name}"
    self_parameter = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    method.__signature__ = inspect.Signature([self_parameter, *parameters])  # type: ignore[attr-defined]
    return method


for _primitive in _core.primitives():
    setattr(Schedule, _primitive["name"], _method(_primitive))
