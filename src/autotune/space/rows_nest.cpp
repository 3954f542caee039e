#include "autotune/space/rows_nest.h"

#include <algorithm>

#include <fmt/format.h>

namespace tw::autotune {
namespace {

bool is_reduction(const BlockFacts& block) {
  return block.kind == BlockKind::kRowReduction;
}

/// Whether a member has points of a row beside each other.
bool is_long(const Draft& d, const RowGroup& group, int m) {
  double rows = 1;
  for (const int axis : group.rows)
    rows *= static_cast<double>(d.block(group.leader).axes[static_cast<std::size_t>(axis)].extent);
  return static_cast<double>(d.block(m).points) > 1.5 * rows;
}

/// The first reader of a member, where that is a reduction of the group whose chunks can hold the member; or
/// -1.
int chunk_of(const Draft& d, const RowGroup& group, int m) {
  if (d.block(m).consumers.empty()) return -1;
  const int reader = d.block(m).consumers.front();
  const BlockFacts& block = d.block(reader);
  const bool inside = reader == group.leader ||
                      std::find(group.members.begin(), group.members.end(), reader) != group.members.end();
  const bool holds = is_reduction(block) && direction_of(block) == Direction::kAlong && !block.separate_init;
  return inside && holds ? reader : -1;
}

MemberPlace preferred_place(const Draft& d, const RowGroup& group, int m) {
  const BlockFacts& block = d.block(m);
  const double each = block.operations / std::max<double>(1, static_cast<double>(block.points));
  if (!is_long(d, group, m)) return MemberPlace::kInRow;
  if (block.consumers.size() == 1 || (each <= 2 && block.reads.size() <= 2)) return MemberPlace::kInlined;
  return chunk_of(d, group, m) >= 0 ? MemberPlace::kInChunk : MemberPlace::kInRow;
}

MemberPlace choose_place(Draft& d, const RowGroup& group, int m, const std::string& prefix) {
  const BlockFacts& block = d.block(m);
  if (is_reduction(block)) return MemberPlace::kInRow;
  if (group.rows.empty()) return MemberPlace::kInlined;
  const bool for_product = std::any_of(block.consumers.begin(), block.consumers.end(), [&](int consumer) {
    return d.block(consumer).kind == BlockKind::kContraction;
  });
  std::vector<std::string> ways;
  std::vector<MemberPlace> meant;
  const auto offer = [&](MemberPlace place, const char* name) {
    meant.push_back(place);
    ways.push_back(name);
  };
  if (!for_product && !d.is_output(block)) offer(MemberPlace::kInlined, "inlined");
  offer(MemberPlace::kInRow, "in the row");
  if (is_long(d, group, m) && chunk_of(d, group, m) >= 0)
    offer(MemberPlace::kInChunk, "in the chunk of its first reader");
  if (meant.size() == 1) return meant.front();
  const auto at = std::find(meant.begin(), meant.end(), preferred_place(d, group, m));
  const auto wanted = at == meant.end() ? 0 : static_cast<std::size_t>(at - meant.begin());
  return meant[d.choose.way(fmt::format("{}place{}", prefix, m), ways, wanted)];
}

/// The members of a row where they are computed, and what came of the reductions.
class Row {
 public:
  Row(Draft& d, const RowGroup& group, const RowPlan& plan, BlockRef leader, LoopRef row, std::string prefix)
      : d_(d),
        s_(d.script),
        group_(group),
        plan_(plan),
        leader_(leader),
        row_(row),
        prefix_(std::move(prefix)) {}

  std::optional<Pass> compute() {
    for (auto m = group_.members.rbegin(); m != group_.members.rend(); ++m) place(*m);
    for (const int m : group_.members)
      if (is_reduction(m)) reduce(m, d_.ref(m));
    if (is_reduction(group_.leader)) reduce(group_.leader, leader_);
    for (auto m = chunked_.rbegin(); m != chunked_.rend(); ++m) into_chunk(*m);
    for (const int m : in_row_) run_in_vectors(m);
    if (partials_.empty() || partials_.size() + chunked_.size() < 2) return {};
    const Reduced& last = partials_.back();
    if (last.turns < last.step) return {};
    return Pass{last.partial.chunk, (last.turns + last.step - 1) / last.step};
  }

 private:
  std::string hole(const char* name, int m) const { return fmt::format("{}{}{}", prefix_, name, m); }
  bool is_reduction(int m) const { return autotune::is_reduction(d_.block(m)); }

  void place(int m) {
    const MemberPlace place = plan_.at(m);
    if (place == MemberPlace::kInlined) return;
    const std::vector<LoopRef> around = s_.loops(d_.ref(m));
    if (std::find(around.begin(), around.end(), row_) == around.end()) s_.compute_at(d_.ref(m), row_);
    if (is_reduction(m)) return;
    (place == MemberPlace::kInChunk ? chunked_ : in_row_).push_back(m);
  }

  void reduce(int m, BlockRef ref) {
    const BlockFacts& block = d_.block(m);
    BlockLoops loops = loops_of(s_, ref, row_);
    if (loops.reduced.empty()) return;
    const ReadFacts* read = main_read(block);
    const std::vector<LoopRef>* wanted = read && read->contiguous_axis >= 0
                                             ? &loops.of_axis[static_cast<std::size_t>(read->contiguous_axis)]
                                             : nullptr;
    const bool found = wanted && !wanted->empty();
    if (found && direction_of(block) == Direction::kAcross)
      return reduce_across(m, ref, loops, wanted->back());
    reduce_along_row(m, ref, loops, found ? wanted->back() : loops.reduced.back());
  }

  void reduce_along_row(int m, BlockRef ref, const BlockLoops& loops, LoopRef along) {
    const BlockFacts& block = d_.block(m);
    if (block.separate_init) return;
    std::vector<LoopRef> order = loops.spatial;
    for (const LoopRef loop : loops.reduced)
      if (loop != along) order.push_back(loop);
    order.push_back(along);
    s_.reorder(order);
    const int64_t lanes = d_.lanes(block), points = reduced_points(block);
    int64_t turns = s_.turns(along) < 0 ? points : s_.turns(along);
    if (loops.reduced.size() > 1 && turns % lanes && d_.choose.flag(hole("fuse", m), turns < 4 * lanes)) {
      along = s_.fuse({order.begin() + static_cast<std::ptrdiff_t>(loops.spatial.size()), order.end()});
      turns = points;
    }
    const int64_t wanted = chunk_holds(m) ? 4 : 8;
    const int64_t chains = d_.choose.pick(hole("chains", m), chains_for(turns, lanes, 16), wanted);
    const Partial partial = reduce_along(s_, ref, along, lanes, chains);
    partials_.push_back({m, partial, chains * lanes, turns});
  }

  bool chunk_holds(int m) const {
    return std::any_of(chunked_.begin(), chunked_.end(),
                       [&](int other) { return chunk_of(d_, group_, other) == m; });
  }

  /// Sums beside each other: a vector of them, rows of the reduction one after the other.
  void reduce_across(int m, BlockRef ref, const BlockLoops& loops, LoopRef across) {
    const BlockFacts& block = d_.block(m);
    const int64_t lanes = d_.lanes(block);
    const auto [outer, lane] = s_.split<2>(across, {None{}, lanes});
    std::vector<LoopRef> order;
    for (const LoopRef loop : loops.spatial)
      if (loop != across) order.push_back(loop);
    const int64_t vectors = s_.turns(outer);
    LoopRef first = loops.reduced.front();
    if (vectors > 0 && vectors <= 8) {
      // All sums in registers.
      order.insert(order.end(), loops.reduced.begin(), loops.reduced.end());
      order.insert(order.end(), {outer, lane});
      s_.reorder(order);
      s_.unroll(outer);
    } else {
      // The sums in a near cache, some rows at a time.
      const int64_t at_once = d_.choose.pick(hole("at_once", m), {1, 2, 4, 8}, 4);
      std::vector<LoopRef> reduced = loops.reduced;
      const auto [turn, row] = s_.split<2>(reduced.back(), {None{}, at_once});
      reduced.back() = turn;
      first = reduced.front();
      order.insert(order.end(), reduced.begin(), reduced.end());
      order.insert(order.end(), {outer, row, lane});
      s_.reorder(order);
      s_.unroll(row);
    }
    if (!block.separate_init) {
      const BlockRef init = s_.decompose_reduction(ref, first);
      const BlockLoops cleared = loops_of(s_, init, row_);
      s_.vectorize(cleared.all.back());
    }
    s_.vectorize(lane);
  }

  void into_chunk(int m) {
    const int reader = chunk_of(d_, group_, m);
    for (const Reduced& reduced : partials_) {
      if (reduced.block != reader) continue;
      s_.compute_at(d_.ref(m), reduced.partial.chunk);
      const BlockLoops loops = loops_of(s_, d_.ref(m), reduced.partial.chunk);
      if (!loops.all.empty()) s_.vectorize(loops.all.back());
      return;
    }
    in_row_.push_back(m);  // the reduction has no loop left to hold it
  }

  void run_in_vectors(int m) {
    const BlockLoops loops = loops_of(s_, d_.ref(m), row_);
    if (loops.all.empty()) return;
    const int axis = d_.block(m).contiguous_axis;
    const auto& along = axis < 0 ? loops.all : loops.of_axis[static_cast<std::size_t>(axis)];
    if (along.empty()) return;
    std::vector<LoopRef> order;
    for (const LoopRef loop : loops.all)
      if (loop != along.back()) order.push_back(loop);
    order.push_back(along.back());
    s_.reorder(order);
    const int64_t lanes = d_.lanes(d_.block(m));
    const std::vector<int64_t> vectors = chains_for(std::max<int64_t>(1, s_.turns(order.back())), lanes, 4);
    run_along(s_, order.back(), lanes, d_.choose.pick(hole("vectors", m), vectors, 2));
  }

  struct Reduced {
    int block;
    Partial partial;
    int64_t step, turns;  // elements of a chunk, of a row
  };

  Draft& d_;
  Script& s_;
  const RowGroup& group_;
  const RowPlan& plan_;
  BlockRef leader_;
  LoopRef row_;
  std::string prefix_;
  std::vector<int> in_row_, chunked_;
  std::vector<Reduced> partials_;
};

}  // namespace

int64_t reduced_points(const BlockFacts& block) {
  int64_t points = 1;
  for (const AxisFacts& axis : block.axes)
    if (axis.reduced) points *= axis.extent;
  return points;
}

std::vector<int64_t> chains_for(int64_t n, int64_t lanes, int64_t most) {
  std::vector<int64_t> chains{1};
  while (chains.back() * 2 <= most && chains.back() * lanes < n) chains.push_back(chains.back() * 2);
  return chains;
}

const ReadFacts* main_read(const BlockFacts& block) {
  const ReadFacts* most = nullptr;
  for (const ReadFacts& read : block.reads)
    if (!most || read.elements > most->elements) most = &read;
  return most;
}

Direction direction_of(const BlockFacts& reduction) {
  const ReadFacts* read = main_read(reduction);
  if (!read || read->contiguous_axis < 0) return Direction::kAlong;
  return reduction.axes[static_cast<std::size_t>(read->contiguous_axis)].reduced ? Direction::kAlong
                                                                                 : Direction::kAcross;
}

RowPlan plan_row(Draft& d, const RowGroup& group, const std::string& prefix) {
  RowPlan plan;
  for (auto m = group.members.rbegin(); m != group.members.rend(); ++m) {
    plan[*m] = choose_place(d, group, *m, prefix);
    if (plan[*m] == MemberPlace::kInlined) d.script.compute_inline(d.ref(*m));
  }
  return plan;
}

std::optional<Pass> compute_in_row(Draft& d, const RowGroup& group, const RowPlan& plan, BlockRef leader,
                                   LoopRef row, const std::string& prefix) {
  return Row(d, group, plan, leader, row, prefix).compute();
}

}  // namespace tw::autotune
