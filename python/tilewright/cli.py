"""The `autotune` command.

Results go to stdout, messages to stderr. The exit status is 0 for success, 1 when the work failed, 2 for
wrong usage.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import tilewright
from tilewright import doctor


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="autotune", description="Tunes tensor operators and keeps the records."
    )
    parser.add_argument("--version", action="version", version=f"tilewright {tilewright.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    command = commands.add_parser("doctor", help="say what works on this machine, what does not and why")
    command.add_argument(
        "--json", action="store_true", help="print the report as JSON (schema: `doctor.Report`)"
    )
    command.set_defaults(run=doctor.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the `autotune` command.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after the command's name; those of the process if not given.

    Returns
    -------
    int
        The exit status.

    Examples
    --------
    >>> from tilewright import cli
    >>> status = cli.main(["doctor", "--json"])  # doctest: +ELLIPSIS
    {...
    >>> status
    0
    """
    options = _parser().parse_args(arguments)
    return options.run(options)


if __name__ == "__main__":
    sys.exit(main())
