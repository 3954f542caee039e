// Steps that sketches of rows, elementwise blocks and chains have in common: loops in vectors, reductions in
// partial results, results past the caches, rows fetched ahead.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "autotune/space/facts.h"
#include "autotune/space/script.h"
#include "autotune/space/sketch.h"
#include "schedule/place.h"

namespace tw::autotune {

/// What a sketch works on.
struct Draft {
  Script& script;
  const Workload& workload;
  const Facts& facts;
  Choices& choose;

  const Machine& machine() const { return workload.machine; }
  const BlockFacts& block(int position) const { return facts.blocks[static_cast<std::size_t>(position)]; }
  BlockRef ref(int position) const { return script.block(block(position).name); }
  /// Whether the caller sees what a block writes.
  bool is_output(const BlockFacts& block) const;
  /// Lanes of the vectors that a block runs in: those of the widest type that it meets. Halves are computed
  /// in float32.
  int64_t lanes(const BlockFacts& block) const;
};

/// Where a block stands now, in the schedule's program.
schedule::BlockPlace block_place(Script& s, BlockRef block);

/// Loops around a block, outermost first, by what they drive.
struct BlockLoops {
  std::vector<LoopRef> all, spatial, reduced;
  std::vector<std::vector<LoopRef>> of_axis;  // for each axis of the block
};
/// Those inside of a loop alone, where one is given.
BlockLoops loops_of(Script& s, BlockRef block, std::optional<LoopRef> inside = {});

/// Runs a loop in vectors, `vectors` of them at once: one instruction of each, then the next, so that long
/// chains of arithmetic do not wait. Gives the loop outside of them.
LoopRef run_along(Script& s, LoopRef loop, int64_t lanes, int64_t vectors);

/// A reduction in partial results.
struct Partial {
  BlockRef block;  // that computes them
  LoopRef chunk;   // its loop outside of the vectors
};
/// Runs a reduction over a loop, the last of the block, in `chains` vectors of partial results that do not
/// wait for each other, and combines them as a tree.
Partial reduce_along(Script& s, BlockRef block, LoopRef along, int64_t lanes, int64_t chains);

/// Lets what a loop writes go straight to memory.
void write_past_caches(Script& s, LoopRef loop);

/// In each turn of a loop over a row, asks for the same part of the next row of every argument of the program
/// that is read there and has more bytes than the second cache. `turns` of the loop make a row.
void fetch_next_row(Draft& d, LoopRef chunk, int64_t turns);

/// Whether work of so many instances of a block is worth waking other threads for.
bool worth_threads(const Draft& d, double operations, double bytes);

}  // namespace tw::autotune
