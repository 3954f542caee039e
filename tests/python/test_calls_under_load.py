"""Functions called from many threads, in forked processes, and with arrays that lie about themselves."""

from __future__ import annotations

import ctypes
import multiprocessing
import threading

import numpy as np
import pytest
import tilewright as tw
from raising import raises
from test_build import add, matmul, packed, tiled, whole
from tilewright import te

# Threads of Python


def run_at_once(*jobs):
    """Run functions on a thread each; gives what they raised."""
    failures = []

    def guarded(job):
        try:
            job()
        except BaseException as error:
            failures.append(error)

    workers = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)
        assert not worker.is_alive()
    return failures


def test_threads_call_with_shapes_strides_and_parameters_of_their_own(rng):
    sizes = (te.var(name, range=(0, 300)) for name in "mnk")
    product, sums = tw.build(matmul(*sizes)), tw.build(tiled())

    def multiply(m, n, k, order):
        a, b = np.asarray(whole(rng_of(m), m, k), order=order), whole(rng_of(n), k, n)
        for _ in range(50):
            np.testing.assert_array_equal(product(a, b), a @ b)

    def sum_up(tile, threads):
        a, b, c = whole(rng_of(tile), 100), whole(rng_of(threads), 100), np.empty(100, "float32")
        for _ in range(100):
            sums(a, b, c, params={"tile": tile}, threads=threads)
            np.testing.assert_array_equal(c, a + b)

    def rng_of(seed):
        return np.random.default_rng(seed)

    jobs = [lambda i=i: multiply(10 * i, 7 + i, 30 - i, "CF"[i % 2]) for i in range(4)]
    jobs += [lambda i=i: sum_up(4 * i + 4, i % 2 + 1) for i in range(4)]
    assert run_at_once(*jobs) == []
    assert product.stats.copies["A"] == 2 * 50


def test_threads_build_prepare_export_and_load_at_once(tmp_path):
    def work(i):
        rng = np.random.default_rng(i)
        a, b = whole(rng, 5, 19), whole(rng, 19, 37)
        f = tw.build(packed()).prepare({"B": b})
        f.export(tmp_path / f"libproduct{i}.so", embed_weights=i % 2 == 0)
        library = tw.load(tmp_path / f"libproduct{i}.so")
        for _ in range(20):
            np.testing.assert_array_equal(f(a), a @ b)
            np.testing.assert_array_equal(library(a), a @ b)

    assert run_at_once(*(lambda i=i: work(i) for i in range(4))) == []


def test_closing_what_others_call_ends_their_calls_by_an_error(tmp_path, rng):
    f = tw.build(matmul(64, 64, 64))
    f.export(tmp_path / "libproduct.so")
    a, b = whole(rng, 64, 64), whole(rng, 64, 64)
    for what in (f, tw.load(tmp_path / "libproduct.so")):
        started = threading.Barrier(4)

        def call(what=what, started=started):
            started.wait()
            while True:
                np.testing.assert_array_equal(what(a, b), a @ b)

        def close(what=what, started=started):
            started.wait()
            what.close()

        failures = run_at_once(call, call, call, close)
        assert len(failures) == 3
        assert all(isinstance(one, ValueError) and "is closed" in str(one) for one in failures)


class Closing:
    """An array that closes a function when it is asked for its memory."""

    def __init__(self, function, values):
        self.function, self.values = function, values

    def __dlpack__(self, **options):
        self.function.close()
        return self.values.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.values.__dlpack_device__()


def test_closing_inside_of_a_call_lets_it_end():
    f = tw.build(add())
    ones = np.ones(4, "float32")
    assert f(Closing(f, ones), ones).numpy().tolist() == [2, 2, 2, 2]
    with raises(ValueError, "main is closed"):
        f(ones, ones)


# Processes


def _call_in_child(function, a, b):
    built = tw.build(tiled())
    return bool((function(a, b) == a + b).all() and (built(a, b, threads=2) == a + b).all())


_inherited = {}


def _call_inherited(seed):
    a = whole(np.random.default_rng(seed), 100)
    return _call_in_child(_inherited["function"], a, a)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_processes_call_what_they_inherit(rng):
    f = _inherited["function"] = tw.build(tiled())
    a = whole(rng, 100)
    np.testing.assert_array_equal(f(a, a), a + a)  # the threads are there now
    with multiprocessing.get_context("fork").Pool(3) as pool:
        assert all(pool.map_async(_call_inherited, range(12)).get(timeout=60))
    np.testing.assert_array_equal(f(a, a), a + a)


# Shapes and memory that cannot be


@pytest.mark.parametrize("n", [2**46, 2**50, 2**61, 2**62, 2**63 - 1])
def test_sizes_beyond_all_memory(n):
    size = te.var("n")
    f = tw.build(te.compute((size,), lambda i: i * 2.0, name="B"))
    with raises(ValueError, "no memory|larger than|too large|does not fit"):
        f(n)
    with raises(ValueError, "no memory|larger than any memory"):
        tw.empty((n, 8))
    with raises(ValueError, "larger than any memory"):
        tw.empty((2**32, 2**32, 2))


def test_huge_views_of_little_memory():
    size = te.var("n")
    A = te.placeholder((size,), name="A")
    f = tw.build(te.compute((size,), lambda i: A[i] * 2, name="B"))
    with raises(ValueError, "no memory"):
        f(np.broadcast_to(np.float32(1), (2**46,)))


def test_memory_mapped_files_are_inputs_and_stay_as_they_are(tmp_path, rng):
    values = whole(rng, 100)
    values.tofile(tmp_path / "values")
    mapped = np.memmap(tmp_path / "values", dtype="float32", mode="r")
    f = tw.build(tiled())
    np.testing.assert_array_equal(f(mapped, mapped), 2 * values)
    np.testing.assert_array_equal(f(tw.Array.from_dlpack(mapped), mapped).numpy(), 2 * values)
    assert f.stats.copies == {}
    for output in (mapped, tw.Array.from_dlpack(mapped)):
        with raises(ValueError, "output 'C' is read-only and would be written"):
            f(values, values, output)
    np.testing.assert_array_equal(np.fromfile(tmp_path / "values", "float32"), values)


# DLPack that is not what it should be


class Device(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int32), ("id", ctypes.c_int32)]


class Tensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device", Device),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("offset", ctypes.c_uint64),
    ]


class Managed(ctypes.Structure):
    _fields_ = [("tensor", Tensor), ("context", ctypes.c_void_p), ("deleter", ctypes.c_void_p)]


class Versioned(ctypes.Structure):
    _fields_ = [
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("context", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("tensor", Tensor),
    ]


new_capsule = ctypes.pythonapi.PyCapsule_New
new_capsule.restype, new_capsule.argtypes = ctypes.py_object, [ctypes.c_void_p] * 3


class Producer:
    """Gives a capsule made by hand: a float32 array of 4 elements, but for what is asked otherwise."""

    def __init__(self, capsule_name=b"dltensor", says=(1, 0), major=1, **fields):
        self.memory, self.shape = (ctypes.c_float * 4)(1, 2, 3, 4), (ctypes.c_int64 * 1)(4)
        self.says = says
        tensor = Tensor(ctypes.addressof(self.memory), Device(1, 0), 1, 2, 32, 1, self.shape, None, 0)
        for name, value in fields.items():
            setattr(tensor, name, value)
        self.name = ctypes.create_string_buffer(capsule_name)
        versioned = capsule_name == b"dltensor_versioned"
        self.managed = Versioned(major=major, tensor=tensor) if versioned else Managed(tensor)
        # The name of a capsule has to live as long as it.
        self.capsule = new_capsule(ctypes.addressof(self.managed), ctypes.addressof(self.name), None)

    def __dlpack__(self, **_):
        return self.capsule

    def __dlpack_device__(self):
        return self.says


def shape_of(*extents):
    return (ctypes.c_int64 * len(extents))(*extents)


LIES = [
    (dict(ndim=-1), "has -1 dimensions as DLPack says"),
    (dict(ndim=2**31 - 1), "has 2147483647 dimensions as DLPack says"),
    (dict(shape=None), "has no shape .null. as DLPack says"),
    (dict(shape=shape_of(-4)), "has extent -4 in dimension 0 as DLPack says"),
    (dict(ndim=3, shape=shape_of(2**31, 2**31, 2)), "larger than any memory"),
    (dict(data=None), "has elements but no memory"),
    (dict(device=Device(2, 0)), "CUDA"),
    (dict(device=Device(77, 0)), "device type 77"),
    (dict(bits=33), "type code 2, 33 bits"),
    (dict(lanes=4), "4 lanes"),
    (dict(code=5, bits=64), "type code 5"),
]


@pytest.mark.parametrize("name", [b"dltensor", b"dltensor_versioned"])
@pytest.mark.parametrize("fields, message", LIES, ids=[message for _, message in LIES])
def test_tensors_that_cannot_be(fields, message, name):
    lie = Producer(name, **fields)
    f = tw.build(add())
    for take in (tw.Array.from_dlpack, lambda one: f(one, np.ones(4, "float32"))):
        with raises((ValueError, TypeError), message):
            take(lie)


@pytest.mark.parametrize("name", [b"dltensor", b"dltensor_versioned"])
def test_a_capsule_is_taken_once(name):
    producer = Producer(name)
    assert tw.Array.from_dlpack(producer).numpy().tolist() == [1, 2, 3, 4]
    with raises(ValueError, "is no capsule of DLPack"):
        tw.Array.from_dlpack(producer)


def test_capsules_that_are_none():
    with raises(ValueError, "source: __dlpack__ gave .*no capsule of DLPack"):
        tw.Array.from_dlpack(Producer(b"something else"))
    with raises(ValueError, "DLPack 9.0; versions up to 1"):
        tw.Array.from_dlpack(Producer(b"dltensor_versioned", major=9))
    for nothing in (None, 7, "dltensor", object()):
        producer = Producer()
        producer.capsule = nothing
        with raises(ValueError, "no capsule of DLPack"):
            tw.Array.from_dlpack(producer)


@pytest.mark.parametrize("device", [None, 7, (1,), ("cpu", 0), (1, 2, 3), (2**40, 0), (2**80, 0)])
def test_devices_that_are_none(device):
    with raises(ValueError, "no pair of ints|lies on device"):
        tw.Array.from_dlpack(Producer(says=device))


class Raising(Producer):
    """Raises when it is asked."""

    def __init__(self, method, error):
        super().__init__()
        self.method, self.error = method, error

    def __dlpack__(self, **options):
        if self.method == "__dlpack__":
            raise self.error
        return super().__dlpack__()

    def __dlpack_device__(self):
        if self.method == "__dlpack_device__":
            raise self.error
        return super().__dlpack_device__()


@pytest.mark.parametrize("method", ["__dlpack__", "__dlpack_device__"])
def test_producers_that_raise(method):
    f = tw.build(add())
    for error in (RuntimeError("no"), BufferError("no"), TypeError("no"), MemoryError("no")):
        with raises(ValueError, f"main: input 'A': {method} failed: {type(error).__name__}: no"):
            f(Raising(method, error), np.ones(4, "float32"))
    with pytest.raises(KeyboardInterrupt):
        f(Raising(method, KeyboardInterrupt()), np.ones(4, "float32"))
