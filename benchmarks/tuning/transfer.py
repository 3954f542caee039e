#!/usr/bin/env python3
"""How soon a search is near its end where the database knows neighbours of what is tuned.

    python benchmarks/tuning/tune_kernels.py --db tuned.db --seconds 10
    python benchmarks/tuning/transfer.py --db tuned.db --only matmul resnet50_conv1x1 softmax --cold

Each shape in turn is left out: a database with all records but its own is what the search begins with. The
figure is the number of trials after which the search held a kernel that has 95% of the speed of the one it
ended with. The kernels that led, one after the other, are timed beside each other in the end, so that drifts
of the machine count for none of them. Trials are counted to the end of the batch that a leader was measured
in, failures included. With --cold the same search runs from an empty database too.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import tilewright as tw
from kernels.expressions import expression
from kernels.machine import this_machine
from kernels.operators import make_inputs
from kernels.workloads import Workload, all_workloads
from tilewright.commands.progress import Bar

SHARE = 0.95  # of the final speed
BAR = 16  # trials
TURNS = 15  # in which the leaders are timed
LONGEST = 0.05  # seconds of a turn


@dataclass(frozen=True)
class Found:
    """What one search did: seconds of its leaders as timed in the end, with the trials until each."""

    leaders: list[tuple[int, float]]
    trials: int
    seconds: float  # of the kernel that it ended with
    stopped_by: str
    neighbours: int

    def trials_to(self, share: float) -> int:
        """Until a leader has a share of the final speed."""
        return next(count for count, seconds in self.leaders if self.seconds / seconds >= share)


def without(lines: list[str], workload: str, path: Path) -> None:
    """Make a database of the records that are not of a workload."""
    kept = [line for line in lines if f'"{workload}"' not in line]
    file = path.with_suffix(".jsonl")
    file.write_text("".join(f"{line}\n" for line in kept))
    with tw.open_db(path) as db:
        db.merge(file)


def leaders_of(records: list[tw.Record]) -> list[tuple[int, tw.Record]]:
    """The kernels that led one after the other, each with the trials to the end of its batch."""
    trials = [record for record in records if not record.final]
    found = []
    for record in trials:
        if record.verified:
            found.append((sum(other.round <= record.round for other in trials), record))
    return found


def seconds_beside(calls: list[Callable[[float], tw.Timing]]) -> list[float]:
    """The lower quartile of each over turns, every one of which times all of them."""
    share = LONGEST / len(calls)
    turns = [[call(share).median for call in calls] for _ in range(TURNS)]
    return [statistics.quantiles(each, n=4)[0] for each in zip(*turns, strict=True)]


def call_of(record: tw.Record, workload: Workload, target: str, cache: str) -> Callable[[float], tw.Timing]:
    """The kernel of a record on the workload's arrays, weights prepared."""
    inputs = make_inputs(workload)
    function = tw.build(tw.Schedule.replay(expression(workload), record.trace), target)
    if workload.constants:
        function = function.prepare({name: inputs[name] for name in workload.constants})
    others = [value for name, value in inputs.items() if name not in workload.constants]
    return lambda seconds: function.time(*others, cache=cache, seconds=seconds, params=record.params)


def search(workload: Workload, db: Path, options: argparse.Namespace) -> Found:
    """Tune with what a database knows, and time the leaders."""
    target = this_machine(options.threads).target
    tensor = expression(workload)
    with tw.open_db(db) as known:
        neighbours = len(known.neighbours(tensor, target, rewrites="bounded", limit=0))
    bar = Bar(workload.name, options.seconds, options.trials)
    # The package's own records would tell of the shape itself.
    with mock.patch("tilewright.tuning.shipped_records", return_value=""):
        result = tw.tune(
            tensor,
            target,
            db,
            seconds=options.seconds,
            trials=options.trials,
            seed=options.seed,
            rewrites="bounded",
            cache=options.state,
            label=workload.name,
            on_progress=bar,
        )
    bar.end()
    with tw.open_db(db) as known:
        led = [*leaders_of(known.query(run=result.best.run)), (result.trials, result.best)]
    seconds = seconds_beside([call_of(each, workload, target, options.state) for _, each in led])
    counts = [count for count, _ in led]
    leaders = list(zip(counts, seconds, strict=True))
    return Found(leaders, result.trials, seconds[-1], result.stopped_by, neighbours)


def row_of(workload: Workload, lines: list[str], options: argparse.Namespace) -> dict:
    """Both searches of one shape, warm and cold."""
    key = tw._core.workload_key(tw.te.program(expression(workload)))[0]
    row: dict = {"name": workload.name}
    with tempfile.TemporaryDirectory() as folder:
        without(lines, key, Path(folder) / "warm.db")
        row["warm"] = search(workload, Path(folder) / "warm.db", options)
        if options.cold:
            row["cold"] = search(workload, Path(folder) / "cold.db", options)
    return row


def text_of(row: dict) -> str:
    """A line for people."""
    warm = row["warm"]
    text = (
        f"{row['name']:<46}{warm.neighbours:>4} neighbours {warm.trials_to(SHARE):>5} of {warm.trials:>4} "
        f"trials {warm.seconds * 1e6:>9.1f} us ({warm.stopped_by})"
    )
    if "cold" in row:
        cold = row["cold"]
        text += f"   cold: {cold.trials_to(SHARE):>4} of {cold.trials:>4}, {cold.seconds * 1e6:>9.1f} us"
    return text


def main() -> None:
    """Print a line a shape, then median and worst."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--db", required=True, help="with records of many shapes; it is only read")
    parser.add_argument("--only", nargs="+", metavar="WORD", help="as of harness.py")
    parser.add_argument("--seconds", type=float, default=10, help="of each search")
    parser.add_argument("--trials", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--state", choices=["hot", "model"], default="hot")
    parser.add_argument("--cold", action="store_true", help="also from an empty database")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, tw.open_db(options.db, read_only=True) as db:
        db.export(Path(folder) / "all.jsonl")
        lines = (Path(folder) / "all.jsonl").read_text().splitlines()
    words = options.only or [""]
    rows = []
    for workload in all_workloads():
        if not any(word in workload.name or word == workload.family for word in words):
            continue
        row = row_of(workload, lines, options)
        if not row["warm"].neighbours:
            print(f"{workload.name:<46}   no neighbours in {options.db}", flush=True)
            continue
        rows.append(row)
        print(text_of(row), flush=True)
        if options.json:
            plain = [{k: asdict(v) if isinstance(v, Found) else v for k, v in each.items()} for each in rows]
            Path(options.json).write_text(json.dumps(plain, indent=1))
    for side in ("warm", "cold"):
        counts = [row[side].trials_to(SHARE) for row in rows if side in row]
        if counts:
            print(
                f"{side}: {len(counts)} shapes, median {statistics.median(counts):.0f} trials to "
                f"{100 * SHARE:.0f}% of the final speed, worst {max(counts)}; the bar is {BAR}"
            )


if __name__ == "__main__":
    main()
