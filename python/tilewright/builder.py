"""From expressions and schedules to functions that can be called."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tilewright import _core
from tilewright._core import Program, Tensor, Var
from tilewright.errors import InvalidType, InvalidValue, UserError
from tilewright.function import Function
from tilewright.records import Database, is_bounded, open_db, record_from_json, shipped_state
from tilewright.schedule import Schedule
from tilewright.te.tensors import compute, placeholder, program_of

__all__ = ["TargetInfo", "build", "targets"]


def build(
    what: Schedule | Tensor | Sequence[Tensor] | Program,
    target: str = "llvm",
    *,
    args: Sequence[Tensor | Var] | None = None,
    rewrites: str = "exact",
    db: str | os.PathLike | Database | None = None,
    strict: bool = False,
) -> Function:
    """Compile tensors as their best record says, or a schedule as it is.

    Parameters
    ----------
    what : Schedule, Tensor, sequence of Tensor, or Program
        A schedule is compiled as it is. Tensors are looked up in `db`, then in the records that come with
        Tilewright; without a record they get the default nest. A program is looked up where `db` is given:
        records are of first programs, as `te.program` gives them.
    target : str
        A back end with options: "llvm" (this machine, all cores), "llvm -mcpu=znver4 -threads=2",
        "llvm -mtriple=aarch64-linux-gnu". `targets` lists the back ends.
    args : sequence of Tensor and Var, optional
        The arguments of tensors in order, as of `te.program`.
    rewrites : {"exact", "bounded"}
        Whether tensors may be computed by another algorithm whose results differ within a stated bound.
        It chooses among records; a schedule has the rewrites that its author put in, whatever this says.
    db : path or Database, optional
        A database of tuning records. It is only read.
    strict : bool
        Whether it is an error that there is no record.

    Returns
    -------
    Function
        Called with arrays; see there. `record` is the record that it was made by or None, `record_note` says
        in words which one or why none.

    Raises
    ------
    InvalidType
        If `what` is nothing that can be compiled.
    InvalidValue
        If the target, one of its options, or `rewrites` is not known; if the database cannot be read; with
        `strict`, if there is no record.
    Unsupported
        If the target cannot do a part of the program.

    Examples
    --------
    >>> A = te.placeholder((2, 3), name="A")
    >>> k = te.reduce_axis(3, name="k")
    >>> sums = tw.build(te.compute((2,), lambda i: te.sum(A[i, k], axis=k), name="sums"))
    >>> sums(np.arange(6, dtype="float32").reshape(2, 3))
    array([ 3., 12.], dtype=float32)
    """
    bounded = is_bounded(rewrites)
    if not isinstance(target, str):
        raise InvalidType(f"target is a str such as 'llvm', not {type(target).__name__}")
    program = _program_of(what, args)
    if isinstance(what, Schedule):
        if db is not None or strict:
            option = "strict" if db is None else "db"
            raise InvalidValue(f"{option}: a schedule is compiled as it is; give the tensor to look it up")
        return Function(program, target)
    if isinstance(what, Program) and db is None and not strict:
        return Function(program, target)
    scheduled, row, note = _look_up(program, target, bounded, db)
    if row is None and strict:
        raise InvalidValue(f"there is no record to build by: {note}. Tune it: tw.tune(…, db=…)")
    f = Function(program if scheduled is None else scheduled, target)
    f._record = None if row is None else record_from_json(*row)
    f._record_note = note
    return f


def _look_up(
    program: Program, target: str, bounded: bool, db: str | os.PathLike | Database | None
) -> tuple[Program | None, tuple | None, str]:
    """Give the scheduled program and the record (None without one), and which it is or why there is none."""
    shipped = shipped_state()
    if db is None and shipped is None:
        return None, None, "no database was given"
    if db is None or isinstance(db, Database):
        state = None if db is None else db._state
        return _core.look_up(program, target, bounded, "hot", state, shipped)
    with open_db(db, read_only=True) as opened:
        return _core.look_up(program, target, bounded, "hot", opened._state, shipped)


def _program_of(what: Any, args: Sequence[Tensor | Var] | None) -> Program:
    if not isinstance(what, Schedule):
        return program_of(what, args, "cannot be built; give a schedule, a tensor or a list of tensors")
    if args is not None:
        raise InvalidValue("args orders the arguments of tensors; a schedule has its own order")
    return what.program


@dataclass(frozen=True)
class TargetInfo:
    """A back end, and whether it works here.

    Attributes
    ----------
    name : str
        What a target's text begins with.
    usable : bool
        Whether code for it can be made and run on this machine.
    why_not : str
        Why it is not usable; empty if it is.
    summary : str
        What it is.

    Examples
    --------
    >>> (llvm,) = (target for target in tw.targets() if target.name == "llvm")
    >>> llvm.usable, llvm.why_not
    (True, '')
    """

    name: str
    usable: bool
    why_not: str
    summary: str

    def __str__(self) -> str:
        return f"{self.name}: {self.summary}" if self.usable else f"{self.name}: not usable: {self.why_not}"


def targets() -> list[TargetInfo]:
    """List the back ends, each one tried.

    Returns
    -------
    list of TargetInfo
        With `name`, `usable`, and `why_not`.

    Examples
    --------
    >>> [target.name for target in tw.targets() if target.usable]
    ['llvm']
    """
    return [
        TargetInfo(name, not why_not, why_not, summary)
        for name, summary, why_not in ((n, s, w or _failure(n)) for n, s, w in _core.backends())
    ]


def _failure(name: str) -> str:
    """Build and run the sum of two numbers; give what went wrong, or nothing."""
    A = placeholder((2,), "int32", name="A")
    try:
        found = build(compute((1,), lambda i: A[0] + A[1], name="B"), name)(_core.array([3, 4], "int32"))
    except UserError as error:
        return str(error).splitlines()[0]
    value = int(found.numpy()[0])
    return "" if value == 7 else f"it says that 3 + 4 is {value}"
