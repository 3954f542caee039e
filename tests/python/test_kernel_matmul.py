"""The schedules of matrix products in float32 compute products, whatever the sizes and the machine."""

from __future__ import annotations

import pathlib
import sys

import numpy as np
import pytest
import tilewright as tw

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "benchmarks"))

from kernels import matmul  # noqa: E402
from kernels.expressions import expression  # noqa: E402
from kernels.machine import Machine  # noqa: E402
from kernels.workloads import Workload  # noqa: E402


def check(m, n, k, machine, constant=False):
    constants = ("B",) if constant else ()
    workload = Workload("product", "matmul", "matmul", {"m": m, "n": n, "k": k}, constants=constants)
    rng = np.random.default_rng(m * n * k)
    a = rng.integers(-8, 8, (m, k)).astype("float32")
    b = rng.integers(-8, 8, (k, n)).astype("float32")
    function = tw.build(matmul.schedule(workload, machine), f"llvm -threads={machine.threads}")
    found = function.prepare({"B": b})(a) if constant else function(a, b)
    np.testing.assert_array_equal(np.asarray(found), a @ b)


SMALL = (1 << 10, 4 << 10, 16 << 10)  # caches that make blocks of small products


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("m", "n", "k"),
    [(1, 1, 1), (1, 700, 40), (5, 33, 7), (70, 64, 32), (131, 77, 48), (130, 200, 40), (600, 50, 24)],
)
def test_products_of_any_size(m, n, k, threads):
    check(m, n, k, Machine(threads, SMALL))


@pytest.mark.parametrize(("n", "k"), [(1, 4099), (16, 512), (77, 515), (640, 521), (129, 1000)])
@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("constant", [False, True])
def test_one_row_whose_threads_share_k(n, k, threads, constant):
    machine = Machine(threads, (1 << 10, 2 << 10, 8 << 10))
    assert matmul.plan(1, n, k, machine, constant).shared == "k"
    check(1, n, k, machine, constant)


@pytest.mark.parametrize(("m", "n", "k"), [(1, 40, 8), (40, 70, 33), (300, 50, 40)])
def test_with_b_prepared(m, n, k):
    check(m, n, k, Machine(2, SMALL), constant=True)


@pytest.mark.parametrize("k", [16, 24, 32, 35, 40])
@pytest.mark.parametrize("pack", ["first", "block"])
@pytest.mark.parametrize("shared", ["m", "n"])
def test_blocks_of_k_with_hints_and_packing(k, pack, shared):
    workload = Workload("product", "matmul", "matmul", {"m": 37, "n": 150, "k": k})
    s = tw.Schedule(expression(workload))
    plan = matmul.Plan(4, 2, 16, 4, 32 if pack == "first" else 64, 16, 2, shared, pack)
    matmul.blocked(s, s.block("Y"), workload.sizes, plan)
    rng = np.random.default_rng(k)
    a = rng.integers(-8, 8, (37, k)).astype("float32")
    b = rng.integers(-8, 8, (k, 150)).astype("float32")
    np.testing.assert_array_equal(np.asarray(tw.build(s)(a, b)), a @ b)


def test_how_b_is_packed():
    machine = Machine(2)
    assert matmul.plan(1, 4096, 4096, machine).pack == ""
    assert matmul.plan(128, 3072, 768, machine).pack == "first"
    assert matmul.plan(1024, 1024, 1024, machine).pack == "block"
    assert matmul.plan(1024, 1024, 1024, machine, constant=True).pack == "whole"
