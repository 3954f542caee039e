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
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tilewright as tw

    from kernels.machine import Machine
    from kernels.workloads import Workload


def _module_of(workload: Workload) -> ModuleType | None:
    # What needs tilewright is imported where somebody asks for schedules: the peers run without it.
    for found in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"kernels.{found.name}")
        if hasattr(module, "schedule") and workload in module.workloads:
            return module
    return None


def schedules_of(workload: Workload, machine: Machine) -> dict[str, tw.Schedule]:
    """Our schedules of a workload, by the name of the way; none where no module has it."""
    module = _module_of(workload)
    if module is None:
        return {}
    found = module.schedule(workload, machine)
    return found if isinstance(found, dict) else {module.__name__.rpartition(".")[2]: found}
