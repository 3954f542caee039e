"""tw.Array: its own memory, and that of others by DLPack."""

from __future__ import annotations

import gc
import weakref

import ml_dtypes
import numpy as np
import pytest
import tilewright as tw
from raising import raises

DTYPES = [
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "bfloat16", "float32", "float64"),
]


def numpy_dtype(name: str) -> np.dtype:
    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)


class Producer:
    """Something with DLPack that is no NumPy array."""

    def __init__(self, array, device=(1, 0), versioned=True):
        self.array, self.device, self.versioned = array, device, versioned

    def __dlpack_device__(self):
        return self.device

    def __dlpack__(self, **options):
        if not self.versioned and "max_version" in options:
            raise TypeError("__dlpack__() got an unexpected keyword argument 'max_version'")
        return self.array.__dlpack__(**options)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (1,), (3, 5), (0,), (2, 0, 3)], ids=str)
def test_arrays_own_aligned_memory(dtype, shape):
    x = tw.empty(shape, dtype)
    assert (x.shape, x.dtype, x.ndim, x.read_only) == (shape, dtype, len(shape), False)
    assert x.nbytes == np.prod(shape) * numpy_dtype(dtype).itemsize
    view = x.numpy()
    assert view.shape == shape and view.dtype == numpy_dtype(dtype)
    assert view.ctypes.data % 64 == 0 or view.size == 0
    view[...] = 1
    np.testing.assert_array_equal(np.asarray(x), np.ones(shape, numpy_dtype(dtype)))


@pytest.mark.parametrize("dtype", DTYPES)
def test_array_copies_and_keeps_the_dtype(dtype):
    a = np.array([[0, 1, 1], [1, 0, 1]]).astype(numpy_dtype(dtype)).T
    x = tw.array(a)
    assert (x.dtype, x.shape, x.strides) == (dtype, (3, 2), (2, 1))
    a[...] = 0
    assert x.numpy().astype("float64").sum() == 4


def test_array_takes_numbers_lists_and_dtypes():
    assert tw.array(3, "int16").shape == ()
    assert tw.array([[1, 2]], "float32").numpy().tolist() == [[1, 2]]
    assert tw.array(tw.array([1, 2], "int8")).dtype == "int8"
    with raises(TypeError, "unknown dtype 'complex128'"):
        tw.array([1j])


def test_a_numpy_view_keeps_the_memory_alive():
    view = tw.array(np.arange(1000)).numpy()
    gc.collect()
    assert view.sum() == 499500


@pytest.mark.parametrize("dtype", [d for d in DTYPES if d != "bfloat16"])
def test_numpy_reads_it_by_dlpack_without_a_copy(dtype):
    x = tw.array(np.array([1, 0, 1]), dtype)
    view = np.from_dlpack(x)
    assert view.dtype == dtype and view.flags.writeable
    x.numpy()[1] = 1
    assert view.tolist() == np.ones(3, dtype).tolist()


@pytest.mark.parametrize("versioned", [True, False])
def test_from_dlpack_shares_memory_and_honours_strides(versioned):
    a = np.arange(24, dtype="int32").reshape(4, 6)
    x = tw.Array.from_dlpack(Producer(a[1::2, ::-2], versioned=versioned))
    assert (x.shape, x.strides) == ((2, 3), (12, -2))
    np.testing.assert_array_equal(x.numpy(), a[1::2, ::-2])
    x.numpy()[0, 0] = 99
    assert a[1, 5] == 99
    np.testing.assert_array_equal(np.from_dlpack(x), a[1::2, ::-2])


def test_memory_of_others_lives_as_long_as_it_is_used():
    class Tracked(np.ndarray):
        pass

    a = np.arange(6.0).view(Tracked)
    gone = weakref.ref(a)
    x = tw.Array.from_dlpack(a)
    view = x.numpy()
    del a, x
    gc.collect()
    assert gone() is not None and view.sum() == 15
    del view
    gc.collect()
    assert gone() is None


def test_read_only_memory_stays_so():
    a = np.arange(3)
    a.flags.writeable = False
    x = tw.Array.from_dlpack(a)
    assert x.read_only and "read-only" in repr(x)
    assert not x.numpy().flags.writeable
    assert not np.from_dlpack(x).flags.writeable
    with pytest.raises(BufferError, match="read-only"):
        x.__dlpack__()
    assert not tw.array(x).read_only


def test_capsules_that_nobody_takes_are_freed():
    class Tracked(np.ndarray):
        pass

    a = np.arange(6.0).view(Tracked)
    gone = weakref.ref(a)
    x = tw.Array.from_dlpack(a)
    capsules = [x.__dlpack__(), x.__dlpack__(max_version=(1, 0))]
    del a, x
    gc.collect()
    assert gone() is not None
    del capsules
    gc.collect()
    assert gone() is None


def test_dlpack_options():
    x = tw.array([1, 2, 3], "int32")
    assert x.__dlpack_device__() == (1, 0)
    copy = np.from_dlpack(x, copy=True)
    x.numpy()[0] = 9
    assert copy.tolist() == [1, 2, 3]
    assert "versioned" in repr(x.__dlpack__(max_version=(1, 2)))
    assert "versioned" not in repr(x.__dlpack__(max_version=(0, 8)))
    with pytest.raises(BufferError, match="stream"):
        x.__dlpack__(stream=1)
    with pytest.raises(BufferError, match="CPU"):
        x.__dlpack__(dl_device=(2, 0))


def test_numpy_converts_it():
    x = tw.array([1, 2], "int16")
    assert np.asarray(x).dtype == "int16" and np.shares_memory(np.asarray(x), x.numpy())
    assert np.asarray(x, "float32").dtype == "float32"
    assert not np.shares_memory(np.array(x), x.numpy())
    with pytest.raises(ValueError, match="copy"):
        np.asarray(x, dtype="float32", copy=False)
    assert len(x) == 2


def test_torch_tensors_share_memory():
    torch = pytest.importorskip("torch")
    t = torch.arange(6, dtype=torch.bfloat16).reshape(2, 3)
    x = tw.Array.from_dlpack(t)
    assert (x.dtype, x.shape) == ("bfloat16", (2, 3))
    x.numpy()[0, 0] = 7
    assert t[0, 0] == 7
    assert torch.from_dlpack(tw.array([1, 2], "float32")).tolist() == [1, 2]


def test_refusals():
    with raises(TypeError, "list has no __dlpack__"):
        tw.Array.from_dlpack([1, 2])
    with raises(ValueError, r"source lies on device \(2, 0\)"):
        tw.Array.from_dlpack(Producer(np.zeros(2), device=(2, 0)))
    with raises(TypeError, "source has elements of DLPack type code 5, 128 bits"):
        tw.Array.from_dlpack(np.zeros(2, "complex128"))
    with raises(ValueError, "extents must be at least 0"):
        tw.empty((2, -1))
    with raises(ValueError, "larger than any memory"):
        tw.empty((1 << 40, 1 << 40))
    with raises(ValueError, "there is no memory for an array"):
        tw.empty((1 << 46,))
    with raises(TypeError, "'12' of type str is no shape"):
        tw.empty("12")
    with raises(TypeError, "extent 1.5 of type float is no int"):
        tw.empty((1.5,))
    with raises(TypeError, "unknown dtype 'float31'"):
        tw.empty(3, "float31")
    with raises(TypeError, "rank 0 has no length"):
        len(tw.empty(()))


@pytest.mark.parametrize("produce", [lambda: 1 / 0, lambda: "no capsule"])
def test_a_producer_that_fails_is_named(produce):
    class Broken:
        def __dlpack_device__(self):
            return 1, 0

        def __dlpack__(self, max_version=None):
            return produce()

    with raises(ValueError, "source: __dlpack__"):
        tw.Array.from_dlpack(Broken())
