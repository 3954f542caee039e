"""What general.py compares with, each in a process of its own: `python -m tuning.sides SIDE THREADS`.

Commands are those of peers/process.py, but for

    {"do": "prepare", "case": "n_body", "sizes": {"n": 2048}, "arrays": file}

where the file (of numpy.savez) holds the inputs under their names, in order, and the expected outputs as
"=0", "=1", …

- `numpy`: the case's `reference`.
- `c`: loops/*.c, compiled by `gcc -O3 -march=native`; the quickest of eight: with and without OpenMP, with
  and without -ffast-math, sizes constant or given when called.
- `halide`: expressions_halide.py, scheduled by Adams2019.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from peers import Unsupported
from peers.process import Session, quick_time, serve
from peers.side import Way, aligned, empty

Arrays = dict[str, NDArray]
TOLERANCE = 1e-4  # of the largest value: room for any order of summation


class CaseSide(Protocol):
    """A side; `like` has arrays of the shapes and types of the outputs. A way's `result` is a sequence of
    arrays."""

    settings: dict[str, str]

    def __init__(self, threads: int) -> None: ...

    def ways(
        self, case: str, sizes: dict[str, int], inputs: Arrays, like: list[NDArray]
    ) -> Iterator[Way]: ...


def error_of(found: list[NDArray], expected: list[NDArray]) -> float:
    """The largest difference as a share of the largest value, over all outputs."""
    worst = 0.0
    for one, other in zip(found, expected, strict=True):
        largest = float(np.max(np.abs(other.astype(np.float64)), initial=1e-30))
        difference = np.abs(one.astype(np.float64) - other.astype(np.float64))
        worst = max(worst, float(difference.max(initial=0)) / largest)
    return worst


class CaseSession(Session):
    """A side with the expression that it runs now."""

    def __init__(self, side: CaseSide) -> None:
        self.side, self.way, self.evictor = side, None, None

    def prepare(self, command: dict) -> dict:
        """Check every way; keep the quickest that is right."""
        self.way = None
        with np.load(command["arrays"]) as file:
            inputs = {name: aligned(file[name]) for name in file if name[0] != "="}
            expected = [file[name] for name in file if name[0] == "="]
        return self.take(list(self.side.ways(command["case"], command["sizes"], inputs, expected)), expected)

    def take(self, ways: list[Way], expected: list[NDArray]) -> dict:
        """Keep the quickest of the ways that are right."""
        errors, times = {}, {}
        for way in ways:
            way.calls[0]()
            errors[way.name] = error_of(way.result(), expected)
            if errors[way.name] <= TOLERANCE:
                times[way.name] = quick_time(way.calls)
        right = [way for way in ways if way.name in times]
        if not right:
            return {"wrong": errors}
        self.way = min(right, key=lambda way: times[way.name])
        return {"way": self.way.name, "errors": errors, "times": times}


class Reference:
    """NumPy."""

    def __init__(self, threads: int) -> None:
        from tuning.expressions import CASES

        self.cases = CASES
        self.settings = {"numpy": np.__version__}

    def ways(self, case: str, sizes: dict[str, int], inputs: Arrays, like: list[NDArray]) -> Iterator[Way]:
        """As one would write it."""
        reference, last = self.cases[case].reference, []

        def call() -> None:
            last[:] = reference(sizes, **inputs)

        yield Way("reference", [call], lambda: last)


class Loops:
    """Plain C, as one would write it: loops/, with OpenMP on the outermost loop that allows it."""

    FLAGS = ("-O3", "-march=native")
    WAYS = {
        "one thread": (),
        "one thread, -ffast-math": ("-ffast-math",),
        "OpenMP": ("-fopenmp",),
        "OpenMP, -ffast-math": ("-fopenmp", "-ffast-math"),
    }

    def __init__(self, threads: int) -> None:
        self.compiler = os.environ.get("CC", "gcc")
        version = subprocess.run([self.compiler, "-dumpfullversion"], capture_output=True, text=True)
        self.settings = {self.compiler: version.stdout.strip(), "flags": " ".join(self.FLAGS)}
        self.folder = tempfile.TemporaryDirectory()

    def ways(self, case: str, sizes: dict[str, int], inputs: Arrays, like: list[NDArray]) -> Iterator[Way]:
        """Flags that differ, sizes that the compiler knows or not."""
        arrays = [*inputs.values(), *(empty(array.shape, array.dtype) for array in like)]
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in arrays]
        for constant in (True, False):
            for name, flags in self.WAYS.items():
                run = getattr(ctypes.CDLL(self._compile(case, sizes, constant, flags)), case)
                arguments = pointers if constant else [*map(ctypes.c_int, sizes.values()), *pointers]
                call = lambda run=run, arguments=arguments, kept=arrays: run(*arguments)
                yield Way(name + ", constant sizes" * constant, [call], lambda: arrays[len(inputs) :])

    def _compile(self, case: str, sizes: dict[str, int], constant: bool, flags: tuple[str, ...]) -> str:
        if constant:
            constants = ", ".join(f"{name} = {size}" for name, size in sizes.items())
            given = f"enum {{ {constants} }};\n#define SIZES\n"
        else:
            given = f"#define SIZES {' '.join(f'int {name},' for name in sizes)}\n"
        source = f'{given}#include "{Path(__file__).parent / "loops" / case}.c"\n'
        library = str(Path(tempfile.mkdtemp(dir=self.folder.name)) / f"{case}.so")
        command = [self.compiler, *self.FLAGS, *flags, "-shared", "-fPIC", "-x", "c", "-", "-o", library]
        done = subprocess.run([*command, "-lm"], input=source, capture_output=True, text=True)
        if done.returncode:
            raise Unsupported(f"{self.compiler}: {done.stderr.strip()}")
        return library


# Name of a side -> the module and the class of it.
SIDES = {
    "numpy": ("tuning.sides", "Reference"),
    "c": ("tuning.sides", "Loops"),
    "halide": ("tuning.expressions_halide", "Adams2019"),
}


def make(name: str, threads: int) -> CaseSession:
    """Import a side; whatever its library raises passes through."""
    module, side = SIDES[name]
    return CaseSession(getattr(importlib.import_module(module), side)(threads))


if __name__ == "__main__":
    serve(lambda: make(sys.argv[1], int(sys.argv[2])))
