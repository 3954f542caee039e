#!/usr/bin/env python3
"""Tune the expressions that no rule names, and compare with NumPy, C loops and Halide's auto-scheduler.

    python benchmarks/tuning/general.py --seconds 10
    python benchmarks/tuning/general.py --only n_body stencil_27 --sides numpy c --json found.json

Ours are two: the general sketch as it prefers (untuned), and the best that the search found. The others
(sides.py) are processes of their own, stopped while it is not their turn, as in harness.py. The results of
each side are compared with NumPy's first. A side that does not answer within --patience has no figure.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import tilewright as tw
from harness import SideProcess, undisturbed_round
from kernels.machine import this_machine
from peers.environment import ENVIRONMENT
from peers.side import Way, empty
from tilewright.commands.progress import Bar
from tuning.expressions import CASES, Case
from tuning.sides import SIDES, Arrays, CaseSession

OURS = ("tuned", "untuned")


class CaseProcess(SideProcess):
    """A side of sides.py."""

    module = "tuning.sides"


class OwnSide:
    """A kernel of ours, in this process."""

    settings: dict[str, str] = {}

    def __init__(self, name: str, function: tw.Function) -> None:
        self.name, self.session = name, CaseSession(self)
        self.function = function

    def check(self, inputs: Arrays, expected: list[np.ndarray]) -> dict:
        """Run and compare."""
        arrays, outputs = list(inputs.values()), [empty(one.shape, one.dtype) for one in expected]
        way = Way(self.name, [lambda: self.function(*arrays, *outputs)], lambda: outputs)
        return self.session.take([way], expected)

    def ask(self, **command: object) -> dict:
        """As a process answers."""
        return self.session.answer(command)


@dataclass
class Measured:
    """What a side did with a case: medians of rounds in seconds, or why it has none."""

    details: dict
    rounds: list[float] = field(default_factory=list)

    @property
    def seconds(self) -> float | None:
        return statistics.median(self.rounds) if self.rounds else None

    @property
    def cell(self) -> str:
        """For the table."""
        if self.rounds:
            return f"{self.seconds * 1e6:>10.1f}"
        return (
            f"{next((kind for kind in ('wrong', 'failed', 'unsupported') if kind in self.details), '-'):>10}"
        )


def own_sides(name: str, case: Case, options: argparse.Namespace) -> tuple[list[OwnSide], tw.TuneResult]:
    """The general sketch as it prefers, and what a search finds."""
    target = this_machine(options.threads).target
    program = tw.te.program(list(case.expression(**case.sizes)), name=name)
    untuned = tw._core.sketch_point(program, target, "general", {}, False, {})[0]
    bar = Bar(name, options.seconds, None)
    result = tw.tune(program, target, options.db, seconds=options.seconds, label=name, on_progress=bar)
    bar.end()
    kernels = {"tuned": result.best.scheduled(), "untuned": untuned}
    return [OwnSide(side, tw.build(kernel, target)) for side, kernel in kernels.items()], result


def compare(name: str, case: Case, peers: list[CaseProcess], options: argparse.Namespace) -> dict:
    """One expression on all sides."""
    inputs = case.inputs(np.random.default_rng(0), **case.sizes)
    expected = list(case.reference(case.sizes, **inputs))
    ours, result = own_sides(name, case, options)
    found = {side.name: Measured(side.check(inputs, expected)) for side in ours}
    with tempfile.NamedTemporaryFile(suffix=".npz") as file:
        np.savez(file, **inputs, **{f"={i}": each for i, each in enumerate(expected)})
        file.flush()
        for side in peers:
            answer = side.ask(do="prepare", case=name, sizes=case.sizes, arrays=file.name)
            found[side.name] = Measured(answer)
    running = [side for side in [*ours, *peers] if "way" in found[side.name].details]
    for _ in range(options.rounds):
        for side in random.sample(running, len(running)):
            answer = undisturbed_round(side, options.round)
            if "seconds" in answer:
                found[side.name].rounds.append(statistics.median(answer["seconds"]))
    return summary(name, found, result)


def summary(name: str, found: dict[str, Measured], result: tw.TuneResult) -> dict:
    """Figures of one expression, as they are printed and written."""
    times = {side: measured.seconds for side, measured in found.items()}
    others = {side: time for side, time in times.items() if side not in OURS and time}
    best = min(others, key=others.__getitem__) if others else None
    return {
        "name": name,
        "seconds": times,
        "cells": {side: measured.cell for side, measured in found.items()},
        "details": {side: measured.details for side, measured in found.items()},
        "best_peer": best,
        "ratio": others[best] / times["tuned"] if best and times["tuned"] else None,
        "sketch": result.best.sketch,
        "holes": result.best.params,
        "trials": result.trials,
        "stopped_by": result.stopped_by,
    }


def print_row(row: dict) -> None:
    """Microseconds of each side, the best of the others over ours, how each was made."""
    ratio = f"{row['ratio']:.2f}x" if row["ratio"] else "-"
    best = row["best_peer"] or ""
    way = row["details"].get(best, {}).get("way", "")
    print(
        f"{row['name']:<18}{''.join(row['cells'].values())} {ratio:>8}  {best} ({way}); "
        f"{row['sketch']}, {row['trials']} trials ({row['stopped_by']})",
        flush=True,
    )
    for side, details in row["details"].items():
        for kind in ("failed", "wrong", "unsupported"):
            if kind in details:
                print(f"  {row['name']}: {side} {kind}: {details[kind]}", file=sys.stderr, flush=True)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=sorted(CASES))
    parser.add_argument("--sides", nargs="*", choices=sorted(SIDES), default=list(SIDES))
    parser.add_argument("--seconds", type=float, default=10, help="of tuning, for each")
    parser.add_argument("--round", type=float, default=0.1, help="seconds of measuring a side at a time")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--patience", type=float, default=60, help="seconds until a side without answer is ended"
    )
    parser.add_argument("--db", help="keep the records here")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument(
        "--peers-python",
        default=str(ENVIRONMENT / "bin" / "python"),
        help="the interpreter that has Halide: see setup_peers",
    )
    return parser.parse_args()


def main() -> None:
    """Print a line each, and the geometric mean."""
    options = parse()
    peers = []
    for name in options.sides:
        python = options.peers_python if name == "halide" else sys.executable
        side = CaseProcess(name, python, options)
        if side.failure:
            print(f"{name} does not run: {side.failure}", file=sys.stderr)
        else:
            peers.append(side)
            print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in side.settings.items()))
    heads = "".join(f"{name:>10}" for name in [*OURS, *(side.name for side in peers)])
    print(f"{options.threads} threads; microseconds a call\n")
    print(f"{'expression':<18}{heads} {'ratio':>8}  best of the others")
    rows = []
    for name in options.only or CASES:
        rows.append(compare(name, CASES[name], peers, options))
        print_row(rows[-1])
        if options.json:
            Path(options.json).write_text(json.dumps(rows, indent=1))
    ratios = [row["ratio"] for row in rows if row["ratio"]]
    if ratios:
        print(f"geometric mean {statistics.geometric_mean(ratios):.2f}x, least {min(ratios):.2f}x")
    for side in peers:
        side.close()


if __name__ == "__main__":
    main()
