"""The schedules of examples/schedules, compiled, equal NumPy at all their sizes and parameters."""

from __future__ import annotations

import pytest
import tilewright as tw
from test_example_schedules import EXAMPLES, SIZES


class Compiled:
    """What Example.check takes for a schedule: its program runs as machine code."""

    def __init__(self, schedule: tw.Schedule) -> None:
        self.function = tw.build(schedule)
        self.arguments = schedule.program.arguments

    @property
    def program(self) -> Compiled:
        return self

    def interpret(self, *inputs, **named):
        sizes = {name: named.pop(name) for name in list(named) if name not in self.function.params}
        return self.function(*inputs, **sizes, params=named)


def is_for_gpus(example) -> bool:
    return "bind(" in str(example.schedule(example.tensors(**example.sizes[0])))


@pytest.mark.parametrize(("example", "sizes"), SIZES)
def test_it_equals_numpy(example, sizes, rng):
    if is_for_gpus(example):
        pytest.skip("a schedule for GPUs")
    compiled = Compiled(example.schedule(example.tensors(**sizes)))
    assert len(list(example.check(compiled, sizes, rng))) == len(example.params)


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=list(EXAMPLES))
def test_one_function_serves_all_sizes(example, rng):
    if not example.symbolic or is_for_gpus(example):
        pytest.skip("its sizes are constants, or it is for GPUs")
    compiled: dict[int, Compiled] = {}
    for schedule, sizes in example.open_schedules():
        function = compiled.setdefault(id(schedule), Compiled(schedule))
        assert list(example.check(function, sizes, rng))
