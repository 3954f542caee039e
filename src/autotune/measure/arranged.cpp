// The order in which a reference runs: every nest on its own, in small tiles.
//
//   for i in 1024:                    for io in parallel(256):
//     for j in 1024:                    for jo in 32:
//       for k in 1024:           =>       for k in 1024:
//         C[i, j] += …                      for ii in unrolled(4):
//                                             for ji in vectorized(32): C[i, j] += …     (in registers)
#include <algorithm>

#include "autotune/measure/reference.h"
#include "ir/visit.h"
#include "support/error.h"

namespace tw::autotune {
namespace {

constexpr int64_t kRows = 4, kColumns = 32;

/// Loops of a block by what its axes are. Empty where they are not one for each axis, in order.
struct Loops {
  std::vector<LoopRef> spatial, reduced;
  bool is_plain = false;
};

const Block* find_block(const Program& program, const std::string& name) {
  const Block* found = nullptr;
  for_each_node(program, [&](const Node* node) {
    if (const auto* block = as<Block>(node); block && block->name.text == name) found = block;
  });
  return found;
}

Loops loops_of(Script& s, BlockRef ref) {
  Loops loops;
  const Block* block = find_block(s.schedule().program(), s.name(ref));
  const std::vector<LoopRef> around = s.loops(ref);
  if (!block || around.size() != block->axes.size()) return loops;
  for (std::size_t i = 0; i < around.size(); ++i) {
    const BlockAxis& axis = block->axes[i];
    if (axis.axis_kind == AxisKind::kOrdered || axis.binding->kind != Kind::kVariable) return loops;
    (axis.axis_kind == AxisKind::kSpatial ? loops.spatial : loops.reduced).push_back(around[i]);
  }
  loops.is_plain = true;
  return loops;
}

/// The first loop of some length runs on all threads.
void share(Script& s, const std::vector<LoopRef>& loops) {
  for (const LoopRef loop : loops) {
    if (s.turns(loop) == 1) continue;
    s.parallel(loop);
    return;
  }
}

void tile_reduction(Script& s, BlockRef block, const Loops& loops) {
  std::vector<LoopRef> outer(loops.spatial.begin(), loops.spatial.end() - 1), inner;
  const auto [jo, ji] = s.split<2>(loops.spatial.back(), {None{}, kColumns});
  inner.push_back(ji);
  if (!outer.empty()) {
    const auto [io, ii] = s.split<2>(outer.back(), {None{}, kRows});
    outer.back() = io;
    inner.insert(inner.begin(), ii);
  }
  outer.push_back(jo);
  std::vector<LoopRef> order = outer;
  order.insert(order.end(), loops.reduced.begin(), loops.reduced.end());
  order.insert(order.end(), inner.begin(), inner.end());
  s.reorder(order);
  const BlockRef stored = s.cache_write(block, "local");
  s.reverse_compute_at(stored, jo);
  s.vectorize(s.loops(stored).back());
  s.vectorize(ji);
  if (inner.size() > 1) s.unroll(inner.front());
  share(s, outer);
}

void make_vectors(Script& s, const Loops& loops) {
  const auto [jo, ji] = s.split<2>(loops.spatial.back(), {None{}, kColumns});
  s.vectorize(ji);
  std::vector<LoopRef> outer(loops.spatial.begin(), loops.spatial.end() - 1);
  outer.push_back(jo);
  share(s, outer);
}

/// Applies steps to a copy of the schedule; gives whether all of them were taken.
template <class F>
bool attempt(schedule::Schedule& schedule, F&& steps) {
  schedule::Schedule copy = schedule;
  try {
    Script script(copy);
    steps(script);
  } catch (const UserError&) {
    return false;
  }
  schedule = std::move(copy);
  return true;
}

}  // namespace

Program arranged(const Program& program) {
  schedule::Schedule schedule(program);
  for (const BlockRef block : schedule.blocks()) {
    Script script(schedule);
    const Loops loops = loops_of(script, block);
    if (!loops.is_plain || loops.spatial.empty()) continue;
    if (!loops.reduced.empty() && attempt(schedule, [&](Script& s) { tile_reduction(s, block, loops); }))
      continue;
    if (loops.reduced.empty() && attempt(schedule, [&](Script& s) { make_vectors(s, loops); })) continue;
    attempt(schedule, [&](Script& s) { share(s, loops.spatial); });
  }
  return schedule.program();
}

}  // namespace tw::autotune
