#include "autotune/space/general_tile.h"

#include <algorithm>

#include "ir/visit.h"
#include "schedule/blocks.h"
#include "support/error.h"

namespace tw::autotune {
namespace {

/// Adds a loop that is cut by a factor; 1: it stays outside.
void cut(Script& s, TileNest& nest, LoopRef loop, int64_t factor) {
  if (factor == 1) return nest.outer.push_back(loop);
  const auto [outer, inner] = s.split<2>(loop, {None{}, factor});
  nest.outer.push_back(outer);
  nest.inner.push_back(inner);
}

/// Adds the loop whose turns are lanes. Its vectors stand innermost, so it is added last but comes outside
/// where it stood: `position` in outer.
void cut_lanes(Script& s, TileNest& nest, LoopRef loop, const TilePlan& plan, std::size_t position) {
  const auto at = nest.outer.begin() + static_cast<std::ptrdiff_t>(position);
  if (plan.vectors == 1) {
    const auto [outer, lane] = s.split<2>(loop, {None{}, plan.lanes});
    nest.outer.insert(at, outer);
    nest.lane = lane;
    return;
  }
  const auto [outer, vectors, lane] = s.split<3>(loop, {None{}, plan.vectors, plan.lanes});
  nest.outer.insert(at, outer);
  nest.inner.push_back(vectors);
  nest.lane = lane;
}

/// The block that clears the sums, where it is one of its own: it writes what the sum writes.
std::optional<PlacedBlock> clearing_block(Script& s, BlockRef sum) {
  const Buffer buffer = placed(s, sum)->block().writes.front().buffer;
  for (PlacedBlock& other : placed_blocks(s))
    if (!(other.ref == sum) && !other.block().writes.empty() &&
        other.block().writes.front().buffer.same_as(buffer))
      return std::move(other);
  return std::nullopt;
}

/// A loop of a tile split into vectors and lanes; one of so few turns is lanes as it is.
void split_lanes(Script& s, TileNest& nest, LoopRef loop, int64_t lanes) {
  const int64_t turns = s.turns(loop);
  if (turns >= 0 && turns <= lanes) {
    nest.lane = loop;
    return;
  }
  const auto [vectors, lane] = s.split<2>(loop, {None{}, lanes});
  nest.inner.push_back(vectors);
  nest.lane = lane;
}

/// The loops of a block inside of its tile: those of the reduction outside, then the points, then lanes of
/// the loop that drives `axis`.
TileNest tile_nest(Script& s, const Workload& workload, BlockRef block, int depth, int axis, int64_t lanes) {
  TileNest nest;
  const NestView view = view_of(workload, s, *placed(s, block), depth);
  std::optional<LoopRef> vector;
  for (const NestLoop& loop : view.loops) {
    if (loop.summed())
      nest.outer.push_back(loop.ref);
    else if (loop.axis == axis)
      vector = loop.ref;
    else
      nest.inner.push_back(loop.ref);
  }
  if (vector) split_lanes(s, nest, *vector, lanes);
  s.reorder(nest.order());
  return nest;
}

/// Writes out some turns of the innermost loop of the reduction; all of a short one; and so on outwards, as
/// long as turns are left.
void unroll_sum(Script& s, std::vector<LoopRef> summed, int64_t unroll) {
  while (!summed.empty() && s.turns(summed.back()) > 0 && s.turns(summed.back()) <= unroll) {
    unroll /= s.turns(summed.back());
    if (s.turns(summed.back()) > 1) s.unroll(summed.back());
    summed.pop_back();
  }
  if (summed.empty() || unroll <= 1) return;
  s.unroll(s.split<2>(summed.back(), {None{}, unroll})[1]);
}

/// Whether some turns of the reduction add nothing: where(inside, …, 0).
bool adds_padding(const Block& block) {
  return contains<Store>(block.body.get(), [](const Store& store) {
    const auto* update = as<Binary>(store.value);
    return update && as<Select>(update->b);
  });
}

/// The loops of a block inside the depth, but the last `kept`.
std::vector<LoopRef> loops_between(Script& s, BlockRef block, int depth, std::size_t kept) {
  const std::vector<LoopRef> loops = s.loops(block);
  return {loops.begin() + depth, loops.end() - static_cast<std::ptrdiff_t>(kept)};
}

void sum_across_lanes(Script& s, const Workload& workload, const SumStage& stage, const TilePlan& plan,
                      int depth) {
  const NestView view = view_of(workload, s, *placed(s, stage.sum), depth);
  const int along = view.loop_of(stage.view.loops[static_cast<std::size_t>(plan.vector)].axis);
  if (along < 0) raise_value("the reduction has no loop of its own");
  const auto [outer, lane] =
      s.split<2>(view.loops[static_cast<std::size_t>(along)].ref, {None{}, plan.width()});
  const BlockRef partial = s.rfactor(lane, -1);
  TileNest nest;
  for (const NestLoop& loop : view_of(workload, s, *placed(s, partial), depth).loops) {
    if (loop.ref == lane) continue;
    (loop.summed() ? nest.outer : nest.inner).push_back(loop.ref);
  }
  nest.lane = lane;
  s.reorder(nest.order());
  const BlockRef clear = s.decompose_reduction(partial, nest.outer.front());
  for (const BlockRef each : {partial, clear}) {
    const auto [vectors, own_lane] = s.split<2>(s.loops(each).back(), {None{}, plan.lanes});
    in_registers(s, {vectors}, own_lane);
  }
  in_registers(s, nest.inner, std::nullopt);
  in_registers(s, loops_between(s, clear, depth, 2), std::nullopt);

  // The lanes are added up as a tree.
  for (int64_t left = plan.width(); left > 4;) {
    left = std::min(left / 4, plan.lanes);
    const LoopRef half = s.split<2>(s.loops(stage.sum).back(), {None{}, left})[1];
    const BlockRef part = s.rfactor(half, -1);
    in_registers(s, loops_between(s, part, depth, 1), s.loops(part).back());
  }
  in_registers(s, loops_between(s, stage.sum, depth, 0), std::nullopt);
}

}  // namespace

std::vector<LoopRef> TileNest::order() const {
  std::vector<LoopRef> all = outer;
  all.insert(all.end(), inner.begin(), inner.end());
  if (lane) all.push_back(*lane);
  return all;
}

void in_registers(Script& s, const std::vector<LoopRef>& loops, std::optional<LoopRef> lane) {
  for (const LoopRef loop : loops)
    if (s.turns(loop) > 1) s.unroll(loop);
  if (lane && s.turns(*lane) > 1) s.vectorize(*lane);
}

TileNest sum_in_lanes(Script& s, const Workload& workload, BlockRef sum, int axis, int64_t lanes, int depth,
                      int64_t unroll) {
  TileNest nest = tile_nest(s, workload, sum, depth, axis, lanes);
  if (nest.outer.empty()) raise_value("the reduction has no loop");
  if (const auto block = placed(s, sum); block->block().init) {
    // Where it is refused, the first turn of the reduction clears the sums. So it shall where turns may add
    // nothing: loops end where these begin, as long as the block says what it begins with.
    if (!adds_padding(block->block()))
      attempt(s, [&] {
        const BlockRef clear = s.decompose_reduction(sum, nest.outer.front());
        const std::vector<LoopRef> loops = s.loops(clear);
        const auto inside = loops.begin() + depth;
        if (nest.lane && inside != loops.end())
          in_registers(s, {inside, loops.end() - 1}, loops.back());
        else
          in_registers(s, {inside, loops.end()}, std::nullopt);
      });
  } else if (const auto clear = clearing_block(s, sum)) {
    const int axis_of_clear = axis < static_cast<int>(clear->block().axes.size()) ? axis : -1;
    const TileNest own = tile_nest(s, workload, clear->ref, depth, axis_of_clear, lanes);
    in_registers(s, own.inner, own.lane);
  }
  in_registers(s, nest.inner, nest.lane);
  unroll_sum(s, nest.outer, unroll);
  return nest;
}

std::vector<std::optional<LoopRef>> matching_loops(const NestView& sum, const NestView& writer) {
  std::vector<std::optional<LoopRef>> found(sum.loops.size());
  const auto store = std::find_if(sum.accesses.begin(), sum.accesses.end(),
                                  [](const NestAccess& access) { return access.store; });
  if (store == sum.accesses.end()) return found;
  const auto load = std::find_if(writer.accesses.begin(), writer.accesses.end(),
                                 [&](const NestAccess& a) { return !a.store && a.buffer == store->buffer; });
  if (load == writer.accesses.end()) return found;
  std::vector<bool> used(writer.loops.size());
  // First those of as many turns; a tile that is cut at the end of the results may have fewer.
  for (const bool same_turns : {true, false})
    for (std::size_t i = 0; i < sum.loops.size(); ++i) {
      if (found[i] || sum.loops[i].summed() || sum.loops[i].turns <= 1 || !store->strides[i]) continue;
      for (std::size_t j = 0; j < writer.loops.size() && !found[i]; ++j) {
        const bool fits = same_turns ? writer.loops[j].turns == sum.loops[i].turns
                                     : writer.loops[j].turns > sum.loops[i].turns;
        if (used[j] || !fits || load->strides[j] != store->strides[i]) continue;
        found[i] = writer.loops[j].ref;
        used[j] = true;
      }
    }
  return found;
}

void tile_sum(Script& s, const Workload& workload, const SumStage& stage, const TilePlan& plan,
              int64_t unroll) {
  int depth = stage.depth;
  if (stage.writer) {
    const NestView writer = view_of(workload, s, *placed(s, *stage.writer), stage.depth);
    const std::vector<std::optional<LoopRef>> match = matching_loops(stage.view, writer);
    TileNest nest;
    std::optional<std::pair<LoopRef, std::size_t>> lanes;
    for (const NestLoop& loop : writer.loops) {
      int64_t factor = 1;
      bool vector = false;
      for (std::size_t i = 0; i < match.size(); ++i)
        if (match[i] == loop.ref) {
          factor = plan.factors[i];
          vector = static_cast<int>(i) == plan.vector;
        }
      if (vector)
        lanes = {loop.ref, nest.outer.size()};
      else
        cut(s, nest, loop.ref, factor);
    }
    if (lanes) cut_lanes(s, nest, lanes->first, plan, lanes->second);
    if (nest.outer.empty()) raise_value("the results have no loop");
    s.reorder(nest.order());
    s.compute_at(stage.sum, nest.outer.back());
    depth += static_cast<int>(nest.outer.size());
    in_registers(s, nest.inner, nest.lane);
  }
  const int axis = plan.vector < 0 ? -1 : stage.view.loops[static_cast<std::size_t>(plan.vector)].axis;
  if (plan.across)
    sum_across_lanes(s, workload, stage, plan, depth);
  else
    sum_in_lanes(s, workload, stage.sum, axis, plan.lanes, depth, unroll);
}

void tile_points(Script& s, const NestView& view, const TilePlan& plan) {
  TileNest nest;
  std::size_t position = 0;
  for (std::size_t i = 0; i < view.loops.size(); ++i) {
    if (static_cast<int>(i) == plan.vector)
      position = nest.outer.size();
    else
      cut(s, nest, view.loops[i].ref, plan.factors[i]);
  }
  if (plan.vector < 0) return;
  cut_lanes(s, nest, view.loops[static_cast<std::size_t>(plan.vector)].ref, plan, position);
  s.reorder(nest.order());
  in_registers(s, nest.inner, nest.lane);
}

}  // namespace tw::autotune
