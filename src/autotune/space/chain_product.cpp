#include "autotune/space/chain_product.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "ir/visit.h"

namespace tw::autotune {
namespace {

/// An operand that is read by axes of the product alone: which axis each of its dimensions has.
std::optional<std::vector<int>> plain_dimensions(const Block& block, const std::string& buffer) {
  std::optional<std::vector<int>> found;
  for_each_node(block.body, [&](const Node* node) {
    const auto* load = as<Load>(node);
    if (!load || load->buffer->name.text != buffer || found) return;
    found.emplace();
    for (const Expr& index : load->indices) {
      int at = -1;
      for (std::size_t a = 0; a < block.axes.size(); ++a)
        if (block.axes[a].var.same_as(index)) at = static_cast<int>(a);
      found->push_back(at);
    }
  });
  if (found && std::count(found->begin(), found->end(), -1) > 0) found.reset();
  return found;
}

/// "(d0, d1, d2) -> (d0, d1 // 32, d2, d1 % 32)" for columns in dimension 1: panels stand where the column
/// stood, summed dimensions behind them.
std::string panel_layout(const BlockFacts& product, const std::vector<int>& dimensions, int64_t columns) {
  std::string from, batch, panel, summed, lane;
  for (std::size_t i = 0; i < dimensions.size(); ++i) {
    const AxisFacts& axis = product.axes[static_cast<std::size_t>(dimensions[i])];
    const std::string name = fmt::format("d{}", i);
    from += (i ? ", " : "") + name;
    if (axis.role == AxisRole::kColumn && lane.empty()) {
      panel += fmt::format("{} // {}, ", name, columns);
      lane = fmt::format("{} % {}", name, columns);
    } else {
      (axis.role == AxisRole::kSummed ? summed : batch) += name + ", ";
    }
  }
  return fmt::format("({}) -> ({}{}{}{})", from, batch, panel, summed, lane);
}

void schedule_packing(Draft& d, BlockRef copy, int64_t lanes, std::size_t summed, bool transposes,
                      double bytes) {
  Script& s = d.script;
  std::vector<LoopRef> loops = s.loops(copy);
  const std::size_t n = loops.size();
  const auto [vector, lane] = s.split<2>(loops[n - 1], {None{}, lanes});
  if (transposes) {
    const auto [row, at_once] = s.split<2>(loops[n - 2], {None{}, lanes});
    s.reorder({row, vector, at_once, lane});
    s.unroll(at_once);
  }
  s.vectorize(lane);
  loops.resize(n - 1 - summed);
  if (!loops.empty() && worth_threads(d, 0, bytes)) s.parallel(s.fuse(loops));
}

}  // namespace

std::vector<int64_t> vectors_for(const Draft& d, int product, int64_t rows) {
  const BlockFacts& block = d.block(product);
  const int64_t free = d.machine().vector_registers - 3, lanes = d.lanes(block);
  const int64_t columns = (std::max<int64_t>(1, block.extent(AxisRole::kColumn)) + lanes - 1) / lanes;
  std::vector<int64_t> vectors{1};
  for (int64_t v = 2; v <= std::min<int64_t>(columns, 6) && v * rows + v <= free; ++v) vectors.push_back(v);
  return vectors;
}

void pack_columns(Draft& d, int product, int64_t columns, const std::string& prefix) {
  Script& s = d.script;
  const BlockFacts& block = d.block(product);
  const ReadFacts* operand = nullptr;
  for (const ReadFacts& read : block.reads)
    if (read.operand == 1) operand = &read;
  if (!block.whole_product || !operand) return;
  const BlockRef ref = d.ref(product);
  const schedule::BlockPlace place = block_place(s, ref);
  const auto dimensions = plain_dimensions(place.block(), operand->buffer);
  if (!dimensions) return;
  std::size_t summed = 0;
  int in_columns = 0;
  for (const int axis : *dimensions) {
    const AxisRole role = block.axes[static_cast<std::size_t>(axis)].role;
    summed += role == AxisRole::kSummed;
    in_columns += role == AxisRole::kColumn;
  }
  if (in_columns != 1 || summed == 0) return;
  const int near = operand->contiguous_axis;
  const bool along = near >= 0 && block.axes[static_cast<std::size_t>(near)].role == AxisRole::kColumn;
  // Rows of columns that are far apart meet the same sets of the caches.
  const bool far_apart = block.extent(AxisRole::kColumn) * operand->dtype.bytes() >= 2048;
  if (!d.choose.flag(fmt::format("{}pack{}", prefix, product), !along || operand->constant || far_apart))
    return;
  const BlockRef copy = s.cache_read(ref, operand->buffer, "global");
  const std::string packed = block_place(s, copy).block().writes.at(0).buffer->name;
  s.transform_layout(packed, panel_layout(block, *dimensions, columns));
  const bool transposes = near >= 0 && block.axes[static_cast<std::size_t>(near)].role == AxisRole::kSummed &&
                          dimensions->back() == near;
  const double bytes = 2.0 * static_cast<double>(operand->elements) * operand->dtype.bytes();
  schedule_packing(d, copy, d.lanes(block), summed, transposes, bytes);
}

void sums_in_registers(Draft& d, int product, BlockRef ref, BlockRef stores, LoopRef tile, int64_t vectors) {
  Script& s = d.script;
  const BlockFacts& block = d.block(product);
  const int64_t lanes = d.lanes(block);
  std::vector<int> kept;
  for (std::size_t a = 0; a < block.axes.size(); ++a)
    if (!block.axes[a].reduced) kept.push_back(static_cast<int>(a));
  const int column_axis = block.of(AxisRole::kColumn).back();
  const auto column = [&](const BlockLoops& loops, const std::vector<int>& axes) -> std::optional<LoopRef> {
    for (std::size_t i = 0; i < axes.size(); ++i)
      if (axes[i] == column_axis && !loops.of_axis[i].empty()) return loops.of_axis[i].back();
    return std::nullopt;
  };
  const BlockLoops out = loops_of(s, stores, tile);
  const auto across = column(out, kept);
  std::vector<LoopRef> rows, order;
  for (const LoopRef loop : out.spatial)
    if (!across || loop != *across) rows.push_back(loop);
  LoopRef inside = tile;
  if (across) {
    const auto parts = s.split<3>(*across, {None{}, vectors, lanes});
    inside = parts[0];
    order = {parts[0]};
    order.insert(order.end(), rows.begin(), rows.end());
    order.insert(order.end(), {parts[1], parts[2]});
    s.reorder(order);
  }
  s.compute_at(ref, inside);
  std::vector<int> all;
  for (std::size_t a = 0; a < block.axes.size(); ++a) all.push_back(static_cast<int>(a));
  const BlockLoops in = loops_of(s, ref, inside);
  const auto own = column(in, all);
  std::vector<LoopRef> sum = in.reduced;
  for (const LoopRef loop : in.spatial)
    if (!own || loop != *own) sum.push_back(loop);
  if (own) {
    const auto parts = s.split<2>(*own, {None{}, lanes});
    sum.insert(sum.end(), {parts[0], parts[1]});
  }
  s.reorder(sum);
  std::vector<BlockRef> blocks{stores, ref};
  if (!block.separate_init && !in.reduced.empty())
    blocks.push_back(s.decompose_reduction(ref, in.reduced.front()));
  for (const BlockRef each : blocks) {
    const BlockLoops loops = loops_of(s, each, inside);
    for (std::size_t i = 0; i < loops.spatial.size(); ++i) {
      const bool last = i + 1 == loops.spatial.size();
      if (last && (each == stores ? across.has_value() : own.has_value()))
        s.vectorize(loops.spatial[i]);
      else if (s.turns(loops.spatial[i]) >= 0)
        s.unroll(loops.spatial[i]);
    }
  }
}

}  // namespace tw::autotune
