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
from tilewright._core import Argument, Array, Program, __version__, array, empty
from tilewright.builder import TargetInfo, build, targets
from tilewright.errors import InternalError, InvalidIndex, InvalidType, InvalidValue, Unsupported, UserError
from tilewright.function import Function, Parameter, Stats, Timing
from tilewright.interpreter import interpret
from tilewright.intrinsics import Intrinsic, intrinsic, intrinsics
from tilewright.schedule import Block, BufferHandle, Loop, Schedule, Trace, param

__all__ = [
    "Argument",
    "Array",
    "Block",
    "BufferHandle",
    "Function",
    "InternalError",
    "Intrinsic",
    "InvalidIndex",
    "InvalidType",
    "InvalidValue",
    "Loop",
    "Parameter",
    "Program",
    "Schedule",
    "Stats",
    "TargetInfo",
    "Timing",
    "Trace",
    "Unsupported",
    "UserError",
    "__version__",
    "array",
    "build",
    "empty",
    "interpret",
    "intrinsic",
    "intrinsics",
    "param",
    "targets",
    "te",
]
