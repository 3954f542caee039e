"""Schedules of operators made of several: each stage takes what the one before left in registers or in a near
cache.

- Attention computes a tile of rows of the scores against all keys, turns it into exponentials, and multiplies
  it by the values. The scores of eight rows and a thousand keys fit a first-level cache, so that neither a
  matrix of scores nor running maxima are needed.
- An inverted residual block widens the image and filters it for a block of channels at a time; then it
  narrows all of it.
- Products and convolutions have the schedules of `matmul.py` and `conv.py`; what follows takes the sums from
  registers.
"""

from __future__ import annotations

import tilewright as tw
from tilewright import te

from kernels import conv, matmul
from kernels.depthwise import window_tiles
from kernels.expressions import expression
from kernels.machine import Machine
from kernels.memory_bound import normalise_rows, reduce_along, run_along
from kernels.workloads import Workload, all_workloads

workloads = [workload for workload in all_workloads() if workload.family == "fused"]


def schedule(workload: Workload, machine: Machine) -> tw.Schedule:
    """The schedule of a workload of this family."""
    return SCHEDULES[workload.operator](workload, machine)


def attention(b: int, t: int, d: int) -> te.Tensor:
    """softmax(Q Kᵀ / sqrt(d)) V for each of b heads."""
    Q, K, V = (te.placeholder((b, t, d), "float32", name=name) for name in "QKV")
    x, p, q, r = (
        te.reduce_axis(d, "x"),
        te.reduce_axis(t, "p"),
        te.reduce_axis(t, "q"),
        te.reduce_axis(t, "r"),
    )
    scale = d**-0.5
    S = te.compute((b, t, t), lambda h, i, k: te.sum(Q[h, i, x] * K[h, k, x], axis=x), name="S")
    top = te.compute((b, t), lambda h, i: te.max(S[h, i, p], axis=p), name="top")
    E = te.compute((b, t, t), lambda h, i, k: te.exp((S[h, i, k] - top[h, i]) * scale), name="E")
    total = te.compute((b, t), lambda h, i: te.sum(E[h, i, q], axis=q), name="total")
    product = te.compute((b, t, d), lambda h, i, j: te.sum(E[h, i, r] * V[h, r, j], axis=r), name="product")
    return te.compute((b, t, d), lambda h, i, j: product[h, i, j] / total[h, i], name="Y")


def schedule_attention(workload: Workload, machine: Machine) -> tw.Schedule:
    """Tiles of eight rows of one head for the threads."""
    sizes = workload.sizes
    s = tw.Schedule(attention(sizes["b"], sizes["t"], sizes["d"]))
    lanes, rows, vectors = machine.vector, 8, 2
    keys = s.cache_read(s.block("S"), "K", "global")
    s.transform_layout("K_global", lambda h, k, x: (h, k // (vectors * lanes), x, k % (vectors * lanes)))
    h, i, j = s.loops("Y")
    tile, row = s.split(i, [None, rows])
    for block in ("total", "product", "E", "top", "S"):
        s.compute_at(s.block(block), tile)
    # From the scores of a row to its exponentials at once.
    *_, row, _ = s.loops("total")
    for block in ("E", "top"):
        s.compute_at(s.block(block), row)

    # Scores: a tile of rows by a panel of keys at a time in registers.
    product_tile(s, s.block("S"), vectors, lanes)
    reduce_along(s, s.block("top"), lanes, chains=2)
    _, chunk = reduce_along(s, s.block("total"), lanes, chains=4)
    s.compute_at(s.block("E"), chunk)
    s.vectorize(s.loops("E")[-1])
    product_tile(s, s.block("product"), vectors, lanes)
    run_along(s, j, lanes, 1)
    s.parallel(s.fuse(h, tile))

    # Keys are transposed into panels beforehand.
    head, panel, x, key = s.loops(keys)
    x, at_once = s.split(x, [None, lanes])
    key, lane = s.split(key, [None, lanes])
    s.reorder(x, key, at_once, lane)
    s.unroll(at_once)
    s.vectorize(lane)
    s.parallel(s.fuse(head, panel))
    return s


def product_tile(s: tw.Schedule, block: tw.Block, vectors: int, lanes: int) -> tw.Block:
    """Run a product of matrices, whose last two loops but the reduction are a few rows and many columns, by
    panels of columns with the sums of a panel in registers. Gives the block that writes them."""
    write = s.cache_write(block, "local")
    *_, row, column = s.loops(write)
    panel, column, lane = s.split(column, [None, vectors, lanes])
    s.reorder(panel, row, column, lane)
    sums_in_registers(s, block, write, panel, lanes)
    return write


def sums_in_registers(s: tw.Schedule, block: tw.Block, write: tw.Block, tile: tw.Loop, lanes: int) -> None:
    """Compute the sums of a product in the loop over tiles of the block that takes them, whose last loops are
    rows, vectors and lanes of a tile."""
    s.compute_at(block, tile)
    *_, row, column, along = s.loops(block)
    column, lane = s.split(column, [None, lanes])
    s.reorder(along, row, column, lane)
    clear = s.decompose_reduction(block, along)
    for each in (write, clear, block):
        *_, row, column, lane = s.loops(each)
        s.unroll(row)
        s.unroll(column)
        s.vectorize(lane)


def even_groups(vectors: int, threads: int) -> int:
    """Vectors of a group, two at most, such that the thread with the most groups has the least to do."""
    return min((2, 1), key=lambda size: -(-vectors // size // threads) * size)


def schedule_inverted_residual(workload: Workload, machine: Machine) -> tw.Schedule:
    """By blocks of channels: the widened image of a block stays in a near cache until it is filtered."""
    sizes = workload.sizes
    s = tw.Schedule(expression(workload))
    lanes = machine.vector
    vectors = even_groups(-(-sizes["e"] // lanes), machine.threads)
    s.compute_inline(s.block("padded"))
    pixels = max(p for p in range(1, 15) if sizes["w"] % p == 0)

    # Wide image and filter, a block of channels at a time.
    deep, write = s.block("deep"), s.block("deep6")
    n, y, x, ch = s.loops(write)
    group, ch, lane = s.split(ch, [None, vectors, lanes])
    s.reorder(n, group, ch, y, x, lane)
    s.compute_at(deep, group)
    s.compute_at(s.block("wide6"), group)
    window_tiles(s, deep, write, sizes, cut_rows=True)
    *_, x, ch = s.loops("wide6")
    x, pixel = s.split(x, [None, pixels])
    ch, lane = s.split(ch, [None, lanes])
    s.reorder(x, pixel, ch, lane)
    sums_in_registers(s, s.block("wide"), s.block("wide6"), x, lanes)
    s.parallel(group)

    # Back to few channels.
    Y = s.block("Y")
    s.pad(s.cache_read(Y, "W3", "global"), [1, 2 * lanes])
    write = s.cache_write(Y, "local")
    s.pad(Y, [1, 1, 1, 2 * lanes])
    n, y, x, o = s.loops(write)
    x, pixel = s.split(x, [None, pixels])
    panel, o, lane = s.split(o, [None, 2, lanes])
    s.reorder(n, y, panel, x, pixel, o, lane)
    sums_in_registers(s, Y, write, x, lanes)
    s.parallel(y)
    return s


def schedule_matmul_bias_gelu(workload: Workload, machine: Machine) -> tw.Schedule:
    """The epilogue takes the sums of a tile from registers; after several blocks of k it is a pass of its
    own."""
    s = tw.Schedule(expression(workload))
    m, n, k = (workload.sizes[name] for name in "mnk")
    plan = matmul.plan(m, n, k, machine, constant=True)
    matmul.blocked(s, s.block("product"), workload.sizes, plan)
    if plan.kc >= k:
        s.reverse_compute_inline(s.block("Y"))
    else:
        row, along = s.loops("Y")
        run_along(s, along, machine.vector, 4)
        s.parallel(row)
    return s


def schedule_matmul_residual_layer_norm(workload: Workload, machine: Machine) -> tw.Schedule:
    """The product; then bias, residual and layer norm row by row."""
    s = tw.Schedule(expression(workload))
    m, n, k = (workload.sizes[name] for name in "mnk")
    row, along = s.loops("Y")
    normalise_rows(s, row, machine, before=("total",))
    run_along(s, s.loops("total")[-1], machine.vector)
    run_along(s, along, machine.vector)
    s.parallel(row)
    matmul.blocked(s, s.block("product"), workload.sizes, matmul.plan(m, n, k, machine, constant=True))
    return s


def schedule_conv2d_bias_residual_relu(workload: Workload, machine: Machine) -> tw.Schedule:
    """The epilogue takes the sums of a tile from registers."""
    shape = conv.Shape(**{name: workload.sizes[name] for name in conv.Shape.__annotations__})

    def after(product: te.Tensor) -> te.Tensor:
        bias = te.placeholder((shape.o,), "float32", name="bias", constant=True)
        R = te.placeholder(product.shape, "float32", name="R")

        def element(n: te.Expr, y: te.Expr, x: te.Expr, o: te.Expr) -> te.Expr:
            return te.maximum(product[n, y, x, o] + bias[o] + R[n, y, x, o], 0.0)

        return te.compute(product.shape, element, name="Y")

    return conv.schedule_conv2d(shape, conv.choose(shape, machine), machine, after=after)


SCHEDULES = {
    "conv2d_bias_residual_relu": schedule_conv2d_bias_residual_relu,
    "matmul_bias_gelu": schedule_matmul_bias_gelu,
    "matmul_residual_layer_norm": schedule_matmul_residual_layer_norm,
    "attention": schedule_attention,
    "inverted_residual": schedule_inverted_residual,
}
