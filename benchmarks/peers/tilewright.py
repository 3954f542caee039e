"""Our kernels: the schedules of the modules beside `kernels/workloads.py`, built by tilewright.build."""

from __future__ import annotations

from collections.abc import Callable

import tilewright as tw
from kernels import operators, schedules_of
from kernels.machine import this_machine
from kernels.workloads import Workload
from numpy.typing import NDArray

from peers.side import Side, Unsupported, Way, aligned, empty


class Peer(Side):
    """Constants are prepared; the result is written into an array made beforehand."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self.machine = this_machine(threads)
        self.settings = {"tilewright": tw.__version__, "target": self.machine.target}

    def prepare(self, workload: Workload, inputs: dict[str, NDArray], copies: int) -> list[Way]:
        """Built once for all copies of the constants."""
        functions = self._functions(workload)
        _, dtype = operators.dtypes_of(workload)
        shape = operators.result_shape(workload)
        constants = {name: inputs[name] for name in workload.constants}
        others = [aligned(value) for name, value in inputs.items() if name not in constants]
        ways = []
        for name, function in functions.items():
            out = empty(shape, dtype)
            prepared = [
                function.prepare({key: value.copy() for key, value in constants.items()})
                if constants
                else function
                for _ in range(copies)
            ]
            ways.append(Way(name, [_call(each, others, out) for each in prepared], lambda out=out: out))
        return ways

    def _functions(self, workload: Workload) -> dict[str, tw.Function]:
        schedules = schedules_of(workload, self.machine)
        if not schedules:
            raise Unsupported(f"no schedule of {workload.name}")
        return {name: tw.build(each, self.machine.target) for name, each in schedules.items()}


def _call(function: tw.Function, inputs: list[NDArray], out: NDArray) -> Callable[[], object]:
    return lambda: function(*inputs, out)
