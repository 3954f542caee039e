// Whether a tile of a block computes what a tensor intrinsic does, and on which boxes of which buffers.
#pragma once

#include "schedule/block_tile.h"
#include "schedule/intrinsic.h"

namespace tw::schedule {

/// The box that an intrinsic's operand is, over the outer axes of the tile.
struct MatchedOperand {
  Region box;
  std::vector<int> dimension_of;  // of the operand, for each dimension of the buffer; -1: one point
  std::vector<Expr> indices;      // of the block's access, over the block's own axes
  std::vector<int> axes;          // of the tile, for each dimension of the operand; -1: one point
};

/// One for each operand of the intrinsic. Expressions match that have the same operators, types and
/// constants; operands of commutative operators may stand in either order. Refuses with both sides beside
/// each other and where they differ.
std::vector<MatchedOperand> match_intrinsic(const Step& step, const Intrinsic& intrinsic,
                                            const BlockTile& tile);

/// How to bring the elements that the block accesses at these subscripts into the order of the axes of the
/// tile, without gaps: "transform_layout(B, …)", on a copy where the buffer is the caller's. Empty when a
/// subscript is no plain axis.
std::string layout_advice(const Step& step, const BlockTile& tile, const Buffer& buffer,
                          const std::vector<Expr>& indices, const std::vector<int>& axes);

}  // namespace tw::schedule
