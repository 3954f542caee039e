// Buffers with several versions: what turns of a loop fill ahead for later turns.
//
// A version belongs to a turn, and its number is that of the turn modulo how many there are. Blocks tell
// their turn from their axes: k // 16 of an axis k = turn*16 + …, or an axis of their own.
#pragma once

#include <map>
#include <vector>

#include "ir/visit.h"
#include "schedule/spans.h"

namespace tw::schedule {

/// A buffer that gets a leading dimension of `count` versions.
struct Versions {
  Buffer old, fresh;
  int64_t count = 0;
  /// Of each dimension, over loops: what one turn touches, which is all that a version holds. Null: the whole
  /// dimension.
  std::vector<Span> parts;
};

/// How a block tells the turn that it works for.
struct TurnOfBlock {
  VarMap loops;    // loop variables over the block's axes
  BlockAxis axis;  // the axis that it gets for that; no variable: none
};

/// Makes `fresh` from `old`: strides stay, with one more for the versions.
void make_fresh(Versions& versions);

/// The statement with accesses of the buffers as accesses of their versions, by the turn of the loop over
/// `turn`. `turns` has every block that accesses them.
Stmt with_versions(const Stmt& stmt, const Var& turn, const std::vector<Versions>& versions,
                   const std::map<const Block*, TurnOfBlock>& turns);

}  // namespace tw::schedule
