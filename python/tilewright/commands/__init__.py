"""The subcommands of `autotune`, a module each; `COMMANDS` lists them in the order of the help."""

from tilewright.commands import database, kernels, report, system, tuning
from tilewright.commands.command import Command, WrongUsage

__all__ = ["COMMANDS", "Command", "WrongUsage"]

COMMANDS: list[Command] = [
    *tuning.COMMANDS,
    *database.COMMANDS,
    *report.COMMANDS,
    *kernels.COMMANDS,
    *system.COMMANDS,
]
