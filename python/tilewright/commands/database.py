"""`autotune list`, `best`, `show`, `verify`, `merge`, `export` and `import`: what is in a database."""

from __future__ import annotations

import argparse
import collections
import dataclasses
import math
import statistics
from collections.abc import Sequence
from typing import Any

from tilewright.commands.command import (
    DATABASE,
    SET,
    TARGET,
    Command,
    option,
    print_json,
    workloads_of,
)
from tilewright.errors import InvalidValue
from tilewright.records import Database, Record, open_db
from tilewright.units import seconds_text

SHORT = 8  # digits of a workload's hash that people see

WORKLOAD = option("workload", nargs="?", default="", help="the hash of a workload, or its beginning")


def _labels(db: Database) -> dict[str, str]:
    """Give what tuning runs called each workload; the last one counts."""
    return {run.workload: run.label for run in db.runs() if run.label}


def _roof(record: Record) -> str:
    return f"{100 * record.roofline_fraction:.0f}%" if record.roofline_fraction else "-"


def _table(rows: Sequence[tuple[str, ...]]) -> None:
    """Print columns as wide as they need to be; the first row is their titles."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def run_list(options: argparse.Namespace) -> int:
    """List the workloads with the best of each setting."""
    with open_db(options.db, read_only=True) as db:
        labels = _labels(db)
        best = {
            (r.workload, r.target, r.machine, r.cache, str(r.sizes), r.bounded): r
            for r in db.query(best=True)
        }
        groups: dict[tuple, list[Record]] = collections.defaultdict(list)
        for record in db.query(options.workload):
            key = (
                record.workload,
                record.target,
                record.machine,
                record.cache,
                str(record.sizes),
                record.bounded,
            )
            groups[key].append(record)
    found = [
        {
            "workload": key[0],
            "label": labels.get(key[0], ""),
            "target": key[1],
            "machine": key[2],
            "cache": key[3],
            "bounded": key[5],
            "trials": len(records),
            "failures": sum(record.status != "ok" for record in records),
            "record": best[key].id if key in best else None,
            "seconds": best[key].median if key in best else None,
            "roof_fraction": best[key].roofline_fraction if key in best else None,
        }
        for key, records in groups.items()
    ]
    if options.json:
        print_json(found)
        return 0
    rows = [("workload", "operator", "trials", "failures", "best", "roof", "record", "target")]
    for one, key in zip(found, groups, strict=True):
        quickest = best.get(key)
        rows.append(
            (
                one["workload"][:SHORT],
                one["label"] or "-",
                str(one["trials"]),
                str(one["failures"]),
                seconds_text(quickest.median) if quickest else "none",
                _roof(quickest) if quickest else "-",
                str(quickest.id) if quickest else "-",
                one["target"].split(" [")[0],
            )
        )
    _table(rows)
    return 0


def _record_json(record: Record) -> dict[str, Any]:
    return dataclasses.asdict(record)


def _print_record(record: Record, label: str, program: bool) -> None:
    samples = [sample for of_size in record.samples for sample in of_size]
    lines = [
        ("record", f"{record.id}, of {record.created}" + (f", run {record.run}" if record.run else "")),
        ("workload", f"{record.workload} {label}".rstrip()),
        ("target", record.target),
        ("machine", record.machine),
        ("status", record.status + (f": {record.cause}" if record.cause else "")),
        (
            "verified",
            "no: " + record.contradicted if record.contradicted else "yes" if record.verified else "no",
        ),
        ("sketch", f"{record.sketch} {record.choices}"),
        ("params", str(record.params)),
        ("cache", record.cache),
    ]
    if math.isfinite(record.median):
        spread = f"; {len(samples)} samples" + (
            f" from {seconds_text(min(samples))} to {seconds_text(max(samples))}" if samples else ""
        )
        lines.append(("median", f"{seconds_text(record.median)}, {_roof(record)} of the roof{spread}"))
    if len(samples) > 1:
        lines.append(("deviation", seconds_text(statistics.stdev(samples))))
    for name, text in lines:
        print(f"{name:9} {text}")
    if program and record.steps:
        print()
        print(record.scheduled())


def run_best(options: argparse.Namespace) -> int:
    """Print the best record of each workload of a script, or of a hash."""
    found: list[tuple[str, Record | None]] = []
    with open_db(options.db, read_only=True) as db:
        labels = _labels(db)
        if ".py" in options.workload:
            for operator, sizes in workloads_of(options.workload, options.set):
                record = db.best(
                    operator.program(**sizes),
                    options.target,
                    rewrites=options.rewrites,
                    cache=options.cache,
                    sizes=operator.sizes or (),
                )
                found.append((operator.label(sizes), record))
        else:
            records = db.query(options.workload, best=True)
            found = [(labels.get(record.workload, record.workload[:SHORT]), record) for record in records]
    if options.json:
        print_json([{"label": label, "record": r and _record_json(r)} for label, r in found])
    else:
        for at, (label, record) in enumerate(found):
            if at:
                print()
            if record is None:
                print(f"{label}: no verified record for this target and machine")
            else:
                _print_record(record, label, program=False)
    return 0 if found and all(record is not None for _, record in found) else 1


def run_show(options: argparse.Namespace) -> int:
    """Print all of a record, its program too."""
    with open_db(options.db, read_only=True) as db:
        record = db.record(options.record)
        label = _labels(db).get(record.workload, "")
    if options.json:
        print_json(
            {**_record_json(record), "label": label, "loops": str(record.scheduled()) if record.steps else ""}
        )
    else:
        _print_record(record, label, program=True)
    return 0


def run_verify(options: argparse.Namespace) -> int:
    """Check the file, build records again and compare their results with the reference."""
    with open_db(options.db) as db:
        state = db.check()
        verdicts = db.verify(options.workload, every=options.all) if state == "ok" else []
    if options.json:
        results = [
            {
                "record": v.record.id,
                "workload": v.record.workload,
                "status": v.status,
                "cause": v.cause,
                "worst": v.worst,
            }
            for v in verdicts
        ]
        print_json({"file": state, "records": results})
    else:
        print(f"{options.db}: file {state}")
        for v in verdicts:
            cause = f": {v.cause}" if v.cause else ""
            print(f"record {v.record.id} of workload {v.record.workload[:SHORT]}: {v.status}{cause}")
        right = sum(v.status == "ok" for v in verdicts)
        print(f"{right} of {len(verdicts)} records of this machine are right")
    return 0 if state == "ok" and all(v.status == "ok" for v in verdicts) else 1


def run_merge(options: argparse.Namespace) -> int:
    """Add what other databases and files have."""
    added = {}
    with open_db(options.db) as db:
        for other in options.files:
            added[other] = db.merge(other)
    if options.json:
        print_json(added)
    else:
        for other, count in added.items():
            print(f"{other}: {count} records added")
    return 0


def run_import(options: argparse.Namespace) -> int:
    """Add the records of files of lines."""
    for path in options.files:
        if not path.endswith(".jsonl"):
            raise InvalidValue(f"{path}: import takes .jsonl files; `autotune merge` takes databases")
    return run_merge(options)


def run_export(options: argparse.Namespace) -> int:
    """Write records as lines."""
    with open_db(options.db, read_only=True) as db:
        count = db.export(options.output, best=options.best)
    if options.json:
        print_json({"file": options.output, "records": count})
    else:
        print(f"{options.output}: {count} records")
    return 0


COMMANDS = [
    Command("list", "list what was tuned, with the best of each", run_list, [DATABASE, WORKLOAD]),
    Command(
        "best",
        "print the best records of a script's workloads, or of a workload's hash",
        run_best,
        [
            option(
                "workload",
                metavar="FILE.py[:op]|HASH",
                nargs="?",
                default="",
                help="an operator-definition script, or the hash of a workload; all if not given",
            ),
            DATABASE,
            TARGET,
            SET,
            option(
                "--rewrites", choices=["exact", "bounded"], default="exact", help="as of tw.build (exact)"
            ),
            option("--cache", choices=["hot", "model"], default="hot", help="what was in the caches (hot)"),
        ],
    ),
    Command(
        "show",
        "print all of a record: its samples, how it came about, its program",
        run_show,
        [option("record", type=int, help="the number of a record"), DATABASE],
    ),
    Command(
        "verify",
        "check a database, build its best kernels again and compare their results with the reference",
        run_verify,
        [WORKLOAD, DATABASE, option("--all", action="store_true", help="every record, not the best only")],
    ),
    Command(
        "merge",
        "add what other databases have",
        run_merge,
        [option("files", nargs="+", metavar="FILE", help="databases or .jsonl files"), DATABASE],
    ),
    Command(
        "export",
        "write records as lines of JSON",
        run_export,
        [
            DATABASE,
            option("-o", "--output", required=True, metavar="FILE.jsonl", help="the file to write"),
            option("--best", action="store_true", help="only the best of each workload and setting"),
        ],
    ),
    Command(
        "import",
        "add records from lines of JSON",
        run_import,
        [option("files", nargs="+", metavar="FILE.jsonl", help="what export wrote"), DATABASE],
    ),
]
