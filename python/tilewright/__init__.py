"""Tilewright: a tensor compiler and auto-scheduler for operator kernels.

An operator is written once, as a tensor expression (`tilewright.te`); how it runs is a separate matter.

>>> import tilewright as tw
>>> from tilewright import te
>>> A = te.placeholder((3,), "float32", name="A")
>>> B = te.compute((3,), lambda i: A[i] * A[i], name="B")
>>> tw.interpret(B, [np.array([1, 2, 3], "float32")])
array([1., 4., 9.], dtype=float32)
"""

from tilewright import te
from tilewright._core import (
    Argument,
    Array,
    Bandwidth,
    Cache,
    ComputeRate,
    Machine,
    Program,
    Roof,
    __version__,
    array,
    empty,
    machine,
    measure_bandwidth,
    measure_rate,
    roof,
)
from tilewright.builder import TargetInfo, build, targets
from tilewright.errors import InternalError, InvalidIndex, InvalidType, InvalidValue, Unsupported, UserError
from tilewright.function import Function, Library, Parameter, Stats, Timing, load
from tilewright.interpreter import interpret
from tilewright.intrinsics import Intrinsic, intrinsic, intrinsics
from tilewright.operators import Operator, operator
from tilewright.records import Database, Record, TuningRun, Verdict, open_db
from tilewright.schedule import Block, BufferHandle, Loop, Schedule, Trace, param
from tilewright.tuning import Progress, TuneResult, sketch, tune

__all__ = [
    "Argument",
    "Array",
    "Bandwidth",
    "Block",
    "BufferHandle",
    "Cache",
    "ComputeRate",
    "Database",
    "Function",
    "InternalError",
    "Intrinsic",
    "InvalidIndex",
    "InvalidType",
    "InvalidValue",
    "Library",
    "Loop",
    "Machine",
    "Operator",
    "Parameter",
    "Program",
    "Progress",
    "Record",
    "Roof",
    "Schedule",
    "Stats",
    "TargetInfo",
    "Timing",
    "Trace",
    "TuneResult",
    "TuningRun",
    "Unsupported",
    "UserError",
    "Verdict",
    "__version__",
    "array",
    "build",
    "empty",
    "interpret",
    "intrinsic",
    "intrinsics",
    "load",
    "machine",
    "measure_bandwidth",
    "measure_rate",
    "open_db",
    "operator",
    "param",
    "roof",
    "sketch",
    "targets",
    "te",
    "tune",
]
