// Nests as the machine sees them: the loops of a block, how far each moves the address of each access, how
// much a turn computes. Made of the schedule as it stands, so it holds after any step.
//
//   for y, x, k: C[y, x] += A[y, k] * B[k, x]        loops  y     x     k
//                                                    A      512   0     1
//                                                    B      0     1     256
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "autotune/space/sketch.h"
#include "schedule/place.h"

namespace tw::autotune {

/// A block of a schedule: its handle, and where it stands now.
struct PlacedBlock {
  BlockRef ref;
  schedule::BlockPlace place;
  const Block& block() const { return place.block(); }
};

/// All blocks, in the order of the program. They point into the program as it is now.
std::vector<PlacedBlock> placed_blocks(Script& s);
/// The block of a handle; nothing when it is gone.
std::optional<PlacedBlock> placed(Script& s, BlockRef ref);

struct NestLoop {
  enum class Role : uint8_t { kSpatial, kSummed, kOrdered };
  LoopRef ref;
  Var var;
  int64_t turns = 1;      // at the sizes of the workload
  bool constant = false;  // at all sizes
  Role role = Role::kSpatial;
  int axis = -1;  // the axis of the block that it drives; -1: several, or none
  bool summed() const { return role == Role::kSummed; }
};

struct NestAccess {
  const BufferNode* buffer = nullptr;
  bool store = false;
  bool between = false;  // the program allocates it
  int64_t first = 0;     // the element where all loops are at 0, about, where no data tells
  /// Elements from one turn to the next, by loop; nothing: it is no constant, or data tell.
  std::vector<std::optional<int64_t>> strides;
};

struct NestView {
  int depth = 0;  // how many loops stand around those of the view
  std::vector<NestLoop> loops;
  std::vector<NestAccess> accesses;  // the loads of sums by their own reduction are left out
  double operations = 0;             // of an instance
  DType dtype;        // the widest type that it computes with, whole numbers of positions apart
  bool sums = false;  // a reduction with a reducer
  bool has_init = false;
  /// Turns of all loops together; of those that are no reductions.
  double instances() const;
  double points() const;
  /// The loop of an axis, -1: there is none.
  int loop_of(int axis) const;
};

/// The nest of a block inside its `depth` outermost loops.
NestView view_of(const Workload& workload, Script& s, const PlacedBlock& block, int depth);

/// The number of outer loops that the block shares with others, or that run in an order of their own.
int shared_depth(const PlacedBlock& block);

/// Runs the steps; when one is refused the schedule is as before. True: all were taken.
template <class F>
bool attempt(Script& s, F&& steps) {
  const schedule::Schedule before = s.schedule();
  try {
    steps();
    return true;
  } catch (const UserError&) {
    s.schedule() = before;
    return false;
  }
}

}  // namespace tw::autotune
