"""tw.roof: figures of the machine, their file, and what is refused."""

from __future__ import annotations

import json
import os

import pytest
import tilewright as tw


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Figures go to a folder of the tests' own."""
    folder = tmp_path_factory.mktemp("cache")
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(folder)
    yield folder / "tilewright"
    if before is None:
        del os.environ["XDG_CACHE_HOME"]
    else:
        os.environ["XDG_CACHE_HOME"] = before


@pytest.fixture(scope="module")
def roof(cache):
    return tw.roof(quick=True)


def test_every_dtype_has_a_rate(roof):
    assert {rate.dtype for rate in roof.rates} == {"float32", "bfloat16", "int8"}
    for rate in roof.rates:
        assert rate.operations == roof.operations(rate.dtype, rate.threads) > 0
        assert rate.instructions


def test_bandwidth_does_not_grow_with_the_working_set(roof):
    for kind in ("read", "write", "copy"):
        found = [roof.bandwidth(kind, 1 << power, 1) for power in range(10, 34)]
        assert found == sorted(found, reverse=True)


def test_the_figures_are_kept(roof, cache):
    (file,) = cache.iterdir()
    assert json.loads(file.read_text()) == json.loads(roof.to_json())
    assert tw.roof(quick=True).to_json() == roof.to_json()


def test_seconds_are_those_of_what_binds(roof):
    computing = roof.seconds("float32", operations=1e12, bytes=1, threads=1)
    assert computing == pytest.approx(1e12 / roof.operations("float32", 1))
    moving = roof.seconds("float32", operations=1, bytes=1 << 30, threads=1)
    assert moving == pytest.approx((1 << 30) / roof.bandwidth("copy", 1 << 30, 1))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda roof: roof.operations("float64", 1), "float64"),
        (lambda roof: roof.operations("float32", 0), "at least 1"),
        (lambda roof: roof.bandwidth("swap", 1, 1), "'read', 'write' and 'copy'"),
        (lambda roof: roof.seconds("int8", 1, 1, -1), "-1 threads"),
        (lambda roof: tw.measure_rate("complex64", 1), "complex64"),
        (lambda roof: tw.measure_bandwidth(1 << 20, 0), "0 threads"),
    ],
)
def test_what_was_not_measured_is_refused(roof, call, message):
    with pytest.raises(tw.InvalidValue, match=message):
        call(roof)


def test_one_figure_is_measured_now(roof):
    assert tw.measure_rate("int8", 1).threads == 1
    assert tw.measure_bandwidth(1 << 16, 1).working_set == 1 << 16
