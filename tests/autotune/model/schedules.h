// Scheduled products of matrices for the tests of models.
#pragma once

#include "autotune/space/script.h"
#include "autotune/space/sketch.h"
#include "te/lower.h"
#include "te/math.h"
#include "te/reduce.h"

namespace tw::autotune {

/// A usual machine, whatever the tests run on.
inline Machine test_machine(int threads = 2) {
  Machine machine;
  machine.threads = threads;
  machine.vector_bytes = 64;
  machine.vector_registers = 32;
  machine.first = 48 << 10;
  machine.second = 1 << 20;
  machine.last = 32 << 20;
  return machine;
}

inline Program product(int64_t m, int64_t n, int64_t k) {
  const auto a = te::placeholder({m, k}, kFloat32, "A");
  const auto b = te::placeholder({k, n}, kFloat32, "B");
  const ReduceAxis kk = te::reduce_axis(Expr(k), "k");
  const auto c = te::compute({m, n},
                             [&](const std::vector<Var>& p) -> te::Value {
                               return te::sum(te::multiply(a({p[0], kk}), b({kk, p[1]})), {kk});
                             },
                             "Y", {"i", "j"});
  return te::first_program({c}, std::nullopt, "matmul");
}

struct Tile {
  int64_t rows = 8, vectors = 2, lanes = 16, mc = 128;
  bool pack = true, parallel = true, vectorize = true;
};

/// The product by register tiles, with panels of B packed: what Goto and van de Geijn do.
inline Program tiled_product(int64_t m, int64_t n, int64_t k, const Tile& tile, int threads = 2) {
  schedule::Schedule schedule(product(m, n, k));
  Script s(schedule);
  const BlockRef block = s.block("Y");
  const int64_t columns = tile.vectors * tile.lanes;
  const BlockRef out = s.cache_write(block, "local");
  std::optional<BlockRef> packed;
  if (tile.pack) packed = s.cache_read(block, "B", "global");
  if (packed) s.pad(*packed, {1, columns});
  s.pad(block, {tile.rows, columns, 1});
  auto loops = s.loops(out);
  const auto [share, j] = s.split<2>(loops[1], {None{}, (n / threads + columns - 1) / columns * columns});
  const auto [jr, jj] = s.split<2>(j, {None{}, columns});
  const auto [ic, ir] = s.split<2>(loops[0], {None{}, tile.mc});
  const auto [i, ii] = s.split<2>(ir, {None{}, tile.rows});
  s.reorder({share, ic, jr, i, ii, jj});
  s.compute_at(block, i);
  loops = s.loops(block);
  const std::size_t end = loops.size();
  s.reorder({loops[end - 1], loops[end - 3], loops[end - 2]});
  const BlockRef clear = s.decompose_reduction(block, loops[end - 1]);
  for (const BlockRef each : {block, clear, out}) {
    const auto inner = s.loops(each);
    const auto [vector, lane] = s.split<2>(inner.back(), {None{}, tile.lanes});
    s.unroll(inner[inner.size() - 2]);
    s.unroll(vector);
    if (tile.vectorize) s.vectorize(lane);
  }
  if (packed) {
    const std::string c = std::to_string(columns);
    s.compute_at(*packed, share);
    s.transform_layout(s.name(*packed), "(i, j) -> (j // " + c + ", i, j % " + c + ")");
    const auto [vector, lane] = s.split<2>(s.loops(*packed).back(), {None{}, tile.lanes});
    if (tile.vectorize) s.vectorize(lane);
  }
  if (tile.parallel) s.parallel(share);
  return schedule.program();
}

}  // namespace tw::autotune
