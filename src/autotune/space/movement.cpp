// Elements that change places: transposes and other permutations, slices, padding, gathers.
//
//   for i in n:                          for rows in parallel(m / 64), columns in n / 64:     blocks for
//   caches
//     for j in m: Y[i, j] = X[j, i]  =>    for row in 64 / 16, column in 64 / 16:
//                                            for i in unrolled(16): for j in vectorized(16): Y[i, j] = X[j,
//                                            i]
//
// Where what is contiguous in the source is so in the result too, it is copied in vectors as elementwise
// blocks are. Else square blocks of as many rows as a vector has lanes are transposed in registers.
#include <algorithm>

#include <fmt/format.h>

#include "autotune/space/elementwise.h"
#include "ir/analysis/access_map.h"
#include "ir/visit.h"

namespace tw::autotune {
namespace {

bool is_movement(const BlockFacts& block) {
  return block.kind == BlockKind::kMovement || block.kind == BlockKind::kElementwise;
}

bool applies(const Workload& workload) {
  const Facts facts = facts_of(workload);
  return !facts.of(BlockKind::kMovement).empty() &&
         std::all_of(facts.blocks.begin(), facts.blocks.end(), is_movement);
}

/// The axis along which the largest source that is read across lies, -1 where all are read along the result.
int source_axis(Draft& d, BlockRef ref, int result_axis) {
  const schedule::BlockPlace place = block_place(d.script, ref);
  std::vector<Var> axes;
  for (const BlockAxis& axis : place.block().axes) axes.push_back(axis.var);
  int found = -1;
  int64_t most = 0;
  for_each_node(place.block().body, [&](const Node* node) {
    const auto* load = as<Load>(node);
    if (!load) return;
    for (const Var& var : contiguous_vars(access_map(load->indices, axes), load->buffer)) {
      const int at = static_cast<int>(
          std::find_if(axes.begin(), axes.end(), [&](const Var& axis) { return axis.same_as(var); }) -
          axes.begin());
      int64_t elements = d.workload.number(place.block().axes[static_cast<std::size_t>(at)].extent);
      for (const Expr& extent : load->buffer->shape) elements *= d.workload.number(extent);
      if (at == result_axis || elements <= most) continue;
      most = elements;
      found = at;
    }
  });
  return found;
}

/// A transposition: `near` is contiguous in the result, `far` in the source.
void schedule_transpose(Draft& d, int position, std::vector<LoopRef> loops, int near, int far,
                        const std::string& prefix) {
  Script& s = d.script;
  const BlockFacts& block = d.block(position);
  const int64_t lanes = d.lanes(block);
  const auto at = [&](int axis) { return loops[static_cast<std::size_t>(axis)]; };
  const int64_t side = d.choose.pick(prefix + "side", {lanes / 2, lanes, 2 * lanes}, lanes);
  const auto [columns, column] = s.split<2>(at(far), {None{}, std::max<int64_t>(1, side)});
  const auto [rows, lane] = s.split<2>(at(near), {None{}, lanes});
  std::vector<LoopRef> order;
  for (std::size_t i = 0; i < loops.size(); ++i)
    if (static_cast<int>(i) != near && static_cast<int>(i) != far) order.push_back(loops[i]);
  const std::size_t others = order.size();
  const double bytes = 2.0 * static_cast<double>(block.points) * block.dtype.bytes();
  std::vector<LoopRef> shared = order;
  LoopRef inside{};
  // Whole rows of the source, whole rows of the result, or blocks that a near cache holds in both arrays.
  const std::size_t usual =
      exceeds_caches(d, bytes) ? 2 : bytes > 2.0 * static_cast<double>(d.machine().second);
  const std::size_t way =
      d.choose.way(prefix + "blocks", {"columns inside", "rows inside", "blocks for caches"}, usual);
  if (way == 2) {
    const auto [row_blocks, row] =
        s.split<2>(rows, {None{}, d.choose.parameter(prefix + "rows", lattice(1, 32), 4)});
    const auto [column_blocks, column_of] =
        s.split<2>(columns, {None{}, d.choose.parameter(prefix + "columns", lattice(1, 32), 4)});
    order.insert(order.end(), {row_blocks, column_blocks, row, column_of, column, lane});
    shared.push_back(row_blocks);
    inside = row;
  } else {
    const bool rows_inside = way == 1;
    order.insert(order.end(), {rows_inside ? columns : rows, rows_inside ? rows : columns, column, lane});
    shared.push_back(order[others]);
    inside = order[others + 1];
  }
  s.reorder(order);
  s.unroll(column);
  s.vectorize(lane);
  if (bytes > static_cast<double>(d.machine().last) / 2 &&
      d.choose.flag(prefix + "streaming", exceeds_caches(d, bytes)))
    write_past_caches(s, inside);
  if (worth_threads(d, block.operations, bytes)) s.parallel(s.fuse(shared));
}

void schedule_movement(Draft& d, int position, const std::string& prefix) {
  const BlockRef ref = d.ref(position);
  const std::vector<LoopRef> loops = d.script.loops(ref);
  const int near = d.block(position).contiguous_axis;
  const int far = near < 0 ? -1 : source_axis(d, ref, near);
  if (far < 0) return schedule_points(d, position, prefix);
  schedule_transpose(d, position, loops, near, far, prefix);
}

void apply(Script& s, const Workload& workload, Choices& choose) {
  const Facts facts = facts_of(workload);
  Draft d{s, workload, facts, choose};
  for (const int p : inline_points(d)) schedule_movement(d, p, fmt::format("b{}_", p));
}

const SketchRegistration registration{{
    .name = "movement",
    .summary = "Transposes, slices, padding and gathers: square blocks in registers, blocks for caches.",
    .applies = applies,
    .apply = apply,
}};

}  // namespace
}  // namespace tw::autotune
