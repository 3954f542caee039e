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
// Tiles of rows, which say how often each element of a panel is used: of more than the first a panel is
// packed by the first of them where it comes from afar, of more than the second a block before its use.
constexpr int64_t kTilesWorthPacking = 8, kTilesForBlocks = 32;
constexpr int64_t kMostTilesForFirst = 64;   // more rows do not stay near while panel after panel is used
constexpr int64_t kColumnsWorthPacking = 4;  // panels that use rows which were packed
constexpr int64_t kLeastSharedSteps = 1024;
constexpr int64_t kAhead = 8 << 10;

struct Part {
  int64_t rows, columns;  // of one thread
};

/// Whether lines or windows say how tiles lie.
bool is_image(const ContractionShape& shape) {
  return shape.line >= 0 || (shape.windows && shape.row >= 0 && shape.axis(shape.row).window);
}

Part part_of_thread(const ContractionShape& shape, Sharing sharing) {
  const int64_t threads = shape.machine.threads;
  if (sharing == Sharing::kSteps) return {shape.rows, shape.columns};
  if (sharing == Sharing::kColumns) return {shape.rows, ceil_div(shape.columns, threads)};
  return {ceil_div(shape.rows, threads), shape.columns};
}

/// Little is computed with each element of the second operand, which comes from memory.
bool streams(const ContractionShape& shape) {
  return shape.rows < 2 * shape.lanes && shape.vectors_lie_together() && shape.blocked_axis() >= 0 &&
         shape.second->elements * shape.second->dtype.bytes() > shape.machine.last &&
         !(shape.second->constant && shape.rows > 1);
}

/// Walks through the second operand row by row, a few rows at once, and keeps a part of the result in the
/// first cache.
void set_streaming_blocks(const ContractionShape& shape, ContractionPlan& plan) {
  plan.kc = round_up(std::clamp<int64_t>(shape.rows, 8, 16), 8);
  plan.mc = round_up(shape.rows, plan.rows);
  plan.nc = round_up(part_of_thread(shape, plan.sharing).columns, plan.width());
  plan.unroll = plan.rows == 1 ? plan.kc : 1;
}

/// How the second operand is packed where it is no constant.
Packing packing_by_use(const ContractionShape& shape, const Part& part, int64_t most_rows) {
  if (!shape.vectors_lie_together()) return Packing::kBlock;
  const int64_t tiles = ceil_div(part.rows, most_rows);
  if (tiles > kTilesForBlocks) return Packing::kBlock;
  const int64_t near = 2 * shape.machine.threads * shape.machine.second;
  const bool far = shape.second->elements * shape.second->dtype.bytes() > near;
  return tiles > kTilesWorthPacking && far && can_pack_first(shape, most_rows) ? Packing::kFirst
                                                                               : Packing::kNone;
}

/// One product of matrices.
ContractionPlan preferred_product(const ContractionShape& shape) {
  const Machine& machine = shape.machine;
  const bool constant = shape.second && shape.second->constant, far = streams(shape);
  ContractionPlan plan;
  plan.lanes = shape.lanes;
  plan.blocked = plan.pad_rows = true;
  plan.sharing = machine.threads == 1          ? Sharing::kNothing
                 : shape.columns >= shape.rows ? Sharing::kColumns
                                               : Sharing::kRows;
  // Of one row there are few sums beside what is read: each thread reads whole rows of the second operand.
  const bool few_results = shape.results() <= plan.lanes * machine.threads || (shape.rows == 1 && far);
  if (machine.threads > 1 && few_results && can_share_steps(shape) && shape.vectors_lie_together()) {
    plan.sharing = Sharing::kSteps;
    plan.parts = machine.threads;
  }
  const Part part = part_of_thread(shape, plan.sharing);
  if (far) {
    plan.rows = std::min(shape.rows, plan.lanes / 2);
    plan.vectors =
        plan.rows == 1 ? 8 : std::min<int64_t>(4, (machine.vector_registers - 1) / (plan.rows + 1));
  } else {
    const bool collide = shape.row_pitch() > 0 && shape.row_pitch() % kPage == 0;
    const int64_t most_rows = collide ? kMostRowsColliding : kMostRows;
    if (shape.can_pack()) plan.packing = constant ? Packing::kWhole : packing_by_use(shape, part, most_rows);
    std::tie(plan.rows, plan.vectors) =
        register_tile(part.rows, part.columns, most_rows, plan.lanes, machine.vector_registers,
                      plan.packing == Packing::kNone);
  }
  set_blocks(shape, plan);
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

/// Whether there is a loop over blocks, of which the next is known.
bool can_hint(const ContractionShape& shape, const ContractionPlan& plan) {
  return plan.packs_inside() && plan.blocked && shape.summed.size() == 1 && shape.line < 0 &&
         shape.outers == 1 && shape.facts.init.empty() && shape.constant_extents;
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
                                          int64_t registers, bool afar) {
  std::tuple<double, int64_t, int64_t> best{1e300, 0, 0};
  std::pair<int64_t, int64_t> found{1, 1};
  for (int64_t v = 1; v <= 4 && (v == 1 || (v - 1) * lanes < columns); ++v)
    for (int64_t r = 1; r <= std::min(rows, most_rows); ++r) {
      if (r * v + v + 1 > registers) continue;
      const auto tiles = static_cast<double>(ceil_div(rows, r) * ceil_div(columns, v * lanes));
      const double step = cycles_of_step(r, v) + (afar ? static_cast<double>(v) / 2 : 0);
      const std::tuple<double, int64_t, int64_t> spent{tiles * step, -r * v, -r};
      if (spent < best) {
        best = spent;
        found = {r, v};
      }
    }
  return found;
}

void set_blocks(const ContractionShape& shape, ContractionPlan& plan) {
  const Machine& machine = shape.machine;
  if (is_image(shape) || shape.outers > 1) return;
  if (plan.packing == Packing::kNone && streams(shape)) return set_streaming_blocks(shape, plan);
  const Part part = part_of_thread(shape, plan.sharing);
  const int64_t bytes = shape.second ? shape.second->dtype.bytes() : 4;
  int64_t most_steps = plan.packing == Packing::kNone ? kMostSteps : kMostStepsPacked;
  if (plan.packing == Packing::kFirst)  // all rows stay in the second cache
    most_steps = std::clamp<int64_t>(machine.second * 3 / 8 / (bytes * part.rows), kMostSteps, most_steps);
  const int64_t kc = round_up(ceil_div(shape.steps, ceil_div(shape.steps, most_steps)), 8);
  plan.kc = shape.blocked_axis() >= 0 && kc < shape.steps ? kc : 0;
  const int64_t block_bytes = bytes * std::max<int64_t>(1, plan.kc ? plan.kc : shape.steps);
  // A block of the second operand that is packed stays in the second cache, and rows stream past it; else a
  // block of rows stays there.
  const bool columns_stay = plan.packs_inside();
  const int64_t near = machine.second / 2, far = machine.last / 2 / machine.threads;
  const int64_t tiles = columns_stay ? 1 : std::max<int64_t>(1, near / block_bytes / plan.rows);
  const int64_t panels = std::max<int64_t>(1, (columns_stay ? near : far) / block_bytes / plan.width());
  plan.mc = even_blocks(part.rows, tiles * plan.rows, plan.rows);
  plan.nc = even_blocks(part.columns, panels * plan.width(), plan.width());
  if (plan.packing == Packing::kFirst) plan.nc = plan.width();
  plan.hint_rows = plan.packing == Packing::kBlock;
  plan.hint_block = columns_stay && (plan.kc || plan.nc < part.columns);
  const bool large = shape.first && shape.first->elements * bytes > machine.first;
  plan.pack_rows = can_pack_rows(shape) && large && shape.columns >= kColumnsWorthPacking * plan.width();
  const bool afar = plan.packing == Packing::kWhole && bytes * shape.columns * shape.steps > machine.last;
  plan.ahead = afar ? kAhead : 0;
}

ContractionPlan preferred_plan(const ContractionShape& shape) {
  if (is_image(shape)) return preferred_tiles(shape);
  return shape.outers > 1 ? preferred_batch(shape) : preferred_product(shape);
}

bool can_pack_rows(const ContractionShape& shape) {
  return shape.first && !shape.first->conditional && shape.row >= 0 && shape.line < 0 && shape.outers == 1 &&
         shape.rows > 1 && shape.first->contiguous_axis == shape.row && shape.facts.init.empty() &&
         shape.first->dimensions.size() == 2 && dimension_of(*shape.first, shape.row) == 1 &&
         shape.axis(shape.first->dimensions.front()).reduced;
}

bool can_share_steps(const ContractionShape& shape) {
  return shape.blocked_axis() >= 0 && shape.steps >= kLeastSharedSteps;
}

bool can_pack_first(const ContractionShape& shape, int64_t rows_of_tile) {
  return shape.can_pack() && !shape.second->constant && shape.vectors_lie_together() && shape.line < 0 &&
         shape.facts.init.empty() && shape.rows > rows_of_tile &&
         ceil_div(shape.rows, rows_of_tile) <= kMostTilesForFirst;
}

bool can_hint_block(const ContractionShape& shape, const ContractionPlan& plan) {
  const bool another = plan.kc || part_of_thread(shape, plan.sharing).columns > plan.width();
  return another && can_hint(shape, plan);
}

bool can_hint_rows(const ContractionShape& shape, const ContractionPlan& plan) {
  return plan.packing == Packing::kBlock && part_of_thread(shape, plan.sharing).rows > plan.rows &&
         steps_between_hints(shape, plan) > 0;
}

int64_t steps_between_hints(const ContractionShape& shape, const ContractionPlan& plan) {
  if (!can_hint(shape, plan) || plan.unroll != 1 || !shape.first ||
      shape.first->contiguous_axis != shape.summed.back())
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
