"""The `autotune` command.

Results go to stdout, messages to stderr. The exit status is 0 for success, 1 when the work failed, 2 for
wrong usage.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import tilewright
from tilewright.commands import COMMANDS, WrongUsage
from tilewright.errors import UserError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="autotune", description="Tunes tensor operators and keeps the records."
    )
    parser.add_argument("--version", action="version", version=f"tilewright {tilewright.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_to(commands)
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
    try:
        return options.run(options)
    except WrongUsage as error:
        print(f"autotune: {error}", file=sys.stderr)
        return 2
    except UserError as error:
        print(f"autotune: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("autotune: interrupted", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read our output has gone; nothing more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


if __name__ == "__main__":
    sys.exit(main())
