#include "autotune/space/general_plan.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "autotune/space/division.h"

namespace tw::autotune {
namespace {

constexpr double kLatency = 4;       // cycles until a sum can be added to
constexpr double kPerTurn = 1;       // of a loop
constexpr double kCombine = 16;      // to add up the lanes of a vector
constexpr int64_t kMostPoints = 64;  // of a tile
// Of a reduction that is written out: its turns, and what they are for all points of a tile.
constexpr int64_t kMostTurns = 32, kMostWritten = 256;

/// The share of the turns in tiles that are in range; less where the last tile is a form of its own.
double used(int64_t turns, int64_t factor) {
  if (turns <= 0) return 1;
  const double share = static_cast<double>(turns) / static_cast<double>(ceil_div(turns, factor) * factor);
  return share == 1 ? 1 : 0.95 * share;
}

/// Cycles of a memory operation of one vector, relative to one of neighbours.
double access_cost(const NestAccess& access, const TilePlan& plan) {
  if (plan.vector < 0) return 1;
  const std::optional<int64_t> stride = access.strides[static_cast<std::size_t>(plan.vector)];
  const auto lanes = static_cast<double>(plan.lanes);
  if (!stride) return 1.5 * lanes;
  if (*stride == 0) return 0.5;
  if (*stride == 1) return 1;
  // What is computed in a loop of this nest shrinks to a turn of it, where neighbours may be neighbours.
  if (access.between) return 2;
  return *stride == -1 ? 2 : *stride == 2 ? 2.5 : lanes;
}

/// The positions of a tile: of each loop its turn.
std::vector<std::vector<int64_t>> tile_points(const NestView& view, const TilePlan& plan) {
  std::vector<std::vector<int64_t>> points{std::vector<int64_t>(view.loops.size())};
  for (std::size_t l = 0; l < view.loops.size(); ++l) {
    const bool vector = static_cast<int>(l) == plan.vector;
    const int64_t count = vector ? plan.vectors : plan.factors[l], step = vector ? plan.lanes : 1;
    std::vector<std::vector<int64_t>> more;
    for (const std::vector<int64_t>& point : points)
      for (int64_t i = 0; i < count; ++i) {
        more.push_back(point);
        more.back()[l] = i * step;
      }
    points = std::move(more);
  }
  return points;
}

/// In how many turns of the innermost summed loop the access stays where it is: it is loaded once for them,
/// if it is one instruction.
double turns_held(const NestView& view, const NestAccess& access, const TilePlan& plan) {
  if (access_cost(access, plan) > 1) return 1;
  for (auto l = static_cast<int>(view.loops.size()) - 1; l >= 0; --l) {
    const NestLoop& loop = view.loops[static_cast<std::size_t>(l)];
    if (!loop.summed() || l == plan.vector || loop.turns <= 1) continue;
    return access.strides[static_cast<std::size_t>(l)] == 0 ? static_cast<double>(loop.turns) : 1;
  }
  return 1;
}

/// Cycles of the loads of a tile: an address that points share is loaded once.
double load_cost(const NestView& view, const TilePlan& plan,
                 const std::vector<std::vector<int64_t>>& points) {
  double cost = 0;
  // What is loaded: the buffer, the first element, the step from lane to lane.
  std::set<std::tuple<const BufferNode*, int64_t, int64_t>> loaded;
  for (const NestAccess& access : view.accesses) {
    if (access.store) continue;
    const double each = access_cost(access, plan) / turns_held(view, access, plan);
    const int64_t step =
        plan.vector < 0 ? 0 : access.strides[static_cast<std::size_t>(plan.vector)].value_or(0);
    for (const std::vector<int64_t>& point : points) {
      int64_t at = access.first;
      bool known = true;
      for (std::size_t l = 0; l < point.size(); ++l) {
        known = known && (access.strides[l] || point[l] == 0);
        at += access.strides[l].value_or(0) * point[l];
      }
      if (!known || loaded.emplace(access.buffer, at, step).second) cost += each;
    }
  }
  return cost;
}

/// Vectors that hold the results of a point: of several outputs, or of a wider type than is computed in.
double vectors_of_results(const NestView& view) {
  double bytes = 0;
  for (const NestAccess& access : view.accesses)
    if (access.store) bytes += access.buffer->dtype.bytes();
  return std::max(1.0, bytes / view.dtype.bytes());
}

double summed_turns(const NestView& view) {
  return std::max(1.0, view.instances() / std::max(1.0, view.points()));
}

TilePlan empty_plan(const NestView& view, int vector, const Machine& machine) {
  TilePlan plan;
  plan.vector = vector;
  plan.factors.assign(view.loops.size(), 1);
  if (vector < 0) return plan;
  const NestLoop& loop = view.loops[static_cast<std::size_t>(vector)];
  const int64_t most = machine.lanes(view.dtype);
  while (plan.lanes < most && plan.lanes < loop.turns) plan.lanes *= 2;
  plan.lanes = std::min(plan.lanes, most);
  plan.across = loop.summed();
  plan.factors[static_cast<std::size_t>(vector)] = plan.lanes;
  return plan;
}

void set_factor(TilePlan& plan, int loop, int64_t value) {
  if (loop == plan.vector) {
    plan.vectors = value;
    value = plan.width();
  }
  plan.factors[static_cast<std::size_t>(loop)] = value;
}

int64_t factor(const TilePlan& plan, int loop) {
  return loop == plan.vector ? plan.vectors : plan.factors[static_cast<std::size_t>(loop)];
}

/// How many turns of a loop a tile may have: of the vector loop, in vectors.
std::vector<int64_t> factors_of(const NestView& view, const TilePlan& plan, int loop) {
  const NestLoop& nest = view.loops[static_cast<std::size_t>(loop)];
  const int64_t turns = loop == plan.vector ? ceil_div(nest.turns, plan.lanes) : nest.turns;
  if (nest.role == NestLoop::Role::kOrdered || (nest.summed() && loop != plan.vector)) return {1};
  int64_t points = 1;
  for (std::size_t l = 0; l < view.loops.size(); ++l)
    if (static_cast<int>(l) != loop) points *= factor(plan, static_cast<int>(l));
  std::vector<int64_t> values{1};
  for (const int64_t value : {2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16})
    if (value <= turns && value * points <= kMostPoints) values.push_back(value);
  return values;
}

/// Greater tiles step by step, while points get cheaper.
TilePlan grown(const NestView& view, TilePlan plan, const Machine& machine, bool shared) {
  double cost = cost_of(view, plan, machine, shared);
  for (bool better = true; better;) {
    better = false;
    TilePlan best = plan;
    double least = 0.995 * cost;
    for (int loop = 0; loop < static_cast<int>(view.loops.size()); ++loop) {
      int tried = 0;  // small steps: a great tile along one loop would leave no room for others
      for (const int64_t value : factors_of(view, plan, loop)) {
        if (value <= factor(plan, loop) || ++tried > 2) continue;
        TilePlan next = plan;
        set_factor(next, loop, value);
        if (const double found = cost_of(view, next, machine, shared); found < least) {
          least = found;
          best = next;
          better = true;
        }
      }
    }
    if (better) plan = best, cost = least;
  }
  return plan;
}

/// Loops that may run in vectors.
std::vector<int64_t> vector_loops(const NestView& view, const Machine& machine) {
  std::vector<int64_t> found;
  for (std::size_t l = 0; l < view.loops.size(); ++l) {
    const NestLoop& loop = view.loops[l];
    const bool sums = loop.summed() && view.sums && view.has_init && loop.turns >= machine.lanes(view.dtype);
    // An update without init: its loops may be independent though they are noted as reductions.
    const bool update = loop.summed() && !view.has_init;
    if (loop.turns > 1 && (loop.role == NestLoop::Role::kSpatial || sums || update))
      found.push_back(static_cast<int64_t>(l));
  }
  return found;
}

}  // namespace

double cost_of(const NestView& view, const TilePlan& plan, const Machine& machine, bool shared) {
  const std::vector<std::vector<int64_t>> points = tile_points(view, plan);
  const auto count = static_cast<double>(points.size());
  const double sums = summed_turns(view);
  const double loads = load_cost(view, plan, points) / 2;
  // A product and its addition to a sum are one operation.
  const double arithmetic = count * std::max(1.0, view.operations - (view.sums ? 1 : 0)) / 2;
  // Sums in turn wait for each other; so does a long chain of operations, of which some turns overlap.
  const double wait = view.sums ? kLatency : std::min(kLatency, view.operations / 2);
  // Of tiles that arithmetic bounds, those are better that load less.
  double cycles = std::max({loads, arithmetic, wait}) + 0.3 * loads + kPerTurn;
  const double held = view.sums ? count * vectors_of_results(view) + 2 : 2;
  cycles += std::max(0.0, held - machine.vector_registers) * 2;
  double stores = 0;
  for (const NestAccess& access : view.accesses)
    if (access.store) stores += plan.across ? 1 : access_cost(access, plan);
  double ends = stores * count / sums;
  if (plan.across) ends = (stores + kCombine) * count / (sums / static_cast<double>(plan.lanes));
  double share = 1, tiles = 1;
  for (std::size_t l = 0; l < view.loops.size(); ++l) {
    share *= used(view.loops[l].turns, plan.factors[l]);
    if (!view.loops[l].summed())
      tiles *= static_cast<double>(ceil_div(std::max<int64_t>(1, view.loops[l].turns), plan.factors[l]));
  }
  const double idle = shared ? std::max(1.0, machine.threads / tiles) : 1;
  return (cycles + ends) * idle / (count * static_cast<double>(plan.lanes) * std::max(share, 1e-3));
}

TilePlan choose_tiles(const NestView& view, const Machine& machine, bool shared, const std::string& prefix,
                      Choices& choose) {
  const std::vector<int64_t> loops = vector_loops(view, machine);
  if (loops.empty()) return empty_plan(view, -1, machine);
  int64_t preferred = loops.back();
  double least = HUGE_VAL;
  for (const int64_t loop : loops) {
    const TilePlan plan = grown(view, empty_plan(view, static_cast<int>(loop), machine), machine, shared);
    if (const double cost = cost_of(view, plan, machine, shared); cost < least)
      least = cost, preferred = loop;
  }
  const auto vector = static_cast<int>(choose.pick(prefix + "vector", loops, preferred));
  TilePlan plan = empty_plan(view, vector, machine);
  const TilePlan best = grown(view, plan, machine, shared);
  for (int loop = static_cast<int>(view.loops.size()) - 1; loop >= 0; --loop) {
    const std::vector<int64_t> values = factors_of(view, plan, loop);
    if (values.size() == 1) continue;
    const std::string name = prefix + (loop == vector ? "vectors" : fmt::format("tile{}", loop));
    set_factor(plan, loop, choose.pick(name, values, factor(best, loop)));
  }
  return plan;
}

int64_t choose_unroll(const NestView& view, const TilePlan& plan, const std::string& prefix,
                      Choices& choose) {
  if (plan.across) return 1;
  int64_t turns = 1, points = 1;
  bool constant = true;
  for (std::size_t l = 0; l < view.loops.size(); ++l) {
    points *= factor(plan, static_cast<int>(l));
    if (!view.loops[l].summed()) continue;
    turns *= view.loops[l].turns;
    constant = constant && view.loops[l].constant;
  }
  std::vector<int64_t> values{1, 2, 4};
  // A window, or the corners of a cell: what each turn loads and compares with is then known.
  const bool whole = constant && turns > 1 && turns <= kMostTurns && turns * points <= kMostWritten;
  if (whole) values.push_back(turns);
  return choose.pick(prefix + "unroll", values, whole ? turns : 1);
}

TilePlan plain_plan(const TilePlan& plan) {
  TilePlan plain = plan;
  plain.vectors = 1;
  for (int64_t& factor : plain.factors) factor = 1;
  if (plain.vector >= 0) plain.factors[static_cast<std::size_t>(plain.vector)] = plain.lanes;
  return plain;
}

}  // namespace tw::autotune
