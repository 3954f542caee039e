"""What a schedule written down as an example is, and how it is checked against NumPy.

Every other file of this folder holds one, as `EXAMPLE`. Read its `schedule`: it is meant to be copied.
Running the file prints the scheduled program and compares its results with NumPy's, size by size, in the
interpreter, which checks every access on the way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tilewright as tw
from tilewright import te

Sizes = dict[str, int]
FLOATS = ("float16", "float32", "float64")


@dataclass(frozen=True)
class Example:
    """An operator, a schedule for it, and what is needed to check one against the other.

    `tensors` gives the tensor that is computed for given sizes. `reference` takes the inputs in the order of
    the program's arguments, floats widened to float64, and gives what NumPy makes of them. `sizes` are tried
    one by one, each with each of `params`, values for the parameters of the schedule. `symbolic` names the
    sizes that may also be left open: one program then serves all of `sizes`. Inputs are small whole numbers,
    so that sums are exact in any order; with a `tolerance` they are normal floats, and it bounds the error
    relative to the largest magnitude of the result.
    """

    tensors: Callable[..., te.Tensor]
    schedule: Callable[[te.Tensor], tw.Schedule]
    reference: Callable[..., np.ndarray]
    sizes: Sequence[Sizes]
    params: Sequence[Sizes] = field(default_factory=lambda: [{}])
    symbolic: Sequence[str] = ()
    tolerance: float = 0.0

    def inputs(self, sizes: Sizes, rng: np.random.Generator) -> list[np.ndarray]:
        """Give random inputs in the order of the arguments."""
        arguments = te.program(self.tensors(**sizes)).arguments
        return [
            self._values(rng, a.shape, a.dtype) for a in arguments if a.dtype is not None and a.kind != "out"
        ]

    def _values(self, rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        if dtype in FLOATS and self.tolerance > 0:
            return rng.standard_normal(shape).astype(dtype)
        return rng.integers(-8, 9, shape).astype(dtype)

    def open_tensors(self, sizes: Sizes) -> te.Tensor:
        """Give the tensor with the symbolic sizes left open. They are at least 1: no reduction is empty."""
        names = {name: te.var(name, range=(1, 1 << 20)) for name in self.symbolic}
        return self.tensors(**{**sizes, **names})

    def open_schedules(self) -> Iterator[tuple[tw.Schedule, Sizes]]:
        """Give the schedule with the symbolic sizes left open for each of `sizes`, shared where it can be."""
        made: dict[tuple[int, ...], tw.Schedule] = {}
        for sizes in self.sizes:
            fixed = tuple(value for name, value in sizes.items() if name not in self.symbolic)
            if fixed not in made:
                made[fixed] = self.schedule(self.open_tensors(sizes))
            yield made[fixed], sizes

    def check(self, schedule: tw.Schedule, sizes: Sizes, rng: np.random.Generator) -> Iterator[Sizes]:
        """Compare with NumPy for all values of the parameters; give those that agreed, one by one."""
        inputs = self.inputs(sizes, rng)
        wide = [x.astype("float64") if x.dtype.name in FLOATS else x for x in inputs]
        expected = self.reference(*wide)
        # A symbolic size that is no extent of an input by itself is an argument of its own.
        asked = {
            a.name: sizes[a.name] for a in schedule.program.arguments if a.name in sizes and a.kind == "size"
        }
        for params in self.params:
            found = schedule.program.interpret(*inputs, **asked, **params)
            note = f"sizes {sizes}, parameters {params}"
            allowed = self.tolerance * max(1.0, np.abs(expected).max(initial=0))
            np.testing.assert_allclose(found, expected, rtol=0, atol=allowed, err_msg=note)
            yield params


def said(values: dict[str, Any]) -> str:
    """Write sizes and parameters as `m=3 n=4`."""
    return " ".join(f"{name}={value}" for name, value in values.items())


def run(example: Example) -> None:
    """Print the schedule for the first of the sizes, and compare it with NumPy for all of them."""
    rng = np.random.default_rng(0)
    print(example.schedule(example.tensors(**example.sizes[0])))
    for sizes in example.sizes:
        begin = time.perf_counter()
        schedule = example.schedule(example.tensors(**sizes))
        applied = time.perf_counter() - begin
        tried = list(example.check(schedule, sizes, rng))
        note = f", parameters {'; '.join(map(said, tried))}" if tried != [{}] else ""
        print(f"{said(sizes)}{note}: equal to NumPy ({len(schedule.trace)} steps in {applied * 1e3:.1f} ms)")
    if example.symbolic:
        for schedule, sizes in example.open_schedules():
            list(example.check(schedule, sizes, rng))
        print(f"one program for any {', '.join(example.symbolic)}: equal to NumPy on all of these sizes")
