"""tw.load: exported libraries are called from Python as the functions were."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
import tilewright as tw
from raising import raises
from test_build import add, matmul, packed, tiled, whole
from tilewright import te


@pytest.fixture
def exported(tmp_path):
    """Export what can be built, and load it back."""

    def export(what, name="lib", target="llvm"):
        path = tmp_path / f"lib{name}.so"
        tw.build(what, target).export(path)
        return tw.load(path)

    return export


def test_a_library_computes_what_the_function_does(exported, rng):
    library = exported(matmul(), "product")
    a, b, c = whole(rng, 5, 3), whole(rng, 3, 7), np.empty((5, 7), "float32")
    assert repr(library) == "<tw.Library product>" and library.name == "product"
    np.testing.assert_array_equal(library(a, b), a @ b)
    assert library(a, B=b, C=c) is None
    np.testing.assert_array_equal(c, a @ b)
    np.testing.assert_array_equal(library(tw.array(a), np.asfortranarray(b)).numpy(), a @ b)


def test_sizes_from_shapes_and_as_arguments(exported, rng):
    library = exported(matmul(*(te.var(name, range=(0, 100)) for name in "mnk")))
    for m, n, k in [(1, 2, 3), (17, 0, 4), (3, 5, 0)]:
        a, b = whole(rng, m, k), whole(rng, k, n)
        np.testing.assert_array_equal(library(a, b), a @ b)
    n = te.var("n", range=(0, 9))
    assert exported(te.compute((n,), lambda i: i * 3, name="B"), "triple")(3).tolist() == [0, 3, 6]


def test_parameters_and_threads(exported, rng):
    library = exported(tiled(), "add", "llvm -threads=2")
    a, b = whole(rng, 100), whole(rng, 100)
    assert library.params == {"tile": 16} and library.params["tile"].max == 64
    for options in ({}, {"params": {"tile": 4}}, {"threads": 1}):
        np.testing.assert_array_equal(library(a, b, **options), a + b)
    assert library.time(a, b, seconds=0).min > 0


def test_the_description(exported):
    description = exported(tiled(), "add").description
    assert description["name"] == "add"
    assert [one["name"] for one in description["inputs"]] == ["A", "B"]
    assert [one["name"] for one in description["outputs"]] == ["C"]
    assert description["parameters"][0]["name"] == "tile"


def test_two_libraries_and_one_twice(exported, tmp_path, rng):
    sums, product = exported(add(), "sums"), exported(matmul(), "product")
    again = tw.load(tmp_path / "libsums.so")
    x, a, b = whole(rng, 4), whole(rng, 5, 3), whole(rng, 3, 7)
    for _ in range(2):
        np.testing.assert_array_equal(sums(x, x), x + x)
        np.testing.assert_array_equal(product(a, b), a @ b)
        np.testing.assert_array_equal(again(x, x), x + x)
    sums.close()
    with raises(ValueError, "sums is closed"):
        sums(x, x)
    np.testing.assert_array_equal(again(x, x), x + x)


def test_wrong_arguments_are_named(exported):
    library = exported(matmul(), "product")
    a, b = np.ones((5, 3), "float32"), np.ones((3, 7), "float32")
    with raises(TypeError, "input 'A' has dtype float64"):
        library(a.astype("float64"), b)
    with raises(ValueError, "'B'.*4, 7.*3, 7"):
        library(a, np.ones((4, 7), "float32"))
    with raises(ValueError, "called without B"):
        library(a)


def test_files_that_are_no_libraries_of_ours(tmp_path):
    with raises(ValueError, "libnothing.so"):
        tw.load(tmp_path / "libnothing.so")
    (tmp_path / "libtext.so").write_text("no library")
    with raises(ValueError, "libtext.so"):
        tw.load(tmp_path / "libtext.so")


def test_a_library_of_another_machine(tmp_path):
    path = tmp_path / "libother.so"
    tw.build(add(), "llvm -mtriple=aarch64-linux-gnu -mcpu=neoverse-n1").export(path)
    with raises(tw.UserError, "libother.so"):
        tw.load(path)


@pytest.mark.parametrize("name", ["matmul.so", "libmat-mul.so", "lib.so", "libx.dll"])
def test_names_that_c_cannot_take(name, tmp_path):
    with raises(ValueError, name):
        tw.build(add()).export(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_path_that_cannot_be_written(tmp_path):
    with raises(ValueError, "libx.so"):
        tw.build(add()).export(tmp_path / "nowhere" / "libx.so")


# Functions whose constants are prepared


def prepared(rng, target="llvm", **options):
    """A function of A alone, and what it multiplies by."""
    b = whole(rng, 19, 37)
    return tw.build(packed(**options), target).prepare({"B": b}), b


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_prepared_constants_lie_in_the_library(tmp_path, rng):
    function, b = prepared(rng)
    function.export(tmp_path / "libproduct.so")
    function.close()
    assert names(tmp_path) == ["libproduct.h", "libproduct.so"]
    library = tw.load(tmp_path / "libproduct.so")
    a, c = whole(rng, 5, 19), np.empty((5, 37), "float32")
    np.testing.assert_array_equal(library(a), a @ b)
    library(A=a, C=c)
    np.testing.assert_array_equal(c, a @ b)
    assert library.description["weights"] == "embedded"
    assert [one["name"] for one in library.description["inputs"]] == ["A"]
    assert [one["name"] for one in library.description["constants"]] == ["B_global"]
    for cache in ("hot", "model"):
        assert library.time(a, cache=cache, seconds=0.01).min > 0
    with raises(ValueError, "has no argument 'B'"):
        library(a, B=b)
    with raises(ValueError, "has its weights in itself, so pass NULL for 'other'"):
        tw.load(tmp_path / "libproduct.so", weights="other")


def test_prepared_constants_lie_in_a_file_beside_the_library(tmp_path, rng, monkeypatch):
    function, b = prepared(rng)
    function.export(tmp_path / "libproduct.so", embed_weights=False)
    assert names(tmp_path) == ["libproduct.h", "libproduct.so", "libproduct.weights"]
    a = whole(rng, 5, 19)
    np.testing.assert_array_equal(tw.load(tmp_path / "libproduct.so")(a), a @ b)
    monkeypatch.chdir(tmp_path)
    np.testing.assert_array_equal(tw.load("libproduct.so")(a), a @ b)
    moved = tmp_path / "moved"
    (tmp_path / "libproduct.weights").rename(moved)
    with raises(ValueError, "product_open: cannot open the weights '.*libproduct.weights': No such file"):
        tw.load("libproduct.so")
    library = tw.load("libproduct.so", weights=moved)
    moved.unlink()  # what is mapped stays
    np.testing.assert_array_equal(library(a), a @ b)


def test_weights_of_another_export_are_refused(tmp_path, rng):
    for name in ("one", "two"):
        prepared(rng)[0].export(tmp_path / f"lib{name}.so", embed_weights=False)
    with raises(ValueError, "libtwo.weights' does not hold the weights: it belongs to another library"):
        tw.load(tmp_path / "libone.so", weights=tmp_path / "libtwo.weights")
    (tmp_path / "libone.weights").write_bytes((tmp_path / "libone.weights").read_bytes()[:-1])
    with raises(ValueError, "libone.weights' does not hold the weights: it is cut off"):
        tw.load(tmp_path / "libone.so")


@pytest.mark.parametrize("embed", [True, False])
def test_some_constants_prepared_and_sizes_that_they_show(tmp_path, rng, embed):
    m, n = te.var("m", range=(0, 100)), te.var("n", range=(1, 100))
    x = te.placeholder((m, n), name="x")
    w, b = (te.placeholder((n,), name=name, constant=True) for name in "wb")
    f = tw.build(te.compute((m, n), lambda i, j: x[i, j] * w[j] + b[j], name="y"))
    values = {"w": whole(rng, 7), "b": whole(rng, 7)}
    data = whole(rng, 3, 7)
    expected = data * values["w"] + values["b"]
    for given in (["w"], ["b"], ["w", "b"]):
        left = [values[name] for name in "wb" if name not in given]
        name = "lib" + "".join(given) + ".so"
        f.prepare({one: values[one] for one in given}).export(tmp_path / name, embed_weights=embed)
        library = tw.load(tmp_path / name)
        np.testing.assert_array_equal(library(data, *left), expected)
        with raises(ValueError, r"has the shape \(7,\), needs \(n,\) = \(8,\)"):
            library(whole(rng, 3, 8), *left)


def test_without_constants_there_are_no_weights(tmp_path, rng):
    tw.build(add()).export(tmp_path / "libsums.so", embed_weights=False)
    assert names(tmp_path) == ["libsums.h", "libsums.so"]
    with raises(ValueError, "the library has no weights, so pass NULL for 'w'"):
        tw.load(tmp_path / "libsums.so", weights="w")


PROGRAM = """
#include <stdio.h>
#include "libproduct.h"

int main(void) {
  static float a[5 * 19], c[5 * 37];
  int64_t shape_a[] = {5, 19}, shape_c[] = {5, 37};
  tw_tensor in = {a, TW_FLOAT32, 2, shape_a, NULL}, out = {c, TW_FLOAT32, 2, shape_c, NULL};
  product* handle;
  for (int i = 0; i < 5 * 19; i++) a[i] = (float)(i % 7 - 3);
  if (product_open(NULL, &handle) || product_run(handle, &in, 1, &out, 1)) puts(product_error());
  for (int i = 0; i < 5 * 37; i++) printf("%g ", c[i]);
  product_close(handle);
}
"""


@pytest.mark.parametrize("embed", [True, False])
def test_prepared_here_for_another_machine(tmp_path, rng, embed):
    if not (shutil.which("qemu-aarch64") and shutil.which("aarch64-linux-gnu-gcc")):
        pytest.skip("needs qemu-user and gcc-aarch64-linux-gnu")
    function, b = prepared(rng, "llvm -mtriple=aarch64-linux-gnu")
    function.export(tmp_path / "libproduct.so", embed_weights=embed)
    (tmp_path / "program.c").write_text(PROGRAM)
    compile = "aarch64-linux-gnu-gcc program.c -o program -L. -lproduct"
    run = "qemu-aarch64 -L /usr/aarch64-linux-gnu -E LD_LIBRARY_PATH=. ./program"
    subprocess.run(compile.split(), cwd=tmp_path, check=True)
    printed = subprocess.run(run.split(), cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    a = (np.arange(5 * 19) % 7 - 3).astype("float32").reshape(5, 19)
    np.testing.assert_array_equal(np.array(printed.split(), "float32").reshape(5, 37), a @ b)
