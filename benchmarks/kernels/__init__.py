"""What is measured: workloads, what they compute, and our schedules for them.

A module of schedules, such as `matmul.py`, offers

    workloads: list[Workload]                        # those that it has schedules for
    def schedule(workload: Workload, machine: Machine) -> tw.Schedule

or a function that gives a dict from the name of a way to its schedule, where several are worth measuring. The
placeholders have the names of the operator's inputs in `operators.py`; those that are the workload's
constants are made with `constant=True`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tilewright as tw

    from kernels.machine import Machine
    from kernels.workloads import Workload


def _modules_of(workload: Workload) -> Iterator[ModuleType]:
    # What needs tilewright is imported where somebody asks for schedules: the peers run without it.
    for found in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"kernels.{found.name}")
        if hasattr(module, "schedule") and workload in module.workloads:
            yield module


def schedules_of(workload: Workload, machine: Machine) -> dict[str, tw.Schedule]:
    """Our schedules of a workload, by the name of the way; none where no module has it. Several modules may
    have it: a way that has no name of its own has that of the module."""
    ways = {}
    for module in _modules_of(workload):
        found = module.schedule(workload, machine)
        ways |= found if isinstance(found, dict) else {module.__name__.rpartition(".")[2]: found}
    return ways
