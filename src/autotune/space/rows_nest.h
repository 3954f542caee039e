// What is computed in a row: reductions in partial results, producers in the row or in the chunk of it where
// they are first read.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "autotune/space/rows_groups.h"

namespace tw::autotune {

/// Where each member of a group is computed.
enum class MemberPlace : std::size_t { kInlined, kInRow, kInChunk };
using RowPlan = std::map<int, MemberPlace>;

/// Chooses where the members are computed, and inlines those that are to be: in nests of their own still, as
/// others may stand between them and their readers later.
RowPlan plan_row(Draft& d, const RowGroup& group, const std::string& prefix);

/// Computes the members of a group in a loop over rows around its leader, and runs their loops, and those of
/// a leader that is a reduction, in vectors. Gives the last reduction that runs in chunks, if more than one
/// pass is made over a row.
struct Pass {
  LoopRef chunk;
  int64_t turns;  // that make a row
};
std::optional<Pass> compute_in_row(Draft& d, const RowGroup& group, const RowPlan& plan, BlockRef leader,
                                   LoopRef row, const std::string& prefix);

/// How a reduction meets memory.
enum class Direction : uint8_t {
  kAlong,   // neighbours in memory are added to each other
  kAcross,  // neighbours in memory belong to neighbouring results
};
Direction direction_of(const BlockFacts& reduction);
/// The read that most elements come from; null: none.
const ReadFacts* main_read(const BlockFacts& block);

/// How many elements are reduced to one.
int64_t reduced_points(const BlockFacts& block);
/// Powers of two, as many as vectors of so many lanes are needed for n elements at most.
std::vector<int64_t> chains_for(int64_t n, int64_t lanes, int64_t most);

}  // namespace tw::autotune
