"""The search for the best schedule of an expression, and sketches of one's own.

>>> A = te.placeholder((64, 64), name="A")
>>> B = te.compute((64, 64), lambda i, j: A[i, j] * 2 + 1, name="B")
>>> r = tw.tune(B, seconds=2, trials=8)
>>> r.best.verified
True
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tilewright import _core
from tilewright._core import Program, Tensor, Var
from tilewright.errors import InvalidType, InvalidValue
from tilewright.records import Database, Record, record_from_json, shipped_records, worker_command
from tilewright.schedule import Schedule
from tilewright.te.tensors import program_of

__all__ = ["Progress", "TuneResult", "sketch", "tune"]


@dataclass(frozen=True)
class Progress:
    """How far a search is: what `on_progress` of `tune` gets.

    Attributes
    ----------
    trials, structures : int
        Points measured; programs compiled.
    seconds : float
        Since the start.
    best_seconds : float
        Of the best kernel so far; infinite before there is one.
    roof_fraction : float
        Of the measured roof that the best kernel reaches; 0 where it is not known.
    failures : dict of str to int
        How many candidates failed, by cause.
    doing : str
        What is being done.

    Examples
    --------
    >>> tw.Progress(3, 2, 0.5, 1e-3, 0.4, {}, "measuring").doing
    'measuring'
    """

    trials: int
    structures: int
    seconds: float
    best_seconds: float
    roof_fraction: float
    failures: dict[str, int]
    doing: str


@dataclass(frozen=True)
class TuneResult:
    """What a search found.

    Attributes
    ----------
    best : Record
        The quickest verified kernel: `best.median` in seconds, `best.trace`, `best.params`.
    trials : int
        Points measured.
    structures : int
        Programs compiled.
    failures : dict of str to int
        How many candidates failed, by cause: "crash", "wrong", "timeout", …
    roofline_fraction : float
        Of the measured roof; 0 where it is not known.
    seconds : float
        That the search took.
    stopped_by : str
        "seconds", "trials", "roof", "gain" or "space": the limit that ended it.
    curve : list of (float, float)
        Seconds since the start, and the best kernel's seconds from then on.
    notes : list of str
        What went otherwise than usual.
    db : str
        Path of the database; empty if there is none.

    Examples
    --------
    >>> A = te.placeholder((64,), name="A")
    >>> r = tw.tune(te.compute((64,), lambda i: A[i] + 1, name="B"), seconds=2, trials=4)
    >>> r.best.median > 0, r.trials >= 1
    (True, True)
    """

    best: Record
    trials: int
    structures: int
    failures: dict[str, int]
    roofline_fraction: float
    seconds: float
    stopped_by: str
    curve: list[tuple[float, float]] = field(repr=False)
    notes: list[str]
    db: str


def points_of(sizes: Sequence[Mapping[str, float]] | None) -> tuple[list[dict[str, int]], list[float]]:
    """Take the weights out of sizes as users write them: the points, and the weight of each."""
    points: list[dict[str, int]] = []
    weights = []
    for point in sizes or []:
        if not isinstance(point, Mapping):
            raise InvalidType(
                f"sizes holds {point!r}; it is a list of dicts such as {{'n': 128, 'weight': 1}}"
            )
        given = dict(point)
        weight = float(given.pop("weight", 1.0))
        if not weight > 0:
            raise InvalidValue(f"weight of {given} in sizes is {weight}; it is a positive number")
        values = {}
        for name, value in given.items():
            if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                raise InvalidValue(f"size {name!r} is {value!r}; it is an int, at least 0")
            values[name] = value
        points.append(values)
        weights.append(weight)
    return points, weights


def _program(what: Any, args: Sequence[Tensor | Var] | None) -> Program:
    if isinstance(what, Schedule):
        raise InvalidType("a schedule is a choice that has been made; give tune the tensor")
    return program_of(what, args, "cannot be tuned; give a tensor or a list of tensors")


def tune(
    what: Tensor | Sequence[Tensor] | Program,
    target: str = "llvm",
    db: str | os.PathLike | Database | None = None,
    *,
    trials: int | None = None,
    seconds: float | None = 60,
    seed: int = 0,
    sizes: Sequence[Mapping[str, float]] | None = None,
    args: Sequence[Tensor | Var] | None = None,
    rewrites: str = "exact",
    cache: str = "hot",
    model: str = "learned",
    warm_model: str | os.PathLike | None = None,
    on_progress: Callable[[Progress], bool | None] | None = None,
    label: str = "",
    script: str = "",
    command: str = "",
    workers: int = 1,
) -> TuneResult:
    """Search for the schedule that runs an expression quickest on this machine.

    Candidates are compiled and measured in worker processes; each that may become the best is compared with
    the results of an independent evaluation. Every measurement is a record in the database. Later calls go on
    from there, and `tilewright.build` with the same `db` uses the best.

    Parameters
    ----------
    what : Tensor, sequence of Tensor, or Program
        What to compute.
    target : str
        As of `tilewright.build`; it must be this machine.
    db : str, path or Database, optional
        A database of records, made if it is not there. Without one records are gone in the end.
    trials : int, optional
        Points to measure at most.
    seconds : float, optional
        How long to search at most. The first limit met ends the search.
    seed : int
        Of everything that is drawn.
    sizes : sequence of dict, optional
        For expressions with symbolic sizes: values of all of them by name, with a "weight" each.
    args : sequence of Tensor and Var, optional
        The arguments in order, as of `te.program`.
    rewrites : {"exact", "bounded"}
        Whether algorithms may be used whose results differ within a stated bound, such as Winograd's.
    cache : {"hot", "model"}
        As of `Function.time`: what is in the caches when kernels are measured.
    model : {"learned", "builtin", "analytic", "random"}
        How candidates are ranked.
    warm_model : path, optional
        A model file to begin with.
    on_progress : callable, optional
        Called several times a second with a `Progress`; False ends the search.
    label, script : str
        What reports call it, and where it comes from.
    command : str, optional
        What does it again, as people write it. The command of this process, without one.
    workers : int
        Processes that compile at once. One at a time measures.

    Returns
    -------
    TuneResult
        The best record, and what was tried.

    Raises
    ------
    UserError
        If an argument is wrong, the database cannot be used, or no candidate works.
    KeyboardInterrupt
        If Ctrl-C was pressed; all records are kept.

    Examples
    --------
    >>> A = te.placeholder((32, 32), name="A")
    >>> k = te.reduce_axis(32, name="k")
    >>> sums = te.compute((32,), lambda i: te.sum(A[i, k], axis=k), name="sums")
    >>> r = tw.tune(sums, trials=6, seconds=5)
    >>> r.stopped_by in ("seconds", "trials", "roof", "gain", "space")
    True
    """
    if rewrites not in ("exact", "bounded"):
        raise InvalidValue(f'rewrites is {rewrites!r}; it is "exact" or "bounded"')
    if trials is not None and (not isinstance(trials, int) or trials < 1):
        raise InvalidValue(f"trials is {trials!r}; it is an int, at least 1")
    if seconds is not None and not (isinstance(seconds, (int, float)) and seconds > 0):
        raise InvalidValue(f"seconds is {seconds!r}; it is a positive number")
    points, weights = points_of(sizes)
    path = db.path if isinstance(db, Database) else ":memory:" if db is None else os.fspath(db)
    options = {
        "target": target,
        "trials": trials or 0,
        "seconds": float(seconds or 0),
        "seed": seed,
        "cache": cache,
        "bounded": rewrites == "bounded",
        "sizes": points,
        "weights": weights,
        "model": model,
        "label": label,
        "script": script,
        "command": command or shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "versions": {"tilewright": _core.__version__, "llvm": _core.llvm_version},
        "worker": worker_command(),
        "workers": workers,
    }
    if warm_model is not None:
        options["warm_model"] = os.fspath(warm_model)

    def report(now: dict[str, Any]) -> bool:
        return on_progress is None or on_progress(Progress(**now)) is not False

    found = _core.tune(_program(what, args), options, path, shipped_records(), report)
    return TuneResult(
        best=record_from_json(found["best"], id=found["best_id"], run=found["run"]),
        trials=found["trials"],
        structures=found["structures"],
        failures=found["failures"],
        roofline_fraction=found["roof_fraction"],
        seconds=found["seconds"],
        stopped_by=found["stopped_by"],
        curve=found["curve"],
        notes=found["notes"],
        db="" if db is None else path,
    )


def sketch(
    name: str, *, applies: Callable[[Program], bool], summary: str = ""
) -> Callable[[Callable[[Schedule, Any], None]], Callable[[Schedule, Any], None]]:
    """Add a sketch to the search: a schedule with holes.

    The decorated function gets a `Schedule` and the holes, and calls `choose.pick(name, values, preferred)`,
    `choose.flag(name)`, `choose.way(name, ways)` or `choose.parameter(name, values, preferred)` where a
    number is a matter of taste. A parameter is filled when the kernel runs: its values share machine code. A
    step that is refused, or `choose.reject(why)`, means that there is no such point.

    Parameters
    ----------
    name : str
        Unique; records name it.
    applies : callable
        Whether it can schedule an expression, given its first program.
    summary : str
        One line.

    Returns
    -------
    callable
        A decorator that leaves the function as it is.

    Examples
    --------
    >>> @tw.sketch("rows_by_lanes", applies=lambda program: program.name == "my_rows")
    ... def _(s, choose):
    ...     i, j = s.loops("B")
    ...     _, lane = s.split(j, [None, choose.pick("lanes", [4, 8, 16], 16)])
    ...     s.vectorize(lane)
    """

    def add(function: Callable[[Schedule, Any], None]) -> Callable[[Schedule, Any], None]:
        def apply(state: Any, program: Program, choices: Any) -> None:
            function(Schedule._of(state), choices)

        _core.add_sketch(name, summary or (function.__doc__ or "").strip().split("\n")[0], applies, apply)
        return function

    return add
