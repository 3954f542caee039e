#include "autotune/space/winograd_plan.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "autotune/space/contraction_plan.h"

namespace tw::autotune {
namespace {

// Bytes of the second cache, the last and memory that a thread gets in a cycle, about.
constexpr double kSecond = 32, kLast = 24, kMemory = 6;
constexpr double kTransform = 5;      // cycles for each vector of a transformed tile
constexpr double kTile = 40;          // cycles of a register tile beside its products
constexpr int64_t kAhead = 16 << 10;  // how many bytes before its use a large filter is fetched
constexpr int64_t kFloat = 4;
constexpr int64_t kMostRows = 14;

constexpr std::pair<int64_t, int64_t> kTiles[] = {{2, 2}, {4, 2}, {4, 4}};

void set_register_tile(WinogradPlan& plan, const Machine& machine) {
  std::tie(plan.rows, plan.vectors) =
      register_tile(plan.block, plan.part, kMostRows, plan.lanes, machine.vector_registers);
}

WinogradPlan plan_of(std::pair<int64_t, int64_t> tile, int64_t part, const WinogradShape& shape,
                     const Machine& machine) {
  WinogradPlan plan;
  std::tie(plan.down, plan.across) = tile;
  plan.lanes = machine.lanes(kFloat32);
  plan.part = part;
  const bool far = kFloat * plan.positions() * shape.channels * part > machine.second;
  plan.ahead = far ? kAhead : 0;
  return plan;
}

/// Blocks that share the tiles evenly. A block of one tile would have no loop over tiles.
std::vector<int64_t> blocks_of(const WinogradPlan& plan, const WinogradShape& shape) {
  const int64_t tiles = plan.tiles(shape);
  std::set<int64_t> blocks{tiles};
  if (plan.part >= shape.filters)
    for (int64_t count = 1; count < tiles; ++count) blocks.insert(ceil_div(tiles, count));
  return {blocks.begin(), blocks.end()};
}

/// The best of a size of tile and of a part.
WinogradPlan best_of(WinogradPlan plan, const WinogradShape& shape, const Machine& machine) {
  WinogradPlan best;
  double least = HUGE_VAL;
  for (const int64_t block : blocks_of(plan, shape)) {
    plan.block = block;
    set_register_tile(plan, machine);
    if (const double cost = cost_of(plan, shape, machine); cost < least) least = cost, best = plan;
  }
  return best;
}

}  // namespace

int64_t WinogradPlan::tiles(const WinogradShape& shape) const {
  return shape.images * ceil_div(shape.height, down) * ceil_div(shape.width, across);
}

double cost_of(const WinogradPlan& p, const WinogradShape& shape, const Machine& machine) {
  const auto c = static_cast<double>(shape.channels), o = static_cast<double>(shape.filters);
  const auto part = static_cast<double>(p.part), block = static_cast<double>(p.block);
  const auto positions = static_cast<double>(p.positions());
  const double parts = std::ceil(o / part);
  const double blocks = static_cast<double>(ceil_div(p.tiles(shape), p.block)) * parts;
  const auto vectors = static_cast<double>(ceil_div(shape.channels, p.lanes) + ceil_div(p.part, p.lanes));
  const auto tiles = static_cast<double>(ceil_div(p.block, p.rows) * ceil_div(p.part, p.columns()));
  const double products = positions * tiles * (c * cycles_of_step(p.rows, p.vectors) + kTile);
  const double transforms = positions * block * vectors * kTransform;
  const double between = kFloat * positions * block * (c + part), filters = kFloat * positions * c * part;
  const bool near = between + filters < static_cast<double>(machine.second);
  const bool kept = filters * parts < static_cast<double>(machine.last);
  const double read = filters / (near ? kSecond : kept ? kLast : kMemory);
  const double passed = 2 * between / (near ? kSecond : kLast);
  return std::ceil(blocks / machine.threads) * (std::max(products, read) + transforms + passed);
}

WinogradPlan choose_winograd(const WinogradShape& shape, const Machine& machine, Choices& choose) {
  const int64_t lanes = machine.lanes(kFloat32), o = shape.filters;
  const int64_t share = std::min(o, round_up(ceil_div(o, machine.threads), lanes));
  std::size_t preferred = 0;
  WinogradPlan best;
  double least = HUGE_VAL;
  for (std::size_t tile = 0; tile < std::size(kTiles); ++tile)
    for (const int64_t part : std::set<int64_t>{o, share}) {
      const WinogradPlan plan = best_of(plan_of(kTiles[tile], part, shape, machine), shape, machine);
      if (const double cost = cost_of(plan, shape, machine); cost < least) {
        least = cost;
        best = plan;
        preferred = tile;
      }
    }
  const std::size_t tile = choose.way("tile", {"2x2", "4x2", "4x4"}, preferred);
  const int64_t part = choose.pick("part", {o, share}, best.part);
  WinogradPlan plan = plan_of(kTiles[tile], part, shape, machine);
  const WinogradPlan wanted = best_of(plan, shape, machine);
  plan.block = choose.pick("block", blocks_of(plan, shape), wanted.block);
  set_register_tile(plan, machine);
  std::vector<int64_t> rows, vectors;
  for (int64_t v = 1; v <= std::min<int64_t>(4, ceil_div(part, lanes)); ++v) vectors.push_back(v);
  plan.vectors = choose.pick("vectors", vectors, plan.vectors);
  for (int64_t r = 1; r <= std::min<int64_t>(plan.block, 2 * kMostRows); ++r)
    if (r * plan.vectors + plan.vectors + 1 <= machine.vector_registers) rows.push_back(r);
  plan.rows = choose.pick("rows", rows, plan.rows);
  if (choose.flag("fetch_ahead", plan.ahead > 0) != (plan.ahead > 0)) plan.ahead = plan.ahead ? 0 : kAhead;
  return plan;
}

}  // namespace tw::autotune
