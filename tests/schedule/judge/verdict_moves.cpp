// Blocks that move to where their readers are, or their inputs are made.
#include <algorithm>

#include <fmt/format.h>

#include "ir/visit.h"
#include "schedule/judge/case.h"
#include "schedule/judge/relations.h"

namespace tw::schedule::judge {
namespace {

std::size_t common_loops(const std::vector<const For*>& a, const std::vector<const For*>& b) {
  std::size_t n = 0;
  while (n < a.size() && n < b.size() && a[n] == b[n]) ++n;
  return n;
}

/// Whether only loops and sequences stand between the block and what it shares with the loop, and the buffers
/// it uses live around both.
bool may_leave(const Case& c, const BlockPlace& block, const LoopPlace& loop) {
  std::size_t shared = 0;
  while (shared < block.around.size() && shared < loop.around.size() &&
         block.around[shared] == loop.around[shared])
    ++shared;
  for (std::size_t i = shared; i < block.around.size(); ++i) {
    const StmtNode* around = block.around[i];
    if (around->kind != Kind::kFor && around->kind != Kind::kSeq && around->kind != Kind::kAttr &&
        around->kind != Kind::kAllocate)
      return false;
    const auto* allocate = as<Allocate>(static_cast<const Node*>(around));
    if (allocate &&
        (reads(block.block(), allocate->buffer.get()) || writes(block.block(), allocate->buffer.get())))
      return false;
  }
  for (std::size_t i = shared; i < loop.around.size(); ++i)
    if (const auto* allocate = as<Allocate>(static_cast<const Node*>(loop.around[i])))
      if (reads(block.block(), allocate->buffer.get())) return false;
  return all_serial(block.loops()) && all_serial(loop.loops()) && is_serial(loop.loop()) &&
         !has_axis(block.block(), AxisKind::kOrdered) &&
         !contains<For>(block.node, [](const For&) { return true; }) && c.program;
}

bool stands_before(const Program& program, const Block& block, const For& loop) {
  bool found = false, before = false;
  for_each_node(program->body, [&](const Node* node) {
    if (node == &block) found = true;
    if (node == &loop) before = found;
  });
  return before;
}

/// The runs of a block at turns of a loop: a model of the program with the block there.
class Moved {
 public:
  Moved(const Reading& reading, const Block& block, const For& loop)
      : reading_(reading), block_(block), loop_(loop) {
    for (const Touch& touch : reading.touches)
      if (const auto at = std::find(touch.loops.begin(), touch.loops.end(), &loop); at != touch.loops.end()) {
        depth_ = static_cast<std::size_t>(at - touch.loops.begin()) + 1;
        prefix_.assign(touch.time.begin(), touch.time.begin() + static_cast<std::ptrdiff_t>(2 * depth_));
      }
  }
  bool knows_loop() const { return depth_ > 0; }
  bool is_own(const Touch& t) const { return t.block == &block_; }
  bool is_below(const Touch& t) const {
    return std::find(t.loops.begin(), t.loops.end(), &loop_) != t.loops.end();
  }
  /// Runs to the turn of the loop that they are in.
  Relation turns(const std::function<bool(const Touch&)>& which) const {
    return reading_.to_tuple([&](const Touch& t) { return which(t) && is_below(t); }, "turn",
                             [&](const Touch& t) {
                               return std::vector<std::string>(
                                   t.iterators.begin(),
                                   t.iterators.begin() + static_cast<std::ptrdiff_t>(depth_));
                             });
  }
  /// Pairs of a turn and a run of the block that agree in the loops around both.
  Relation agreeing(std::size_t common) const {
    const auto prefix = [&](const Touch& t) {
      return std::vector<std::string>(t.iterators.begin(),
                                      t.iterators.begin() + static_cast<std::ptrdiff_t>(common));
    };
    const auto below = [&](const Touch& t) { return is_below(t); };
    const Relation turn_to_prefix = turns(below).reversed().then(reading_.to_tuple(below, "outer", prefix));
    return turn_to_prefix.then(
        reading_.to_tuple([&](const Touch& t) { return is_own(t); }, "outer", prefix).reversed());
  }
  /// The model in which the block runs as `runs` says, { turn -> run }, before or behind the rest of the
  /// turn.
  Model model(const Relation& runs, bool first) const {
    const std::size_t before = prefix_.size() + 1;
    const std::size_t length = before + reading_.time_length;
    const Model rest = model_of(reading_, length, [&](const Touch& t) { return !is_own(t); });
    const Model old = model_of(reading_, reading_.time_length, [&](const Touch& t) { return is_own(t); });
    std::vector<std::string> iterators;
    for (std::size_t i = 0; i < depth_; ++i) iterators.push_back(fmt::format("i{}", i));
    const Relation start =
        Relation::parse(fmt::format("{{ turn[{}] -> [{}, {}] }}", fmt::join(iterators, ", "),
                                    fmt::join(prefix_, ", "), first ? "-1" : "1000000"));
    const Relation to_turn(isl_union_map_domain_map(runs.copy())),
        to_run(isl_union_map_range_map(runs.copy()));
    const auto moved = [&](const Relation& r) { return to_run.then(r); };
    const Relation times(
        isl_union_map_flat_range_product(to_turn.then(start).copy(), moved(old.times).copy()));
    return rest | Model{moved(old.reads),
                        moved(old.own_reads),
                        moved(old.writes),
                        moved(old.updates),
                        moved(old.inits),
                        moved(old.may_writes),
                        times,
                        moved(old.points),
                        moved(old.spatial)};
  }

 private:
  const Reading& reading_;
  const Block& block_;
  const For& loop_;
  std::size_t depth_ = 0;
  std::vector<std::string> prefix_;
};

/// Whether the block writes what blocks below the loop write too, as an update and what sets it do.
bool shares_a_result(const Block& block, const LoopPlace& loop) {
  for (const Block* below : blocks_below(loop.node))
    for (const Region& region : block.writes)
      if (writes(*below, region.buffer.get())) return true;
  return false;
}

/// The block where its readers are: all that a turn reads, computed at its start.
Verdict judge_compute_at(const Case& c) {
  const auto block = c.block(0);
  const auto loop = c.loop(1);
  if (!block || !loop || !may_leave(c, *block, *loop)) return std::nullopt;
  if (!stands_before(c.program, block->block(), loop->loop())) return std::nullopt;
  if (!has_only_writer(c.program, block->block())) return std::nullopt;
  const Reading reading = read_program(c.program, c.values);
  const Moved moved(reading, block->block(), loop->loop());
  if (!reading.unknown.empty() || !moved.knows_loop()) return std::nullopt;
  const auto own = [&](const Touch& t) { return moved.is_own(t); };
  const Model before = model_of(reading);
  const Relation spatial = reading.points(own, true), found = sources(before);
  // { turn -> run of the block whose result the turn reads }, with all that is reduced into it.
  const auto results = reading.to_tuple(own, "result", [](const Touch& t) { return t.spatial; });
  const Relation wanted = moved.turns([&](const Touch& t) { return !t.write; })
                              .reversed()
                              .then(found.reversed())
                              .then(results)
                              .then(results.reversed());
  if (wanted.is_empty()) return std::nullopt;  // nothing below the loop reads it
  const std::size_t common = common_loops(block->loops(), loop->loops());
  const Relation runs = wanted & moved.agreeing(common);
  const Model after = moved.model(runs, true);
  // What the block itself reads need not be read as often.
  const Relation old_flow = flow(before), new_flow = flow(after);
  if (!(new_flow - old_flow).is_empty()) return false;
  const Relation own_points = reading.points(own, true);
  const Relation lost = old_flow - new_flow;
  const Relation lost_elsewhere(
      isl_union_map_subtract_range(lost.copy(), isl_union_map_range(own_points.copy())));
  if (!lost_elsewhere.is_empty()) return false;
  return (combined(after) - combined(before)).is_empty();
}

/// The block where its inputs are made: each point at the end of the turn that makes them.
Verdict judge_reverse_compute_at(const Case& c) {
  const auto block = c.block(0);
  const auto loop = c.loop(1);
  if (!block || !loop || !may_leave(c, *block, *loop)) return std::nullopt;
  if (stands_before(c.program, block->block(), loop->loop())) return std::nullopt;
  if (std::find(block->around.begin(), block->around.end(), loop->node) != block->around.end())
    return std::nullopt;
  if (shares_a_result(block->block(), *loop)) return std::nullopt;
  const Reading reading = read_program(c.program, c.values);
  const Moved moved(reading, block->block(), loop->loop());
  if (!reading.unknown.empty() || !moved.knows_loop()) return std::nullopt;
  const auto own = [&](const Touch& t) { return moved.is_own(t); };
  const Model before = model_of(reading);
  const Relation results = reading.to_tuple(own, "result", [](const Touch& t) { return t.spatial; });
  const Relation makers = moved.turns([&](const Touch& t) { return t.write && !moved.is_own(t); })
                              .reversed()
                              .then(sources(before) | contributions(before))
                              .then(results);  // { turn -> result whose inputs it makes }
  const Relation all = results.reversed().then(results);
  if (makers.is_empty() || !makers.reversed().is_single_valued()) return std::nullopt;
  if (!(all - makers.reversed().then(makers))
           .within_domain_of(all - all.within_domain_of(makers.reversed()))
           .is_empty())
    return std::nullopt;
  const std::size_t common = common_loops(block->loops(), loop->loops());
  const Relation runs = makers.then(results.reversed()) & moved.agreeing(common);
  const Model after = moved.model(runs, false);
  return flow(before) == flow(after) && combined(before) == combined(after);
}

}  // namespace

Judges move_judges() {
  return {
      {"compute_at", judge_compute_at},
      {"reverse_compute_at", judge_reverse_compute_at},
  };
}

}  // namespace tw::schedule::judge
