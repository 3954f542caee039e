"""Compiled functions: what `tilewright.build` gives."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tilewright import _core
from tilewright.errors import InvalidType, InvalidValue
from tilewright.units import seconds_text

__all__ = ["Function", "Library", "Parameter", "Stats", "Timing", "load"]


class Parameter(int):
    """A parameter of a schedule: an int, its default, that knows what else it may be.

    Attributes
    ----------
    min, max : int
        Least and greatest value, inclusive.
    multiple_of : int
        Every value is a multiple of it.

    Examples
    --------
    >>> s = tw.Schedule(te.compute((100,), lambda i: 1.0, name="one"))
    >>> _ = s.split(s.loops("one")[0], [None, tw.param("tile", max=64, multiple_of=4, default=16)])
    >>> tile = tw.build(s).params["tile"]
    >>> tile, tile.min, tile.max, tile.multiple_of
    (16, 1, 64, 4)
    """

    min: int
    max: int
    multiple_of: int

    def __new__(cls, default: int, min: int, max: int, multiple_of: int) -> Parameter:
        """Make an int that knows its bounds."""
        made = super().__new__(cls, default)
        made.min, made.max, made.multiple_of = min, max, multiple_of
        return made

    def __reduce__(self) -> tuple:
        return Parameter, (int(self), self.min, self.max, self.multiple_of)


@dataclass(frozen=True)
class Timing:
    """How long a function takes.

    Attributes
    ----------
    runs : list of float
        Seconds of one run, a number for each sample, in the order taken.
    cache : str
        What was in the caches: "hot" or "model".
    batch : int
        Runs that a sample is the mean of: more than one where a run is very short.

    Examples
    --------
    >>> t = tw.Timing([3e-6, 2e-6, 7e-6], "hot", 8)
    >>> t.median, t.min
    (3e-06, 2e-06)
    >>> t
    <tw.Timing median 3 us, min 2 us, 3 samples of 8 runs, cache hot>
    """

    runs: list[float]
    cache: str
    batch: int

    @property
    def median(self) -> float:
        """The median of `runs`, in seconds."""
        return statistics.median(self.runs)

    @property
    def min(self) -> float:
        """The least of `runs`, in seconds."""
        return min(self.runs)

    def __repr__(self) -> str:
        runs = "run" if self.batch == 1 else f"{self.batch} runs"
        return (
            f"<tw.Timing median {seconds_text(self.median)}, min {seconds_text(self.min)}, "
            f"{len(self.runs)} samples of {runs}, cache {self.cache}>"
        )


@dataclass(frozen=True)
class Stats:
    """What became of a program on its way to machine code, and of the arguments of calls.

    Attributes
    ----------
    times : dict of str to float
        Seconds of each pass of the compiler, in the order run.
    code_bytes : int
        Bytes of machine code.
    spills : int
        Stores and reloads of registers inside of innermost loops that ran out of them.
    spills_outside : int
        The same elsewhere.
    vector_registers : int
        The most vector registers that a part of the function uses.
    notes : list of str
        What runs otherwise than asked.
    copies : dict of str to int
        Inputs that were copied because they were strided or not aligned, and how often.

    Examples
    --------
    >>> A = te.placeholder((8, 8), name="A")
    >>> f = tw.build(te.compute((8, 8), lambda i, j: A[i, j] + 1, name="B"))
    >>> _ = f(np.zeros((8, 8), "float32").T)
    >>> f.stats.copies
    {'A': 1}
    """

    times: dict[str, float]
    code_bytes: int
    spills: int
    spills_outside: int
    vector_registers: int
    notes: list[str]
    copies: dict[str, int]

    def __repr__(self) -> str:
        total = sum(self.times.values())
        rows = [
            ("code", f"{self.code_bytes} bytes"),
            ("vector registers", str(self.vector_registers)),
            ("spills", f"{self.spills} in innermost loops, {self.spills_outside} elsewhere"),
            ("compile time", seconds_text(total)),
        ]
        slowest = sorted(self.times.items(), key=lambda item: -item[1])
        rows += [(f"  {name}", seconds_text(seconds)) for name, seconds in slowest if seconds >= 0.01 * total]
        rows += [("copied", f"input '{name}', {count} times") for name, count in self.copies.items()]
        rows += [("note", note) for note in self.notes]
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:{width}}  {text}" for name, text in rows)


class _Calls:
    """What functions and libraries have in common, on top of `_core.Callable`."""

    # Of that class, which stands beside this one.
    _tunables: Callable[[], list]
    _time: Callable[..., tuple[list[float], int]]
    _close: Callable[[], None]

    @property
    def params(self) -> dict[str, Parameter]:
        """The parameters of the schedule, with their defaults: what a call without `params` uses."""
        return {name: Parameter(*values) for name, *values in self._tunables()}

    def time(self, *arguments: Any, cache: str = "hot", seconds: float = 0.2, **named: Any) -> Timing:
        """Measure how long the function takes.

        It is called once as usual, then again and again without checks of arguments until `seconds` have
        passed, at least five times. Very short runs are timed in batches.

        Parameters
        ----------
        *arguments : array or int
            As in a call.
        cache : {"hot", "model"}
            "hot": the same arrays each time. "model": constants, prepared ones too, rotate through copies
            that exceed twice the last cache, as the weights of a model do; the other arrays stay warm.
        seconds : float
            How long to measure.
        **named : array or int
            As in a call, `params` and `threads` too.

        Returns
        -------
        Timing
            With `median`, `min` and `runs`, in seconds.

        Raises
        ------
        UserError
            As a call does; and for an unknown `cache`.

        Examples
        --------
        >>> A = te.placeholder((64,), name="A")
        >>> f = tw.build(te.compute((64,), lambda i: A[i] + 1, name="B"))
        >>> t = f.time(np.zeros(64, "float32"), seconds=0.01)
        >>> 0 < t.min <= t.median < 1
        True
        """
        if cache not in ("hot", "model"):
            raise InvalidValue(f'cache is {cache!r}; it is "hot" or "model"')
        if not isinstance(seconds, (int, float)) or not 0 <= seconds <= 3600:
            raise InvalidValue(f"seconds is {seconds!r}; it is a number from 0 to 3600")
        runs, batch = self._time(cache == "model", float(seconds), *arguments, **named)
        return Timing(runs, cache, batch)

    def close(self) -> None:
        """Free the machine code. Calls that are running come to their end; later ones raise.

        Without it the code goes with the last reference to the function.

        Examples
        --------
        >>> f = tw.build(te.compute((4,), lambda i: 1.0, name="one"))
        >>> f.close()
        >>> try:
        ...     f()
        ... except tw.UserError as error:
        ...     print(str(error).splitlines()[0])
        main is closed: its code is gone
        """
        self._close()


class Function(_Calls, _core.FunctionState):
    """A compiled function of arrays: what `tilewright.build` gives.

    Attributes
    ----------
    params : dict of str to Parameter
        The parameters of the schedule, with their defaults.
    stats : Stats
        What became of the program, and which inputs had to be copied.
    program : Program
        The program that was compiled.
    target : str
        The target in full: with the CPU and its features.
    record : Record or None
        The tuning record that it was made by.
    record_note : str
        Which record that is, or why there is none; empty for a schedule.

    Examples
    --------
    >>> A = te.placeholder((4,), name="A")
    >>> double = tw.build(te.compute((4,), lambda i: A[i] * 2, name="B"))
    >>> double(np.arange(4, dtype="float32"))
    array([0., 2., 4., 6.], dtype=float32)
    >>> double
    <tw.Function main(A: in float32[4], B: out float32[4])>
    """

    __call__ = _core.Callable.__call__
    _record: Any = None
    _record_note: str = ""

    @property
    def record(self) -> Any:
        """The tuning record that it was made by, a `Record`; None without one."""
        return self._record

    @property
    def record_note(self) -> str:
        """Which record it was made by, or why there is none; empty for a schedule."""
        return self._record_note

    @property
    def stats(self) -> Stats:
        """What became of the program on its way to machine code, and which inputs had to be copied so far."""
        return Stats(**self._stats())

    def prepare(self, constants: Mapping[str, Any]) -> Function:
        """Give constants once, and get a function of the other arguments.

        What the program computes from the constants alone, such as packing weights, runs now and not in every
        call. The arrays are not needed any more afterwards.

        Parameters
        ----------
        constants : dict of str to array
            Placeholders made with `constant=True`, by name: all of them or some.

        Returns
        -------
        Function
            Takes the arguments that are left.

        Raises
        ------
        InvalidValue
            If there is no constant of a name, or an array does not fit.
        InvalidType
            If an array has another dtype.

        Examples
        --------
        >>> x = te.placeholder((3,), name="x")
        >>> w = te.placeholder((3,), name="w", constant=True)
        >>> f = tw.build(te.compute((3,), lambda i: x[i] * w[i], name="y"))
        >>> g = f.prepare({"w": np.array([1, 10, 100], "float32")})
        >>> g(np.array([1, 2, 3], "float32"))
        array([  1.,  20., 300.], dtype=float32)
        """
        if not isinstance(constants, Mapping):
            raise InvalidType(f"constants is a dict of arrays by name, not {type(constants).__name__}")
        prepared = type(self)(self, dict(constants))
        prepared._record, prepared._record_note = self._record, self._record_note
        return prepared

    def source(self, kind: str = "loops") -> str:
        """Give the program at a stage, as text.

        Parameters
        ----------
        kind : {"loops", "llvm", "asm"}
            The lowered loops, LLVM's intermediate code after optimisation, or assembly.

        Returns
        -------
        str
            For people to read.

        Raises
        ------
        InvalidValue
            If the target has no such text; lists those that it has.

        Examples
        --------
        >>> A = te.placeholder((4,), name="A")
        >>> f = tw.build(te.compute((4,), lambda i: A[i] * 2, name="B"))
        >>> f.source("loops").splitlines()[0]
        'program main(A: in float32[4], B: out float32[4]):'
        """
        return self._source(kind)

    def export(self, path: str | os.PathLike[str], *, embed_weights: bool = True) -> None:
        """Write a shared library and its C header, which need nothing of Tilewright to run.

        Constants that were prepared go with the library; its interface takes the other arguments.

        Parameters
        ----------
        path : str or path-like
            "…/libNAME.so": the functions of its interface begin with NAME. "…/libNAME.h" is the header.
        embed_weights : bool
            Whether prepared constants lie in the library, which may have 1 GB of them. Else they are written
            to "…/libNAME.weights", which is mapped when the library is opened.

        Raises
        ------
        InvalidValue
            If NAME is no C identifier, or the path cannot be written: then no file is.
        Unsupported
            If there is no runtime for the target's triple, or too much to embed.

        Examples
        --------
        >>> import tempfile
        >>> A = te.placeholder((4,), name="A")
        >>> f = tw.build(te.compute((4,), lambda i: A[i] * 2, name="B"))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     f.export(f"{folder}/libtwice.so")
        ...     tw.load(f"{folder}/libtwice.so")(np.ones(4, "float32"))
        array([2., 2., 2., 2.], dtype=float32)
        """
        self._export(os.fspath(path), bool(embed_weights))

    def __repr__(self) -> str:
        header = str(self.program).splitlines()[0].removeprefix("program ").removesuffix(":")
        return f"<tw.Function {header}>"


class Library(_Calls, _core.LibraryState):
    """An exported library, called as the function was: what `tilewright.load` gives.

    Arguments come in the order of the library's interface in C: inputs, sizes and outputs as the program had
    them.

    Attributes
    ----------
    name : str
        What its functions begin with in C.
    description : dict
        Its arguments, target and version, as docs/exported_libraries.md says.
    params : dict of str to Parameter
        The parameters of the schedule, with their defaults.

    Examples
    --------
    >>> import tempfile
    >>> A = te.placeholder((4,), name="A")
    >>> f = tw.build(te.compute((4,), lambda i: A[i] * 2, name="B"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     f.export(f"{folder}/libtwice.so")
    ...     twice = tw.load(f"{folder}/libtwice.so")
    >>> twice
    <tw.Library twice>
    >>> twice(np.ones(4, "float32"))
    array([2., 2., 2., 2.], dtype=float32)
    """

    __call__ = _core.Callable.__call__

    @property
    def description(self) -> dict[str, Any]:
        """Its arguments, target and version."""
        return json.loads(self._description())

    def __repr__(self) -> str:
        return f"<tw.Library {self.name}>"


def load(path: str | os.PathLike[str], weights: str | os.PathLike[str] | None = None) -> Library:
    """Load a library that `Function.export` wrote.

    Parameters
    ----------
    path : str or path-like
        The file "libNAME.so".
    weights : str or path-like, optional
        Its file of weights; "libNAME.weights" beside the library if left out. Libraries that have no such
        file take none.

    Returns
    -------
    Library
        Called as the function was.

    Raises
    ------
    InvalidValue
        If there is no such file, or it is no library that Tilewright exported; if the weights are not its
        own.
    Unsupported
        If this CPU cannot run it.

    Examples
    --------
    >>> try:
    ...     tw.load("/nowhere/libx.so")
    ... except ValueError as error:
    ...     print(type(error).__name__)
    InvalidValue
    """
    return Library(os.fspath(path), "" if weights is None else os.fspath(weights))
