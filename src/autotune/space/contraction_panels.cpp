#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "autotune/space/contraction_nest.h"
#include "autotune/space/general_nest.h"

namespace tw::autotune {
namespace {

constexpr int64_t kStepsOfCopy = 16;

/// Dimensions of a panel copy but that of the panels: axes of the result, which stay outside, and steps.
struct Dimensions {
  std::vector<std::size_t> before, inside;
};

Dimensions dimensions_of(const ContractionShape& shape, const PanelCopy& copy) {
  Dimensions found;
  const std::vector<int>& dimensions = copy.read.dimensions;
  std::vector<std::pair<int, std::size_t>> steps;
  for (std::size_t d = 0; d < dimensions.size(); ++d) {
    if (static_cast<int>(d) == copy.dimension) continue;
    const int axis = dimensions[d];
    if (axis >= 0 && !shape.axis(axis).reduced)
      found.before.push_back(d);
    else
      steps.emplace_back(axis, d);
  }
  std::sort(steps.begin(), steps.end());
  for (const auto& [axis, d] : steps) found.inside.push_back(d);
  return found;
}

/// The dimension along which the operand lies in memory, where that is a step and not too short.
std::optional<std::size_t> contiguous_step(const ContractionShape& shape, const PanelCopy& copy) {
  const int axis = copy.read.contiguous_axis;
  if (axis < 0 || !shape.axis(axis).reduced || shape.axis(axis).extent < copy.lanes) return {};
  const int dimension = dimension_of(copy.read, axis);
  if (dimension < 0) return {};
  return static_cast<std::size_t>(dimension);
}

/// The loops over the dimensions of the copy. Where it is made in a loop over one of them, that has none.
std::vector<LoopRef> loops_of_copy(Script& s, const PanelCopy& copy, const Dimensions& dimensions) {
  const std::vector<LoopRef> all = s.loops(copy.block);
  const auto at = copy.at ? std::find(all.begin(), all.end(), *copy.at) + 1 : all.begin();
  const std::vector<LoopRef> inside(at, all.end());
  const std::size_t rank = copy.read.dimensions.size();
  if (inside.size() >= rank) return {inside.end() - static_cast<std::ptrdiff_t>(rank), inside.end()};
  if (inside.size() + dimensions.before.size() != rank)
    throw Rejected("a copy has fewer loops than its panels");
  std::vector<LoopRef> loops;
  for (std::size_t d = 0, next = 0; d < rank; ++d) {
    const bool fixed =
        std::find(dimensions.before.begin(), dimensions.before.end(), d) != dimensions.before.end();
    loops.push_back(fixed ? LoopRef{} : inside[next++]);
  }
  return loops;
}

}  // namespace

std::string panel_layout(std::size_t rank, std::size_t dimension, int64_t width,
                         const std::vector<std::size_t>& before, const std::vector<std::size_t>& inside) {
  std::vector<std::string> from, to;
  for (std::size_t d = 0; d < rank; ++d) from.push_back(fmt::format("d{}", d));
  for (const std::size_t d : before) to.push_back(from[d]);
  to.push_back(fmt::format("d{} // {}", dimension, width));
  for (const std::size_t d : inside) to.push_back(from[d]);
  to.push_back(fmt::format("d{} % {}", dimension, width));
  return fmt::format("({}) -> ({})", fmt::join(from, ", "), fmt::join(to, ", "));
}

void lay_out_panels(Script& s, const ContractionShape& shape, const PanelCopy& copy) {
  if (copy.at) s.compute_at(copy.block, *copy.at);
  const std::size_t rank = copy.read.dimensions.size();
  const Dimensions dimensions = dimensions_of(shape, copy);
  const std::vector<LoopRef> loops = loops_of_copy(s, copy, dimensions);
  const auto panels = static_cast<std::size_t>(copy.dimension);
  const auto [panel, vector, lane] = s.split<3>(loops[panels], {None{}, copy.width / copy.lanes, copy.lanes});
  std::vector<LoopRef> order, outside;
  if (!copy.at)
    for (const std::size_t d : dimensions.before) outside.push_back(loops[d]);
  outside.push_back(panel);
  order = outside;
  // Neighbours in memory that are not neighbours in a panel: squares are turned in registers.
  const std::optional<std::size_t> turned = contiguous_step(shape, copy);
  std::optional<LoopRef> at_once;
  for (const std::size_t d : dimensions.inside) {
    if (turned != d) {
      order.push_back(loops[d]);
      continue;
    }
    const auto [step, inner] = s.split<2>(loops[d], {None{}, copy.lanes});
    order.push_back(step);
    at_once = inner;
  }
  order.push_back(vector);
  if (at_once) order.push_back(*at_once);
  order.push_back(lane);
  s.reorder(order);
  s.transform_layout(s.name(copy.block),
                     panel_layout(rank, panels, copy.width, dimensions.before, dimensions.inside));
  s.unroll(at_once ? *at_once : vector);
  s.vectorize(lane);
  if (!copy.at && shape.machine.threads > 1) s.parallel(s.fuse(outside));
}

void lay_out_one_panel(Script& s, const ContractionShape& shape, const PanelCopy& copy) {
  s.compute_at(copy.block, *copy.at);
  const Dimensions dimensions = dimensions_of(shape, copy);
  s.transform_layout(s.name(copy.block),
                     panel_layout(copy.read.dimensions.size(), static_cast<std::size_t>(copy.dimension),
                                  copy.width, dimensions.before, dimensions.inside));
}

void pack_in_first_row(Script& s, const FirstRow& first) {
  const std::vector<LoopRef> own = s.loops(first.tile);
  const auto from_last = own.end() - std::find(own.begin(), own.end(), first.steps);
  const std::vector<Value> parts = s.apply("loop_partition", {first.rows, Value(schedule::List{1, None{}})});
  const LoopRef row = *parts.at(0).get_if<schedule::List>()->front().get_if<LoopRef>();
  // Of the blocks that were copied into it, the sums have the most loops.
  std::vector<LoopRef> deepest;
  for (const PlacedBlock& block : placed_blocks(s)) {
    const std::vector<LoopRef> loops = s.loops(block.ref);
    if (loops.size() > deepest.size() && std::find(loops.begin(), loops.end(), row) != loops.end())
      deepest = loops;
  }
  s.compute_at(first.packed, *(deepest.end() - from_last));
  const auto [vectors, lane] = s.split<2>(s.loops(first.packed).back(), {None{}, first.lanes});
  s.unroll(vectors);
  s.vectorize(lane);
}

void lay_out_rows(Script& s, const ContractionShape& shape, BlockRef copy, int64_t rows) {
  const std::vector<LoopRef> loops = s.loops(copy);
  // Of some steps all panels, so that lines are read to their end and written to theirs.
  const auto [steps, step] = s.split<2>(loops[0], {None{}, kStepsOfCopy});
  const auto [panel, row] = s.split<2>(loops[1], {None{}, rows});
  s.reorder({steps, panel, step, row});
  s.transform_layout(s.name(copy), panel_layout(2, 1, rows, {}, {0}));
  s.vectorize(row);
  if (shape.machine.threads > 1) s.parallel(steps);
}

}  // namespace tw::autotune
