"""What a case of the corpus is, and how its inputs are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import ml_dtypes
import numpy as np
from tilewright import te

Array = np.ndarray
Generator = np.random.Generator


@dataclass
class Operator:
    """Tensors to compute and what they must be.

    `reference` takes the inputs in the order of the program's arguments, floats widened to float64, and gives
    the output or a tuple; it is compared after rounding to the outputs' dtypes. `special` makes inputs by
    name where random numbers of the placeholder's shape and dtype would not do. `sizes` gives symbolic
    dimensions their values. `tolerance` multiplies the allowed error.
    """

    outputs: Any
    reference: Callable[..., Any]
    special: dict[str, Callable[[Generator, tuple[int, ...]], Array]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    tolerance: float = 1.0

    def inputs(self, rng: Generator) -> list[Any]:
        """Random inputs, one for each argument that is no output."""
        values: list[Any] = []
        for argument in te.program(self.outputs).arguments:
            if argument.kind == "size":
                values.append(self.sizes[argument.name])
            elif argument.kind != "out":
                shape = tuple(e if isinstance(e, int) else self.sizes[str(e)] for e in argument.shape)
                make = self.special.get(argument.name)
                values.append(make(rng, shape) if make else random_array(rng, shape, argument.dtype))
        return values

    def expected(self, inputs: Sequence[Any]) -> tuple[Array, ...]:
        """What the outputs must be, in float64 where they are floats."""
        wide = [widened(value) for value in inputs]
        found = self.reference(*wide)
        return found if isinstance(found, tuple) else (found,)


@dataclass
class Case:
    """A named operator and the sizes it is tried with; the first are the usual ones."""

    name: str
    build: Callable[..., Operator]
    sizes: list[dict[str, Any]]

    def make(self, **sizes: Any) -> Operator:
        return self.build(**{**self.sizes[0], **sizes})


CASES: list[Case] = []


def case(*sizes: dict[str, Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add an operator to the corpus: the function gives an Operator, or its first fields as a tuple."""

    def register(build: Callable[..., Any]) -> Callable[..., Any]:
        def operator(**chosen: Any) -> Operator:
            made = build(**chosen)
            return made if isinstance(made, Operator) else Operator(*made)

        CASES.append(Case(build.__name__, operator, list(sizes) or [{}]))
        return build

    return register


def random_array(rng: Generator, shape: Sequence[int], dtype: str) -> Array:
    """Normal floats, integers of a few bits, booleans."""
    kind = np.dtype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if kind.kind in "iu":
        return rng.integers(0 if kind.kind == "u" else -9, 10, shape).astype(kind)
    return rng.normal(size=shape).astype(kind)


def widened(value: Any) -> Any:
    """Floats as float64; all else as it is."""
    if isinstance(value, np.ndarray) and (value.dtype.kind == "f" or value.dtype == ml_dtypes.bfloat16):
        return value.astype(np.float64)
    return value


def integers(low: int, high: int, dtype: str = "int64") -> Callable[[Generator, tuple[int, ...]], Array]:
    """Inputs that are integers in [low, high)."""
    return lambda rng, shape: rng.integers(low, high, shape).astype(dtype)


def positive(rng: Generator, shape: tuple[int, ...]) -> Array:
    """Inputs that are positive floats."""
    return rng.uniform(0.1, 3, shape).astype(np.float32)
