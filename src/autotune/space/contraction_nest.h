// Puts a contraction into register tiles and blocks as a plan says.
//
//   for i, j, k: Y[i, j] += A[i, k] * B[k, j]
//   =>
//   part              of the columns, the rows or the steps, for each thread
//     jc, pc            a block of the columns, a block of the steps: packs that block of B
//       ic                a block of the rows
//         jr, ir            tiles (or ir, jr)
//           k                 one step: a load for each vector of B, a broadcast for each row of A
//           Y[tile] = sums    or added to Y, where the steps are in blocks; what follows elementwise with it
//
// B in panels: [columns / width][steps][width], with zeros behind the last column. Where few rows of tiles
// use a panel, the first of them packs it as it goes. A in panels, [rows / height][steps][height], where its
// rows lie together: else each step of a tile would meet a line of its own, in few sets of the caches.
#pragma once

#include <optional>

#include "autotune/space/contraction_plan.h"

namespace tw::autotune {

/// Schedules the block, which stands in its own nest of the first program. `consumer` (empty: none) names a
/// block that takes each result once, elementwise: it is computed as the sums leave the registers. Nothing
/// may be asked so where the plan adds up sums in memory (`sums_at_once`).
void apply_plan(Script& s, const ContractionShape& shape, const ContractionPlan& plan,
                const std::string& consumer = "");

/// Whether each result is complete when it is written first.
inline bool sums_at_once(const ContractionPlan& plan) {
  return plan.kc == 0 && plan.sharing != Sharing::kSteps;
}

/// Copies an operand into panels along one dimension, each of them step by step, padded with zeros. `at`: the
/// loop in which it is copied; nothing: beforehand, shared among threads.
struct PanelCopy {
  BlockRef block;  // from cache_read, padded
  const ReadFacts& read;
  int dimension = 0;  // of panels
  int64_t width = 1, lanes = 1;
  std::optional<LoopRef> at;
};
void lay_out_panels(Script& s, const ContractionShape& shape, const PanelCopy& copy);

/// One panel for each turn of the loop in which it is copied: `pack_in_first_row` says how.
void lay_out_one_panel(Script& s, const ContractionShape& shape, const PanelCopy& copy);

/// Gives the first turn of a loop over rows of tiles a nest of its own, which copies the panel that all of
/// them use: in each turn of its loop over steps what that turn reads. So copying hides behind arithmetic.
struct FirstRow {
  BlockRef packed, tile;  // the copy, and the sums that read it
  LoopRef rows, steps;    // loops over rows of tiles, of one tile each, and over steps
  int64_t lanes = 1;
};
void pack_in_first_row(Script& s, const FirstRow& first);

/// Lays a copy of the first operand, of steps by rows, out in panels of so many rows, made beforehand.
void lay_out_rows(Script& s, const ContractionShape& shape, BlockRef copy, int64_t rows);

/// Writes the last `count` loops of a block out, the very last in vectors; those inside of the first
/// `outside` loops alone count.
void write_out_tile(Script& s, BlockRef block, std::size_t outside, std::size_t count, int64_t lanes);

/// "(i, j) -> (j // 64, i, j % 64)": panels of a width along a dimension, the dimensions named in `first`
/// before them, then all others in the given order.
std::string panel_layout(std::size_t rank, std::size_t dimension, int64_t width,
                         const std::vector<std::size_t>& before, const std::vector<std::size_t>& inside);

}  // namespace tw::autotune
