#!/usr/bin/env python3
"""Compares kernels with those of other libraries, and with the roof of the machine.

    python benchmarks/harness.py                               every workload, every side
    python benchmarks/harness.py --only matmul resnet50        those whose name or family has one of the words
    python benchmarks/harness.py --sides torch onednn --state model --json found.json

Each side runs in its own process and all others are stopped meanwhile: threads that spin would measure each other.
Sides take turns in an order drawn anew each round; a side's figure is the median over the rounds of the median of a
round. Every side is checked against a float64 reference before it is timed. docs/benchmarks.md says more.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import math
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kernels import operators
from kernels.workloads import Workload, all_workloads
from peers import SIDES

HERE = Path(__file__).resolve().parent
OURS = "tilewright"


class SideProcess:
    """A side that runs only while it is asked something."""

    def __init__(self, name: str, python: str, threads: int) -> None:
        self.name = name
        environment = {key: value for key, value in os.environ.items() if not key.startswith("OPENBLAS_")}
        for key in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "HL_NUM_THREADS"):
            environment[key] = str(threads)
        # Teams of OpenMP stay where they are put: two threads that wake on one processor take long to part.
        environment |= {"OMP_PROC_BIND": "close", "OMP_PLACES": "cores"}
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [python, "-m", "peers.process", name, str(threads)], cwd=HERE, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, preexec_fn=_die_with_parent)
        first = self._read()
        self.settings = first.get("settings", {})
        self.failure = first.get("failed", "")
        self._stop()

    def ask(self, **command: object) -> dict:
        """Lets the process run until it has answered."""
        if self.failure:
            return {"failed": self.failure}
        self.process.send_signal(signal.SIGCONT)
        try:
            print(json.dumps(command), file=self.process.stdin, flush=True)
            answer = self._read()
        except BrokenPipeError:
            answer = self._gone()
        self._stop()
        return answer

    def close(self) -> None:
        """Ends the process."""
        self.process.kill()
        self.process.wait()

    def _read(self) -> dict:
        line = self.process.stdout.readline()
        return json.loads(line) if line else self._gone()

    def _gone(self) -> dict:
        self.log.seek(0)
        last = self.log.read().decode(errors="replace").strip().splitlines()[-1:]
        self.failure = f"the process ended with {self.process.wait()}: {' '.join(last)}"
        return {"failed": self.failure}

    def _stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGSTOP)


def _die_with_parent() -> None:
    death_signal = 1
    ctypes.CDLL(None).prctl(death_signal, signal.SIGKILL)


class Roof:
    """Lookups in the figures of `tilewright.roof()` or `bench_roof --json`."""

    def __init__(self, figures: dict) -> None:
        self.figures = figures

    def operations(self, dtype: str, threads: int) -> float:
        """Operations a second."""
        rates = {r["threads"]: r["operations_per_second"] for r in self.figures["rates"] if r["dtype"] == dtype}
        return float(np.interp(threads, sorted(rates), [rates[count] for count in sorted(rates)]))

    def bandwidth(self, kind: str, size: int, threads: int) -> float:
        """Bytes a second over a working set."""
        by_threads = {}
        for count in sorted({b["threads"] for b in self.figures["bandwidths"]}):
            points = [b for b in self.figures["bandwidths"] if b["threads"] == count]
            sizes = [math.log2(b["working_set_bytes"]) for b in points]
            by_threads[count] = np.interp(math.log2(size), sizes, [b[f"{kind}_bytes_per_second"] for b in points])
        return float(np.interp(threads, list(by_threads), list(by_threads.values())))

    def least_seconds(self, dtype: str, operations: float, read: int, written: int, threads: int) -> tuple[float, str]:
        """The least time of a kernel, and what binds it. One that mostly reads is held to the speed of reading."""
        kind = "read" if written * 8 <= read else "copy"
        moving = (read + written) / self.bandwidth(kind, read + written, threads)
        computing = operations / self.operations(dtype, threads)
        return (computing, "arithmetic") if computing >= moving else (moving, "memory")


@dataclass
class Outcome:
    """What one side did with one workload."""

    medians: list[float] = field(default_factory=list)  # of a call, in seconds, for each round
    details: dict = field(default_factory=dict)

    @property
    def seconds(self) -> float | None:
        return statistics.median(self.medians) if self.medians else None


def undisturbed_round(side: SideProcess, seconds: float) -> dict:
    """A round in which the side had its processors to itself; after three tries the least disturbed one."""
    answers = []
    while len(answers) < 3:
        answer = side.ask(do="round", seconds=seconds)
        if "seconds" not in answer or answer["waited"] < 0.01 * seconds:
            return answer
        answers.append(answer)
    return min(answers, key=lambda answer: answer["waited"])


def measure(workload: Workload, sides: list[SideProcess], options: argparse.Namespace, folder: Path) -> dict:
    """All sides on one workload."""
    inputs = operators.make_inputs(workload)
    expected = operators.reference(workload, inputs)
    reference = folder / "reference.npy"
    np.save(reference, expected)
    outcomes = {}
    for side in sides:
        details = side.ask(do="prepare", workload=workload.name, state=options.state, reference=str(reference))
        outcomes[side.name] = Outcome(details=details)
    running = [side for side in sides if "way" in outcomes[side.name].details]
    for _ in range(options.rounds):
        for side in random.sample(running, len(running)):
            answer = undisturbed_round(side, options.seconds / options.rounds)
            if "seconds" in answer:
                outcomes[side.name].medians.append(statistics.median(answer["seconds"]))
            else:
                outcomes[side.name].details = answer
    read, written = operators.moved_bytes(workload, inputs, expected)
    return {"outcomes": outcomes, "operations": operators.OPERATORS[workload.operator].operations(workload.sizes),
            "read": read, "written": written}


def summary(workload: Workload, found: dict, roof: Roof | None, options: argparse.Namespace) -> dict:
    """Figures of one workload, as they are printed and written."""
    times = {name: outcome.seconds for name, outcome in found["outcomes"].items()}
    ours = times.get(OURS)
    peers = {name: time for name, time in times.items() if name != OURS and time}
    best = min(peers, key=peers.__getitem__) if peers else None
    shown = ours or (peers[best] if best else None)
    row = {
        "name": workload.name, "family": workload.family, "count": workload.count, "dtype": workload.dtype,
        "state": options.state, "threads": options.threads, "operations": found["operations"],
        "bytes_read": found["read"], "bytes_written": found["written"], "seconds": times, "best_peer": best,
        "ratio": peers[best] / ours if ours and best else None,
        "rounds": {name: outcome.medians for name, outcome in found["outcomes"].items()},
        "details": {name: outcome.details for name, outcome in found["outcomes"].items()},
    }
    if roof and shown:
        dtype = workload.dtype if workload.dtype in ("bfloat16", "int8") else "float32"
        least, bound = roof.least_seconds(dtype, found["operations"], found["read"], found["written"], options.threads)
        row |= {"roof_seconds": least, "bound": bound, "roof_fraction": least / shown}
    return row


def print_row(row: dict, sides: list[str]) -> None:
    """One line: microseconds of each side, ours against the best peer, and the fraction of the roof."""
    cells = []
    for name in sides:
        time, details = row["seconds"].get(name), row["details"].get(name, {})
        reason = "wrong" if "wrong" in details else "failed" if "failed" in details else "-"
        cells.append(f"{time * 1e6:>10.1f}" if time else f"{reason:>10}")
    ratio = f"{row['ratio']:.2f}x" if row["ratio"] else "-"
    fraction = f"{row['roof_fraction'] * 100:.0f}%" if "roof_fraction" in row else "-"
    print(f"{row['name']:<46}{''.join(cells)} {ratio:>7} {fraction:>6} {row.get('bound', ''):<10} "
          f"{row['best_peer'] or ''}", flush=True)


def print_means(rows: list[dict]) -> None:
    """Geometric means of the ratios to the best peer, by family, and weighted by count where a network has them."""
    for family in dict.fromkeys(row["family"] for row in rows):
        ratios = [(row["ratio"], row["count"]) for row in rows if row["family"] == family and row["ratio"]]
        if len(ratios) < 2:
            continue
        plain = statistics.geometric_mean(ratio for ratio, _ in ratios)
        weighted = math.exp(sum(math.log(r) * n for r, n in ratios) / sum(n for _, n in ratios))
        print(f"{family}: geometric mean of {len(ratios)} ratios {plain:.3f}x, by count {weighted:.3f}x")


def load_roof(options: argparse.Namespace) -> Roof | None:
    """From a file, or measured (once; then from its cache) where the package is there."""
    if options.roof:
        return Roof(json.loads(Path(options.roof).read_text()))
    try:
        import tilewright

        return Roof(json.loads(tilewright.roof().to_json()))
    except (ImportError, AttributeError) as error:
        print(f"no fractions of the roof: {error}; --roof takes the file of bench_roof --json", file=sys.stderr)
        return None


def chosen(options: argparse.Namespace) -> list[Workload]:
    """The workloads that were asked for; in "model" state those that have constants."""
    words = options.only or [""]
    found = [w for w in all_workloads() if any(word in w.name or word == w.family for word in words)]
    if not found:
        raise SystemExit(f"no workload has any of {words} in its name; --list prints them all")
    return [w for w in found if w.constants or options.state == "hot"]


def parse() -> argparse.Namespace:
    """The command line."""
    default_peers = HERE.parent / ".venv-peers" / "bin" / "python"
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", metavar="WORD", help="workloads whose name has the word, or of the family")
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES))
    parser.add_argument("--state", choices=["hot", "model"], default="hot")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.5, help="of measuring, for each side and workload")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--roof", metavar="FILE", help="what bench_roof --json wrote; else the package's own")
    parser.add_argument("--peers-python", default=str(default_peers), help="the interpreter that has the peers")
    parser.add_argument("--list", action="store_true", help="print the names and end")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    options = parse()
    workloads = chosen(options)
    if options.list:
        print(*(f"{w.name}  {w.family}" for w in workloads), sep="\n")
        return
    roof = load_roof(options)
    sides = []
    for name in options.sides:
        python = sys.executable if name == OURS else options.peers_python
        side = SideProcess(name, python, options.threads)
        if side.failure:
            print(f"{name} does not run: {side.failure}", file=sys.stderr)
        else:
            sides.append(side)
            print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in side.settings.items()))
    names = [side.name for side in sides]
    print(f"{options.state}, {options.threads} threads, {options.rounds} rounds of "
          f"{options.seconds / options.rounds:.3g} s each; microseconds a call\n")
    print(f"{'workload':<46}{''.join(f'{name[:9]:>10}' for name in names)} {'ratio':>7} {'roof':>6} {'bound by':<10} best")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for workload in workloads:
            rows.append(summary(workload, measure(workload, sides, options, Path(folder)), roof, options))
            print_row(rows[-1], names)
            if options.json:
                settings = {side.name: side.settings for side in sides}
                Path(options.json).write_text(json.dumps({"settings": settings, "rows": rows}, indent=1))
    print_means(rows)
    for side in sides:
        side.close()


if __name__ == "__main__":
    main()
