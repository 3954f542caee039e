#include "autotune/space/rows_leader.h"

#include <algorithm>
#include <map>

#include "autotune/space/elementwise.h"
#include "autotune/space/rows_nest.h"
#include "ir/visit.h"

namespace tw::autotune {
namespace {

/// Whether the group's vectors run over rows: neighbours in memory are neighbouring rows.
bool runs_across(const Draft& d, const RowGroup& group) {
  const BlockFacts* heaviest = nullptr;
  const auto meet = [&](int m) {
    const BlockFacts& block = d.block(m);
    if (block.kind == BlockKind::kRowReduction && (!heaviest || block.points > heaviest->points))
      heaviest = &block;
  };
  for (const int m : group.members) meet(m);
  meet(group.leader);
  return heaviest && direction_of(*heaviest) == Direction::kAcross;
}

double operations_of(const Draft& d, const RowGroup& group) {
  double operations = d.block(group.leader).operations;
  for (const int m : group.members) operations += d.block(m).operations;
  return operations;
}

/// Bytes of the arguments that the group's blocks read, and of the leader's result.
double bytes_of(const Draft& d, const RowGroup& group) {
  std::map<std::string, double> buffers;
  const auto meet = [&](int m) {
    for (const ReadFacts& read : d.block(m).reads)
      if (read.parameter) buffers[read.buffer] = static_cast<double>(read.elements) * read.dtype.bytes();
  };
  for (const int m : group.members) meet(m);
  meet(group.leader);
  double points = 1;
  for (const AxisFacts& axis : d.block(group.leader).axes)
    if (!axis.reduced) points *= static_cast<double>(axis.extent);
  double bytes = points * d.block(group.leader).dtype.bytes();
  for (const auto& [name, size] : buffers) bytes += size;
  return bytes;
}

/// The loop over neighbours in what a block stores.
std::optional<LoopRef> nearest_loop(Script& s, BlockRef ref, const BlockLoops& loops) {
  const schedule::BlockPlace place = block_place(s, ref);
  std::optional<LoopRef> found;
  for_each_node(place.block().body, [&](const Node* node) {
    const auto* store = as<Store>(node);
    if (!store || store->indices.empty()) return;
    for (std::size_t a = 0; a < loops.of_axis.size(); ++a)
      if (place.block().axes[a].var.same_as(store->indices.back()) && !loops.of_axis[a].empty())
        found = loops.of_axis[a].back();
  });
  return found;
}

/// Elements of a tile of sums beside each other that a first cache holds.
constexpr int64_t kWideTile = 1024;

/// A reduction whose turns are shared out in parts: the loop over the parts is one of the kept ones then.
struct Parts {
  BlockRef block;               // that computes the partial results of the parts
  std::optional<BlockRef> sum;  // that combines them
};

/// Offers to share out a reduction where it has few results.
Parts in_parts(Draft& d, const RowGroup& group, const std::string& prefix) {
  Script& s = d.script;
  const BlockFacts& block = d.block(group.leader);
  Parts parts{d.ref(group.leader), {}};
  const int64_t threads = d.machine().threads;
  const BlockLoops loops = loops_of(s, parts.block);
  if (loops.reduced.empty() || block.separate_init) return parts;
  int64_t kept = 1;
  for (const AxisFacts& axis : block.axes)
    if (!axis.reduced) kept *= axis.extent;
  const double bytes = bytes_of(d, group);
  const bool whole = loops.spatial.empty(), across = direction_of(block) == Direction::kAcross;
  // Sums beside each other come in wide tiles where memory is to be read in order: few of them.
  const bool far = bytes > static_cast<double>(d.machine().second);
  const int64_t tasks = across ? (kept + kWideTile - 1) / kWideTile : kept;
  const bool much = worth_threads(d, operations_of(d, group), bytes) && reduced_points(block) >= 64 * threads;
  int64_t number = 1;
  if (much && tasks < 8 * threads)
    number =
        d.choose.pick(prefix + "parts", {1, threads, 2 * threads, 4 * threads, 8 * threads},
                      tasks >= 2 * threads || (across && !far && kept >= 16 * threads) ? 1 : 4 * threads);
  if (number == 1 && !whole) return parts;
  const auto pieces = s.split<2>(loops.reduced.front(), {number, None{}});
  parts.sum = parts.block;
  parts.block = s.rfactor(pieces[0], 0);
  return parts;
}

void combine_parts(Draft& d, const RowGroup& group, BlockRef sum) {
  Script& s = d.script;
  const BlockLoops loops = loops_of(s, sum);
  if (loops.spatial.empty()) return;
  const int64_t lanes = d.lanes(d.block(group.leader));
  if (s.turns(loops.spatial.back()) < lanes) return;
  const auto [outer, lane] = s.split<2>(loops.spatial.back(), {None{}, lanes});
  std::vector<LoopRef> order(loops.spatial.begin(), loops.spatial.end() - 1);
  order.push_back(outer);
  order.insert(order.end(), loops.reduced.begin(), loops.reduced.end());
  order.push_back(lane);
  s.reorder(order);
  s.vectorize(lane);
}

/// A group whose leader's nest is open: rows outside, what is along a row inside.
struct OpenNest {
  Draft& d;
  const RowGroup& group;
  const RowPlan& plan;
  std::string prefix;
  BlockRef computes, stores;    // the leader; where it is a reduction, the copy of its results
  std::optional<BlockRef> sum;  // of the parts of a reduction
  std::vector<LoopRef> rows, along;
  double bytes = 0;

  bool is_reduction() const { return d.block(group.leader).kind == BlockKind::kRowReduction; }
  int64_t lanes() const { return d.lanes(d.block(group.leader)); }
};

/// Puts the loops in order, computes the members in the rows and gives the loop over these.
LoopRef fill(OpenNest& nest, std::optional<LoopRef> lane, std::optional<Pass>* pass = nullptr) {
  Script& s = nest.d.script;
  std::vector<LoopRef> order = nest.rows;
  order.insert(order.end(), nest.along.begin(), nest.along.end());
  if (lane) order.push_back(*lane);
  s.reorder(order);
  const LoopRef row = s.fuse(nest.rows);
  if (nest.is_reduction()) s.compute_at(nest.computes, row);
  const auto found = compute_in_row(nest.d, nest.group, nest.plan, nest.computes, row, nest.prefix);
  if (pass) *pass = found;
  return row;
}

/// By tiles of rows that are neighbours in memory.
LoopRef schedule_across(OpenNest& nest) {
  Draft& d = nest.d;
  Script& s = d.script;
  const auto near = nearest_loop(s, nest.stores, loops_of(s, nest.stores));
  const auto at = near ? std::find(nest.rows.begin(), nest.rows.end(), *near) : nest.rows.end();
  if (at != nest.rows.end()) std::rotate(at, at + 1, nest.rows.end());
  const int64_t lanes = nest.lanes(), turns = s.turns(nest.rows.back());
  const int64_t most = std::max<int64_t>(1, ((turns < 0 ? kWideTile : turns) + lanes - 1) / lanes);
  const bool far = nest.bytes > static_cast<double>(d.machine().second);
  const int64_t for_all = nest.sum ? most : std::max<int64_t>(1, most / d.machine().threads);
  const int64_t vectors = d.choose.pick(nest.prefix + "vectors", chains_for(most * lanes, lanes, 256),
                                        std::min(far ? kWideTile / lanes : 4, for_all));
  const auto [tile, lane] = s.split<2>(nest.rows.back(), {None{}, vectors * lanes});
  nest.rows.back() = tile;
  const LoopRef row = fill(nest, lane);
  const LoopRef outer = run_along(s, lane, lanes, std::min<int64_t>(vectors, 4));
  if (!nest.is_reduction() && exceeds_caches(d, nest.bytes)) write_past_caches(s, outer);
  return row;
}

/// Row by row.
LoopRef schedule_along(OpenNest& nest) {
  Draft& d = nest.d;
  Script& s = d.script;
  std::optional<Pass> pass;
  const LoopRef row = fill(nest, {}, &pass);
  // The last pass over a row that comes from afar asks for the next one.
  if (pass && d.facts.input_bytes > d.machine().second && d.choose.flag(nest.prefix + "fetch_next_row", true))
    fetch_next_row(d, pass->chunk, pass->turns);
  if (nest.along.empty()) return row;
  const int64_t turns = std::max<int64_t>(1, s.turns(nest.along.back()));
  const int64_t vectors = d.choose.pick(nest.prefix + "vectors", chains_for(turns, nest.lanes(), 8), 4);
  const LoopRef outer = run_along(s, nest.along.back(), nest.lanes(), vectors);
  if (nest.bytes > static_cast<double>(d.machine().last) / 2 &&
      d.choose.flag(nest.prefix + "streaming", exceeds_caches(d, nest.bytes)))
    write_past_caches(s, outer);
  return row;
}

/// Tells loops over rows from those along a row.
void sort_loops(OpenNest& nest) {
  const BlockLoops loops = loops_of(nest.d.script, nest.stores);
  for (const LoopRef loop : loops.all) {
    bool is_row = nest.is_reduction();
    for (const int axis : nest.group.rows) {
      if (is_row) break;
      const std::vector<LoopRef>& own = loops.of_axis[static_cast<std::size_t>(axis)];
      is_row = std::find(own.begin(), own.end(), loop) != own.end();
    }
    (is_row ? nest.rows : nest.along).push_back(loop);
  }
}

}  // namespace

void schedule_row_group(Draft& d, const RowGroup& group, const std::string& prefix) {
  Script& s = d.script;
  const RowPlan plan = plan_row(d, group, prefix);
  const BlockRef leader = d.ref(group.leader);
  OpenNest nest{d, group, plan, prefix, leader, leader, {}, {}, {}, bytes_of(d, group)};
  if (!nest.is_reduction() && group.rows.empty()) return schedule_points(d, group.leader, prefix);
  if (nest.is_reduction()) {
    const Parts parts = in_parts(d, group, prefix);
    nest.computes = parts.block;
    nest.sum = parts.sum;
    nest.stores = s.cache_write(nest.computes, "local");
  }
  sort_loops(nest);
  if (nest.rows.empty()) return;
  const LoopRef row = runs_across(d, group) ? schedule_across(nest) : schedule_along(nest);
  if (worth_threads(d, operations_of(d, group), nest.bytes)) s.parallel(row);
  if (nest.sum) combine_parts(d, group, *nest.sum);
}

}  // namespace tw::autotune
