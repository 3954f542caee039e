// Puts nests into tiles as a plan says.
//
//   sum in lanes, computed for the block that takes its results:      sum across lanes:
//
//     for i_0, j_0:                      tiles                          for i_0:
//       clear 4 x 2 vectors of sums                                       for k_0: 4 x 2 vectors of partial
//       sums for k:                                                            combine the lanes of each
//         4 x 2 vectors of sums          written out                      C[…] = …
//       C[i_0*4 + …, j_0*32 + …] = …
//
// Errors of primitives come through: callers try (general_nest.h: attempt) and fall back.
#pragma once

#include "autotune/space/general_plan.h"

namespace tw::autotune {

/// A sum and the block that takes its results point by point; both stand inside the same `depth` loops.
struct SumStage {
  BlockRef sum;
  std::optional<BlockRef> writer;  // nothing: the sum has no point of its own, or nobody takes them so
  NestView view;                   // of the sum, as planned with
  int depth = 0;
};

/// The loops of the writer that correspond to those of the sum, from the element that they access: one for
/// each loop of the view; nothing for summed ones and such of one turn.
std::vector<std::optional<LoopRef>> matching_loops(const NestView& sum, const NestView& writer);

/// The sum in tiles inside those of its writer. `unroll`: turns of the reduction that are written out, of its
/// innermost loop first.
void tile_sum(Script& s, const Workload& workload, const SumStage& stage, const TilePlan& plan,
              int64_t unroll);

/// A nest cut into what stands outside of a tile and what it holds.
struct TileNest {
  std::vector<LoopRef> outer, inner;
  std::optional<LoopRef> lane;
  std::vector<LoopRef> order() const;
};

/// Writes the loops out and makes lanes of the last.
void in_registers(Script& s, const std::vector<LoopRef>& loops, std::optional<LoopRef> lane);

/// The sums of one tile, which stand inside `depth` loops: those of the reduction outside, then the points
/// written out, then lanes of the loop that drives `axis` (-1: none); they are cleared before. `unroll`: as
/// for tile_sum.
TileNest sum_in_lanes(Script& s, const Workload& workload, BlockRef sum, int axis, int64_t lanes, int depth,
                      int64_t unroll);

/// A block without a reduction, or one whose sums stay in memory.
void tile_points(Script& s, const NestView& view, const TilePlan& plan);

}  // namespace tw::autotune
