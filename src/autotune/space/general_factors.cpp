#include "autotune/space/general_factors.h"

#include <algorithm>

#include "autotune/space/general_stage.h"

namespace tw::autotune {
namespace {

constexpr double kSpared = 0.8;      // of the operations: what may be left for the buffer to be worth it
constexpr int64_t kLongEnough = 16;  // turns of the sum along the axis

double operations_of(Script& s, const Workload& workload, BlockRef ref) {
  const NestView view = view_of(workload, s, *placed(s, ref), 0);
  return view.instances() * view.operations;
}

/// The blocks that take the sum's place; none where nothing can be taken out along this axis.
std::vector<BlockRef> factored(Script& s, BlockRef sum, int64_t axis) {
  std::vector<BlockRef> made;
  attempt(s, [&] {
    const schedule::List option{Value("axis"), Value(axis)};
    const std::vector<Value> given =
        s.apply("rewrite", {sum, "factor_out", Value(schedule::List{Value(option)})});
    for (const Value& block : *given.front().get_if<schedule::List>())
      made.push_back(*block.get_if<BlockRef>());
  });
  return made;
}

void factor_sum(Script& s, const Workload& workload, Choices& choose, const PlacedBlock& sum) {
  const std::string name = hole_of(s, sum.ref, "factored");
  const NestView view = view_of(workload, s, sum, 0);
  const schedule::Schedule before = s.schedule();
  double least = kSpared * operations_of(s, workload, sum.ref);
  int64_t preferred = 0, axis = 0;
  std::vector<int64_t> axes{0};  // as it is; the first axis, …
  for (const NestLoop& loop : view.loops) {
    if (!loop.summed()) continue;
    ++axis;
    const std::vector<BlockRef> blocks = factored(s, sum.ref, axis - 1);
    if (blocks.empty()) continue;
    axes.push_back(axis);
    double left = 0;
    for (const BlockRef block : blocks) left += operations_of(s, workload, block);
    // Of equals the innermost, along which data often lie.
    if (loop.turns >= kLongEnough && left <= least) least = left, preferred = axis;
    s.schedule() = before;
  }
  if (axes.size() == 1) return;
  if (const int64_t chosen = choose.pick(name, axes, preferred)) factored(s, sum.ref, chosen - 1);
}

}  // namespace

void factor_sums(Script& s, const Workload& workload, Choices& choose) {
  for (const PlacedBlock& block : placed_blocks(s))
    if (block.block().reducer) factor_sum(s, workload, choose, block);
}

}  // namespace tw::autotune
