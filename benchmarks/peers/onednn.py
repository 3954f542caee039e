"""oneDNN through its C interface: no framework between, and operands in whatever layout it likes best.

Weights are brought into that layout beforehand; so are the other operands where a way is called "any": then
it is the bare kernel that is timed, as inside a network whose layers agree on a layout.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from pathlib import Path

import ml_dtypes
import numpy as np
from kernels.workloads import Workload
from numpy.typing import NDArray

from peers.side import Side, Way, empty

Inputs = dict[str, NDArray]
Handle = ctypes.c_void_p
Dims = ctypes.c_int64 * 12

# Values of the enumerations of oneapi/dnnl/dnnl_types.h.
BFLOAT16, FLOAT32, INT32, INT8, UINT8 = 2, 3, 4, 5, 6
CPU, IN_ORDER, ANY, ALLOCATE = 1, 1, 1, ctypes.c_void_p(-1)
FORWARD_INFERENCE, CONVOLUTION_AUTO = 96, 3
SRC, DST, WEIGHTS, REORDER_FROM, REORDER_TO = 1, 17, 33, 1, 17
QUERY_SRC, QUERY_WEIGHTS, QUERY_DST, QUERY_NAME = 129, 131, 133, 8
TYPES = {
    np.dtype("float32"): FLOAT32,
    np.dtype("int32"): INT32,
    np.dtype("int8"): INT8,
    np.dtype("uint8"): UINT8,
    np.dtype(ml_dtypes.bfloat16): BFLOAT16,
}


class Argument(ctypes.Structure):
    """dnnl_exec_arg_t."""

    _fields_ = [("index", ctypes.c_int), ("memory", Handle)]


class Memory(Handle):
    """A dnnl_memory_t that goes with its last reference."""

    destroy = None  # dnnl_memory_destroy

    def __del__(self) -> None:
        if self and Memory.destroy:
            Memory.destroy(self)


class Library:
    """Calls by name without the prefix; a status other than 0 raises."""

    def __init__(self) -> None:
        self.library = ctypes.CDLL(str(Path(sys.prefix) / "lib" / "libdnnl.so.3"))
        self.engine = self.make("engine_create", CPU, ctypes.c_size_t(0))
        self.stream = self.make("stream_create", self.engine, IN_ORDER)
        self.library.dnnl_primitive_desc_query_md.restype = Handle
        Memory.destroy = self.library.dnnl_memory_destroy

    def call(self, name: str, *arguments: object) -> None:
        status = getattr(self.library, f"dnnl_{name}")(*arguments)
        if status:
            raise RuntimeError(f"dnnl_{name} gave {status}")

    def make(self, name: str, *arguments: object) -> Handle:
        """What a function gives through its first parameter."""
        handle = Handle()
        self.call(name, ctypes.byref(handle), *arguments)
        return handle

    def description(self, shape: tuple[int, ...], dtype: np.dtype, strides: tuple[int, ...] | None) -> Handle:
        """Of an array with strides in bytes; without strides in a layout of the library's choice."""
        dims = Dims(*shape)
        if strides is None:
            return self.make("memory_desc_create_with_tag", len(shape), dims, TYPES[dtype], ANY)
        steps = Dims(*(step // dtype.itemsize for step in strides))
        return self.make("memory_desc_create_with_strides", len(shape), dims, TYPES[dtype], steps)

    def queried(self, primitive: Handle, what: int) -> Handle:
        """The description that a primitive settled on."""
        return Handle(self.library.dnnl_primitive_desc_query_md(primitive, what, 0))

    def name_of(self, primitive: Handle) -> str:
        """Of the implementation."""
        name = ctypes.c_char_p()
        self.call("primitive_desc_query", primitive, QUERY_NAME, 0, ctypes.byref(name))
        return name.value.decode()

    def memory(self, description: Handle, data: NDArray | None = None) -> Memory:
        """Over an array, or the library's own."""
        memory, where = Memory(), ALLOCATE if data is None else Handle(data.ctypes.data)
        self.call("memory_create", ctypes.byref(memory), description, self.engine, where)
        return memory

    def executor(self, primitive_description: Handle, arguments: dict[int, Handle]) -> tuple:
        """The arguments of dnnl_primitive_execute."""
        primitive = self.make("primitive_create", primitive_description)
        table = (Argument * len(arguments))(*(Argument(key, value) for key, value in arguments.items()))
        return primitive, self.stream, len(arguments), table

    def reorder(self, source: tuple[Handle, Handle], target: tuple[Handle, Handle]) -> None:
        """Copies between memories, each with its description."""
        description = self.make(
            "reorder_primitive_desc_create", source[0], self.engine, target[0], self.engine, None
        )
        self.call(
            "primitive_execute", *self.executor(description, {REORDER_FROM: source[1], REORDER_TO: target[1]})
        )


class Peer(Side):
    """Each operator in the layouts of the workload (weights apart), and in any layout."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self.dnnl = Library()
        version = self.dnnl.library.dnnl_version
        version.restype = ctypes.POINTER(ctypes.c_int * 3)
        self.settings = {"onednn": ".".join(map(str, version().contents)), "threads": str(threads)}

    def matmul(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """Weights in any layout when they are constant."""
        shape = (*a["A"].shape[:-1], a["B"].shape[-1])
        out = empty(shape, np.int32 if workload.dtype == "int8" else a["A"].dtype)
        free = {"B"} if workload.constants else set()
        create = lambda src, weights, dst: self.dnnl.make(
            "matmul_primitive_desc_create", self.dnnl.engine, src, weights, None, dst, None
        )
        operands = {"A": a["A"], "B": a["B"], "out": out}
        yield self._way("weights any" if free else "plain", create, operands, free, lambda y: y)
        if workload.constants:
            yield self._way("all any", create, operands, {"A", "B", "out"}, lambda y: y)

    batched_matmul = matmul

    def conv2d(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """NHWC, and any layout."""
        yield from self._conv(workload, a["X"], a["W"].transpose(3, 2, 0, 1))

    def depthwise_conv2d(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """NHWC, and any layout."""
        yield from self._conv(workload, a["X"], a["W"].transpose(2, 0, 1)[:, None, None])

    def _conv(self, workload: Workload, x: NDArray, w: NDArray) -> Iterator[Way]:
        s = workload.sizes
        out = empty((1, s["ho"], s["wo"], s["o"]), np.float32)
        strides, pads, ones = Dims(*[s["stride"]] * 2), Dims(*[s["pad"]] * 2), Dims(0, 0)
        create = lambda src, weights, dst: self.dnnl.make(
            "convolution_forward_primitive_desc_create",
            self.dnnl.engine,
            FORWARD_INFERENCE,
            CONVOLUTION_AUTO,
            src,
            weights,
            None,
            dst,
            strides,
            ones,
            pads,
            pads,
            None,
        )
        # Dimensions are in the order NCHW whatever the strides.
        operands = {"A": x.transpose(0, 3, 1, 2), "B": w, "out": out.transpose(0, 3, 1, 2)}
        for name, free in (("nhwc", {"B"}), ("any", {"A", "B", "out"})):
            yield self._way(name, create, operands, free, lambda y: y.transpose(0, 2, 3, 1))

    def _way(self, name: str, create, operands: Inputs, free: set[str], turned) -> Way:
        """`free` names the operands whose layout the library chooses."""
        plain = {key: self.dnnl.description(x.shape, x.dtype, x.strides) for key, x in operands.items()}
        wanted = {
            key: self.dnnl.description(x.shape, x.dtype, None) if key in free else plain[key]
            for key, x in operands.items()
        }
        description = create(wanted["A"], wanted["B"], wanted["out"])
        queries = {"A": QUERY_SRC, "B": QUERY_WEIGHTS, "out": QUERY_DST}
        over = {key: self.dnnl.memory(plain[key], x) for key, x in operands.items()}
        used = dict(over)
        chosen = {key: self.dnnl.queried(description, queries[key]) for key in free}
        for key in free:
            used[key] = self.dnnl.memory(chosen[key])
            if key != "out":
                self.dnnl.reorder((plain[key], over[key]), (chosen[key], used[key]))
        arguments = self.dnnl.executor(description, {SRC: used["A"], WEIGHTS: used["B"], DST: used["out"]})
        execute = self.dnnl.library.dnnl_primitive_execute

        def result() -> NDArray:
            if "out" in free:
                self.dnnl.reorder((chosen["out"], used["out"]), (plain["out"], over["out"]))
            return turned(operands["out"])

        label = f"{name}: {self.dnnl.name_of(description)}"
        return Way(label, [lambda _kept=(operands, used): execute(*arguments)], result)
