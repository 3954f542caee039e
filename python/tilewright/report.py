"""Reports of tuning databases: one HTML page that needs nothing else."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from tilewright import _core
from tilewright.assembly import hot_loop
from tilewright.builder import build
from tilewright.charts import Axis, Chart, Series
from tilewright.errors import UserError
from tilewright.records import Database, Record, TuningRun
from tilewright.units import seconds_text

__all__ = ["html_report"]

_STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 1000px; padding: 0 1em;
       color: #1f2937 }
h1 { font-size: 1.5em }
h2 { font-size: 1.2em; margin-top: 2.5em; border-top: 1px solid #d1d5db; padding-top: 1em }
table { border-collapse: collapse }
td, th { padding: 2px 12px 2px 0; text-align: left; vertical-align: top }
.charts { display: flex; flex-wrap: wrap; gap: 12px }
.chart { width: 460px; max-width: 100% }
.chart text { font: 11px system-ui, sans-serif; fill: #374151 }
.chart .title { font-weight: 600; font-size: 12px }
.chart .tick, .chart .label, .chart .none { text-anchor: middle }
.chart .end { text-anchor: end }
.axis { fill: none; stroke: #6b7280 }
.grid { fill: none; stroke: #e5e7eb }
pre { background: #f3f4f6; padding: 8px; overflow-x: auto; font-size: 12px; max-height: 30em }
"""


def html_report(db: Database, progress: Callable[[str], None] | None = None) -> str:
    """Describe every workload of a database: how it was tuned, what came of it, and the best kernel.

    Parameters
    ----------
    db : Database
        Of records.
    progress : callable, optional
        Called with a text before each workload.

    Returns
    -------
    str
        An HTML page that refers to nothing outside of itself.

    Raises
    ------
    UserError
        If the database is damaged.

    Examples
    --------
    >>> from tilewright import report
    >>> "no records" in report.html_report(tw.open_db(":memory:"))
    True
    """
    runs = db.runs()
    groups: dict[tuple, list[Record]] = {}
    for record in db.query():
        key = (
            record.workload,
            record.target,
            record.machine,
            record.cache,
            record.bounded,
            str(record.sizes),
        )
        groups.setdefault(key, []).append(record)
    sections, rows = [], []
    for number, records in enumerate(groups.values(), 1):
        label = _label(records, runs)
        if progress:
            progress(f"{number}/{len(groups)} {label}")
        best = _best(records)
        rows.append(_overview_row(number, label, records, best))
        sections.append(_section(number, label, records, best, runs))
    overview = (
        _table(["workload", "best", "of the roof", "measured", "failed", "sketch", "machine"], rows)
        if rows
        else "<p>There are no records in it.</p>"
    )
    return (
        "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><title>Tuning report</title>"
        f"<style>{_STYLE}</style></head><body><h1>Tuning report</h1><p>{html.escape(str(db.path))}, "
        f"{_count(len(groups), 'workload')}, {_count(sum(map(len, groups.values())), 'record')}"
        f"{'' if groups else ': no records'}.</p>{overview}{''.join(sections)}</body></html>\n"
    )


def _label(records: Sequence[Record], runs: Iterable[TuningRun]) -> str:
    own = {record.run for record in records}
    labels = [run.label for run in runs if run.id in own and run.label]
    return labels[-1] if labels else f"workload {records[0].workload[:8]}"


def _best(records: Sequence[Record]) -> Record | None:
    right = [r for r in records if r.status == "ok" and r.verified and not r.contradicted]
    return min(right, key=lambda r: (not r.final, r.median), default=None)


def _overview_row(number: int, label: str, records: Sequence[Record], best: Record | None) -> list[str]:
    failed = sum(record.status != "ok" for record in records)
    return [
        f"<a href='#w{number}'>{html.escape(label)}</a>",
        seconds_text(best.median) if best else "-",
        f"{100 * best.roofline_fraction:.0f}%" if best and best.roofline_fraction else "-",
        str(len(records)),
        str(failed),
        html.escape(best.sketch) if best else "-",
        html.escape(records[0].machine.split(";")[0][:60]),
    ]


def _section(
    number: int, label: str, records: Sequence[Record], best: Record | None, runs: Sequence[TuningRun]
) -> str:
    first = records[0]
    facts = [
        ["target", html.escape(first.target)],
        ["caches", first.cache + (", bounded rewrites allowed" if first.bounded else "")],
        ["runs", "<br>".join(_run_text(run) for run in runs if run.id in {r.run for r in records})],
        ["failures", _failures(records)],
    ]
    if best:
        facts += [
            ["best", f"{seconds_text(best.median)}, sketch {html.escape(best.sketch)}, record {best.id}"],
            ["choices", html.escape(", ".join(f"{k}={v}" for k, v in sorted(best.choices.items())))],
        ]
    charts = "".join(chart.svg() for chart in (_curve(records), _roofline(records, best), _accuracy(records)))
    return (
        f"<h2 id='w{number}'>{html.escape(label)}</h2>{_table([], facts)}<div class='charts'>{charts}</div>"
        f"{_kernel(best) if best else ''}"
    )


def _run_text(run: TuningRun) -> str:
    ended = f"ended by {run.outcome}" if run.ended else "not ended: it runs, or was killed"
    return html.escape(f"{run.started} seed {run.seed} {run.command or run.script}: {ended}")


def _failures(records: Sequence[Record]) -> str:
    counts: dict[str, int] = {}
    for record in records:
        if record.status != "ok":
            counts[record.status] = counts.get(record.status, 0) + 1
    return ", ".join(f"{count} {status}" for status, count in sorted(counts.items())) or "none"


def _moment(record: Record) -> float:
    return datetime.fromisoformat(record.created.replace("Z", "+00:00")).timestamp()


def _curve(records: Sequence[Record]) -> Chart:
    """All trials, and the best so far, over the time spent: runs follow each other without gaps."""
    trials, steps, spent, last, least = [], [], 0.0, None, math.inf
    for record in sorted(records, key=lambda r: (r.run, r.id)):
        now = _moment(record)
        spent += 0.0 if last is None or record.run != last[0] else max(0.0, now - last[1])
        last = (record.run, now)
        if not math.isfinite(record.median):
            continue
        trials.append((spent, record.median * 1e3))
        if record.verified and record.median < least:
            least = record.median
            steps.append((spent, least * 1e3))
    return Chart(
        "Tuning",
        Axis("seconds spent"),
        Axis("milliseconds of a run", log=True),
        [Series("trials", trials), Series("best verified", steps, "steps")],
    )


def _roofline(records: Sequence[Record], best: Record | None) -> Chart:
    """Arithmetic over intensity: the roof as measured here, and the best kernel below it."""
    chart = Chart("Roofline", Axis("operations a byte", log=True), Axis("GFLOP/s", log=True))
    work = _core.workload_work(records[0].program, records[0].sizes)
    if not best or not work["operations"] or not work["peak"]:
        return chart
    intensity = work["operations"] / max(1, work["bytes"])
    ridge = work["peak"] / work["bandwidth"]
    ends = [min(intensity, ridge) / 8, ridge, max(intensity, ridge) * 8]
    roof = [(x, min(work["peak"], x * work["bandwidth"]) / 1e9) for x in ends]
    achieved = [(intensity, work["operations"] / r.median / 1e9) for r in records if math.isfinite(r.median)]
    chart.series = [
        Series("roof", roof, "line"),
        Series("trials", achieved),
        Series("best", [(intensity, work["operations"] / best.median / 1e9)]),
    ]
    return chart


def _accuracy(records: Sequence[Record]) -> Chart:
    pairs = [
        (r.predicted * 1e3, r.median * 1e3) for r in records if r.predicted > 0 and math.isfinite(r.median)
    ]
    ends = [min(min(p) for p in pairs), max(max(p) for p in pairs)] if pairs else []
    return Chart(
        "Predicted by the analytic model",
        Axis("predicted ms", log=True),
        Axis("measured ms", log=True),
        [Series("equal", [(x, x) for x in ends], "line"), Series("trials", pairs)] if pairs else [],
    )


def _kernel(best: Record) -> str:
    try:
        program = best.scheduled()
        f = build(program, best.target)
    except UserError as error:
        return f"<p>The best kernel cannot be built here: {html.escape(str(error).splitlines()[0])}</p>"
    parts = [
        ("Schedule of the best kernel", str(program), False),
        ("Its hot loop", hot_loop(f.source("asm")) or "It has no loop.", True),
        ("Its code", repr(f.stats), False),
    ]
    return "".join(
        f"<details{' open' if is_open else ''}><summary>{title}</summary>"
        f"<pre>{html.escape(text.expandtabs(4))}</pre></details>"
        for title, text, is_open in parts
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    top = "".join(f"<th>{cell}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>{f'<tr>{top}</tr>' if head else ''}{body}</table>"


def _count(n: int, what: str) -> str:
    return f"{n} {what}" + ("" if n == 1 else "s")
