// Schedules the nests of blocks one by one: sums in registers, vectors, tiles.
#pragma once

#include <string>
#include <vector>

#include "autotune/space/general_tile.h"

namespace tw::autotune {

/// The name of a hole of a block: "b3.vector", from where the block came from.
std::string hole_of(Script& s, BlockRef block, const char* what);

/// The blocks that read what a block writes, itself apart.
std::vector<PlacedBlock> readers_of(Script& s, const PlacedBlock& block);

class Stages {
 public:
  /// `done`: blocks that are not to be touched.
  Stages(Script& s, const Workload& workload, Choices& choose, std::vector<BlockRef> done)
      : s_(s), workload_(workload), choose_(choose), done_(std::move(done)) {}

  /// Puts the block into tiles, with the sum whose results it takes, as far as steps are not refused. Its
  /// nest is none that another block of the program stands in, but for loops that are shared already.
  void schedule(BlockRef block) { schedule(block, hole_of(s_, block, "")); }
  /// Whether the block has been scheduled, maybe with another.
  bool done(BlockRef block) const;

 private:
  void schedule(BlockRef block, const std::string& prefix);
  void schedule_nest(BlockRef block, const std::string& prefix);
  void schedule_sum(SumStage stage, const std::string& prefix);
  void schedule_points(const NestView& view, const std::string& prefix);
  std::optional<BlockRef> sum_of_points(const NestView& taker);
  bool cut_for_threads(BlockRef block, const NestView& view, const std::string& prefix);

  Script& s_;
  const Workload& workload_;
  Choices& choose_;
  std::vector<BlockRef> done_;
};

}  // namespace tw::autotune
