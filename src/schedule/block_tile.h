// The part of a block's domain that one turn of the loops outside of a nest runs through: a tile.
//
//   for io in n // 14:                       outside
//     for k in m:
//       for ii in 14:                        the nest
//         block C(vi = io*14 + ii, vk = k)
//
// Its axes fall into vi = 14 * a + w with a = io outside and 0 <= w < 14 in the tile, and vk = b, of which
// the tile has one point. Every point of the tile runs, in whatever order.
#pragma once

#include <optional>
#include <vector>

#include "schedule/primitive.h"

namespace tw::schedule {

/// One axis of the block: its value is begin + inner, 0 <= inner < extent, where begin uses `outer` alone.
struct TileAxis {
  Var outer;          // the axis of the block that stands for the tile, 0 <= outer < outer_extent
  Expr outer_extent;  // over sizes
  Expr binding;       // of outer, over the loops outside
  Expr begin;         // outer * extent; outer itself where tiles do not begin at multiples
  Var inner;          // null where the extent is 1
  int64_t extent = 1;
  std::vector<const For*> loops;  // of the nest that run through it, outermost first
  Expr value() const { return inner ? begin + inner : begin; }
};

struct BlockTile {
  LoopPlace place;  // of the outermost loop of the nest
  const Block* block = nullptr;
  std::vector<const For*> loops;  // of the nest, outermost first
  std::vector<TileAxis> axes;     // one for each of the block's
  Expr predicate;                 // of the loops outside, for the whole tile; null: always
  Context context;                // 0 <= outer < outer_extent and 0 <= inner < extent of all axes
};

/// Cuts the block below the loop. Refuses what is no perfect nest of serial loops around one block, numbers
/// of turns that are no constants, and conditions that leave out a part of a tile.
BlockTile cut_tile(const Step& step, const LoopPlace& place);

}  // namespace tw::schedule
