#include "autotune/space/contraction_plan.h"

#include <algorithm>
#include <tuple>

namespace tw::autotune {
namespace {

constexpr int64_t kMostRows = 14;
// Rows that are a multiple of this apart meet in one set of the first cache, of 8 or 12 lines.
constexpr int64_t kPage = 4096;
constexpr int64_t kMostRowsColliding = 8;
constexpr int64_t kMostStepsPacked = 2048, kMostSteps = 512;
constexpr int64_t kTilesWorthPacking = 16;  // of rows: how often each element of a panel is used
constexpr int64_t kAhead = 8 << 10;

struct Part {
  int64_t rows, columns;  // of one thread
};

Part part_of_thread(const ContractionShape& shape, Sharing sharing) {
  const int64_t threads = shape.machine.threads;
  if (sharing == Sharing::kColumns) return {shape.rows, ceil_div(shape.columns, threads)};
  return {ceil_div(shape.rows, threads), shape.columns};
}

/// Little is computed with each element of the second operand: walk through it row by row, a few rows at
/// once, and keep a part of the result in the first cache.
ContractionPlan streaming_plan(const ContractionShape& shape, ContractionPlan plan) {
  const Part part = part_of_thread(shape, plan.sharing);
  const int64_t registers = shape.machine.vector_registers;
  plan.rows = std::min(shape.rows, plan.lanes / 2);
  plan.kc = round_up(std::clamp<int64_t>(shape.rows, 8, 16), 8);
  plan.vectors = plan.rows == 1 ? 8 : std::min<int64_t>(4, (registers - 1) / (plan.rows + 1));
  plan.mc = round_up(shape.rows, plan.rows);
  plan.nc = round_up(part.columns, plan.width());
  plan.unroll = plan.rows == 1 ? plan.kc : 1;
  return plan;
}

bool streams(const ContractionShape& shape, bool constant) {
  return shape.rows < 2 * shape.lanes && shape.vectors_lie_together() && shape.blocked_axis() >= 0 &&
         shape.second->elements * shape.second->dtype.bytes() > shape.machine.last &&
         !(constant && shape.rows > 1);
}

/// One product of matrices.
ContractionPlan preferred_blocks(const ContractionShape& shape) {
  const Machine& machine = shape.machine;
  const bool constant = shape.second && shape.second->constant;
  ContractionPlan plan;
  plan.lanes = shape.lanes;
  plan.blocked = plan.pad_rows = true;
  plan.sharing = machine.threads == 1          ? Sharing::kNothing
                 : shape.columns >= shape.rows ? Sharing::kColumns
                                               : Sharing::kRows;
  if (streams(shape, constant)) return streaming_plan(shape, plan);
  const Part part = part_of_thread(shape, plan.sharing);
  const bool collide = shape.row_pitch() > 0 && shape.row_pitch() % kPage == 0;
  std::tie(plan.rows, plan.vectors) =
      register_tile(part.rows, part.columns, collide ? kMostRowsColliding : kMostRows, plan.lanes,
                    machine.vector_registers);
  if (shape.can_pack())
    plan.packing = constant ? Packing::kWhole
                   : ceil_div(part.rows, plan.rows) > kTilesWorthPacking || !shape.vectors_lie_together()
                       ? Packing::kBlock
                       : Packing::kNone;
  const int64_t bytes = shape.second ? shape.second->dtype.bytes() : 4;
  const int64_t most_steps = plan.packing == Packing::kNone ? kMostSteps : kMostStepsPacked;
  const int64_t kc = round_up(ceil_div(shape.steps, ceil_div(shape.steps, most_steps)), 8);
  plan.kc = shape.blocked_axis() >= 0 && kc < shape.steps ? kc : 0;
  const int64_t block_bytes = bytes * std::max<int64_t>(1, plan.kc ? plan.kc : shape.steps);
  // A block of the second operand that is packed stays in the second cache, and rows stream past it; else a
  // block of rows stays there.
  const bool columns_stay = plan.packing == Packing::kBlock;
  const int64_t near = machine.second / 2, far = machine.last / 2 / machine.threads;
  const int64_t most_rows = columns_stay ? 1 : std::max<int64_t>(1, near / block_bytes / plan.rows);
  const int64_t panels = std::max<int64_t>(1, (columns_stay ? near : far) / block_bytes / plan.width());
  plan.mc = even_blocks(part.rows, most_rows * plan.rows, plan.rows);
  plan.nc = even_blocks(part.columns, panels * plan.width(), plan.width());
  plan.hint_rows = columns_stay;
  plan.hint_block = columns_stay && (plan.nc < part.columns || plan.kc);
  if (plan.packing == Packing::kWhole && bytes * shape.columns * shape.steps > machine.last)
    plan.ahead = kAhead;
  return plan;
}

/// A batch: its products are shared out, and where they are small nothing is copied.
ContractionPlan preferred_batch(const ContractionShape& shape) {
  ContractionPlan plan;
  plan.lanes = shape.lanes;
  std::tie(plan.rows, plan.vectors) =
      register_tile(shape.rows, shape.columns, kMostRows, plan.lanes, shape.machine.vector_registers);
  plan.sharing = shape.machine.threads == 1 ? Sharing::kNothing : Sharing::kOuter;
  if (!shape.can_pack()) return plan;
  if (shape.second->constant) plan.packing = Packing::kWhole;
  if (!shape.vectors_lie_together() && !shape.second->constant) {
    plan.packing = Packing::kBlock;
    plan.blocked = true;
    plan.mc = round_up(shape.rows, plan.rows);
    plan.nc = round_up(shape.columns, plan.width());
  }
  return plan;
}

}  // namespace

int64_t even_blocks(int64_t size, int64_t most, int64_t unit) {
  return round_up(ceil_div(size, std::max<int64_t>(1, ceil_div(size, std::max<int64_t>(1, most)))), unit);
}

double cycles_of_step(int64_t rows, int64_t vectors) {
  const auto r = static_cast<double>(rows), v = static_cast<double>(vectors);
  return std::max({r * v / 2, (r + v) / 2, 4.0}) + 0.02;
}

std::pair<int64_t, int64_t> register_tile(int64_t rows, int64_t columns, int64_t most_rows, int64_t lanes,
                                          int64_t registers) {
  std::tuple<double, int64_t, int64_t> best{1e300, 0, 0};
  std::pair<int64_t, int64_t> found{1, 1};
  for (int64_t v = 1; v <= 4 && (v == 1 || (v - 1) * lanes < columns); ++v)
    for (int64_t r = 1; r <= std::min(rows, most_rows); ++r) {
      if (r * v + v + 1 > registers) continue;
      const auto tiles = static_cast<double>(ceil_div(rows, r) * ceil_div(columns, v * lanes));
      const std::tuple<double, int64_t, int64_t> spent{tiles * cycles_of_step(r, v), -r * v, -r};
      if (spent < best) {
        best = spent;
        found = {r, v};
      }
    }
  return found;
}

ContractionPlan preferred_plan(const ContractionShape& shape) {
  if (shape.line >= 0 || (shape.windows && shape.row >= 0 && shape.axis(shape.row).window))
    return preferred_tiles(shape);
  return shape.outers > 1 ? preferred_batch(shape) : preferred_blocks(shape);
}

int64_t steps_between_hints(const ContractionShape& shape, const ContractionPlan& plan) {
  const bool one_axis = shape.summed.size() == 1 && shape.line < 0 && shape.outers == 1;
  if (plan.packing != Packing::kBlock || !plan.blocked || !one_axis || plan.unroll != 1 || !shape.first ||
      shape.first->contiguous_axis != shape.summed.back() || !shape.facts.init.empty() ||
      !shape.constant_extents)
    return 0;
  const int64_t block = plan.kc ? plan.kc : shape.steps;
  for (const int64_t steps : {shape.lanes, shape.lanes / 2})
    if (steps > 1 && shape.steps % block == 0 && block % steps == 0 && block > steps) return steps;
  return 0;
}

double cycles_of(const ContractionShape& shape) {
  return static_cast<double>(shape.results()) * static_cast<double>(shape.steps) /
         static_cast<double>(2 * shape.lanes);
}

}  // namespace tw::autotune
