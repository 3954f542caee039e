"""NumPy. Only its matrix products use threads."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from kernels.workloads import Workload
from numpy.typing import NDArray

from peers.side import Side, Unsupported, Way, empty

Inputs = dict[str, NDArray]


class Peer(Side):
    """Every call writes into an array made beforehand."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        self.settings = {"numpy": np.__version__, "blas": f"{blas.get('name')} {blas.get('version')}"}

    def matmul(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """By OpenBLAS."""
        if workload.dtype != "float32":
            raise Unsupported(f"no fast matmul of {workload.dtype}")
        out = empty((*a["A"].shape[:-1], a["B"].shape[-1]), np.float32)
        yield Way("matmul", [lambda: np.matmul(a["A"], a["B"], out=out)], lambda: out)

    batched_matmul = matmul

    def transpose(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """A copy of the transposed view."""
        out = empty(a["X"].shape[::-1], np.float32)
        yield Way("copy", [lambda: np.copyto(out, a["X"].T)], lambda: out)

    def row_sums(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """By np.sum."""
        out = empty((len(a["X"]),), np.float32)
        yield Way("sum", [lambda: np.sum(a["X"], axis=1, out=out)], lambda: out)

    def broadcast_add(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """By np.add."""
        out = empty(a["X"].shape, a["X"].dtype)
        yield Way("add", [lambda: np.add(a["X"], a["bias"], out=out)], lambda: out)
