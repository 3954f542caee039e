"""Schedules of 3x3 convolutions of stride 1 by Winograd's minimal filtering: NHWC images, constant filters.

wip
"""

from __future__ import annotations

from dataclasses import dataclass

import tilewright as tw

from kernels.expressions import expression
from kernels.machine import Machine
from kernels.matmul import ceil_div, register_tile, round_up
from kernels.workloads import Workload


@dataclass(frozen=True)
class Plan:
    m: int
    across: int
    rows: int
    vectors: int
    lanes: int
    strip: int  # rows of tiles that are computed at once; 0: all of them
    threads: int

    @property
    def columns(self) -> int:
        return self.vectors * self.lanes


def below(s: tw.Schedule, block: str, loop: tw.Loop) -> list[tw.Loop]:
    loops = s.loops(block)
    return loops[loops.index(loop) + 1 :]


def schedule_plan(workload, p: Plan) -> tw.Schedule:
    s = tw.Schedule(expression(workload))
    z = workload.sizes
    across = ceil_div(z["wo"], p.across)
    s.rewrite("Y", "winograd", m=p.m, **({"across": p.across} if p.across != p.m else {}))
    s.compute_inline("padded")
    columns = p.columns

    # The filter: beforehand.
    for name, row in (("Y_filter_rows", 0), ("Y_filter", 1)):
        loops = s.loops(name)
        _, lane = s.split(loops[-1], [None, p.lanes])
        s.unroll(loops[row])
        rest = [l for i, l in enumerate(loops[:-1]) if i != row]
        s.reorder(*rest, _, loops[row], lane)
        s.vectorize(lane)

    # Result.
    n, y, x, o = s.loops("Y")
    ty, y = s.split(y, [None, p.m])
    tx, x = s.split(x, [None, p.across])
    if p.strip:
        strip, ty = s.split(ty, [None, p.strip])
        top = strip
        s.reorder(n, strip, ty, tx, o, y, x)
    else:
        part, o = s.split(o, [None, round_up(ceil_div(z["o"], p.threads), p.columns)])
        top = part
        s.reorder(part, n, ty, tx, o, y, x)
    ov, lane = s.split(o, [None, p.lanes])
    s.reorder(ov, y, x, lane)

    product = s.block("Y_product")
    s.compute_at("Y_output_rows", ov)
    s.compute_at("Y_product", top)
    if p.strip:
        s.compute_at("Y_input", top)
    # input transform
    a, b, t, c = s.loops("Y_input")[-4:]
    tyi, txi = s.split(t, [None, across])
    cv, cl = s.split(c, [None, p.lanes])
    s.reorder(tyi, txi, cv, a, b, cl)
    s.compute_at("Y_input_rows", cv)
    for name, row in (("Y_input_rows", -4), ("Y_input", -2), ("Y_output_rows", -4)):
        pass
    ra, rj, *rp, rc = below(s, "Y_input_rows", cv)
    s.reorder(rj, ra, *rp, rc)
    s.compute_at("Y_tiles", rj)
    ta, *_, tc = below(s, "Y_tiles", rj)
    import os
    pf = os.environ.get("PF", "")
    if pf == "t":
        s.prefetch("Y_tiles", "X", txi, 1)
    elif pf == "c":
        s.prefetch("Y_tiles", "X", cv, 4)
    s.unroll(ta); s.vectorize(tc)
    for l in (rj, ra, a, b):
        s.unroll(l)
    s.vectorize(rc); s.vectorize(cl)
    oi, ob, *op, of = below(s, "Y_output_rows", ov)
    s.reorder(ob, oi, *op, of)
    for l in (ob, oi, y, x):
        s.unroll(l)
    s.vectorize(of); s.vectorize(lane)
    # Products
    out = s.cache_write(product, "local")
    *_, a, b, t, f = s.loops(out)
    ti, tt = s.split(t, [None, p.rows])
    fi, ff = s.split(f, [None, columns])
    s.reorder(a, b, fi, ti, tt, ff)
    s.compute_at(product, ti)
    *_, pt, pf, pc = s.loops(product)
    s.reorder(pc, pt, pf)
    clear = s.decompose_reduction(product, pc)
    for block in (product, clear, out):
        *_, r, cols = s.loops(block)
        v, l = s.split(cols, [None, p.lanes])
        s.unroll(r); s.unroll(v); s.vectorize(l)
    s.transform_layout("Y_filter", lambda a, b, c, f: (a, b, f // columns, c, f % columns))
    s.parallel(top)
    if not p.strip:
        s.parallel(s.loops("Y_input")[0])
    return s
