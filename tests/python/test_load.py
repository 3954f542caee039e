"""tw.load: exported libraries are called from Python as the functions were."""

from __future__ import annotations

import numpy as np
import pytest
import tilewright as tw
from raising import raises
from test_build import add, matmul, tiled, whole
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


def test_prepared_constants_are_not_exported_yet(tmp_path):
    g = tw.build(matmul(constant=True)).prepare({"B": np.ones((3, 7), "float32")})
    with raises(NotImplementedError, "constants that are prepared beforehand do not go into a library yet"):
        g.export(tmp_path / "libx.so")
