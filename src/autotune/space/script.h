// Schedules written in C++: the primitives by their names, as Python's tw.Schedule has them.
//
//   Script s(schedule);
//   const auto loops = s.loops(block);
//   const auto [outer, lane] = s.split<2>(loops.back(), {None{}, 16});
//   s.vectorize(lane);
//
// Every call is one step of the schedule, checked by its primitive; UserError when it is refused.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "schedule/schedule.h"

namespace tw::autotune {

using schedule::BlockRef;
using schedule::LoopRef;
using schedule::Tunable;
using schedule::Value;
using None = std::monostate;

class Script {
 public:
  explicit Script(schedule::Schedule& schedule) : schedule_(schedule) {}
  schedule::Schedule& schedule() { return schedule_; }

  BlockRef block(const std::string& name) { return schedule_.block(name); }
  std::vector<LoopRef> loops(BlockRef block) { return schedule_.loops(block); }
  std::string name(const Value& handle) const { return schedule_.name_of(handle); }
  /// Constant number of turns of a loop now, or -1.
  int64_t turns(LoopRef loop) const;

  /// Any primitive, by name.
  std::vector<Value> apply(const std::string& primitive, std::vector<Value> args) {
    return schedule_.apply(primitive, std::move(args));
  }

  std::vector<LoopRef> split(LoopRef loop, std::vector<Value> factors);
  template <std::size_t N>
  std::array<LoopRef, N> split(LoopRef loop, std::vector<Value> factors) {
    const std::vector<LoopRef> made = split(loop, std::move(factors));
    std::array<LoopRef, N> loops;
    for (std::size_t i = 0; i < N; ++i) loops[i] = made.at(i);
    return loops;
  }
  LoopRef fuse(const std::vector<LoopRef>& loops);
  void reorder(const std::vector<LoopRef>& loops);
  void vectorize(LoopRef loop);
  void unroll(LoopRef loop);
  void parallel(LoopRef loop);
  void compute_at(BlockRef block, LoopRef loop);
  void reverse_compute_at(BlockRef block, LoopRef loop);
  void compute_inline(BlockRef block);
  void reverse_compute_inline(BlockRef block);
  /// The new block.
  BlockRef cache_read(BlockRef block, const std::string& buffer, const std::string& scope);
  BlockRef cache_write(BlockRef block, const std::string& scope);
  BlockRef decompose_reduction(BlockRef block, LoopRef loop);
  BlockRef rfactor(LoopRef loop, int64_t axis);
  void pad(BlockRef block, const std::vector<int64_t>& multiples);
  void transform_layout(const std::string& buffer, const std::string& map);

 private:
  schedule::Schedule& schedule_;
};

}  // namespace tw::autotune
