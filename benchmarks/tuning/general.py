#!/usr/bin/env python3
"""Tune the expressions that no rule names, and compare with NumPy.

    python benchmarks/tuning/general.py --seconds 10
    python benchmarks/tuning/general.py --only n_body stencil_27 --json found.json

Three sides in one run, taking turns: the general sketch as it prefers (no search), the best that the search
found, and NumPy. Each kernel's results are compared with NumPy's first.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import tilewright as tw
from kernels.machine import this_machine
from tilewright.commands.progress import Bar
from tuning.expressions import CASES, Case

TURNS = 7


def seconds_of(run: Callable[[], object], least: float = 0.01) -> float:
    """Of a run, the mean of as many as take a while."""
    begin, count = time.perf_counter(), 0
    while (spent := time.perf_counter() - begin) < least or count == 0:
        run()
        count += 1
    return spent / count


def error_of(found: tuple, expected: tuple) -> float:
    """The largest difference as a share of the largest value, over all outputs."""
    worst = 0.0
    for one, other in zip(found, expected, strict=True):
        largest = float(np.max(np.abs(other.astype(np.float64)), initial=1e-30))
        difference = np.abs(one.astype(np.float64) - other.astype(np.float64))
        worst = max(worst, float(difference.max(initial=0)) / largest)
    return worst


def compare(name: str, case: Case, options: argparse.Namespace) -> dict:
    """One expression: seconds of each side."""
    target = this_machine(options.threads).target
    program = tw.te.program(list(case.expression(**case.sizes)), name=name)
    inputs = case.inputs(np.random.default_rng(0), **case.sizes)
    expected = case.reference(case.sizes, **inputs)
    untuned = tw._core.sketch_point(program, target, "general", {}, False, {})[0]
    bar = Bar(name, options.seconds, None)
    result = tw.tune(program, target, options.db, seconds=options.seconds, label=name, on_progress=bar)
    bar.end()
    sides: dict[str, tw.Function] = {
        "untuned": tw.build(untuned, target),
        "tuned": tw.build(result.best.scheduled(), target),
    }
    arrays = list(inputs.values())
    runs: dict[str, Callable[[], object]] = {"numpy": lambda: case.reference(case.sizes, **inputs)}
    errors = {}
    for side, f in sides.items():
        outputs = [np.empty(one.shape, one.dtype) for one in expected]
        f(*arrays, *outputs)
        errors[side] = error_of(tuple(outputs), expected)
        runs[side] = lambda f=f, outputs=outputs: f(*arrays, *outputs)
    times: dict[str, list[float]] = {side: [] for side in runs}
    for _ in range(TURNS):
        for side, run in runs.items():
            times[side].append(seconds_of(run))
    return {
        "name": name,
        "seconds": {side: statistics.median(all_) for side, all_ in times.items()},
        "errors": errors,
        "sketch": result.best.sketch,
        "trials": result.trials,
        "stopped_by": result.stopped_by,
    }


def main() -> None:
    """Print a line each, and the geometric mean."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=sorted(CASES))
    parser.add_argument("--seconds", type=float, default=10, help="of tuning, for each")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--db", help="keep the records here")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    rows = []
    print(f"{'microseconds':<20}{'tuned':>10}{'untuned':>10}{'numpy':>10}   ratio to NumPy")
    for name in options.only or CASES:
        row = compare(name, CASES[name], options)
        rows.append(row)
        us = {side: value * 1e6 for side, value in row["seconds"].items()}
        print(
            f"{name:<20}{us['tuned']:>10.1f}{us['untuned']:>10.1f}{us['numpy']:>10.1f}"
            f"{us['numpy'] / us['tuned']:>8.1f}x  {row['sketch']}, {row['trials']} trials "
            f"({row['stopped_by']}), error {max(row['errors'].values()):.1e}",
            flush=True,
        )
        if options.json:
            Path(options.json).write_text(json.dumps(rows, indent=1))
    ratios = [row["seconds"]["numpy"] / row["seconds"]["tuned"] for row in rows]
    print(
        f"geometric mean {math.exp(statistics.fmean(map(math.log, ratios))):.1f}x, least {min(ratios):.2f}x"
    )


if __name__ == "__main__":
    main()
