#!/usr/bin/env python3
"""How long our kernels take to compile: each schedule, by pass.

    python benchmarks/compile_time.py [--only WORD ...] [--repeats N] [--json FILE]

Milliseconds, the median of the repeats; the first build of the process is not counted. "schedule" is the time
of applying the schedule, "build" that of tilewright.build; the passes are those of `Function.stats.times`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import tilewright as tw
from kernels import schedules_of
from kernels.machine import this_machine
from kernels.workloads import Workload, all_workloads
from tilewright import te

AIM = 50e-3  # seconds: the median over all kernels


def measure(workload: Workload, repeats: int, threads: int | None) -> list[dict]:
    """A row for each way to schedule the workload."""
    machine = this_machine(threads)
    samples: dict[str, list[dict[str, float]]] = {}
    spills: dict[str, int] = {}
    for _ in range(repeats):
        begin = time.perf_counter()
        schedules = schedules_of(workload, machine)
        scheduling = (time.perf_counter() - begin) / max(len(schedules), 1)
        for name, schedule in schedules.items():
            begin = time.perf_counter()
            function = tw.build(schedule, machine.target)
            total = time.perf_counter() - begin
            times = {"schedule": scheduling, "build": total, **function.stats.times}
            samples.setdefault(name, []).append(times)
            spills[name] = function.stats.spills
    return [
        {
            "name": workload.name,
            "way": name,
            "spills": spills[name],
            "seconds": {key: statistics.median(run.get(key, 0.0) for run in runs) for key in runs[0]},
        }
        for name, runs in samples.items()
    ]


def print_table(rows: list[dict]) -> None:
    """Kernels in rows; the passes that take most of the time in columns."""
    passes = {key for row in rows for key in row["seconds"]} - {"schedule", "build"}
    totals = {key: sum(row["seconds"].get(key, 0.0) for row in rows) for key in passes}
    shown = sorted(passes, key=lambda key: -totals[key])[:6]
    heads = "".join(f"{key[:14]:>15}" for key in shown)
    print(f"{'ms':<46}{'way':<14}{'schedule':>9}{'build':>8}{heads}{'spills':>7}")
    for row in rows:
        seconds = row["seconds"]
        cells = "".join(f"{seconds.get(key, 0.0) * 1e3:>15.2f}" for key in shown)
        print(
            f"{row['name']:<46}{row['way'][:13]:<14}{seconds['schedule'] * 1e3:>9.2f}"
            f"{seconds['build'] * 1e3:>8.2f}{cells}{row['spills']:>7}"
        )
    builds = [row["seconds"]["build"] for row in rows]
    median = statistics.median(builds)
    print(
        f"\n{len(rows)} kernels: median {median * 1e3:.1f} ms, longest {max(builds) * 1e3:.1f} ms; ", end=""
    )
    print(f"of the aim of {AIM * 1e3:.0f} ms: {median / AIM:.2f}")
    whole = sum(totals.values()) or 1.0
    for key in sorted(passes, key=lambda key: -totals[key]):
        if totals[key] >= 0.005 * whole:
            print(f"  {key:<28}{100 * totals[key] / whole:5.1f}%")


def main() -> None:
    """Compile and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", metavar="WORD", default=[""])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    chosen = [w for w in all_workloads() if any(word in w.name or word == w.family for word in options.only)]
    rows: list[dict] = []
    tw.build(te.compute(1, lambda i: 0.0, name="nothing"))  # starts LLVM
    for workload in chosen:
        try:
            rows += measure(workload, options.repeats, options.threads)
        except Exception as error:  # one kernel that does not compile does not hide the others
            print(f"{workload.name} failed: {type(error).__name__}: {str(error)[:200]}", file=sys.stderr)
    if not rows:
        raise SystemExit(f"no workload that has a schedule has any of {options.only} in its name")
    print_table(rows)
    if options.json:
        Path(options.json).write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
