#include "autotune/space/contraction_inner.h"

#include <algorithm>

#include "autotune/space/general_tile.h"

namespace tw::autotune {
namespace {

constexpr int64_t kFewRows = 4, kMostRows = 16;  // or columns: so far it is preferred, and offered
constexpr int64_t kSumsInFlight = 8;             // multiply-adds that do not wait for each other

class InnerNest {
 public:
  InnerNest(Script& s, const ContractionShape& shape, const InnerPlan& plan)
      : s_(s), shape_(shape), plan_(plan), sum_(s.block(shape.facts.name)), out_(sum_) {}

  void build(const std::string& consumer) {
    if (plan_.parts > 1) {
      const auto [part, rest] = s_.split<2>(s_.loops(sum_).back(), {plan_.parts, None{}});
      sum_ = s_.rfactor(part, 0);
    }
    out_ = s_.cache_write(sum_, "local");
    if (!consumer.empty()) s_.reverse_compute_inline(s_.block(consumer));
    cut();
    s_.compute_at(sum_, outside_.back());
    const BlockRef partial = sum_in_lanes();
    add_lanes();
    in_registers(s_, inside(out_), std::nullopt);
    peel(partial);
    if (plan_.threads) s_.parallel(s_.fuse(plan_.parts > 1 ? std::vector{outside_.front()} : outside_));
  }

 private:
  /// Tiles of the block that takes the results.
  void cut() {
    std::vector<LoopRef> loops = s_.loops(out_), tiles, in_tile;
    if (plan_.parts > 1) {
      outside_.push_back(loops.front());
      loops.erase(loops.begin());
    }
    for (int axis = 0; axis < static_cast<int>(loops.size()); ++axis) {
      const LoopRef loop = loops[static_cast<std::size_t>(axis)];
      if (axis != shape_.row && axis != shape_.column) {
        outside_.push_back(loop);
        continue;
      }
      const auto [tile, own] = s_.split<2>(loop, {None{}, axis == shape_.row ? plan_.rows : plan_.columns});
      tiles.push_back(tile);
      in_tile.push_back(own);
    }
    outside_.insert(outside_.end(), tiles.begin(), tiles.end());
    std::vector<LoopRef> order = outside_;
    order.insert(order.end(), in_tile.begin(), in_tile.end());
    s_.reorder(order);
  }

  /// The loops of a block inside of the loops over tiles.
  std::vector<LoopRef> inside(BlockRef block) {
    const std::vector<LoopRef> loops = s_.loops(block);
    return {loops.begin() + static_cast<std::ptrdiff_t>(outside_.size()), loops.end()};
  }

  /// Vectors of partial sums of all results of a tile, one step of vectors after the other.
  BlockRef sum_in_lanes() {
    std::vector<LoopRef> tile = inside(sum_);
    const auto [steps, lane] = s_.split<2>(tile.back(), {None{}, plan_.width()});
    tile.pop_back();
    const BlockRef partial = s_.rfactor(lane, -1);
    std::vector<LoopRef> order{steps};
    order.insert(order.end(), tile.begin(), tile.end());
    order.push_back(lane);
    s_.reorder(order);
    steps_ = steps;
    const BlockRef clear = s_.decompose_reduction(partial, steps);
    for (const BlockRef each : {partial, clear}) {
      std::vector<LoopRef> own = inside(each);
      if (each == partial) own.erase(own.begin());
      const auto [vectors, lanes] = s_.split<2>(own.back(), {None{}, plan_.lanes});
      own.back() = vectors;
      in_registers(s_, own, lanes);
    }
    return partial;
  }

  /// The lanes of each result as a tree.
  void add_lanes() {
    for (int64_t left = plan_.width(); left > 4;) {
      left = std::min(left / 4, plan_.lanes);
      const LoopRef lane = s_.split<2>(s_.loops(sum_).back(), {None{}, left})[1];
      const BlockRef part = s_.rfactor(lane, -1);
      std::vector<LoopRef> own = inside(part);
      own.pop_back();
      in_registers(s_, own, s_.loops(part).back());
    }
    in_registers(s_, inside(sum_), std::nullopt);
  }

  /// Steps that do not fill the last vectors get a turn of their own: the others need no condition.
  void peel(BlockRef partial) {
    if (!shape_.constant_extents || plan_.parts > 1 || shape_.steps % plan_.width() == 0) return;
    const std::vector<LoopRef> own = inside(partial);
    if (std::find(own.begin(), own.end(), steps_) == own.end()) return;
    s_.apply("loop_partition", {steps_, Value(schedule::List{None{}, 1})});
  }

  Script& s_;
  const ContractionShape& shape_;
  const InnerPlan& plan_;
  BlockRef sum_, out_;
  std::vector<LoopRef> outside_;
  LoopRef steps_;
};

bool lies_along(const ReadFacts* read, int axis) {
  return read && !read->conditional && read->strides[static_cast<std::size_t>(axis)] == 1;
}

bool fits(const ContractionShape& shape) {
  const int steps = shape.blocked_axis();
  return shape.facts.whole_product && steps >= 0 && shape.line < 0 && !shape.windows &&
         (shape.row < 0 || !shape.axis(shape.row).group) && !shape.axis(shape.column).group &&
         lies_along(shape.first, steps) && lies_along(shape.second, steps) && shape.steps >= shape.lanes &&
         std::min(shape.rows, shape.columns) <= kMostRows;
}

/// Whether a person would take it: panels would be copied for few rows, or have few columns.
bool is_preferred(const ContractionShape& shape) {
  const bool panels_ready = shape.vectors_lie_together() || (shape.can_pack() && shape.second->constant);
  return 4 * shape.columns <= shape.lanes || (!panels_ready && shape.rows <= kFewRows);
}

std::vector<int64_t> up_to(int64_t most) {
  std::vector<int64_t> values;
  for (const int64_t v : {1, 2, 3, 4, 6, 8})
    if (v <= std::max<int64_t>(1, most)) values.push_back(v);
  return values;
}

}  // namespace

std::optional<InnerPlan> choose_inner(const ContractionShape& shape, Choices& choose,
                                      const std::string& prefix) {
  if (!fits(shape) || !choose.flag(prefix + "inner", is_preferred(shape))) return {};
  InnerPlan plan;
  plan.lanes = shape.lanes;
  const int64_t registers = shape.machine.vector_registers;
  // Of the operand with few rows all of them, so that the other one is read once.
  const int64_t rows = std::min<int64_t>(shape.rows, shape.rows <= shape.columns ? kFewRows : 8);
  plan.rows = choose.pick(prefix + "rows", up_to(shape.rows), shape.columns == 1 ? kFewRows : rows);
  const int64_t most = std::min(shape.columns, (registers - 1) / (plan.rows + 1));
  plan.columns = choose.pick(prefix + "columns", up_to(most), std::min<int64_t>(most, kFewRows));
  const int64_t sums = plan.rows * plan.columns;
  std::vector<int64_t> vectors;
  for (const int64_t v : {1, 2, 4})
    if (v == 1 || (v * (sums + 1) + plan.columns <= registers && v * plan.lanes <= shape.steps))
      vectors.push_back(v);
  plan.vectors = choose.pick(prefix + "vectors", vectors, ceil_div(kSumsInFlight, sums));
  const int64_t threads = shape.machine.threads;
  plan.threads = threads > 1 && cycles_of(shape) > kCyclesForThreads;
  const int64_t tiles =
      shape.outers * ceil_div(shape.rows, plan.rows) * ceil_div(shape.columns, plan.columns);
  if (plan.threads && can_share_steps(shape) && tiles < 8 * threads)
    plan.parts = choose.pick(prefix + "parts", {1, threads}, tiles < threads ? threads : 1);
  return plan;
}

bool apply_inner(Script& s, const ContractionShape& shape, const InnerPlan& plan,
                 const std::string& consumer) {
  const bool folds = !consumer.empty() && plan.parts == 1;
  InnerNest(s, shape, plan).build(folds ? consumer : "");
  return folds;
}

}  // namespace tw::autotune
