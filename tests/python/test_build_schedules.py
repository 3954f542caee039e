"""Random schedules over the corpus, compiled, have the values of the first program.

TW_FUZZ_COUNT is how many schedules each operator gets (default 4), TW_FUZZ_SEED the first seed.
"""

from __future__ import annotations

import os

import corpus
import numpy as np
import pytest
import tilewright as tw
from test_corpus import as_tuple, check, strided

COUNT = int(os.environ.get("TW_FUZZ_COUNT", "4"))
SEED = int(os.environ.get("TW_FUZZ_SEED", "1"))


class Steps:
    """Applies random steps to a schedule; those that are refused leave it as it is."""

    def __init__(self, schedule: tw.Schedule, rng: np.random.Generator) -> None:
        self.s, self.rng, self.params = schedule, rng, 0

    def pick(self, things):
        return things[self.rng.integers(len(things))] if things else None

    def loop(self):
        return self.pick(self.s.loops(self.pick(self.s.blocks())))

    def split(self):
        factor = self.pick([2, 3, 4, 5, 8, 16])
        if self.rng.random() < 0.3:
            self.params += 1
            factor = tw.param(f"tile_{self.params}", max=64, multiple_of=self.pick([1, 4]))
        self.s.split(self.loop(), self.pick([[None, factor], [factor, None]]))

    def reorder(self):
        loops = self.s.loops(self.pick(self.s.blocks()))
        self.s.reorder(*self.rng.permutation(np.array(loops, dtype=object)))

    def fuse(self):
        loops = self.s.loops(self.pick(self.s.blocks()))
        at = self.rng.integers(max(1, len(loops) - 1))
        self.s.fuse(*loops[at : at + 2])

    def vectorize(self):
        self.s.vectorize(self.pick([self.loop(), self.s.loops(self.pick(self.s.blocks()))[-1]]))

    def unroll(self):
        self.s.unroll(self.loop())

    def parallel(self):
        self.s.parallel(self.loop())

    def cache(self):
        block = self.pick(self.s.blocks())
        if self.rng.random() < 0.5:
            self.s.cache_write(block, "global")
        else:
            names = [argument.name for argument in self.s.program.arguments]
            self.s.cache_read(block, self.pick(names), "global")

    def move(self):
        block = self.pick(self.s.blocks())
        self.pick([self.s.compute_at, self.s.reverse_compute_at])(block, self.loop())

    def inline(self):
        self.s.compute_inline(self.pick(self.s.blocks()))

    def decompose(self):
        block = self.pick(self.s.blocks())
        self.s.decompose_reduction(block, self.pick(self.s.loops(block)))

    def rfactor(self):
        self.s.rfactor(self.loop(), 0)

    def partition(self):
        self.s.loop_partition(self.loop(), [self.pick([1, 3, 4]), None])

    def prefetch(self):
        block = self.pick(self.s.blocks())
        names = [argument.name for argument in self.s.program.arguments]
        self.s.prefetch(block, self.pick(names), self.pick(self.s.loops(block)), 4)

    STEPS = (
        *(split, split, split, reorder, fuse, vectorize, vectorize, unroll, parallel, cache, move, move),
        *(inline, decompose, rfactor, partition, prefetch),
    )

    def apply(self, count: int) -> None:
        for _ in range(count):
            step = self.pick(self.STEPS)
            try:
                step(self)
            except (tw.UserError, IndexError):
                continue


def random_params(f: tw.Function, rng: np.random.Generator) -> dict[str, int]:
    """Legal values of a function's parameters."""
    return {
        name: int(rng.integers(1, p.max // p.multiple_of + 1)) * p.multiple_of for name, p in f.params.items()
    }


ran = {"compiled": 0, "refused": 0}


@pytest.fixture(scope="module", autouse=True)
def report(request):
    """A test that refuses most programs tests little: how many ran is printed."""
    yield
    plugins = request.config.pluginmanager
    with plugins.get_plugin("capturemanager").global_and_fixture_disabled():
        plugins.get_plugin("terminalreporter").write_line(
            f"\n{ran['compiled']} schedules compiled and run, {ran['refused']} refused"
        )
    if ran["compiled"] + ran["refused"] >= 40:
        assert ran["compiled"] >= 3 * ran["refused"]


@pytest.mark.parametrize("seed", range(SEED, SEED + COUNT))
@pytest.mark.parametrize("case", corpus.CASES, ids=lambda case: case.name)
def test_values(case, seed):
    rng = np.random.default_rng([seed, corpus.CASES.index(case)])
    operator = case.build(**case.sizes[rng.integers(len(case.sizes))])
    steps = Steps(tw.Schedule(operator.outputs), rng)
    steps.apply(12)
    try:
        function = tw.build(steps.s)
    except tw.Unsupported:
        ran["refused"] += 1
        return  # it is not known which instance of a reduction runs first
    ran["compiled"] += 1
    inputs = operator.inputs(rng)
    views = [strided(value) if isinstance(value, np.ndarray) else value for value in inputs]
    try:
        check(operator, as_tuple(function(*inputs)), inputs)
        for _ in range(2):
            check(operator, as_tuple(function(*views, params=random_params(function, rng))), inputs)
    except AssertionError as error:
        raise AssertionError(f"{error}\nseed {seed}\n{steps.s}\n{steps.s.trace.to_json()}") from None
