"""Products in bfloat16 and int8 by the schedules of the benchmarks, at small and odd sizes, against NumPy.

The factors are small whole numbers: the sums are exact in float32, and the result is the exact one, rounded
once.
"""

from __future__ import annotations

import dataclasses
import pathlib
import platform
import sys

import ml_dtypes
import numpy as np
import pytest
import tilewright as tw

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "benchmarks"))

from kernels import matmul_low_precision as low  # noqa: E402
from kernels import operators  # noqa: E402
from kernels.expressions import expression  # noqa: E402
from kernels.machine import Machine, this_machine  # noqa: E402
from kernels.workloads import Workload  # noqa: E402

SIZES = [
    (1, 1, 1),
    (1, 40, 6),
    (2, 3, 5),
    (16, 1, 4),
    (14, 32, 64),
    (17, 33, 31),
    (29, 65, 130),
    (100, 7, 18),
    (9, 100, 127),
]
INSTRUCTIONS = {"bfloat16": ("avx512_bf16", "vdpbf16ps"), "int8": ("avx512_vnni", "vpdpbusd")}


def product(dtype: str, m: int, n: int, k: int, constant: bool) -> Workload:
    (example,) = (w for w in low.workloads if w.dtype == dtype)
    constants = ("B",) if constant else ()
    return dataclasses.replace(example, sizes={"m": m, "n": n, "k": k}, constants=constants)


def factors(workload: Workload, most: int = 4) -> list[np.ndarray]:
    rng = np.random.default_rng(sum(workload.sizes.values()))
    dtypes, _ = operators.dtypes_of(workload)
    shapes = operators.OPERATORS["matmul"].shapes(workload.sizes)
    return [
        rng.integers(0 if dtype == np.uint8 else -most, most, shapes[name], endpoint=True).astype(dtype)
        for name, dtype in dtypes.items()
    ]


def expected(workload: Workload, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    _, dtype = operators.dtypes_of(workload)
    exact = np.int64 if workload.dtype == "int8" else np.float32
    return (a.astype(exact) @ b.astype(exact)).astype(dtype)


def check(workload: Workload, s: tw.Schedule, a: np.ndarray, b: np.ndarray, target: str = "llvm -threads=2"):
    found = tw.build(s, target)(a, b)
    np.testing.assert_array_equal(np.asarray(found), expected(workload, a, b))


@pytest.mark.parametrize("dtype", INSTRUCTIONS)
@pytest.mark.parametrize(("m", "n", "k"), SIZES)
@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize("threads", [1, 2])
def test_every_size_is_exact(dtype, m, n, k, constant, threads):
    workload = product(dtype, m, n, k, constant)
    machine = dataclasses.replace(this_machine(), threads=threads)
    check(workload, low.schedule(workload, machine), *factors(workload), machine.target)


@pytest.mark.parametrize("dtype", INSTRUCTIONS)
def test_constants_are_packed_beforehand(dtype):
    workload = product(dtype, 15, 33, 21, True)
    a, b = factors(workload)
    prepared = tw.build(low.schedule(workload, this_machine(2))).prepare({"B": b})
    np.testing.assert_array_equal(np.asarray(prepared(a)), expected(workload, a, b))


@pytest.mark.parametrize("dtype", INSTRUCTIONS)
@pytest.mark.parametrize(("m", "n", "k"), [(5, 40, 50), (30, 17, 33), (33, 70, 64)])
@pytest.mark.parametrize("threads", [1, 2])
def test_sums_over_blocks_are_added_up(dtype, m, n, k, threads):
    workload = product(dtype, m, n, k, False)
    dot = low.dot_of(dtype, this_machine(threads))
    p = low.Plan(4, 2, dot.lanes, 8, 32, 16, threads, "n" if n > m else "m", dot)
    s = tw.Schedule(expression(workload))
    low.blocked(s, dtype, workload.sizes, p)
    check(workload, s, *factors(workload))


@pytest.mark.parametrize("dtype", INSTRUCTIONS)
def test_a_long_sum_is_cut(dtype):
    workload = product(dtype, 3, 20, 9001, False)
    check(workload, low.schedule(workload, this_machine(2)), *factors(workload, 2))


@pytest.mark.parametrize("dtype", INSTRUCTIONS)
@pytest.mark.parametrize("lanes", [4, 8])
def test_shorter_registers(dtype, lanes):
    workload = product(dtype, 13, 30, 22, False)
    machine = Machine(threads=1, vector=lanes, vector_registers=16)
    check(workload, low.schedule(workload, machine), *factors(workload))


@pytest.mark.parametrize("dtype", INSTRUCTIONS)
@pytest.mark.skipif(platform.machine() != "x86_64", reason="names an x86 processor")
def test_processors_without_the_instruction(dtype):
    workload = product(dtype, 5, 20, 9, False)
    check(workload, low.schedule(workload, this_machine(1)), *factors(workload), "llvm -mcpu=x86-64")


@pytest.mark.parametrize("dtype", INSTRUCTIONS)
def test_the_instruction_is_used(dtype):
    flag, instruction = INSTRUCTIONS[dtype]
    flags = pathlib.Path("/proc/cpuinfo")
    if not flags.exists() or f" {flag}" not in flags.read_text():
        pytest.skip(f"no {flag}")
    workload = product(dtype, 64, 64, 64, False)
    f = tw.build(low.schedule(workload, this_machine(1)))
    assert instruction in f.source("asm")
    assert f.stats.spills == 0


def test_bytes_neither_saturate_nor_change_sign():
    workload = product("int8", 3, 20, 7, False)
    a, b = np.full((3, 7), 255, np.uint8), np.full((7, 20), -128, np.int8)
    check(workload, low.schedule(workload, this_machine(1)), a, b)


def test_infinities_and_nan_stay_in_their_rows_and_columns():
    workload = product("bfloat16", 5, 19, 3, False)
    a, b = factors(workload)
    a[1, 2], a[3, 0], b[1, 4] = np.inf, np.nan, -np.inf
    found = np.asarray(tw.build(low.schedule(workload, this_machine(1)))(a, b)).astype(np.float32)
    with np.errstate(invalid="ignore"):
        wanted = a.astype(np.float32) @ b.astype(np.float32)
    np.testing.assert_array_equal(found, wanted.astype(ml_dtypes.bfloat16).astype(np.float32))
