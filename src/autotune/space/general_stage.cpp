#include "autotune/space/general_stage.h"

#include <algorithm>

#include "autotune/space/general_pack.h"
#include "schedule/blocks.h"

namespace tw::autotune {
namespace {

constexpr double kWorthThreads = 3e5;  // operations of a reduction that is cut for the threads

bool shares_buffer(const std::vector<Region>& a, const std::vector<Region>& b) {
  return std::any_of(a.begin(), a.end(), [&](const Region& x) {
    return std::any_of(b.begin(), b.end(), [&](const Region& y) { return x.buffer.same_as(y.buffer); });
  });
}

bool is_sum(const NestView& view) {
  return view.sums && std::any_of(view.loops.begin(), view.loops.end(),
                                  [](const NestLoop& loop) { return loop.summed(); });
}

/// Whether a sum has sums of its own: each is cleared, by the block or by another.
bool begins_anew(Script& s, const PlacedBlock& block, const NestView& view) {
  if (view.has_init) return true;
  const auto& writes = block.block().writes;
  int writers = 0;
  for (const PlacedBlock& other : placed_blocks(s)) writers += shares_buffer(other.block().writes, writes);
  return writers == 2;
}

}  // namespace

std::string hole_of(Script& s, BlockRef block, const char* what) {
  return s.schedule().with_origins(block).get_if<schedule::Origin>()->name + "." + what;
}

std::vector<PlacedBlock> readers_of(Script& s, const PlacedBlock& block) {
  std::vector<PlacedBlock> found;
  for (PlacedBlock& other : placed_blocks(s))
    if (!(other.ref == block.ref) && shares_buffer(other.block().reads, block.block().writes))
      found.push_back(std::move(other));
  return found;
}

bool Stages::done(BlockRef block) const {
  return std::find(done_.begin(), done_.end(), block) != done_.end();
}

/// The heaviest sum whose results the nest takes point by point, alone.
std::optional<BlockRef> Stages::sum_of_points(const NestView& taker) {
  std::optional<BlockRef> best;
  double most = 0;
  for (const PlacedBlock& block : placed_blocks(s_)) {
    if (!block.block().reducer || done(block.ref) || readers_of(s_, block).size() != 1) continue;
    if (shared_depth(block) != taker.depth) continue;
    const NestView view = view_of(workload_, s_, block, taker.depth);
    if (!is_sum(view) || view.points() != taker.points() || view.instances() <= most) continue;
    const std::vector<std::optional<LoopRef>> match = matching_loops(view, taker);
    bool whole = true;
    for (std::size_t i = 0; i < match.size(); ++i)
      whole = whole && (match[i] || view.loops[i].summed() || view.loops[i].turns <= 1);
    if (!whole || !begins_anew(s_, block, view)) continue;
    best = block.ref;
    most = view.instances();
  }
  return best;
}

void Stages::schedule(BlockRef ref, const std::string& prefix) {
  if (!placed(s_, ref)) return;
  done_.push_back(ref);
  const std::vector<BlockRef> copies = pack_reads(s_, workload_, ref, prefix, choose_);
  schedule_nest(ref, prefix);
  for (const BlockRef copy : copies) schedule_nest(copy, prefix + "copy.");
}

void Stages::schedule_nest(BlockRef ref, const std::string& prefix) {
  const auto block = placed(s_, ref);
  const int depth = shared_depth(*block);
  const NestView view = view_of(workload_, s_, *block, depth);
  if (view.loops.empty()) return;
  if (is_sum(view)) {
    if (cut_for_threads(ref, view, prefix)) return;
    return schedule_sum({ref, std::nullopt, view, depth}, prefix);
  }
  if (const auto sum = sum_of_points(view)) {
    done_.push_back(*sum);
    const NestView of_sum = view_of(workload_, s_, *placed(s_, *sum), depth);
    return schedule_sum({*sum, ref, of_sum, depth}, hole_of(s_, *sum, ""));
  }
  schedule_points(view, prefix);
}

void Stages::schedule_sum(SumStage stage, const std::string& prefix) {
  const bool shared = stage.depth == 0;
  const TilePlan plan = choose_tiles(stage.view, workload_.machine, shared, prefix, choose_);
  const int64_t unroll = choose_unroll(stage.view, plan, prefix, choose_);
  const bool has_points = stage.view.points() > 1;
  const auto tiled = [&](const TilePlan& tiles) {
    return attempt(s_, [&] {
      SumStage own = stage;
      if (!own.writer && has_points) {
        own.writer = s_.cache_write(own.sum, "local");
        const auto view = [&] { return view_of(workload_, s_, *placed(s_, own.sum), own.depth); };
        neighbours_in_lanes(s_, workload_, view(), tiles.vector);
        own.view = view();
      }
      tile_sum(s_, workload_, own, tiles, unroll);
      if (own.writer) done_.push_back(*own.writer);
    });
  };
  if ((has_points || plan.across) && (tiled(plan) || tiled(plain_plan(plan)))) return;
  // The sums stay in memory, and who takes them has a nest of its own.
  if (!plan.across) attempt(s_, [&] { tile_points(s_, stage.view, plain_plan(plan)); });
  if (stage.writer) {
    const NestView taker = view_of(workload_, s_, *placed(s_, *stage.writer), stage.depth);
    schedule_points(taker, prefix + "taker.");
  }
}

void Stages::schedule_points(const NestView& view, const std::string& prefix) {
  const TilePlan plan = choose_tiles(view, workload_.machine, view.depth == 0, prefix, choose_);
  if (attempt(s_, [&] { tile_points(s_, view, plan); })) return;
  if (attempt(s_, [&] { tile_points(s_, view, plain_plan(plan)); })) return;
  // Loops that stand in an order of their own may still hold one that does not.
  for (auto loop = view.loops.rbegin(); loop != view.loops.rend(); ++loop) {
    const int64_t lanes = workload_.machine.lanes(view.dtype);
    if (loop->turns < lanes) continue;
    const auto lane = [&] { s_.vectorize(s_.split<2>(loop->ref, {None{}, lanes})[1]); };
    if (attempt(s_, lane)) return;
  }
}

/// A reduction of fewer results than threads, in parts that they share.
bool Stages::cut_for_threads(BlockRef ref, const NestView& view, const std::string& prefix) {
  const int threads = workload_.machine.threads;
  if (view.depth > 0 || threads < 2 || !view.has_init) return false;
  if (view.points() >= 2 * threads || view.instances() * (1 + view.operations) < kWorthThreads) return false;
  const auto loop = std::find_if(view.loops.begin(), view.loops.end(),
                                 [](const NestLoop& each) { return each.summed() && each.turns > 1; });
  if (loop == view.loops.end()) return false;
  std::vector<int64_t> parts{1};
  for (int64_t count = threads; count <= std::min<int64_t>(8 * threads, loop->turns); count *= 2)
    parts.push_back(count);
  const int64_t count = choose_.pick(prefix + "parts", parts, threads);
  BlockRef partial{};
  const auto cut = [&] {
    const LoopRef part = s_.split<2>(loop->ref, {count, None{}})[0];
    partial = s_.rfactor(part, 0);
  };
  if (count == 1 || !attempt(s_, cut)) return false;
  schedule(partial, prefix + "part.");
  const auto rest = placed(s_, ref);
  const int depth = shared_depth(*rest);
  schedule_points(view_of(workload_, s_, *rest, depth), prefix + "whole.");
  return true;
}

}  // namespace tw::autotune
