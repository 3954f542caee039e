"""Databases of tuning records."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from tilewright import _core
from tilewright._core import Program, Tensor, Var
from tilewright.errors import InvalidValue
from tilewright.records.record import Record, TuningRun, Verdict, record_from_json
from tilewright.te.tensors import program_of


def _first_program(what: Any, args: Sequence[Tensor | Var] | None) -> Program:
    return program_of(what, args, "is no workload; give a tensor or a list of tensors")


class Database:
    """A database of tuning records; `open_db` opens one.

    Rows are added and never changed. Several processes may write to one file.

    Attributes
    ----------
    path : str
        Of its file.

    Examples
    --------
    >>> A = te.placeholder((64,), name="A")
    >>> B = te.compute((64,), lambda i: A[i] * 2, name="B")
    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "tuning.db")
    ...     _ = tw.tune(B, db=path, seconds=2, trials=2)
    ...     with tw.open_db(path) as db:
    ...         db.best(B).verified, db.runs()[0].outcome
    (True, 'trials')
    """

    def __init__(self, path: str | os.PathLike, read_only: bool = False) -> None:
        self._state = _core.DatabaseState(os.fspath(path), read_only)

    @property
    def path(self) -> str:
        """Of its file."""
        return self._state.path

    def __repr__(self) -> str:
        return f"<tw.Database {self.path}>"

    def __enter__(self) -> Database:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; nothing else can be done afterwards.

        Examples
        --------
        >>> tw.open_db(":memory:").close()
        """
        self._state.close()

    def query(
        self,
        workload: str | Tensor | Sequence[Tensor] | Program = "",
        *,
        target: str = "",
        machine: str = "",
        cache: str = "",
        ok: bool = False,
        verified: bool = False,
        best: bool = False,
        run: int = 0,
        limit: int = 0,
    ) -> list[Record]:
        """Give records in the order in which they were added.

        Parameters
        ----------
        workload : str, Tensor, sequence of Tensor, or Program
            A hash or its beginning, or what is computed; any if not given.
        target, machine, cache : str
            As the records have them, in full; any if empty.
        ok, verified : bool
            Whether failures, and what was not verified, are left out.
        best : bool
            Only the best of each workload and setting.
        run : int
            Only of this tuning run.
        limit : int
            At most so many; 0 for all.

        Returns
        -------
        list of Record
            Maybe none.

        Raises
        ------
        UserError
            If the file is damaged.

        Examples
        --------
        >>> tw.open_db(":memory:").query(ok=True)
        []
        """
        if not isinstance(workload, str):
            workload = _core.workload_key(_first_program(workload, None))[0]
        rows = self._state.records(workload, target, machine, cache, ok, verified, best, run, limit)
        return [record_from_json(*row) for row in rows]

    def record(self, id: int) -> Record:
        """Give the record of a number.

        Parameters
        ----------
        id : int
            Its `id`.

        Returns
        -------
        Record
            The record.

        Raises
        ------
        InvalidValue
            If there is none.

        Examples
        --------
        >>> try:
        ...     tw.open_db(":memory:").record(3)
        ... except tw.UserError as error:
        ...     print(str(error).splitlines()[0])
        :memory: has no record 3; `records` lists them
        """
        return record_from_json(*self._state.record(id))

    def best(
        self,
        what: Tensor | Sequence[Tensor] | Program,
        target: str = "llvm",
        *,
        rewrites: str = "exact",
        cache: str = "hot",
        sizes: Sequence[Mapping[str, float]] = (),
        args: Sequence[Tensor | Var] | None = None,
    ) -> Record | None:
        """Give the quickest verified record of this machine: what `tilewright.build` takes.

        Parameters
        ----------
        what : Tensor, sequence of Tensor, or Program
            What is computed.
        target, rewrites, args
            As of `tilewright.build`.
        cache : {"hot", "model"}
            What was in the caches.
        sizes : sequence of dict
            Of symbolic dimensions, as of `tilewright.tune`; weights are passed over.

        Returns
        -------
        Record or None
            Of the final rounds of searches first.

        Raises
        ------
        InvalidValue
            If the target is not known.

        Examples
        --------
        >>> A = te.placeholder((64,), name="A")
        >>> tw.open_db(":memory:").best(te.compute((64,), lambda i: A[i] + 1, name="B")) is None
        True
        """
        points = [{name: value for name, value in point.items() if name != "weight"} for point in sizes]
        row = self._state.best(_first_program(what, args), target, cache, is_bounded(rewrites), points)
        return None if row is None else record_from_json(*row)

    def neighbours(
        self,
        what: Tensor | Sequence[Tensor] | Program,
        target: str = "llvm",
        *,
        rewrites: str = "exact",
        limit: int = 4,
        args: Sequence[Tensor | Var] | None = None,
    ) -> list[Record]:
        """Give the best records of the same expression at other sizes, on other machines or targets.

        Parameters
        ----------
        what, target, rewrites, args
            As of `best`.
        limit : int
            At most so many.

        Returns
        -------
        list of Record
            Nearest first: what a search begins with.

        Raises
        ------
        InvalidValue
            If the target is not known.

        Examples
        --------
        >>> A = te.placeholder((64,), name="A")
        >>> tw.open_db(":memory:").neighbours(te.compute((64,), lambda i: A[i] + 1, name="B"))
        []
        """
        rows = self._state.neighbours(_first_program(what, args), target, "hot", is_bounded(rewrites), limit)
        return [record_from_json(*row) for row in rows]

    def runs(self) -> list[TuningRun]:
        """Give the tuning runs, oldest first.

        Returns
        -------
        list of TuningRun
            Maybe none.

        Examples
        --------
        >>> tw.open_db(":memory:").runs()
        []
        """
        return [TuningRun(**{**run, "options": json.loads(run["options"])}) for run in self._state.runs()]

    def merge(self, other: str | os.PathLike) -> int:
        """Add what another database, or a file of lines, has and this one lacks.

        Parameters
        ----------
        other : path
            A database, or a .jsonl file that `export` wrote.

        Returns
        -------
        int
            How many records were added.

        Raises
        ------
        InvalidValue
            If it cannot be read, or a line is no record; nothing is added then.

        Examples
        --------
        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     lines = os.path.join(folder, "records.jsonl")
        ...     db = tw.open_db(":memory:")
        ...     db.export(lines), db.merge(lines)
        (0, 0)
        """
        return self._state.merge(os.fspath(other))

    def export(self, path: str | os.PathLike, best: bool = False) -> int:
        """Write a file of one record a line, as docs/records.md describes.

        Parameters
        ----------
        path : path
            It is replaced.
        best : bool
            Only the best of each workload and setting.

        Returns
        -------
        int
            How many records were written.

        Raises
        ------
        InvalidValue
            If the file cannot be written.

        Examples
        --------
        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     tw.open_db(":memory:").export(os.path.join(folder, "records.jsonl"))
        0
        """
        return self._state.export(os.fspath(path), best)

    def check(self) -> str:
        """Check the file itself.

        Returns
        -------
        str
            "ok", or what is damaged.

        Examples
        --------
        >>> tw.open_db(":memory:").check()
        'ok'
        """
        return self._state.check()

    def verify(
        self, workload: str | Tensor | Sequence[Tensor] | Program = "", *, every: bool = False
    ) -> list[Verdict]:
        """Build records' kernels again and compare their results with the reference.

        What is found out is kept: a record that is wrong once is not used any more. Records of other machines
        and targets are passed over.

        Parameters
        ----------
        workload : str, Tensor, sequence of Tensor, or Program
            As of `query`.
        every : bool
            Every record that did not fail, not only the best of each workload and setting.

        Returns
        -------
        list of Verdict
            Of each record that this machine can run.

        Raises
        ------
        UserError
            If the database cannot be written to.

        Examples
        --------
        >>> tw.open_db(":memory:").verify()
        []
        """
        records = [
            record
            for record in self.query(workload, ok=True, best=not every)
            if _core.is_of_this_machine(record.target, record.machine)
        ]
        verdicts = self._state.verify([record.id for record in records], worker_command())
        return [Verdict(record, *verdict) for record, verdict in zip(records, verdicts, strict=True)]


def open_db(path: str | os.PathLike, read_only: bool = False) -> Database:
    """Open a database of tuning records, or make one.

    Parameters
    ----------
    path : path
        Of the file; ":memory:" is a database that is gone when it is closed.
    read_only : bool
        Never write to it: then it must be there.

    Returns
    -------
    Database
        Best used in a `with` statement.

    Raises
    ------
    InvalidValue
        If there is no such folder, or the file is no database, another program's, damaged, cut short, or of a
        newer version; it is not touched.

    Examples
    --------
    >>> with tw.open_db(":memory:") as db:
    ...     db.check()
    'ok'
    """
    return Database(path, read_only)


def is_bounded(rewrites: str) -> bool:
    """Say whether rewrites within a bound are allowed.

    Returns
    -------
    bool
        For "bounded"; an error for anything but that and "exact".

    Examples
    --------
    >>> from tilewright import records
    >>> records.is_bounded("exact")
    False
    """
    if rewrites not in ("exact", "bounded"):
        raise InvalidValue(f'rewrites is {rewrites!r}; it is "exact" or "bounded"')
    return rewrites == "bounded"


def worker_command() -> list[str]:
    """Give the words that start a worker process: this interpreter with `tilewright.worker`.

    Returns
    -------
    list of str
        A command.

    Examples
    --------
    >>> from tilewright import records
    >>> records.worker_command()[1:]
    ['-m', 'tilewright.worker']
    """
    return [sys.executable, "-m", "tilewright.worker"]
