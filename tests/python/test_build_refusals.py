"""What tw.build and its functions refuse: each error names the argument."""

from __future__ import annotations

import numpy as np
import pytest
import tilewright as tw
from raising import raises
from test_arrays import Producer
from test_build import add, matmul, tiled
from tilewright import te


@pytest.fixture(scope="module")
def product():
    return tw.build(matmul())


def arrays(**other):
    """Arguments of the product that fit, but for some."""
    fit = dict(A=np.ones((5, 3), "float32"), B=np.ones((3, 7), "float32"), C=np.ones((5, 7), "float32"))
    return {**fit, **other}


def read_only(array):
    array.flags.writeable = False
    return array


def unaligned(shape, dtype="float32"):
    count = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.zeros(count + 1, "uint8")[1:].view(dtype).reshape(shape)


WRONG_ARRAYS = {
    "dtype": (dict(A=np.ones((5, 3))), TypeError, r"input 'A' has dtype float64 but float32 is needed"),
    "dtype of an output": (dict(C=np.ones((5, 7), "int32")), TypeError, "output 'C' has dtype int32"),
    "dtype of an array": (dict(B=tw.empty((3, 7), "int8")), TypeError, "input 'B' has dtype int8"),
    "dtype by DLPack": (
        dict(B=Producer(np.ones((3, 7), "complex64"))),
        TypeError,
        "input 'B' has elements of DLPack",
    ),
    "rank": (dict(A=np.ones(5, "float32")), ValueError, r"input 'A' has 1 dimensions \(5,\) but 2 are"),
    "rank of an array": (dict(A=tw.empty(5)), ValueError, r"input 'A' has 1 dimensions but 2 are needed"),
    "shape": (dict(B=np.ones((4, 7), "float32")), ValueError, "'B'.*4.*3"),
    "shape of an output": (dict(C=np.ones((5, 8), "float32")), ValueError, "'C'.*8.*7"),
    "device": (
        dict(A=Producer(np.ones((5, 3), "float32"), device=(2, 1))),
        ValueError,
        r"input 'A' lies on device \(2, 1\)",
    ),
    "read-only output": (
        dict(C=read_only(np.ones((5, 7), "float32"))),
        ValueError,
        "output 'C' is read-only",
    ),
    "read-only array": (
        dict(C=tw.Array.from_dlpack(read_only(np.ones((5, 7), "float32")))),
        ValueError,
        "output 'C' is read-only",
    ),
    "strides of an output": (
        dict(C=np.ones((7, 5), "float32").T),
        ValueError,
        r"output 'C' has strides \(4, 20\) bytes for shape \(5, 7\); .* contiguous",
    ),
    "strides of an array": (
        dict(C=tw.Array.from_dlpack(np.ones((7, 5), "float32").T)),
        ValueError,
        "output 'C' is strided",
    ),
    "alignment of an output": (
        dict(C=unaligned((5, 7))),
        ValueError,
        "output 'C' begins at an address that is no multiple of 4 bytes",
    ),
    "byte order of an output": (
        dict(C=np.ones((5, 7), ">f4")),
        ValueError,
        "output 'C' is not in the byte order",
    ),
    "a list": (dict(A=[[1.0] * 3] * 5), TypeError, r"input 'A' takes an array .* not list"),
    "None": (dict(A=None), TypeError, "input 'A' takes an array .* not NoneType"),
    "a number": (dict(A=3), TypeError, "input 'A' takes an array .* not int"),
}


@pytest.mark.parametrize("name", WRONG_ARRAYS)
def test_arrays_that_do_not_fit(name, product):
    other, kind, match = WRONG_ARRAYS[name]
    with raises(kind, f"main: .*{match}|main: {match}"):
        product(**arrays(**other))


@pytest.mark.parametrize("name", ["A", "B"])
@pytest.mark.parametrize("kind", ["same", "part"])
def test_an_output_overlaps_no_input(name, kind):
    f = tw.build(add(8))
    memory = np.zeros(12, "float32")
    given = dict(A=np.zeros(8, "float32"), B=np.zeros(8, "float32"), C=memory[:8])
    given[name] = memory[:8] if kind == "same" else memory[4:]
    with raises(ValueError, f"main: .*'C'.*'{name}'|main: .*'{name}'.*'C'"):
        f(**given)


def test_two_outputs_do_not_overlap():
    A = te.placeholder((3,), name="A")
    f = tw.build([te.compute((3,), lambda i, s=s: A[i] + s, name=f"B{s}") for s in (1, 2)])
    out = np.zeros(3, "float32")
    with raises(ValueError, "'B1'.*'B2'|'B2'.*'B1'"):
        f(np.zeros(3, "float32"), out, out)


def test_counts_and_names(product):
    a, b, c = arrays().values()
    with raises(ValueError, r"main takes 3 arguments \(A, B, C\), or 2 without the outputs, but 4 are given"):
        product(a, b, c, c)
    with raises(ValueError, "main is called without B; its arguments are A, B, C"):
        product(a)
    with raises(ValueError, "main is called without A, B"):
        product(C=c)
    with raises(ValueError, "input 'A' is given twice"):
        product(a, b, A=a)
    with raises(ValueError, r"main has no argument 'AA' \(did you mean 'A'"):
        product(a, b, AA=c)
    A = te.placeholder((3,), name="A")
    pair = tw.build([te.compute((3,), lambda i, s=s: A[i] + s, name=f"B{s}") for s in (1, 2)])
    x = np.zeros(3, "float32")
    with raises(ValueError, "main is given 1 of its 2 outputs"):
        pair(x, B1=np.zeros(3, "float32"))
    with raises(
        ValueError, r"main takes 3 arguments \(A, B1, B2\), or 1 without the outputs, but 2 are given"
    ):
        pair(x, x)


def test_shapes_that_contradict_each_other():
    n = te.var("n", range=(0, 9))
    A, B = te.placeholder((n,), name="A"), te.placeholder((n,), name="B")
    f = tw.build(te.compute((n,), lambda i: A[i] + B[i], name="C"))
    with raises(ValueError, "main: .*'B'.*4.*3"):
        f(np.ones(3, "float32"), np.ones(4, "float32"))
    with raises(ValueError, "main: .*n.*10"):
        f(np.ones(10, "float32"), np.ones(10, "float32"))


def test_sizes():
    n = te.var("n", range=(1, 9))
    f = tw.build(te.compute((n,), lambda i: i, name="B"))
    with raises(TypeError, "input 'n' is a size: it takes an int, not float"):
        f(2.0)
    with raises(TypeError, "input 'n' is a size: it takes an int, not bool"):
        f(True)
    with raises(ValueError, "main: .*'n'.*0"):
        f(0)
    with raises(ValueError, "main: .*'n'.*-3"):
        f(-3)
    with raises(ValueError, "does not fit into 64 bits"):
        f(1 << 70)
    with raises(ValueError, "'B'.*3.*2|'B'.*2.*3"):
        f(3, np.empty(2, "int64"))


def test_an_output_of_negative_extent():
    n = te.var("n", range=(0, 9))
    A = te.placeholder((n,), name="A")
    f = tw.build(te.compute((n - 2,), lambda i: A[i], name="B"))
    assert f(np.ones(2, "float32")).shape == (0,)
    with raises(ValueError, "main: .*'B'.*-1"):
        f(np.ones(1, "float32"))


def test_parameters():
    f = tw.build(tiled())
    a, b = np.ones(100, "float32"), np.ones(100, "float32")
    with raises(
        ValueError, r"main has no parameter 'tiles' \(did you mean 'tile'\?\); its parameters are tile"
    ):
        f(a, b, params={"tiles": 4})
    with raises(ValueError, "main: .*'tile'.*-4"):
        f(a, b, params={"tile": -4})
    with raises(ValueError, "main: .*'tile'.*68"):
        f(a, b, params={"tile": 68})
    with raises(ValueError, "main: .*'tile'.*6.*multiple of 4"):
        f(a, b, params={"tile": 6})
    with raises(TypeError, "main: parameter 'tile' is an int, not float"):
        f(a, b, params={"tile": 4.0})
    with raises(TypeError, "params is a dict of parameters by name, not int"):
        f(a, b, params=4)
    with raises(ValueError, "main has no parameter 'mc'.*; its parameters are none"):
        tw.build(add())(np.ones(4, "float32"), np.ones(4, "float32"), params={"mc": 1})


def test_threads():
    f = tw.build(add())
    a = np.ones(4, "float32")
    with raises(ValueError, "threads is 0; it must be at least 1"):
        f(a, a, threads=0)
    with raises(TypeError, "threads is a number of threads, not str"):
        f(a, a, threads="2")


def test_a_producer_that_refuses_is_named():
    class Refusing:
        def __dlpack_device__(self):
            return 1, 0

        def __dlpack__(self, **options):
            raise BufferError("it needs a gradient")

    with raises(ValueError, "main: input 'A': __dlpack__ failed: BufferError: it needs a gradient"):
        tw.build(add())(Refusing(), np.ones(4, "float32"))


def test_a_closed_function():
    f = tw.build(matmul(constant=True))
    a, b, _ = arrays().values()
    g = f.prepare({"B": b})
    f.close()
    f.close()
    for use in (
        lambda: f(a, b),
        lambda: f.time(a, b),
        lambda: f.source("asm"),
        lambda: f.stats,
        lambda: f.prepare({"B": b}),
        lambda: f.export("libx.so"),
    ):
        with raises(ValueError, "main is closed"):
            use()
    np.testing.assert_array_equal(g(a), a @ b)


def test_constants():
    f = tw.build(matmul(constant=True))
    a, b, _ = arrays().values()
    with raises(ValueError, r"main has no constant 'A'.*; its constants are B"):
        f.prepare({"A": a})
    with raises(ValueError, "its constants are none"):
        tw.build(matmul()).prepare({"B": b})
    with raises(ValueError, "prepare is given no constant"):
        f.prepare({})
    with raises(TypeError, "constants is a dict of arrays by name, not list"):
        f.prepare([b])
    with raises(TypeError, "'B' has dtype float64"):
        f.prepare({"B": b.astype("float64")})
    with raises(ValueError, "'B' has extent 4 in dimension 0 but 3 is needed"):
        f.prepare({"B": np.ones((4, 7), "float32")})
    with raises(ValueError, "main has no argument 'B'"):
        f.prepare({"B": b})(a, B=b)
    with raises(NotImplementedError, "some of its constants are prepared already"):
        f.prepare({"B": b}).prepare({"B": b})


def test_options_of_time():
    f = tw.build(add())
    a = np.ones(4, "float32")
    with raises(ValueError, "cache is 'cold'"):
        f.time(a, a, cache="cold")
    with raises(ValueError, "seconds is -1"):
        f.time(a, a, seconds=-1)
    with raises(ValueError, "main is called without B"):
        f.time(a)


def test_sources():
    with raises(ValueError, "cuda.*loops.*llvm.*asm|loops.*llvm.*asm"):
        tw.build(add()).source("cuda")


def test_what_cannot_be_built():
    for what in (3, "C", [], [1], None, te.placeholder):
        with raises(TypeError, "cannot be built; give a schedule"):
            tw.build(what)
    with raises(ValueError, "placeholder"):
        tw.build(te.placeholder((3,), name="A"))
    with raises(ValueError, "args orders the arguments of tensors"):
        tw.build(tw.Schedule(add()), args=[])


def test_options_of_build():
    with raises(ValueError, "rewrites is 'fast'"):
        tw.build(add(), rewrites="fast")
    with raises(ValueError, "there is no database nowhere.db; tuning makes one"):
        tw.build(add(), db="nowhere.db")
    with raises(ValueError, "record"):
        tw.build(add(), strict=True)
    with raises(TypeError, "target is a str such as 'llvm', not int"):
        tw.build(add(), 3)


@pytest.mark.parametrize(
    ("target", "match"),
    [
        ("llmv", "llvm"),
        ("", "llvm"),
        ("llvm -mcpu=znver44", "znver44.*znver4"),
        ("llvm -mtriple=nowhere-none", "nowhere"),
        ("llvm -thread=2", "thread.*threads"),
        ("llvm -threads=-2", "-2"),
        ("llvm -threads=many", "many"),
    ],
)
def test_targets_that_are_not_known(target, match):
    with raises(ValueError, match):
        tw.build(add(), target)


def test_code_for_another_machine_does_not_run_here():
    f = tw.build(matmul(constant=True), "llvm -mtriple=aarch64-linux-gnu -mcpu=neoverse-n1")
    assert "fmadd" in f.source("asm") or "fmla" in f.source("asm")
    a, b, _ = arrays().values()
    g = f.prepare({"B": b})
    for use in (lambda: f(a, b), lambda: f.time(a, b), lambda: g(a)):
        with raises(NotImplementedError, "main is built for another kind of machine and does not run here"):
            use()


def test_schedules_for_gpus_are_not_for_cpus():
    s = tw.Schedule(add(64))
    i, j = s.split(s.loops("C")[0], [None, 32])
    s.bind(i, "blockIdx.x")
    s.bind(j, "threadIdx.x")
    with raises(NotImplementedError, "blockIdx.x|threadIdx.x"):
        tw.build(s)


@pytest.mark.parametrize("bad", [-1, 5, 2**40])
def test_subscripts_that_data_give_are_index_errors_everywhere(bad):
    A, at = te.placeholder((5,), name="A"), te.placeholder((3,), "int64", name="at")
    B = te.compute((3,), lambda i: A[at[i]], name="B")
    inputs = {"A": np.ones(5, "float32"), "at": np.array([0, bad, 4])}
    with raises(IndexError, "subscript 0 of A, which the data give, is outside of its extent 5"):
        tw.build(B)(**inputs)
    with raises(IndexError, "out-of-bounds read of A"):
        tw.interpret(B, inputs)
