// Which blocks are computed together, row by row: a leader, which stands in a nest of its own, and producers
// that are computed in the rows of it.
//
//   most[i], powers[i, j], total[i]      members: in row i of the leader
//   Y[i, j] = powers[i, j] / total[i]    leader; its row axis is i
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "autotune/space/rows_steps.h"

namespace tw::autotune {

/// How axes of blocks correspond through the buffers between them: where a reader takes T[vi, vk] and the
/// writer stores T[vi, vj], vk is the reader's axis for the writer's vj.
class Ties {
 public:
  explicit Ties(const Draft& d);
  /// The axis of `reader` that stands alone in the subscript where `writer` has its axis; -1: none, or not in
  /// all reads.
  int in_reader(int reader, int writer, int axis) const;
  /// The axis of `writer` that a reader's axis is; -1: none.
  int in_writer(int writer, int reader, int axis) const;

 private:
  std::map<std::pair<int, int>, std::vector<int>> axes_;  // (reader, writer): for each axis of the writer
};

struct RowGroup {
  int leader = -1;
  std::vector<int> members;  // in the order of the program, the leader not among them
  std::vector<int> rows;     // axes of the leader; none: members can only be inlined
};

/// The blocks named, in groups, producers first. `alone`: reductions are leaders each, so that threads can
/// share one row.
std::vector<RowGroup> row_groups(const Draft& d, const Ties& ties, const std::vector<int>& blocks,
                                 bool alone);

}  // namespace tw::autotune
