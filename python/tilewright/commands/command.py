"""What a subcommand is: declared once, and its help, its options and its JSON derive from that."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tilewright.errors import InvalidValue
from tilewright.operators import Operator, load_script


class WrongUsage(Exception):
    """The command line asks for what does not exist: exit status 2."""


@dataclass(frozen=True)
class Option:
    """An argument of argparse's add_argument: its names, and the rest."""

    names: tuple[str, ...]
    how: dict[str, Any]


def option(*names: str, **how: Any) -> Option:
    """Write an option as argparse's add_argument takes it."""
    return Option(names, how)


@dataclass(frozen=True)
class Command:
    """A subcommand. `run` gives the exit status; every command has --json."""

    name: str
    help: str
    run: Callable[[argparse.Namespace], int]
    options: list[Option] = field(default_factory=list)

    def add_to(self, commands: Any) -> None:
        """Make its parser."""
        parser = commands.add_parser(self.name, help=self.help, description=self.help.capitalize() + ".")
        for one in self.options:
            parser.add_argument(*one.names, **one.how)
        parser.add_argument("--json", action="store_true", help="print results as JSON (docs/autotune.md)")
        parser.set_defaults(run=self.run)


TARGET = option("--target", default="llvm", help="what kernels are for, as tw.build takes it (llvm)")
DATABASE = option("--db", required=True, help="the database of records")
SOURCE = option(
    "source", metavar="FILE.py[:op]", help="an operator-definition script, and one of its operators"
)
SET = option(
    "--set", action="append", default=[], metavar="SIZE=VALUE", help="a size of the operator; may be repeated"
)


def print_json(value: Any) -> None:
    """Print strict JSON: what is infinite or no number becomes null."""
    print(json.dumps(_finite(value), indent=2))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def sizes_of(words: list[str]) -> dict[str, Any]:
    """Read "M=64": an int where it is one, else a text."""
    sizes: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name or not value:
            raise WrongUsage(f"--set {word}: write SIZE=VALUE, as in --set M=64")
        try:
            sizes[name] = int(value)
        except ValueError:
            sizes[name] = value
    return sizes


def workloads_of(source: str, words: list[str]) -> list[tuple[Operator, dict[str, Any]]]:
    """Give the operators of a script with the sizes to work at: their workloads, changed by --set."""
    path, _, name = source.partition(":")
    if path.endswith(".onnx"):
        raise InvalidValue(
            f"{path}: models cannot be imported yet; give an operator-definition script, FILE.py"
        )
    operators = load_script(path)
    if name and name not in operators:
        raise WrongUsage(f"{path} has no operator '{name}'; it has {', '.join(operators)}")
    changes = sizes_of(words)
    found: list[tuple[Operator, dict[str, Any]]] = []
    for one in [operators[name]] if name else operators.values():
        for workload in one.workloads or [{}]:
            sizes = {**workload, **changes}
            if (one, sizes) not in found:
                found.append((one, sizes))
    return found
