"""Halide with its auto-schedulers: the algorithm is written once, the schedule found by each of them.

Convolutions go to Mullapudi2016 alone: Adams2019 searches for minutes on a padded one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import halide as hl
import numpy as np
from kernels.workloads import Workload
from numpy.typing import NDArray

from peers.side import Side, Unsupported, Way, empty

Inputs = dict[str, NDArray]
Params = dict[str, hl.ImageParam]
SCHEDULERS = {
    "Mullapudi2016": {"parallelism": "{threads}", "last_level_cache_size": "1048576", "balance": "40"},
    "Adams2019": {"parallelism": "{threads}"},
}


class Peer(Side):
    """Axes are in Halide's order, the fastest first: the last of NumPy."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        folder = Path(hl.__file__).parent
        for name in SCHEDULERS:
            library = next(folder.rglob(f"*autoschedule_{name.lower()}*"))
            hl.load_plugin(str(library))
        self.target = hl.get_jit_target_from_environment()
        self.settings = {"halide": self._version(), "target": str(self.target)}

    @staticmethod
    def _version() -> str:
        from importlib.metadata import version

        return version("halide")

    def _ways(
        self,
        inputs: Inputs,
        shape: tuple[int, ...],
        define: Callable[[Params], hl.Func],
        schedulers: tuple[str, ...] = tuple(SCHEDULERS),
    ) -> Iterator[Way]:
        for scheduler in schedulers:
            options = SCHEDULERS[scheduler]
            params = {key: hl.ImageParam(hl.Float(32), value.ndim, key) for key, value in inputs.items()}
            function = define(params)
            for key, value in inputs.items():
                params[key].set_estimates([(0, extent) for extent in value.shape[::-1]])
                params[key].set(hl.Buffer(value))
            function.set_estimates([(0, extent) for extent in shape[::-1]])
            pipeline = hl.Pipeline(function)
            filled = {key: value.format(threads=self.threads) for key, value in options.items()}
            pipeline.apply_autoscheduler(self.target, hl.AutoschedulerParams(scheduler, filled))
            pipeline.compile_jit(self.target)
            out = empty(shape, np.float32)
            buffer = hl.Buffer(out)
            # The images and the buffers are kept by the call.
            call = lambda p=pipeline, b=buffer, kept=(params, inputs): p.realize(b)
            yield Way(scheduler, [call], lambda out=out: out)

    def matmul(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """A sum over k."""
        if workload.dtype != "float32":
            raise Unsupported(f"no pipeline of {workload.dtype} is written")

        def define(p: Params) -> hl.Func:
            x, y, k, c = hl.Var("x"), hl.Var("y"), hl.RDom([(0, a["A"].shape[1])], "k"), hl.Func("C")
            c[x, y] = 0.0
            c[x, y] += p["A"][k, y] * p["B"][x, k]
            return c

        yield from self._ways(a, (a["A"].shape[0], a["B"].shape[1]), define)

    def batched_matmul(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """A sum over k."""

        def define(p: Params) -> hl.Func:
            x, y, b, c = hl.Var("x"), hl.Var("y"), hl.Var("b"), hl.Func("C")
            k = hl.RDom([(0, a["A"].shape[2])], "k")
            c[x, y, b] = 0.0
            c[x, y, b] += p["A"][k, y, b] * p["B"][x, k, b]
            return c

        yield from self._ways(a, (*a["A"].shape[:2], a["B"].shape[2]), define)

    def conv2d(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """Padded by a boundary condition."""
        s = workload.sizes

        def define(p: Params) -> hl.Func:
            image = _padded(p["X"], s)
            o, x, y, n, out = hl.Var("o"), hl.Var("x"), hl.Var("y"), hl.Var("n"), hl.Func("Y")
            r = hl.RDom([(0, s["c"]), (0, s["kw"]), (0, s["kh"])], "r")
            out[o, x, y, n] = 0.0
            source = image[r.x, x * s["stride"] + r.y - s["pad"], y * s["stride"] + r.z - s["pad"], n]
            out[o, x, y, n] += source * p["W"][o, r.x, r.y, r.z]
            return out

        yield from self._ways(a, (1, s["ho"], s["wo"], s["o"]), define, ("Mullapudi2016",))

    def depthwise_conv2d(self, workload: Workload, a: Inputs) -> Iterator[Way]:
        """Padded by a boundary condition."""
        s = workload.sizes

        def define(p: Params) -> hl.Func:
            image = _padded(p["X"], s)
            c, x, y, n, out = hl.Var("c"), hl.Var("x"), hl.Var("y"), hl.Var("n"), hl.Func("Y")
            r = hl.RDom([(0, s["kw"]), (0, s["kh"])], "r")
            out[c, x, y, n] = 0.0
            source = image[c, x * s["stride"] + r.x - s["pad"], y * s["stride"] + r.y - s["pad"], n]
            out[c, x, y, n] += source * p["W"][c, r.x, r.y]
            return out

        yield from self._ways(a, (1, s["ho"], s["wo"], s["c"]), define, ("Mullapudi2016",))


def _padded(image: hl.ImageParam, s: dict[str, int]) -> hl.Func | hl.ImageParam:
    if not s["pad"]:
        return image
    everything = hl.Expr()
    bounds = [(everything, everything), (0, s["w"]), (0, s["h"]), (everything, everything)]
    return hl.BoundaryConditions.constant_exterior(image, 0.0, bounds)
