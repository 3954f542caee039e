"""tw.machine: what schedules go by."""

from __future__ import annotations

import os

import pytest
import tilewright as tw


def test_threads_are_those_of_this_process():
    assert 1 <= tw.machine().threads <= len(os.sched_getaffinity(0))


def test_vectors_are_those_that_the_target_has():
    machine = tw.machine()
    assert machine.vector_bits in (128, 256, 512)
    assert machine.vector_registers in (16, 32)


def test_caches_grow_with_their_level():
    machine = tw.machine()
    levels = [cache.level for cache in machine.caches]
    assert levels == sorted(levels)
    assert all(cache.bytes > 0 and cache.shared_by >= 1 for cache in machine.caches)
    sizes = [machine.cache_bytes(level) for level in (1, 2, 3)]
    assert 0 < sizes[0] <= sizes[1]


def test_more_threads_reach_at_least_as_much_cache():
    machine = tw.machine()
    for level in (1, 2, 3):
        assert machine.cache_bytes(level, machine.threads) >= machine.cache_bytes(level)


@pytest.mark.parametrize(("level", "threads"), [(0, 1), (4, 1), (-1, 1), (1, 0), (2, -3)])
def test_levels_and_threads_that_there_are_not(level, threads):
    with pytest.raises(tw.InvalidValue, match=r"asked for"):
        tw.machine().cache_bytes(level, threads)
