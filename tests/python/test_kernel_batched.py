"""Schedules of batched matrix products: right at sizes that no tile divides."""

from __future__ import annotations

import pathlib
import sys

import numpy as np
import pytest
import tilewright as tw

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "benchmarks"))

from kernels import batched  # noqa: E402
from kernels.machine import Machine  # noqa: E402
from kernels.workloads import Workload  # noqa: E402

MACHINES = [Machine(threads=2), Machine(threads=3, vector=8, vector_registers=16)]


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("b, m, n, k", [(1, 1, 1, 1), (3, 7, 19, 5), (2, 15, 33, 1), (5, 14, 32, 64)])
def test_it_equals_numpy(b, m, n, k, machine):
    workload = Workload("checked", "batched", "batched_matmul", dict(b=b, m=m, n=n, k=k))
    f = tw.build(batched.schedule(workload, machine), f"llvm -threads={machine.threads}")
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((b, m, k), "float32"), rng.standard_normal((b, k, n), "float32")
    np.testing.assert_allclose(f(x, y), np.matmul(x.astype("float64"), y), rtol=1e-5, atol=1e-5)
    assert f.stats.spills == 0
