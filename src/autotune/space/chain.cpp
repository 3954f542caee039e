// Products of matrices with row-wise chains before, between and behind them: attention, a product with
// residual and layer norm, products one after the other.
//
//   S = Q K^T, softmax of its rows,        for tile of 8 rows of Y in parallel:
//   Y = softmax * V                    =>    S of the tile, by panels of keys in registers
//                                            for row of the tile: its maximum, exponentials, their sum,
//                                            weights Y of the tile, by panels of columns in registers
//
// A product is computed where its rows are needed, or in a nest of its own with blocks for the caches
// (contraction.h); which of the two depends on how much of the other operand each tile has to read again.
#include <algorithm>

#include <fmt/format.h>

#include "autotune/space/chain_tile.h"
#include "autotune/space/contraction.h"
#include "autotune/space/rows_leader.h"

namespace tw::autotune {
namespace {

bool is_product(const BlockFacts& block) {
  return block.kind == BlockKind::kContraction;
}

bool is_point(const BlockFacts& block) {
  return block.kind == BlockKind::kElementwise;
}

bool is_link(const BlockFacts& block) {
  return (is_product(block) && is_contraction(block)) || is_point(block) ||
         block.kind == BlockKind::kRowReduction;
}

bool applies(const Workload& workload) {
  const Facts facts = facts_of(workload);
  const std::size_t products = facts.of(BlockKind::kContraction).size();
  const std::size_t rows = facts.of(BlockKind::kRowReduction).size();
  return products > 0 && products + rows > 1 &&
         std::all_of(facts.blocks.begin(), facts.blocks.end(), is_link);
}

/// Whether a product can be computed by tiles of rows: no windows, one axis of columns.
bool fits_tiles(const BlockFacts& block) {
  return block.of(AxisRole::kColumn).size() == 1 && !block.of(AxisRole::kRow).empty() &&
         std::none_of(block.axes.begin(), block.axes.end(),
                      [](const AxisFacts& axis) { return axis.window || axis.group > 0; });
}

/// Whether the columns' operand, which each tile of rows reads whole, stays in a near cache.
bool is_near(const Draft& d, const BlockFacts& block) {
  const double bytes = static_cast<double>(block.extent(AxisRole::kSummed)) *
                       static_cast<double>(block.extent(AxisRole::kColumn)) * block.dtype.bytes();
  return bytes <= static_cast<double>(d.machine().second) / 2;
}

bool has(const std::vector<int>& list, int item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

/// The groups when these products are computed by tiles, without the blocks that are gone; takes those
/// products off the list that no group can hold.
std::vector<RowGroup> groups_with(const Draft& d, const Ties& ties, std::vector<int>& tiled,
                                  const std::vector<int>& gone = {}) {
  while (true) {
    std::vector<int> blocks;
    for (int b = 0; b < static_cast<int>(d.facts.blocks.size()); ++b)
      if (is_product(d.block(b)) ? has(tiled, b) : !has(gone, b)) blocks.push_back(b);
    const std::vector<RowGroup> groups = row_groups(d, ties, blocks, false);
    std::vector<int> fit;
    for (const RowGroup& group : groups) {
      if (group.rows.empty() || group.members.empty()) continue;
      for (const int m : group.members)
        if (has(tiled, m)) fit.push_back(m);
      if (has(tiled, group.leader)) fit.push_back(group.leader);
    }
    if (fit.size() == tiled.size()) return groups;
    tiled = fit;
  }
}

bool has_product(const Draft& d, const RowGroup& group) {
  return is_product(d.block(group.leader)) || std::any_of(group.members.begin(), group.members.end(),
                                                          [&](int m) { return is_product(d.block(m)); });
}

/// The block of points that takes each result of a product once, as nobody else does, with nothing that is
/// computed later than the product; -1: none.
int only_reader(const Draft& d, int product) {
  const BlockFacts& block = d.block(product);
  if (block.consumers.size() != 1 || !is_point(d.block(block.consumers.front()))) return -1;
  const int reader = block.consumers.front();
  if (d.block(reader).producers.back() != product) return -1;  // producers ascend
  int64_t results = 1;
  for (const AxisFacts& axis : block.axes)
    if (!axis.reduced) results *= axis.extent;
  return d.block(reader).points == results ? reader : -1;
}

/// Gives products that are not computed by tiles nests of their own; gives the blocks that these took in.
std::vector<int> schedule_products(Draft& d, const std::vector<int>& tiled) {
  std::vector<int> gone;
  for (const int product : d.facts.of(BlockKind::kContraction)) {
    if (has(tiled, product)) continue;
    const std::string prefix = fmt::format("b{}_", product);
    const int reader = only_reader(d, product);
    const bool folds = reader >= 0 && d.choose.flag(prefix + "epilogue", true);
    if (schedule_contraction(d.script, d.workload, d.block(product), d.choose, prefix,
                             folds ? d.block(reader).name : ""))
      gone.push_back(reader);
  }
  return gone;
}

void apply(Script& s, const Workload& workload, Choices& choose) {
  const Facts facts = facts_of(workload);
  Draft d{s, workload, facts, choose};
  const Ties ties(d);
  std::vector<int> tiled;
  for (const int product : facts.of(BlockKind::kContraction)) {
    const BlockFacts& block = d.block(product);
    if (!fits_tiles(block)) continue;
    if (choose.way(fmt::format("product{}", product), {"in a nest of its own", "where its rows are needed"},
                   is_near(d, block)))
      tiled.push_back(product);
  }
  groups_with(d, ties, tiled);
  const std::vector<int> gone = schedule_products(d, tiled);
  for (const RowGroup& group : groups_with(d, ties, tiled, gone)) {
    const std::string prefix = fmt::format("g{}_", group.leader);
    if (has_product(d, group))
      schedule_tile_group(d, ties, group, prefix);
    else
      schedule_row_group(d, group, prefix);
  }
}

const SketchRegistration registration{{
    .name = "chain",
    .summary = "Products with row-wise chains around them: tiles of rows that stay in near caches.",
    .applies = applies,
    .apply = apply,
}};

}  // namespace
}  // namespace tw::autotune
