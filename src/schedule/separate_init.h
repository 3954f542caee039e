// A reduction in two blocks: one that sets elements, and an update without init that adds to them.
//
//   for i in n:
//     block C_init(vi = i): C[vi] = 0
//   for i in n:
//     for k in m:
//       block C(vi = i, vk = k): C[vi] = C[vi] + A[vi, vk]
//
// So a reduction is lowered whose size may be 0, and decompose_reduction makes the same. The update together
// with its init computes elements anew, as a block with an init does: what moves or copies whole reductions
// takes both.
#pragma once

#include <optional>
#include <string>

#include "schedule/place.h"

namespace tw::schedule {

/// The init of an update, or why there is none.
struct SeparateInit {
  std::optional<BlockPlace> place;
  std::string reason;  // names the blocks; empty when there is an init
  explicit operator bool() const { return place.has_value(); }
};

/// The init of a block as a block of its own, under a condition (null: none), in copies of these loops around
/// the block, outermost first. `turns`: loops around the nest in each of whose turns the reduction begins
/// anew; the ordered axes that they drive stay.
Stmt nest_of_init(const Block& block, const std::string& name, BlockId id,
                  const std::vector<const For*>& loops, const Expr& condition,
                  const std::vector<Var>& turns = {});

/// Whether a block combines into elements that another one has set.
bool is_update(const Block& block);

/// The init of an update: besides the update no block but this one, which stands before it, writes its
/// buffers; it reads nothing; and in each turn of the loops around both it sets every element that the update
/// then adds to, each of its terms once. What else reads the buffers, and when, is not looked at.
SeparateInit find_separate_init(const Program& program, const BlockPlace& update);

/// The update whose init the block is; `node` is null when it is none.
BlockPlace find_update_of(const Program& program, const BlockPlace& init);

/// The block as the init has it, with axes bound as those of the update are.
Stmt with_bindings_of(const Block& init, const Block& update);

}  // namespace tw::schedule
