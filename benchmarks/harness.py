#!/usr/bin/env python3
"""Compare kernels with those of other libraries, and with the roof of the machine.

    python benchmarks/harness.py                               every workload, every side
    python benchmarks/harness.py --only matmul resnet50        those whose name or family has one of the words
    python benchmarks/harness.py --sides torch onednn --state model --json found.json

Each side runs in its own process and all others are stopped meanwhile: threads that spin would measure each
other. Sides take turns in an order drawn anew each round; a side's figure is the median over the rounds of
the median of a round. Every side is checked against a float64 reference before it is timed.
docs/benchmarks.md says more.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import math
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from kernels import operators
from kernels.workloads import Workload, all_workloads
from peers import SIDES
from peers.environment import ENVIRONMENT, side_environment

try:
    import tilewright
except ImportError:  # comparing the peers alone needs no package
    tilewright = None

HERE = Path(__file__).resolve().parent
OURS = ("tuned", "tilewright")  # found by the search; written by hand


class SideProcess:
    """A side that runs only while it is asked something, and starts anew where it has died."""

    module = "peers.process"  # the program that serves sides

    def __init__(self, name: str, python: str, options: argparse.Namespace) -> None:
        self.name, self.python, self.threads, self.patience = name, python, options.threads, options.patience
        self.environment = {"TW_TUNING_DB": options.db} if name == "tuned" else {}
        self.log = tempfile.TemporaryFile()
        self.settings: dict[str, str] = {}
        self.failure = self._start().get("failed", "")

    def ask(self, **command: object) -> dict:
        """Let the process run until it has answered."""
        if self.process.poll() is not None:
            self._start()
        self.process.send_signal(signal.SIGCONT)
        impatient = threading.Timer(self.patience, self.process.kill)
        impatient.start()
        try:
            print(json.dumps(command), file=self.process.stdin, flush=True)
            answer = self._read()
        except BrokenPipeError:
            answer = self._gone()
        finally:
            impatient.cancel()
        self._stop()
        return answer

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()

    def _start(self) -> dict:
        self.process = subprocess.Popen(
            [self.python, "-m", self.module, self.name, str(self.threads)],
            cwd=HERE,
            env=side_environment(self.threads) | self.environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            preexec_fn=_die_with_parent,
        )
        first = self._read()
        self.settings = first.get("settings", {})
        self._stop()
        return first

    def _read(self) -> dict:
        line = self.process.stdout.readline()
        return json.loads(line) if line else self._gone()

    def _gone(self) -> dict:
        status = self.process.wait()
        if status == -signal.SIGKILL:
            return {"failed": f"no answer in {self.patience:g} s"}
        self.log.seek(0)
        last = self.log.read().decode(errors="replace").strip().splitlines()[-1:]
        return {"failed": f"the process ended with {status}: {' '.join(last)}"}

    def _stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGSTOP)


def _die_with_parent() -> None:
    death_signal = 1
    ctypes.CDLL(None).prctl(death_signal, signal.SIGKILL)


# Of a working set that no cache holds.
MEMORY_BYTES = 256 << 20


class Roof:
    """What the machine does at most in the minutes of a comparison: the best of several looks.

    Clocks and memory change by a tenth and more with what else a machine does, so a roof of another time
    would not do.
    """

    def __init__(self, workload: Workload, moved: operators.Moved, threads: int, state: str) -> None:
        self.dtype = workload.dtype if workload.dtype in ("bfloat16", "int8") else "float32"
        self.operations = operators.OPERATORS[workload.operator].operations(workload.sizes)
        self.moved, self.threads = moved, threads
        # Constants come from memory in "model" state; everything else is where it was left.
        self.from_memory = moved.constants if state == "model" else 0
        # A kernel that mostly reads is held to the speed of reading.
        self.kind = "read" if moved.written * 8 <= moved.read else "copy"
        self.rate = self.bandwidth = self.memory = 0.0

    def look(self, memory_too: bool) -> None:
        """Measure now, with the sides stopped."""
        if tilewright is None:
            return
        self.rate = max(self.rate, tilewright.measure_rate(self.dtype, self.threads).operations)
        if not memory_too:
            return
        seen = tilewright.measure_bandwidth(self.moved.read + self.moved.written, self.threads)
        self.bandwidth = max(self.bandwidth, getattr(seen, self.kind))
        if self.from_memory:
            self.memory = max(self.memory, tilewright.measure_bandwidth(MEMORY_BYTES, self.threads).read)

    def least_seconds(self) -> tuple[float, str] | None:
        """The least time of the kernel, and what binds it."""
        if not self.rate:
            return None
        computing = self.operations / self.rate
        moving = (self.moved.read + self.moved.written - self.from_memory) / self.bandwidth
        if self.from_memory:
            moving += self.from_memory / self.memory
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
        details = side.ask(
            do="prepare", workload=workload.name, state=options.state, reference=str(reference)
        )
        outcomes[side.name] = Outcome(details=details)
    roof = Roof(workload, operators.moved(workload), options.threads, options.state)
    running = [side for side in sides if "way" in outcomes[side.name].details]
    for turn in range(options.rounds):
        roof.look(memory_too=turn in (0, options.rounds - 1))
        for side in random.sample(running, len(running)):
            answer = undisturbed_round(side, options.seconds / options.rounds)
            if "seconds" in answer:
                outcomes[side.name].medians.append(statistics.median(answer["seconds"]))
            else:
                outcomes[side.name].details = answer
    return summary(workload, outcomes, roof, options)


def summary(
    workload: Workload, outcomes: dict[str, Outcome], roof: Roof, options: argparse.Namespace
) -> dict:
    """Figures of one workload, as they are printed and written."""
    times = {name: outcome.seconds for name, outcome in outcomes.items()}
    ours = next((times[name] for name in OURS if times.get(name)), None)
    peers = {name: time for name, time in times.items() if name not in OURS and time}
    best = min(peers, key=peers.__getitem__) if peers else None
    shown = ours or (peers[best] if best else None)
    row = {
        "name": workload.name,
        "family": workload.family,
        "count": workload.count,
        "dtype": workload.dtype,
        "state": options.state,
        "threads": options.threads,
        "operations": roof.operations,
        "bytes_read": roof.moved.read,
        "bytes_written": roof.moved.written,
        "seconds": times,
        "best_peer": best,
        "ratio": peers[best] / ours if ours and best else None,
        "ratio_by_hand": times["tilewright"] / times["tuned"] if all(times.get(n) for n in OURS) else None,
        "rounds": {name: outcome.medians for name, outcome in outcomes.items()},
        "details": {name: outcome.details for name, outcome in outcomes.items()},
    }
    least = roof.least_seconds()
    if least and shown:
        row |= {
            "roof_operations_per_second": roof.rate,
            "roof_bytes_per_second": roof.bandwidth,
            "roof_seconds": least[0],
            "bound": least[1],
            "roof_fraction": least[0] / shown,
        }
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
    by_hand = f" {row['ratio_by_hand']:>6.2f}x" if row["ratio_by_hand"] else ""
    print(
        f"{row['name']:<46}{''.join(cells)}{by_hand} {ratio:>7} {fraction:>6} {row.get('bound', ''):<10} "
        f"{row['best_peer'] or ''}",
        flush=True,
    )


def print_failures(row: dict) -> None:
    """Why sides have no figure, where it is not for lack of the operator."""
    for name, details in row["details"].items():
        for kind in ("failed", "wrong"):
            if kind in details:
                print(f"  {row['name']}: {name} {kind}: {details[kind]}", file=sys.stderr, flush=True)


def print_means(rows: list[dict]) -> None:
    """Geometric means of the ratios to the best peer, by family, and weighted by count where a network has
    them."""
    for family in dict.fromkeys(row["family"] for row in rows):
        ratios = [(row["ratio"], row["count"]) for row in rows if row["family"] == family and row["ratio"]]
        if len(ratios) < 2:
            continue
        plain = statistics.geometric_mean(ratio for ratio, _ in ratios)
        weighted = math.exp(sum(math.log(r) * n for r, n in ratios) / sum(n for _, n in ratios))
        print(f"{family}: geometric mean of {len(ratios)} ratios {plain:.3f}x, by count {weighted:.3f}x")
    by_hand = [row["ratio_by_hand"] for row in rows if row["ratio_by_hand"]]
    if by_hand:
        mean = statistics.geometric_mean(by_hand)
        print(f"against schedules written by hand: geometric mean {mean:.3f}x, least {min(by_hand):.3f}x")


def chosen(options: argparse.Namespace) -> list[Workload]:
    """The workloads that were asked for; in "model" state those that have constants."""
    words = options.only or [""]
    found = [w for w in all_workloads() if any(word in w.name or word == w.family for word in words)]
    if not found:
        raise SystemExit(f"no workload has any of {words} in its name; --list prints them all")
    return [w for w in found if w.constants or options.state == "hot"]


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--only", nargs="+", metavar="WORD", help="workloads whose name has the word, or of the family"
    )
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=[s for s in SIDES if s != "tuned"])
    parser.add_argument("--db", help="the database of records that the side `tuned` takes its kernels from")
    parser.add_argument("--state", choices=["hot", "model"], default="hot")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.5, help="of measuring, for each side and workload")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--patience", type=float, default=60, help="seconds until a side without answer is ended"
    )
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument(
        "--peers-python",
        default=str(ENVIRONMENT / "bin" / "python"),
        help="the interpreter that has the peers: see setup_peers",
    )
    parser.add_argument("--list", action="store_true", help="print the names and end")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    options = parse()
    if "tuned" in options.sides and not options.db:
        raise SystemExit("the side `tuned` needs --db")
    workloads = chosen(options)
    if options.list:
        print(*(f"{w.name}  {w.family}" for w in workloads), sep="\n")
        return
    if tilewright is None:
        print("no fractions of the roof: this interpreter has no tilewright", file=sys.stderr)
    sides = []
    for name in options.sides:
        python = sys.executable if name in OURS else options.peers_python
        side = SideProcess(name, python, options)
        if side.failure:
            print(f"{name} does not run: {side.failure}", file=sys.stderr)
        else:
            sides.append(side)
            print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in side.settings.items()))
    names = [side.name for side in sides]
    print(
        f"{options.state}, {options.threads} threads, {options.rounds} rounds of "
        f"{options.seconds / options.rounds:.3g} s each; microseconds a call\n"
    )
    heads = "".join(f"{name[:9]:>10}" for name in names)
    by_hand = f" {'by hand':>7}" if set(OURS) <= set(names) else ""
    print(f"{'workload':<46}{heads}{by_hand} {'ratio':>7} {'roof':>6} {'bound by':<10} best")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for workload in workloads:
            rows.append(measure(workload, sides, options, Path(folder)))
            print_row(rows[-1], names)
            print_failures(rows[-1])
            if options.json:
                settings = {side.name: side.settings for side in sides}
                Path(options.json).write_text(json.dumps({"settings": settings, "rows": rows}, indent=1))
    print_means(rows)
    for side in sides:
        side.close()


if __name__ == "__main__":
    main()
