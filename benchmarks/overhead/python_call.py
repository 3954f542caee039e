"""What a call from Python costs beyond the work itself.

    python benchmarks/overhead/python_call.py [--json FILE]

The function multiplies and adds arrays of 16 elements, four arrays in all, on one thread; its own time is
printed too. Figures are the least of several repetitions, in nanoseconds a call. A NumPy expression of that
size stands beside it.
"""

from __future__ import annotations

import argparse
import json
import timeit

import numpy as np
import tilewright as tw
from tilewright import te

SIZE = 16
AIM = 2000  # nanoseconds, four NumPy arrays
BOUND = 5000


def multiply_add() -> tw.Function:
    """Three inputs and an output."""
    A, B, C = (te.placeholder((SIZE,), name=name) for name in "ABC")
    return tw.build(te.compute((SIZE,), lambda i: A[i] * B[i] + C[i], name="D"), "llvm -threads=1")


def nanoseconds(statement: str, names: dict, repetitions: int = 9, number: int = 20_000) -> float:
    """The least time of a statement."""
    times = timeit.repeat(statement, globals=names, repeat=repetitions, number=number)
    return min(times) / number * 1e9


CALLS = {
    "four NumPy arrays, in place": "f(a, b, c, d)",
    "four NumPy arrays by name": "f(A=a, B=b, C=c, D=d)",
    "four tw.Array, in place": "f(x, y, z, w)",
    "three NumPy arrays, output made": "f(a, b, c)",
    "one of them strided, copied": "f(s, b, c, d)",
    "one of them by DLPack": "f(p, b, c, d)",
    "NumPy: np.add(a * b, c, out=d)": "np.add(a * b, c, out=d)",
    "NumPy: np.add(a, b, out=d)": "np.add(a, b, out=d)",
}


class Producer:
    """Something with DLPack that is no NumPy array."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)


def main() -> None:
    """Print one line a way of calling."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", help="also write the figures there")
    options = parser.parse_args()
    f = multiply_add()
    a, b, c, d = (np.ones(SIZE, "float32") for _ in range(4))
    names = dict(zip("xyzw", map(tw.array, (a, b, c, d)), strict=True))
    names |= dict(f=f, np=np, a=a, b=b, c=c, d=d, p=Producer(a), s=np.ones(2 * SIZE, "float32")[::2])
    figures = {label: nanoseconds(statement, names) for label, statement in CALLS.items()}
    figures["the function alone"] = f.time(a, b, c, d).min * 1e9
    for label, value in figures.items():
        print(f"{label:<36} {value:9.0f} ns")
    plain = figures["four NumPy arrays, in place"]
    print(f"of the bound of {BOUND} ns: {plain / BOUND:.2f}; of the aim of {AIM} ns: {plain / AIM:.2f}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"unit": "ns", "figures": figures}, file, indent=2)


if __name__ == "__main__":
    main()
