"""Schedules of batched matrix products, Y[b, m, n] = A[b, m, k] B[b, k, n] in float32.

The products are many and small, so threads share them out, and nothing is packed: a tile of rows by vectors
sums over all of k, reading A element by element and B in vectors as they stand. A product's B is read by
each of its rows of tiles from a near cache.
"""

from __future__ import annotations

import tilewright as tw

from kernels.expressions import expression
from kernels.machine import Machine
from kernels.matmul import in_registers, register_tile
from kernels.workloads import Workload, all_workloads

MOST_ROWS = 14

workloads = [workload for workload in all_workloads() if workload.operator == "batched_matmul"]


def schedule(workload: Workload, machine: Machine) -> tw.Schedule:
    """Of a batch of the list."""
    sizes = workload.sizes
    s = tw.Schedule(expression(workload))
    rows, vectors = register_tile(sizes["m"], sizes["n"], MOST_ROWS, machine)
    columns = vectors * machine.vector
    product = s.block("Y")
    out = s.cache_write(product, "local")
    b, i, j = s.loops(out)
    panel, jj = s.split(j, [None, columns])
    tile, ii = s.split(i, [None, rows])
    s.reorder(b, panel, tile, ii, jj)
    s.compute_at(product, tile)
    *_, ti, tj, tk = s.loops(product)
    s.reorder(tk, ti, tj)
    clear = s.decompose_reduction(product, tk)
    for block in (product, clear, out):
        in_registers(s, block, machine.vector)
    s.parallel(s.fuse(b, panel))
    return s
