"""What a side of a comparison is: something that runs a workload, in a process of its own.

side = peers.make("torch", threads=2)
ways = side.prepare(workload, inputs, copies=1)     # a list: one for each way in which it can be run
ways[0].calls[0]()                                  # runs; everything is allocated beforehand
ways[0].result()                                    # what the last call gave, as the workload defines it
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from kernels.workloads import Workload
from numpy.typing import DTypeLike, NDArray

LINE = 64  # bytes: what arrays of all sides are aligned to, as engines align their own


class Unsupported(Exception):
    """This side has no such operator; the message says what is missing."""


def empty(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray:
    """An array that begins with a line of the caches."""
    bytes_ = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(bytes_ + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + bytes_].view(dtype).reshape(shape)


def aligned(array: NDArray) -> NDArray:
    """A copy that begins with a line of the caches."""
    copy = empty(array.shape, array.dtype)
    copy[...] = array
    return copy


@dataclass
class Way:
    """One way to run a workload. `calls` differ in the copies of the constants that they read and run in
    turn;
    `result` is what the last call gave, in the layout of the workload."""

    name: str
    calls: list[Callable[[], object]]
    result: Callable[[], NDArray]


@dataclass
class Side:
    """Derived classes have a method for each operator: `matmul(self, workload, inputs)` yields `Way`s, whose
    one call reads the constants of `inputs`."""

    threads: int
    settings: dict[str, str] = field(default_factory=dict)

    def prepare(self, workload: Workload, inputs: dict[str, NDArray], copies: int) -> list[Way]:
        """All ways, each with as many calls as there shall be copies of the constants."""
        operator = getattr(self, workload.operator, None)
        if operator is None:
            raise Unsupported(f"no {workload.operator}")
        ways: list[Way] = []
        inputs = {name: aligned(value) for name, value in inputs.items()}
        for copy in range(copies):
            own = {
                name: aligned(value) if copy and name in workload.constants else value
                for name, value in inputs.items()
            }
            # Other copies share the arrays that are no constants, and in a model kernels run one after the
            # other.
            for index, way in enumerate(operator(workload, own)):
                if copy == 0:
                    ways.append(way)
                else:
                    ways[index].calls += way.calls
                    ways[index].result = way.result
        return ways
