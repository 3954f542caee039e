"""`autotune compile` and `autotune bench`: what records are good for."""

from __future__ import annotations

import argparse
import statistics
import sys
from typing import Any

import numpy as np

from tilewright._core import Program, Tensor
from tilewright.builder import build
from tilewright.commands.command import (
    SET,
    SOURCE,
    TARGET,
    Command,
    WrongUsage,
    option,
    print_json,
    workloads_of,
)
from tilewright.errors import UserError
from tilewright.function import Function
from tilewright.operators import Operator
from tilewright.units import seconds_text

BASELINES = ("author", "default")


def run_compile(options: argparse.Namespace) -> int:
    """Build one workload and export it."""
    found = workloads_of(options.source, options.set)
    if len(found) > 1:
        names = ", ".join(operator.label(sizes) for operator, sizes in found)
        raise WrongUsage(
            f"{options.source} stands for several workloads ({names}); choose by FILE.py:op and --set"
        )
    operator, sizes = found[0]
    f = operator.build(options.target, db=options.db, strict=options.strict, **sizes)
    f.export(options.output)
    record = None if f.record is None else f.record.id
    if options.json:
        print_json({"workload": operator.label(sizes), "library": options.output, "record": record})
    else:
        why = f"record {record}" if record is not None else f.record_note
        print(f"{options.output}: {operator.label(sizes)}, {why}")
    return 0


def _arguments(operator: Operator, sizes: dict[str, Any], seed: int) -> list[np.ndarray]:
    """Random inputs, and outputs to write, in the order that the operator returns them."""
    rng = np.random.default_rng(seed)
    arrays = []
    for tensor in operator(**sizes):
        if not isinstance(tensor, Tensor) or not all(isinstance(n, int) for n in tensor.shape):
            raise UserError(f"{operator.label(sizes)} has symbolic sizes; bench takes fixed ones")
        values = rng.standard_normal(tensor.shape, dtype="float32")
        integers = np.dtype(tensor.dtype).kind in "iub" if tensor.dtype != "bfloat16" else False
        arrays.append((values * 4).astype(tensor.dtype) if integers else values.astype(_dtype(tensor.dtype)))
    return arrays


def _dtype(name: str) -> np.dtype:
    import ml_dtypes

    return np.dtype(ml_dtypes.bfloat16) if name == "bfloat16" else np.dtype(name)


def _pairs(ours: Function, baseline: Function, arrays: list[np.ndarray], cache: str, seconds: float) -> list:
    """Medians of turns that take each other's place, so that both meet the same drifts of the machine."""
    turns = 7
    return [
        tuple(f.time(*arrays, cache=cache, seconds=seconds / turns / 2).median for f in (ours, baseline))
        for _ in range(turns)
    ]


def _baseline(operator: Operator, target: str, kind: str, sizes: dict[str, Any]) -> Function:
    if kind == "author":
        return build(operator.scheduled(target, **sizes), target)
    program: Program = operator.program(**sizes)
    return build(program, target)


def run_bench(options: argparse.Namespace) -> int:
    """Time records beside a baseline."""
    rows = []
    for operator, sizes in workloads_of(options.source, options.set):
        ours = operator.build(options.target, db=options.db, strict=options.strict, **sizes)
        baseline = _baseline(operator, options.target, options.baseline, sizes)
        arrays = _arguments(operator, sizes, seed=0)
        pairs = _pairs(ours, baseline, arrays, options.cache, options.seconds)
        row = {
            "workload": operator.label(sizes),
            "record": None if ours.record is None else ours.record.id,
            "seconds": statistics.median(a for a, _ in pairs),
            "baseline": options.baseline,
            "baseline_seconds": statistics.median(b for _, b in pairs),
            "ratio": statistics.median(b / a for a, b in pairs),
        }
        rows.append(row)
        if ours.record is None:
            print(f"autotune: {row['workload']}: {ours.record_note}", file=sys.stderr)
        if not options.json:
            print(
                f"{row['workload']}: {seconds_text(row['seconds'])}, {options.baseline} "
                f"{seconds_text(row['baseline_seconds'])}, {row['ratio']:.2f}x",
                flush=True,
            )
    if options.json:
        print_json({"results": rows})
    return 0


DATABASE = option("--db", help="the database of records; without one, the records that come with Tilewright")
STRICT = option("--strict", action="store_true", help="fail where there is no record")

COMMANDS = [
    Command(
        "compile",
        "export a library of a workload's best kernel",
        run_compile,
        [SOURCE, TARGET, DATABASE, SET, STRICT, option("-o", "--output", required=True, help="libNAME.so")],
    ),
    Command(
        "bench",
        "time the best kernels beside a baseline",
        run_bench,
        [
            SOURCE,
            TARGET,
            DATABASE,
            SET,
            STRICT,
            option(
                "--baseline",
                choices=BASELINES,
                default="author",
                help="the author's schedule, or the default nest, which also stands in for it (author)",
            ),
            option("--cache", choices=["hot", "model"], default="hot", help="as of tune (hot)"),
            option("--seconds", type=float, default=1.0, help="for each workload (1)"),
        ],
    ),
]
