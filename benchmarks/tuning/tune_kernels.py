#!/usr/bin/env python3
"""Tune the kernels that are measured, from an empty database or going on in one.

    python benchmarks/tuning/tune_kernels.py --db tuned.db --seconds 60 --only matmul_1024
    python benchmarks/harness.py --db tuned.db --sides tuned tilewright onednn openvino --only matmul_1024

The second command compares what was found with the hand-written schedules and with other libraries.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import tilewright as tw
from kernels.expressions import expression
from kernels.machine import this_machine
from kernels.workloads import Workload, all_workloads
from tilewright.commands.progress import Bar


def tune(workload: Workload, options: argparse.Namespace) -> dict:
    """One workload: what the search did."""
    script = "benchmarks/tuning/tune_kernels.py"
    asked = f"--seconds {options.seconds:g} --rewrites {options.rewrites}"
    bar = Bar(workload.name, options.seconds, options.trials)
    result = tw.tune(
        expression(workload),
        this_machine(options.threads).target,
        options.db,
        seconds=options.seconds,
        trials=options.trials,
        seed=options.seed,
        rewrites=options.rewrites,
        cache=options.state,
        model=options.model,
        label=workload.name,
        script=script,
        command=f"python {script} {asked} --only {workload.name}",
        on_progress=bar,
    )
    bar.end()
    return {
        "name": workload.name,
        "seconds": result.best.median,
        "roof_fraction": result.roofline_fraction,
        "sketch": result.best.sketch,
        "choices": result.best.choices,
        "trials": result.trials,
        "structures": result.structures,
        "failures": result.failures,
        "search_seconds": result.seconds,
        "stopped_by": result.stopped_by,
        "curve": result.curve,
        "notes": result.notes,
    }


def main() -> None:
    """Tune and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--db", required=True)
    parser.add_argument("--only", nargs="+", metavar="WORD", help="as of harness.py")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--trials", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rewrites", choices=["bounded", "exact"], default="bounded", help="as of tw.tune")
    parser.add_argument("--state", choices=["hot", "model"], default="hot")
    parser.add_argument("--model", choices=["learned", "builtin", "analytic", "random"], default="learned")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    words = options.only or [""]
    found = []
    for workload in all_workloads():
        if not any(word in workload.name or word == workload.family for word in words):
            continue
        try:
            row = tune(workload, options)
        except tw.UserError as error:
            print(f"{workload.name:<46} failed: {error}", flush=True)
            found.append({"name": workload.name, "error": str(error)})
            continue
        found.append(row)
        at90 = next((t for t, s in row["curve"] if s <= row["seconds"] / 0.9), float("nan"))
        print(
            f"{workload.name:<46}{row['seconds'] * 1e6:>10.1f} us  "
            f"{row['roof_fraction'] * 100:>4.0f}% of roof  "
            f"{row['trials']:>5} trials {row['structures']:>4} programs  {row['search_seconds']:>5.1f} s "
            f"({row['stopped_by']}; 90% after {at90:.1f} s)  {row['sketch']}  {row['failures'] or ''}",
            flush=True,
        )
        if options.json:
            Path(options.json).write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
