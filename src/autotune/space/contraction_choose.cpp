// The holes of a contraction's plan, each around what is preferred.
#include <algorithm>

#include "autotune/space/contraction_plan.h"

namespace tw::autotune {
namespace {

using schedule::Tunable;
constexpr int64_t kLeastBlockedSteps = 256;  // fewer stay in registers from beginning to end

/// The values with one that must be among them.
std::vector<int64_t> including(std::vector<int64_t> values, int64_t value) {
  values.push_back(value);
  return values;
}

int64_t registers_for(const ContractionPlan& plan, int64_t pixels) {
  return pixels * plan.vectors + plan.vectors + 1;
}

void choose_tile(const ContractionShape& shape, Choices& choose, const std::string& prefix,
                 ContractionPlan& plan) {
  const int64_t registers = shape.machine.vector_registers;
  std::vector<int64_t> lanes{shape.lanes};
  if (shape.lanes >= 8 && shape.columns <= shape.lanes / 2) lanes.push_back(shape.lanes / 2);
  plan.lanes = choose.pick(prefix + "lanes", lanes, plan.lanes);
  std::vector<int64_t> vectors;
  for (const int64_t v : {1, 2, 3, 4, 6, 8})
    if (v == 1 || (v - 1) * plan.lanes < shape.columns) vectors.push_back(v);
  plan.vectors = choose.pick(prefix + "vectors", vectors, plan.vectors);
  std::vector<int64_t> rows, lines;
  for (int64_t r = 1; r <= shape.rows; ++r)
    if (r == 1 || registers_for(plan, r) <= registers) rows.push_back(r);
  plan.rows = choose.pick(prefix + "rows", rows, plan.rows);
  for (int64_t l = 1; l <= shape.lines; ++l)
    if (l == 1 || (plan.rows == shape.rows && shape.constant_extents &&
                   registers_for(plan, l * plan.rows) <= registers))
      lines.push_back(l);
  plan.lines = shape.line < 0 ? 1 : choose.pick(prefix + "lines", lines, plan.lines);
}

/// One of the values of an enumeration that are possible, by its number.
template <class Enum>
Enum choose_among(Choices& choose, const std::string& name, const std::vector<Enum>& possible,
                  Enum preferred) {
  std::vector<int64_t> numbers;
  for (const Enum value : possible) numbers.push_back(static_cast<int64_t>(value));
  return static_cast<Enum>(choose.pick(name, numbers, static_cast<int64_t>(preferred)));
}

void choose_packing(const ContractionShape& shape, Choices& choose, const std::string& prefix,
                    ContractionPlan& plan) {
  std::vector<Packing> possible;
  const bool packs = shape.can_pack(), constant = packs && shape.second->constant;
  if (!packs || shape.vectors_lie_together()) possible.push_back(Packing::kNone);
  if (packs && !constant) possible.push_back(Packing::kBlock);
  if (packs) possible.push_back(Packing::kWhole);
  if (can_pack_first(shape, plan.rows)) possible.push_back(Packing::kFirst);
  plan.packing = choose_among(choose, prefix + "packing", possible, plan.packing);
}

void choose_steps(const ContractionShape& shape, Choices& choose, const std::string& prefix,
                  ContractionPlan& plan) {
  std::vector<int64_t> blocks{0};
  if (plan.kc) blocks.push_back(plan.kc);
  if (shape.blocked_axis() >= 0 && shape.steps > kLeastBlockedSteps)
    for (int64_t pieces = 2; ceil_div(shape.steps, pieces) >= kLeastBlockedSteps / 2; pieces *= 2)
      blocks.push_back(round_up(ceil_div(shape.steps, pieces), 8));
  plan.kc = choose.pick(prefix + "kc", blocks, plan.kc);
  const int64_t inner = plan.kc ? plan.kc : innermost_steps(shape);
  std::vector<int64_t> turns;
  for (const int64_t steps : including({1, 2, 4, 8}, plan.unroll))
    if (inner % steps == 0 && shape.facts.init.empty() &&
        (steps == 1 || steps * plan.lines * plan.rows * plan.vectors <= 128))
      turns.push_back(steps);
  plan.unroll = choose.pick(prefix + "unroll", including(turns, 1), plan.unroll);
}

/// How far ahead panels are fetched: of what the loop over steps moves through.
void choose_distance(const ContractionShape& shape, Choices& choose, const std::string& prefix,
                     ContractionPlan& plan) {
  const int64_t inner = plan.kc ? plan.kc : innermost_steps(shape);
  const bool far = plan.packing == Packing::kBlock || plan.packing == Packing::kWhole;
  const bool moves = far && inner > plan.unroll;
  plan.ahead =
      moves ? choose.pick(prefix + "ahead", {0, 2 << 10, 4 << 10, 8 << 10, 16 << 10}, plan.ahead) : 0;
}

void choose_blocks(const ContractionShape& shape, Choices& choose, const std::string& prefix,
                   ContractionPlan& plan) {
  if (!plan.blocked) return;
  const int64_t threads = shape.machine.threads;
  int64_t rows = shape.line >= 0 ? shape.lines : shape.rows, columns = shape.columns;
  const int64_t unit = shape.line >= 0 ? plan.lines : plan.rows;
  if (plan.sharing == Sharing::kRows) rows = ceil_div(rows, threads);
  if (plan.sharing == Sharing::kColumns) columns = ceil_div(columns, threads);
  const auto preferred = [](int64_t size, int64_t extent, int64_t of) {
    return std::clamp(round_up(size, of), of, round_up(extent, of));
  };
  if (plan.packing == Packing::kFirst) {  // a panel for one row of tiles after the other
    plan.block_rows = unit;
    plan.block_columns = plan.width();
    return;
  }
  const int64_t mc = preferred(plan.mc, rows, unit), nc = preferred(plan.nc, columns, plan.width());
  // Hints are counted out over the turns of blocks, whose numbers must be known for that.
  if (plan.hint_rows || plan.hint_block) {
    const auto size = [&](const char* name, int64_t extent, int64_t of, int64_t wanted, bool another) {
      // What hints are at must be another block.
      const int64_t most = round_up(extent, of) - (another ? of : 0);
      wanted = std::min(wanted, most);
      return choose.pick(prefix + name, including(lattice(of, most), wanted), wanted);
    };
    plan.block_rows = size("mc", rows, unit, mc, plan.hint_rows);
    plan.block_columns = size("nc", columns, plan.width(), nc, plan.hint_block && !plan.kc);
    return;
  }
  plan.block_rows = block_size(choose, prefix + "mc", unit, rows, mc);
  plan.block_columns = block_size(choose, prefix + "nc", plan.width(), columns, nc);
}

void choose_hints(const ContractionShape& shape, Choices& choose, const std::string& prefix,
                  ContractionPlan& plan) {
  plan.hint_rows = can_hint_rows(shape, plan) && choose.flag(prefix + "hint_rows", plan.hint_rows);
  plan.hint_block = can_hint_block(shape, plan) && choose.flag(prefix + "hint_block", plan.hint_block);
}

void choose_sharing(const ContractionShape& shape, Choices& choose, const std::string& prefix,
                    ContractionPlan& plan) {
  const int64_t threads = shape.machine.threads;
  if (threads == 1) {
    plan.sharing = Sharing::kNothing;
    return;
  }
  std::vector<Sharing> possible;
  if (shape.columns > plan.width()) possible.push_back(Sharing::kColumns);
  if (shape.line >= 0 ? shape.lines > plan.lines : shape.rows > plan.rows) possible.push_back(Sharing::kRows);
  const bool open = !plan.blocked && !plan.packs_inside();  // nothing between the loops over tiles
  if (!plan.kc && open) possible.push_back(Sharing::kTiles);
  if (shape.outers > 1 || open) possible.push_back(Sharing::kOuter);
  if (can_share_steps(shape) && !plan.packs_inside()) possible.push_back(Sharing::kSteps);
  if (possible.empty() || cycles_of(shape) < kCyclesAlone) possible.push_back(Sharing::kNothing);
  if (cycles_of(shape) < kCyclesForThreads) plan.sharing = Sharing::kNothing;
  plan.sharing = choose_among(choose, prefix + "sharing", possible, plan.sharing);
  if (plan.sharing == Sharing::kSteps)
    plan.parts = choose.pick(prefix + "parts", {threads, 2 * threads, 4 * threads}, threads);
}

}  // namespace

schedule::Value block_size(Choices& choose, const std::string& name, int64_t unit, int64_t extent,
                           int64_t preferred) {
  const std::vector<int64_t> sizes = including(lattice(unit, round_up(extent, unit)), preferred);
  if (std::all_of(sizes.begin(), sizes.end(), [&](int64_t size) { return size == preferred; }))
    return preferred;
  return choose.parameter(name, sizes, preferred);
}

ContractionPlan choose_plan(const ContractionShape& shape, Choices& choose, const std::string& prefix) {
  ContractionPlan plan = preferred_plan(shape);
  choose_tile(shape, choose, prefix, plan);
  choose_packing(shape, choose, prefix, plan);
  set_blocks(shape, plan);
  plan.pack_rows = can_pack_rows(shape) && choose.flag(prefix + "pack_rows", plan.pack_rows);
  choose_steps(shape, choose, prefix, plan);
  choose_distance(shape, choose, prefix, plan);
  plan.blocked = plan.packing == Packing::kFirst || choose.flag(prefix + "blocked", plan.blocked);
  choose_sharing(shape, choose, prefix, plan);
  choose_hints(shape, choose, prefix, plan);
  choose_blocks(shape, choose, prefix, plan);
  plan.panels_outside = choose.flag(prefix + "panels_outside", plan.panels_outside);
  if (plan.lines == 1 && !shape.axis(shape.column).group)
    plan.pad_rows = choose.flag(prefix + "pad_rows", plan.pad_rows);
  else
    plan.pad_rows = false;
  return plan;
}

}  // namespace tw::autotune
