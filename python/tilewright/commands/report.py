"""`autotune report`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tilewright.commands.command import DATABASE, Command, option, print_json
from tilewright.errors import UserError
from tilewright.records import open_db
from tilewright.report import html_report


def run(options: argparse.Namespace) -> int:
    """Write the page; it is there whole or not at all."""
    with open_db(options.db, read_only=True) as db:
        page = html_report(db, lambda text: print(f"autotune: {text}", file=sys.stderr))
    output = Path(options.output)
    beside = output.with_name(output.name + ".part")
    try:
        beside.write_text(page, encoding="utf-8")
        beside.replace(output)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise UserError(
            f"{output} cannot be written: {error.strerror}; choose another path with -o"
        ) from None
    if options.json:
        print_json({"report": str(output), "bytes": len(page)})
    else:
        print(output)
    return 0


COMMANDS = [
    Command(
        "report",
        "write a page about a database: curves, rooflines, predictions, the best kernels",
        run,
        [DATABASE, option("-o", "--output", required=True, help="report.html")],
    )
]
