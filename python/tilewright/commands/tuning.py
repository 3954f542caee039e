"""`autotune tune`."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from tilewright.commands.command import (
    DATABASE,
    SET,
    SOURCE,
    TARGET,
    Command,
    option,
    print_json,
    workloads_of,
)
from tilewright.commands.progress import Bar
from tilewright.errors import UserError
from tilewright.tuning import TuneResult, tune
from tilewright.units import seconds_text

SECONDS = 60.0  # for each workload, where nobody says otherwise


def _result(label: str, result: TuneResult) -> dict[str, Any]:
    return {
        "workload": label,
        "seconds": result.best.median,
        "roof_fraction": result.roofline_fraction,
        "sketch": result.best.sketch,
        "params": result.best.params,
        "trials": result.trials,
        "structures": result.structures,
        "failures": result.failures,
        "search_seconds": result.seconds,
        "stopped_by": result.stopped_by,
        "notes": result.notes,
    }


def _text(found: dict[str, Any]) -> str:
    roof = f", {100 * found['roof_fraction']:.0f}% of the roof" if found["roof_fraction"] else ""
    failures = ", ".join(f"{count} {cause}" for cause, count in sorted(found["failures"].items()))
    return (
        f"{found['workload']}: {seconds_text(found['seconds'])}{roof}; {found['trials']} trials of "
        f"{found['structures']} programs in {found['search_seconds']:.1f} s, ended by {found['stopped_by']}"
        + (f"; failures: {failures}" if failures else "")
    )


def run(options: argparse.Namespace) -> int:
    """Tune each workload in turn; one that fails leaves the others."""
    seconds = options.seconds if options.seconds or options.trials else SECONDS
    results, failed = [], 0
    for operator, sizes in workloads_of(options.source, options.set):
        label = operator.label(sizes)
        bar = Bar(label, seconds, options.trials)
        try:
            result = tune(
                operator.program(**sizes),
                options.target,
                options.db,
                trials=options.trials,
                seconds=seconds,
                seed=options.seed,
                sizes=operator.sizes,
                rewrites=options.rewrites,
                cache=options.cache,
                model=options.model,
                warm_model=options.warm_model,
                on_progress=bar,
                label=label,
                script=options.source,
                workers=options.workers,
            )
        except UserError as error:
            bar.end()
            failed += 1
            print(f"autotune: {label}: {error}", file=sys.stderr)
            results.append({"workload": label, "error": str(error)})
            continue
        except KeyboardInterrupt:
            bar.end()
            print(f"autotune: interrupted; what was measured is in {options.db}", file=sys.stderr)
            return 1
        bar.end()
        results.append(_result(label, result))
        for note in result.notes:
            print(f"autotune: {label}: {note}", file=sys.stderr)
        if not options.json:
            print(_text(results[-1]), flush=True)
    if options.json:
        print_json({"results": results})
    return 1 if failed else 0


COMMANDS = [
    Command(
        "tune",
        "search for the best schedules of a script's operators and keep the records",
        run,
        [
            SOURCE,
            TARGET,
            DATABASE,
            option("--trials", type=int, help="points to measure at most, for each workload"),
            option("--seconds", type=float, help=f"how long to search, for each workload ({SECONDS:.0f})"),
            option("--seed", type=int, default=0, help="of everything that is drawn (0)"),
            SET,
            option(
                "--rewrites",
                choices=["exact", "bounded"],
                default="exact",
                help="whether algorithms with a stated error, such as Winograd's, may be used (exact)",
            ),
            option(
                "--cache",
                choices=["hot", "model"],
                default="hot",
                help="what is in the caches: everything, or constants from memory (hot)",
            ),
            option(
                "--model",
                choices=["learned", "builtin", "analytic", "random"],
                default="learned",
                help="how candidates are ranked (learned)",
            ),
            option("--warm-model", help="a model file to begin with"),
            option("--workers", type=int, default=1, help="processes that compile at once (1)"),
        ],
    )
]
