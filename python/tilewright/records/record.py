"""What a database or a file of tuning records gives: plain data."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any

from tilewright import _core
from tilewright._core import Program
from tilewright.schedule import Trace


@dataclass(frozen=True)
class Record:
    """A measurement of one kernel.

    Attributes
    ----------
    id : int
        Its number in the database; 0 for a record of a file.
    workload : str
        Hash of what is computed: equal for expressions that differ in names.
    program : str
        What is computed, as a loop program with names that tell nothing.
    target, machine : str
        What the kernel is for, in full; the hardware that it ran on.
    cache : str
        What was in the caches: "hot" or "model".
    bounded : bool
        Whether a rewrite is among its steps whose results differ within a bound.
    sizes : list of dict
        Of symbolic dimensions, called as in `program`: where it was measured.
    sketch : str
        Which sketch of the search it is a point of.
    choices : dict of str to int
        How the holes of the sketch were filled.
    steps : str
        The trace as JSON; `trace` is the object.
    params : dict of str to int
        Parameters of the kernel.
    status, cause : str
        "ok", or how it failed ("crash", "wrong", "timeout", …), and why in words.
    samples : list of list of float
        Seconds of single runs, for each of `sizes`.
    median : float
        Seconds of a run; infinite where it failed.
    verified : bool
        Whether its results were found right, and never wrong.
    contradicted : str
        Why it was called wrong later; empty if it was not.
    roofline_fraction : float
        Of the measured roof; 0 where it is not known.
    predicted : float
        Seconds that the model of the search foretold; 0 if it did not.
    features : list of float
        What the model knew of it.
    compile_seconds : float
        That the compiler took.
    round : int
        Of the search.
    final : bool
        Whether it was measured in the last, paired comparison.
    created : str
        When, in UTC.
    versions : dict of str to str
        Of Tilewright and what it uses.
    run : int
        The tuning run that it belongs to; 0 if it is not known.
    source : str
        The file that it is from; empty for a database.

    Examples
    --------
    >>> db = tw.open_db(":memory:")
    >>> [record.median for record in db.query()]
    []
    """

    id: int
    workload: str
    program: str = field(repr=False)
    target: str
    machine: str = field(repr=False)
    cache: str
    bounded: bool
    sizes: list[dict[str, int]]
    sketch: str
    choices: dict[str, int]
    steps: str = field(repr=False)
    params: dict[str, int]
    status: str
    cause: str
    samples: list[list[float]] = field(repr=False)
    median: float
    verified: bool
    contradicted: str
    roofline_fraction: float
    predicted: float
    features: list[float] = field(repr=False)
    compile_seconds: float
    round: int
    final: bool
    created: str
    versions: dict[str, str] = field(repr=False)
    run: int
    source: str

    @property
    def trace(self) -> Trace:
        """The steps of its schedule."""
        return Trace.from_json(self.steps)

    def scheduled(self) -> Program:
        """Give the scheduled program, from the record alone.

        Returns
        -------
        Program
            With the record's parameters as defaults; names are those of `program`.

        Raises
        ------
        InvalidValue
            If its trace does not replay: another version of Tilewright made it.

        Examples
        --------
        >>> A = te.placeholder((32,), name="A")
        >>> r = tw.tune(te.compute((32,), lambda i: A[i] + 1, name="B"), seconds=2, trials=2)
        >>> float(tw.build(r.best.scheduled())(np.zeros(32, "float32"))[0])
        1.0
        """
        return _core.scheduled_as(self._line())

    def _line(self) -> str:
        return json.dumps(_line_of(self))


def _line_of(record: Record) -> dict[str, Any]:
    finite = record.median if math.isfinite(record.median) else None
    return {
        "format": 1,
        "workload": {"hash": record.workload, "text": record.program},
        "setting": {
            "target": record.target,
            "machine": record.machine,
            "cache": record.cache,
            "bounded": record.bounded,
            "sizes": record.sizes,
        },
        "sketch": record.sketch,
        "choices": record.choices,
        "trace": json.loads(record.steps) if record.steps else "",
        "parameters": record.params,
        "status": record.status,
        "cause": record.cause,
        "samples": record.samples,
        "seconds": finite,
        "round": record.round,
        "final": record.final,
        "created": record.created,
        "verified": record.verified,
    }


def record_from_json(line: str, id: int = 0, run: int = 0, source: str = "") -> Record:
    """Read a line of a file of records.

    Parameters
    ----------
    line : str
        JSON, as docs/records.md says.
    id, run, source
        Of the record.

    Returns
    -------
    Record
        The record.

    Examples
    --------
    >>> from tilewright import records
    >>> shipped = records.shipped()
    >>> all(isinstance(record, records.Record) for record in shipped)
    True
    """
    o = json.loads(line)
    setting, trace = o["setting"], o["trace"]
    return Record(
        id=id,
        workload=o["workload"]["hash"],
        program=o["workload"]["text"],
        target=setting["target"],
        machine=setting["machine"],
        cache=setting["cache"],
        bounded=setting["bounded"],
        sizes=setting["sizes"],
        sketch=o["sketch"],
        choices=o["choices"],
        steps=trace if isinstance(trace, str) else json.dumps(trace),
        params=o["parameters"],
        status=o["status"],
        cause=o["cause"],
        samples=o["samples"],
        median=math.inf if o["seconds"] is None else o["seconds"],
        verified=o["verified"],
        contradicted=o.get("contradicted", ""),
        roofline_fraction=o.get("roof_fraction") or 0.0,
        predicted=o.get("predicted") or 0.0,
        features=o.get("features", []),
        compile_seconds=o.get("compile_seconds") or 0.0,
        round=o["round"],
        final=o["final"],
        created=o["created"],
        versions=o.get("versions", {}),
        run=run,
        source=source,
    )


@dataclass(frozen=True)
class TuningRun:
    """A search: what was asked for, and what became of it.

    Attributes
    ----------
    id : int
        Its number in the database.
    workload, target, machine : str
        As of its records.
    label, script, command : str
        What the workload is called, where it is defined, what starts the search again; each may be empty.
    seed : int
        Of the search.
    options : dict
        What else was asked for.
    started, ended : str
        When, in UTC; `ended` is empty while it runs, and for ever if it was killed.
    outcome : str
        Why it ended.

    Examples
    --------
    >>> tw.open_db(":memory:").runs()
    []
    """

    id: int
    workload: str
    target: str
    machine: str = field(repr=False)
    label: str
    script: str
    command: str
    seed: int
    options: dict[str, Any]
    started: str
    ended: str
    outcome: str


@dataclass(frozen=True)
class Verdict:
    """What verifying a record again came to.

    Attributes
    ----------
    record : Record
        As it was before.
    status : str
        "ok"; "wrong", "crash" or another failure; "refused" where it no longer replays or compiles, which
        says nothing of its results.
    cause : str
        In words.
    worst : float
        The largest error, as a share of what is tolerated.

    Examples
    --------
    >>> tw.open_db(":memory:").verify()
    []
    """

    record: Record
    status: str
    cause: str
    worst: float
