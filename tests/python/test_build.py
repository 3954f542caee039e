"""tw.build: how functions are called, timed, prepared and looked at."""

from __future__ import annotations

import json
import threading

import ml_dtypes
import numpy as np
import pytest
import tilewright as tw
from tilewright import te


def matmul(m=5, n=7, k=3, dtype="float32", constant=False):
    A = te.placeholder((m, k), dtype, name="A")
    B = te.placeholder((k, n), dtype, name="B", constant=constant)
    p = te.reduce_axis(k, name="p")
    return te.compute((m, n), lambda i, j: te.sum(A[i, p] * B[p, j], axis=p), name="C")


def add(n=4, dtype="float32"):
    A, B = te.placeholder((n,), dtype, name="A"), te.placeholder((n,), dtype, name="B")
    return te.compute((n,), lambda i: A[i] + B[i], name="C")


def whole(rng, *shape, dtype="float32"):
    return rng.integers(-8, 9, shape).astype(dtype)


# What can be built


def test_a_tensor_several_tensors_a_schedule_and_a_program(rng):
    C = matmul()
    a, b = whole(rng, 5, 3), whole(rng, 3, 7)
    s = tw.Schedule(C)
    s.parallel(s.loops("C")[0])
    for what in (C, [C], s, s.program, te.program(C, name="product")):
        np.testing.assert_array_equal(tw.build(what)(a, b), a @ b)


def test_several_outputs_are_a_tuple():
    A = te.placeholder((3,), name="A")
    more, less = (
        te.compute((3,), lambda i: A[i] + 1, name="M"),
        te.compute((3,), lambda i: A[i] - 1, name="L"),
    )
    f = tw.build([more, less])
    up, down = f(np.zeros(3, "float32"))
    assert up.tolist() == [1, 1, 1] and down.tolist() == [-1, -1, -1]
    assert f(np.zeros(3, "float32"), up, down) is None


def test_args_orders_the_arguments(rng):
    A, B = te.placeholder((3,), name="A"), te.placeholder((3,), name="B")
    C = te.compute((3,), lambda i: A[i] - B[i], name="C")
    f = tw.build(C, args=[B, C, A])
    a, b, c = whole(rng, 3), whole(rng, 3), np.empty(3, "float32")
    f(b, c, a)
    np.testing.assert_array_equal(c, a - b)
    np.testing.assert_array_equal(f(b, a), a - b)


def test_no_argument_at_all():
    assert tw.build(te.compute((3,), lambda i: i * 2, name="even"))().tolist() == [0, 2, 4]


def test_a_schedule_may_hold_rewrites(rng):
    """They are its author's; `rewrites` chooses among records."""
    s = tw.Schedule(matmul(4, 5, 12))
    s.rewrite("C", "split_k", parts=3)
    a, b = whole(rng, 4, 12), whole(rng, 12, 5)
    np.testing.assert_array_equal(tw.build(s, rewrites="exact")(a, b), a @ b)
    np.testing.assert_array_equal(tw.build(matmul(4, 5, 12), rewrites="bounded")(a, b), a @ b)


# Calls


def test_outputs_in_place_or_made(rng):
    f = tw.build(matmul())
    a, b, c = whole(rng, 5, 3), whole(rng, 3, 7), np.empty((5, 7), "float32")
    assert f(a, b, c) is None
    np.testing.assert_array_equal(c, a @ b)
    made = f(a, b)
    assert type(made) is np.ndarray and made.flags.writeable and made.ctypes.data % 64 == 0
    np.testing.assert_array_equal(made, a @ b)
    assert f(B=b, A=a, C=c) is None
    np.testing.assert_array_equal(f(a, B=b), a @ b)


def test_what_comes_as_numpy_goes_as_numpy_and_the_rest_as_arrays(rng):
    f = tw.build(add())
    a = whole(rng, 4)
    assert isinstance(f(tw.array(a), tw.array(a)), tw.Array)
    assert isinstance(f(a, tw.array(a)), tw.Array)
    out = tw.empty(4)
    f(tw.array(a), a, out)
    np.testing.assert_array_equal(out.numpy(), a + a)


class Producer:
    def __init__(self, array):
        self.array = array

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)


def test_dlpack_arguments_are_read_and_written_in_place(rng):
    f = tw.build(matmul())
    a, b, c = whole(rng, 5, 3), whole(rng, 3, 7), np.zeros((5, 7), "float32")
    f(Producer(a), Producer(b), Producer(c))
    np.testing.assert_array_equal(c, a @ b)
    made = f(Producer(a), Producer(np.asfortranarray(b)))
    assert isinstance(made, tw.Array) and f.stats.copies == {"B": 1}
    np.testing.assert_array_equal(made.numpy(), a @ b)


def test_torch_arguments(rng):
    torch = pytest.importorskip("torch")
    f = tw.build(matmul())
    a, b, c = torch.ones(5, 3), torch.ones(3, 7), torch.zeros(5, 7)
    f(a, b, c)
    assert torch.equal(c, a @ b)
    assert torch.equal(torch.from_dlpack(f(a, b)), a @ b)


@pytest.mark.parametrize(
    "view",
    [
        lambda a: np.asfortranarray(a),
        lambda a: np.repeat(a, 2, axis=1)[:, ::2],
        lambda a: a[::-1].copy()[::-1],
        lambda a: a.astype(">f4"),
        lambda a: np.frombuffer(b"x" + a.tobytes(), "uint8")[1:].view("float32").reshape(a.shape),
    ],
    ids=["columns", "gaps", "backwards", "byte order", "unaligned"],
)
def test_inputs_that_do_not_lie_as_needed_are_copied_and_counted(view, rng):
    f = tw.build(matmul())
    a, b = whole(rng, 5, 3), whole(rng, 3, 7)
    for count in (1, 2):
        np.testing.assert_array_equal(f(view(a), b), a @ b)
        assert f.stats.copies == {"A": count}
    assert "input 'A', 2 times" in repr(f.stats)


def test_inputs_that_fit_are_not_copied(rng):
    f = tw.build(matmul())
    a, b = whole(rng, 5, 3), whole(rng, 3, 7)
    a.flags.writeable = False
    np.testing.assert_array_equal(f(a, b), a @ b)
    np.testing.assert_array_equal(f(a.view(np.matrix), b), a @ b)
    assert f.stats.copies == {}


def test_an_input_may_be_given_twice(rng):
    a = whole(rng, 4)
    np.testing.assert_array_equal(tw.build(add())(a, a), a + a)


def test_numbers_for_arrays_of_rank_zero():
    x, y = te.placeholder((), "float32", name="x"), te.placeholder((), "int16", name="y")
    f = tw.build(te.compute((), lambda: x[()] * y[()], name="z"))
    assert f(2.5, 4).item() == 10
    assert f(np.float32(2.5), np.int16(4)).item() == 10
    assert f(np.array(2.5, "float32"), 4).item() == 10


@pytest.mark.parametrize("dtype", ["int8", "uint64", "float16", "bfloat16", "float64", "bool"])
def test_dtypes_of_arguments(dtype):
    numpy = np.dtype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    A = te.placeholder((3,), dtype, name="A")
    a = np.array([0, 1, 1], numpy)
    found = tw.build(te.compute((3,), lambda i: A[2 - i], name="B"))(a)
    assert found.dtype == numpy
    np.testing.assert_array_equal(found, a[::-1])


def test_int64_under_its_other_name(rng):
    """NumPy has two dtypes of the same meaning where long and long long are alike."""
    A = te.placeholder((3,), "int64", name="A")
    f = tw.build(te.compute((3,), lambda i: A[i] + 1, name="B"))
    assert f(np.array([1, 2, 3], np.longlong)).tolist() == [2, 3, 4]
    assert f.stats.copies == {}


@pytest.mark.parametrize(("m", "n", "k"), [(0, 7, 3), (5, 0, 3), (5, 7, 0), (0, 0, 0)])
def test_empty_arrays(m, n, k, rng):
    a, b = whole(rng, m, k), whole(rng, k, n)
    np.testing.assert_array_equal(tw.build(matmul(m, n, k))(a, b), a @ b)
    sizes = [te.var(name, range=(0, 9)) for name in "mnk"]
    f = tw.build(matmul(*sizes))
    np.testing.assert_array_equal(f(a, b), a @ b)
    c = np.ones((m, n), "float32")
    f(a, b, c)
    np.testing.assert_array_equal(c, a @ b)


def test_symbolic_sizes_come_from_shapes(rng):
    f = tw.build(matmul(*(te.var(name, range=(0, 100)) for name in "mnk")))
    for m, n, k in [(1, 1, 1), (5, 7, 3), (17, 1, 31)]:
        a, b = whole(rng, m, k), whole(rng, k, n)
        np.testing.assert_array_equal(f(a, b), a @ b)


def test_sizes_that_no_shape_shows_are_ints():
    n = te.var("n", range=(0, 100))
    f = tw.build(te.compute((n,), lambda i: i * 3, name="B"))
    assert f(4).tolist() == [0, 3, 6, 9]
    assert f(n=np.int32(2)).tolist() == [0, 3]
    out = np.empty(3, "int64")
    f(3, out)
    assert out.tolist() == [0, 3, 6]


# Parameters and threads


def tiled(n=100):
    s = tw.Schedule(add(n))
    (i,) = s.loops("C")
    i_0, _ = s.split(i, [None, tw.param("tile", max=64, multiple_of=4, default=16)])
    s.parallel(i_0)
    return s


def test_parameters_are_ints_with_bounds():
    f = tw.build(tiled())
    assert f.params == {"tile": 16}
    tile = f.params["tile"]
    assert (tile.min, tile.max, tile.multiple_of) == (1, 64, 4)
    assert json.dumps(f.params) == '{"tile": 16}'
    assert tw.build(add()).params == {}


def test_parameters_are_chosen_by_call(rng):
    f = tw.build(tiled())
    a, b = whole(rng, 100), whole(rng, 100)
    for params in ({}, {"tile": 4}, {"tile": 64}, f.params, None):
        np.testing.assert_array_equal(f(a, b, params=params), a + b)


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_threads_by_call_and_by_target(threads, rng):
    a, b = whole(rng, 100), whole(rng, 100)
    np.testing.assert_array_equal(tw.build(tiled())(a, b, threads=threads), a + b)
    f = tw.build(tiled(), f"llvm -threads={threads}")
    np.testing.assert_array_equal(f(a, b), a + b)
    assert f"-threads={threads}" in f.target


def test_several_threads_of_python_call_one_function(rng):
    f = tw.build(tiled(1000))
    a, b = whole(rng, 1000), whole(rng, 1000)
    wrong = []

    def work():
        for _ in range(200):
            if not np.array_equal(f(a, b), a + b):
                wrong.append(1)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_closing_while_another_thread_calls(rng):
    f = tw.build(tiled(1000))
    a, b = whole(rng, 1000), whole(rng, 1000)
    failures = []

    def work():
        try:
            while True:
                np.testing.assert_array_equal(f(a, b), a + b)
        except tw.UserError as error:
            failures.append(str(error))

    worker = threading.Thread(target=work)
    worker.start()
    f.close()
    worker.join()
    assert "main is closed" in failures[0]


# Constants


def test_constants_are_prepared_once(rng):
    f = tw.build(matmul(constant=True))
    a, b = whole(rng, 5, 3), whole(rng, 3, 7)
    g = f.prepare({"B": b})
    expected = a @ b
    b[...] = 0
    np.testing.assert_array_equal(g(a), expected)
    np.testing.assert_array_equal(g(A=a), expected)
    c = np.empty((5, 7), "float32")
    g(a, c)
    np.testing.assert_array_equal(c, expected)
    np.testing.assert_array_equal(f(a, b), np.zeros((5, 7)))


def packed(n=37, k=19, constant=True):
    s = tw.Schedule(matmul(5, n, k, constant=constant))
    s.cache_read(s.block("C"), "B", "global")
    s.transform_layout("B_global", lambda p, j: (j // 16, p, j % 16))
    return s


def test_packing_of_constants_runs_when_they_are_prepared(rng):
    f = tw.build(packed())
    a, b = whole(rng, 5, 19), whole(rng, 19, 37)
    g = f.prepare({"B": b})
    assert "B_global: const" in str(g.program)
    np.testing.assert_array_equal(g(a), a @ b)
    np.testing.assert_array_equal(f(a, b), a @ b)


def test_some_constants_now_and_others_by_call(rng):
    x = te.placeholder((4,), name="x")
    w, b = te.placeholder((4,), name="w", constant=True), te.placeholder((4,), name="b", constant=True)
    doubled = te.compute((4,), lambda i: w[i] * 2, name="doubled")
    f = tw.build(te.compute((4,), lambda i: x[i] * doubled[i] + b[i], name="y"))
    values = [whole(rng, 4) for _ in range(3)]
    expected = values[0] * values[1] * 2 + values[2]
    np.testing.assert_array_equal(f(*values), expected)
    np.testing.assert_array_equal(f.prepare({"w": values[1]})(values[0], values[2]), expected)
    np.testing.assert_array_equal(f.prepare({"b": values[2]})(values[0], values[1]), expected)
    np.testing.assert_array_equal(f.prepare({"b": values[2], "w": values[1]})(values[0]), expected)


# Timing, stats, sources


@pytest.mark.parametrize("cache", ["hot", "model"])
def test_time(cache, rng):
    f = tw.build(matmul(constant=True))
    a, b = whole(rng, 5, 3), whole(rng, 3, 7)
    for timing in (
        f.time(a, b, np.empty((5, 7), "float32"), cache=cache, seconds=0.01),
        f.time(a, b, cache=cache, seconds=0.01, threads=1),
        f.prepare({"B": b}).time(a, cache=cache, seconds=0.01),
    ):
        assert len(timing.runs) >= 5 and timing.batch > 1 and timing.cache == cache
        assert 0 < timing.min == min(timing.runs) <= timing.median < 0.1
        assert repr(timing).startswith("<tw.Timing median ")


def test_time_with_outputs_writes_them(rng):
    f = tw.build(matmul())
    a, b, c = whole(rng, 5, 3), whole(rng, 3, 7), np.empty((5, 7), "float32")
    f.time(a, b, c, seconds=0)
    np.testing.assert_array_equal(c, a @ b)


def test_timing_with_parameters(rng):
    f = tw.build(tiled())
    a, b = whole(rng, 100), whole(rng, 100)
    assert f.time(a, b, params={"tile": 4}, seconds=0).min > 0


def test_stats():
    stats = tw.build(tiled()).stats
    assert stats.code_bytes > 0 and stats.spills >= 0
    assert "lower_blocks" in stats.times and all(seconds >= 0 for seconds in stats.times.values())
    text = repr(stats)
    assert f"{stats.code_bytes} bytes" in text and "spills" in text and "compile time" in text


def test_sources():
    f = tw.build(add())
    assert "program main(A: in float32[4]" in f.source("loops")
    assert "define" in f.source("llvm")
    assert "ret" in f.source("asm")


def test_targets_tell_which_work():
    (llvm,) = (target for target in tw.targets() if target.name == "llvm")
    assert llvm.usable and not llvm.why_not
    assert str(llvm).startswith("llvm: ")
    assert tw.build(add()).target.startswith("llvm -mtriple=")


def test_functions_show_their_arguments():
    assert (
        repr(tw.build(add())) == "<tw.Function main(A: in float32[4], B: in float32[4], C: out float32[4])>"
    )
