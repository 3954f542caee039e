#include "schedule/judge/verdict.h"

#include <algorithm>

#include <fmt/format.h>

#include "ir/equal.h"
#include "ir/text.h"
#include "ir/visit.h"
#include "schedule/judge/relations.h"

namespace tw::schedule::judge {
namespace {

using Verdict = std::optional<bool>;

/// A call with its program and arguments as nodes.
class Case {
 public:
  Case(Schedule& schedule, const Call& call, const IntValues& values)
      : schedule(schedule), call(call), values(values), program(schedule.program()) {}

  const Value& arg(std::size_t i) const { return call.args.at(i); }
  bool has(std::size_t i) const { return call.args.size() > i && !call.args[i].is_none(); }

  std::optional<BlockPlace> block(std::size_t i) const {
    const auto* ref = has(i) ? arg(i).get_if<BlockRef>() : nullptr;
    const std::vector<BlockRef> refs = schedule.blocks();
    const std::vector<BlockPlace> places = all_blocks(program, Blocks::kOpened);
    for (std::size_t b = 0; ref && b < refs.size(); ++b)
      if (refs[b] == *ref) return places[b];
    return std::nullopt;
  }
  std::optional<LoopPlace> loop_of(const Value& value) const {
    const auto* ref = value.get_if<LoopRef>();
    if (!ref) return std::nullopt;
    const std::vector<BlockPlace> places = all_blocks(program, Blocks::kOpened);
    const std::vector<BlockRef> refs = schedule.blocks();
    for (std::size_t b = 0; b < refs.size(); ++b) {
      const std::vector<LoopRef> handles = schedule.loops(refs[b]);
      const std::vector<const For*> loops = places[b].loops();
      for (std::size_t l = 0; l < handles.size(); ++l)
        if (handles[l] == *ref) return find_loop(program, loops[l]->var);
    }
    return std::nullopt;
  }
  std::optional<LoopPlace> loop(std::size_t i) const { return has(i) ? loop_of(arg(i)) : std::nullopt; }
  std::optional<std::vector<LoopPlace>> loops(std::size_t i) const {
    const auto* list = has(i) ? arg(i).get_if<List>() : nullptr;
    if (!list || list->empty()) return std::nullopt;
    std::vector<LoopPlace> places;
    for (const Value& value : *list) {
      const auto place = loop_of(value);
      if (!place) return std::nullopt;
      places.push_back(*place);
    }
    return places;
  }
  const std::string* text(std::size_t i) const { return has(i) ? arg(i).get_if<std::string>() : nullptr; }
  std::optional<int64_t> integer(std::size_t i) const {
    const auto* value = has(i) ? arg(i).get_if<int64_t>() : nullptr;
    return value ? std::optional<int64_t>(*value) : std::nullopt;
  }
  /// The buffer that the block reads, by position.
  const BufferNode* read(const Block& block, std::size_t i) const {
    const auto position = integer(i);
    std::vector<const BufferNode*> distinct;
    for (const Region& region : block.reads)
      if (std::find(distinct.begin(), distinct.end(), region.buffer.get()) == distinct.end())
        distinct.push_back(region.buffer.get());
    if (!position || *position < 0 || *position >= static_cast<int64_t>(distinct.size())) return nullptr;
    return distinct[static_cast<std::size_t>(*position)];
  }
  /// The number of an extent: a constant, or the value of a parameter.
  std::optional<int64_t> extent(const Value& value) const {
    if (const auto* number = value.get_if<int64_t>()) return *number;
    const auto* tunable = value.get_if<Tunable>();
    if (!tunable) return std::nullopt;
    const auto found = values.find(tunable->name);
    return found == values.end() ? std::max<int64_t>(tunable->min, tunable->default_value) : found->second;
  }

  Schedule& schedule;
  const Call& call;
  const IntValues& values;
  const Program program;
};

bool is_serial(const For& loop) {
  return loop.loop_kind == LoopKind::kSerial;
}
bool all_serial(const std::vector<const For*>& loops) {
  return std::all_of(loops.begin(), loops.end(), [](const For* loop) { return is_serial(*loop); });
}
bool writes(const Block& block, const BufferNode* buffer) {
  return std::any_of(block.writes.begin(), block.writes.end(),
                     [&](const Region& region) { return region.buffer.get() == buffer; });
}
bool reads(const Block& block, const BufferNode* buffer) {
  return std::any_of(block.reads.begin(), block.reads.end(),
                     [&](const Region& region) { return region.buffer.get() == buffer; });
}
bool is_allocated(const Program& program, const BufferNode* buffer) {
  return contains<Allocate>(program->body.get(), [&](const Allocate& a) { return a.buffer.get() == buffer; });
}
bool has_axis(const Block& block, AxisKind kind) {
  return std::any_of(block.axes.begin(), block.axes.end(),
                     [&](const BlockAxis& axis) { return axis.axis_kind == kind; });
}
bool drives(const Block& block, const For& loop, AxisKind kind) {
  return std::any_of(block.axes.begin(), block.axes.end(), [&](const BlockAxis& axis) {
    return axis.axis_kind == kind && uses_var(axis.binding, loop.var);
  });
}

// Loops that run at once.

/// Whether some memory below the loop is of one thread or block alone: who sees it is for the scope's rules.
bool uses_narrow_memory(const Program& program, const For& loop) {
  std::set<const BufferNode*> narrow;
  for_each_node(program->body, [&](const Node* node) {
    const auto* allocate = as<Allocate>(node);
    if (allocate && allocate->buffer->scope != Scope::kGlobal) narrow.insert(allocate->buffer.get());
  });
  return std::any_of(narrow.begin(), narrow.end(), [&](const BufferNode* buffer) {
    return contains<Load>(&loop, [&](const Load& load) { return load.buffer.get() == buffer; }) ||
           contains<Store>(&loop, [&](const Store& store) { return store.buffer.get() == buffer; });
  });
}

Verdict judge_at_once(const Case& c) {
  const auto place = c.loop(0);
  if (!place || !is_serial(place->loop())) return std::nullopt;
  const For& loop = place->loop();
  const std::string& name = c.call.primitive;
  if (name == "vectorize" && !as_int(loop.extent)) return std::nullopt;
  std::vector<const For*> inside;
  for_each_node(loop.body, [&](const Node* node) {
    if (const auto* inner = as<For>(node)) inside.push_back(inner);
  });
  const auto kind_is = [](LoopKind kind) { return [kind](const For* l) { return l->loop_kind == kind; }; };
  const std::vector<const For*> around = place->loops();
  if (std::any_of(around.begin(), around.end(), kind_is(LoopKind::kVectorized))) return std::nullopt;
  if (name == "vectorize")
    for (const LoopKind kind : {LoopKind::kParallel, LoopKind::kBound, LoopKind::kVectorized})
      if (std::any_of(inside.begin(), inside.end(), kind_is(kind))) return std::nullopt;
  if (name == "bind") {
    const auto index = c.text(1) ? enum_from_text<GpuIndex>(*c.text(1)) : std::nullopt;
    if (!index) return std::nullopt;
    const std::vector<const For*>* const near[] = {&inside, &around};
    for (const auto* loops : near)
      if (std::any_of(loops->begin(), loops->end(), kind_is(LoopKind::kBound))) return std::nullopt;
  }
  if (loop.ordered) return false;
  if (name == "bind" && uses_narrow_memory(c.program, loop)) return std::nullopt;
  const Reading reading = read_program(c.program, c.values);
  if (!reading.unknown.empty()) return std::nullopt;
  return conflicts(reading, &loop).is_empty();
}

Verdict judge_unroll(const Case& c) {
  const auto place = c.loop(0);
  if (!place || !is_serial(place->loop()) || !as_int(place->loop().extent)) return std::nullopt;
  return true;
}

// The same loops in another form.

/// Whether inner loops have a number of turns that the loop decides, so that turns beyond the end differ.
bool shapes_inner_loops(const For& loop) {
  return contains<For>(loop.body.get(), [&](const For& inner) { return uses_var(inner.extent, loop.var); });
}

Verdict judge_split(const Case& c) {
  const auto place = c.loop(0);
  const auto* factors = c.has(1) ? c.arg(1).get_if<List>() : nullptr;
  if (!place || !factors || factors->empty() || !is_serial(place->loop())) return std::nullopt;
  const auto turns = as_int(place->loop().extent);
  if (shapes_inner_loops(place->loop())) return std::nullopt;
  int64_t product = 1, open = 0;
  for (const Value& factor : *factors) {
    open += factor.is_none();
    const auto* number = factor.get_if<int64_t>();
    if (number && *number < 1) return std::nullopt;
    // A parameter may have its least value: without None that must still cover.
    const auto* tunable = factor.get_if<Tunable>();
    product *= number ? *number : tunable ? tunable->min : 1;
  }
  if (open > 1 || (open == 0 && (!turns || product < *turns))) return std::nullopt;
  return true;
}

/// The loops from the outermost to the innermost of those named, if nothing stands between.
std::optional<std::vector<const For*>> chain_of(std::vector<LoopPlace> named) {
  std::sort(named.begin(), named.end(),
            [](const LoopPlace& a, const LoopPlace& b) { return a.around.size() < b.around.size(); });
  for (std::size_t i = 0; i + 1 < named.size(); ++i)
    if (named[i].node == named[i + 1].node) return std::nullopt;
  std::vector<const For*> chain;
  for (const Node* node = named.front().node;; node = chain.back()->body.get()) {
    const auto* loop = as<For>(node);
    if (!loop || !is_serial(*loop)) return std::nullopt;
    chain.push_back(loop);
    if (node == named.back().node) break;
  }
  for (const LoopPlace& place : named)
    if (std::find(chain.begin(), chain.end(), place.node) == chain.end()) return std::nullopt;
  return chain;
}

Verdict judge_fuse(const Case& c) {
  const auto named = c.loops(0);
  const auto chain = named ? chain_of(*named) : std::nullopt;
  if (!chain || chain->size() != named->size()) return std::nullopt;
  for (const For* inner : *chain)
    for (const For* outer : *chain)
      if (uses_var(inner->extent, outer->var)) return std::nullopt;
  return true;
}

/// The program with a chain of loops in another order.
std::optional<Program> permuted(const Program& program, const std::vector<const For*>& before,
                                const std::vector<const For*>& after) {
  if (std::any_of(before.begin(), before.end(), [](const For* loop) { return loop->ordered; }))
    return std::nullopt;
  Stmt body = before.back()->body;
  for (std::size_t i = after.size(); i-- > 0;) {
    for (std::size_t k = i + 1; k < after.size(); ++k)
      if (uses_var(after[i]->extent, after[k]->var)) return std::nullopt;
    auto* copy = new For(*after[i]);
    const Stmt owner(copy);
    copy->body = body;
    body = owner;
  }
  class Exchange : public Mutator {
   public:
    Exchange(const For* old, const Stmt& fresh) : old_(old), fresh_(fresh) {}

   protected:
    using Mutator::on;
    Stmt on(const For& node) override { return &node == old_ ? fresh_ : Mutator::on(node); }

   private:
    const For* old_;
    const Stmt& fresh_;
  } exchange(before.front(), body);
  return with_body(program, exchange.mutate(program->body));
}

Verdict same_flow(const Program& before, const Program& after, const IntValues& values) {
  const Reading first = read_program(before, values), second = read_program(after, values);
  if (!first.unknown.empty() || !second.unknown.empty()) return std::nullopt;
  const Model a = model_of(first), b = model_of(second);
  return flow(a) == flow(b) && combined(a) == combined(b);
}

Verdict judge_reorder(const Case& c) {
  const auto named = c.loops(0);
  const auto chain = named ? chain_of(*named) : std::nullopt;
  if (!chain || !all_serial(named->front().loops())) return std::nullopt;
  std::vector<const For*> after = *chain;
  std::size_t next = 0;
  for (const For*& loop : after)
    if (std::any_of(named->begin(), named->end(), [&](const LoopPlace& p) { return p.node == loop; }))
      loop = &(*named)[next++].loop();
  const auto candidate = permuted(c.program, *chain, after);
  return candidate ? same_flow(c.program, *candidate, c.values) : std::nullopt;
}

/// Splits each loop and moves the inner parts inside of all outer ones.
Verdict judge_tile(const Case& c) {
  const auto named = c.loops(0);
  const auto chain = named ? chain_of(*named) : std::nullopt;
  const auto* factors = c.has(1) ? c.arg(1).get_if<List>() : nullptr;
  if (!chain || !factors || chain->size() != named->size() || factors->size() != named->size() ||
      !all_serial(named->front().loops()))
    return std::nullopt;
  Schedule copy = c.schedule;
  std::vector<Var> outer, inner;
  for (std::size_t i = 0; i < named->size(); ++i) {
    if ((*factors)[i].is_none() || (*chain)[i] != (*named)[i].node || shapes_inner_loops(*(*chain)[i]))
      return std::nullopt;
    const List parts = {Value{}, (*factors)[i]};
    try {
      const std::vector<Value> made = copy.apply("split", {c.arg(0).get_if<List>()->at(i), Value(parts)});
      const List& loops = *made.at(0).get_if<List>();
      const Case split(copy, c.call, c.values);
      outer.push_back(split.loop_of(loops.at(0))->loop().var);
      inner.push_back(split.loop_of(loops.at(1))->loop().var);
    } catch (const UserError&) {
      return std::nullopt;
    }
  }
  std::vector<const For*> before, after;
  for (std::size_t i = 0; i < outer.size(); ++i) {
    before.push_back(&find_loop(copy.program(), outer[i]).loop());
    before.push_back(&find_loop(copy.program(), inner[i]).loop());
  }
  for (const std::size_t part : {0, 1})
    for (std::size_t i = 0; i < outer.size(); ++i) after.push_back(before[2 * i + part]);
  const auto candidate = permuted(copy.program(), before, after);
  return candidate ? same_flow(c.program, *candidate, c.values) : std::nullopt;
}

Verdict judge_loop_partition(const Case& c) {
  const auto place = c.loop(0);
  const auto* extents = c.has(1) ? c.arg(1).get_if<List>() : nullptr;
  if (!place || !extents || extents->size() < 2 || !is_serial(place->loop())) return std::nullopt;
  if (1 != std::count_if(extents->begin(), extents->end(), [](const Value& v) { return v.is_none(); }))
    return std::nullopt;
  // Each part has an init of its own, and only the first may run.
  for (const Block* block : blocks_below(place->node))
    if (block->init && drives(*block, place->loop(), AxisKind::kReduction)) return false;
  return true;
}

// Blocks that move.

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
  if (shares_a_result(block->block(), *loop)) return std::nullopt;
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

// Blocks that go.

const Store* plain_store(const Block& block) {
  const auto* store = as<Store>(block.body);
  if (!store || store->predicate || block.init || block.reducer) return nullptr;
  for (const BlockAxis& axis : block.axes)
    if (axis.axis_kind != AxisKind::kSpatial) return nullptr;
  return store;
}

/// Whether the subscripts are axes of the block, each once, and no axis of more than one point is missing.
bool is_indexed_by_axes(const Block& block, const std::vector<Expr>& indices, const Buffer& buffer) {
  std::set<const Node*> used;
  for (std::size_t d = 0; d < indices.size(); ++d) {
    if (is_int(indices[d], 0) && is_int(buffer->shape[d], 1)) continue;
    if (!as<Variable>(indices[d]) || !used.insert(indices[d].get()).second) return false;
  }
  return std::all_of(block.axes.begin(), block.axes.end(), [&](const BlockAxis& axis) {
    return used.contains(axis.var.get()) || is_int(axis.extent, 1);
  });
}

Verdict judge_compute_inline(const Case& c) {
  const auto block = c.block(0);
  if (!block) return std::nullopt;
  const Store* store = plain_store(block->block());
  if (!store || !is_allocated(c.program, store->buffer.get()) ||
      !is_indexed_by_axes(block->block(), store->indices, store->buffer) ||
      contains<Load>(store->value.get(), [&](const Load& l) { return l.buffer.same_as(store->buffer); }))
    return std::nullopt;
  for (const BlockPlace& other : all_blocks(c.program))
    if (&other.block() != &block->block() && writes(other.block(), store->buffer.get())) return std::nullopt;
  const Reading reading = read_program(c.program, c.values);
  if (!reading.unknown.empty()) return std::nullopt;
  // Illegal where an input is written between a run of the block and a reader; legal where none is written
  // after the first run of the block.
  std::set<const BufferNode*> inputs;
  for (const Touch& t : reading.touches)
    if (t.block == &block->block() && !t.write) inputs.insert(t.buffer);
  const Relation runs = reading.times([&](const Touch& t) { return t.block == &block->block() && t.write; });
  const Relation changes =
      reading.times([&](const Touch& t) { return t.write && inputs.contains(t.buffer); });
  isl_union_map* later = isl_union_map_lex_lt_union_map(runs.copy(), changes.copy());
  const bool unchanged = isl_union_map_is_empty(later);
  isl_union_map_free(later);
  return unchanged ? Verdict(true) : std::nullopt;
}

/// The block as the last touch of what others computed: one element read for one written.
Verdict judge_reverse_compute_inline(const Case& c) {
  const auto place = c.block(0);
  const Store* store = place ? plain_store(place->block()) : nullptr;
  if (!store || is_allocated(c.program, store->buffer.get())) return std::nullopt;
  const Block& block = place->block();
  std::vector<const Load*> inner;  // reads of what the program computes
  bool plain =
      !contains<Load>(block.body.get(), [&](const Load& l) { return l.buffer.same_as(store->buffer); });
  for_each_node(store->value, [&](const Node* node) {
    const auto* load = as<Load>(node);
    if (!load) return;
    const std::vector<BlockPlace> all = all_blocks(c.program, Blocks::kOpened);
    if (std::any_of(all.begin(), all.end(),
                    [&](const BlockPlace& p) { return writes(p.block(), load->buffer.get()); }))
      inner.push_back(load);
  });
  if (!plain || inner.empty()) return std::nullopt;
  const Load& first = *inner.front();
  for (const Load* load : inner)
    if (!structural_equal(Expr(load), Expr(&first))) return std::nullopt;
  if (!is_allocated(c.program, first.buffer.get()) ||
      !is_indexed_by_axes(block, first.indices, first.buffer) ||
      !is_indexed_by_axes(block, store->indices, store->buffer))
    return std::nullopt;
  for (std::size_t d = 0; d < first.indices.size(); ++d)
    for (const BlockAxis& axis : block.axes)
      if (first.indices[d].same_as(axis.var) && !structural_equal(axis.extent, first.buffer->shape[d]))
        return std::nullopt;
  for (const BlockPlace& other : all_blocks(c.program, Blocks::kOpened)) {
    if (&other.block() == &block) continue;
    if (reads(other.block(), first.buffer.get()) || reads(other.block(), store->buffer.get()) ||
        writes(other.block(), store->buffer.get()))
      return std::nullopt;
    if (!writes(other.block(), first.buffer.get())) continue;
    const Store* made = plain_store(other.block());
    if (!made || !is_indexed_by_axes(other.block(), made->indices, made->buffer)) return std::nullopt;
    const Reading reading = read_program(c.program, c.values);
    const Relation runs =
        reading.elements([&](const Touch& t) { return t.block == &other.block() && t.write; });
    if (!reading.unknown.empty() || !runs.is_injective()) return std::nullopt;  // computes elements again
  }
  return true;
}

/// A nest that becomes one block.
Verdict judge_blockize(const Case& c) {
  const auto place = c.loop(0);
  if (!place) return std::nullopt;
  for (const StmtNode* around : place->around)
    if (around->kind == Kind::kBlock) return std::nullopt;
  if (contains<For>(place->node, [](const For& loop) { return loop.loop_kind == LoopKind::kBound; }))
    return std::nullopt;
  for (const For* outer : place->loops()) {
    if (!as_int(outer->extent)) return std::nullopt;
    for (const Block* block : blocks_below(place->node))
      if (block->init && drives(*block, *outer, AxisKind::kReduction)) return std::nullopt;
  }
  return true;
}

/// Each parameter named gets a value that it may have.
Verdict judge_specialise(const Case& c) {
  const auto* options = c.has(0) ? c.arg(0).get_if<List>() : nullptr;
  if (!options || options->empty()) return std::nullopt;
  for (const Value& option : *options) {
    const auto* pair = option.get_if<List>();
    const auto* name = pair && pair->size() == 2 ? (*pair)[0].get_if<std::string>() : nullptr;
    const auto* value = name ? (*pair)[1].get_if<int64_t>() : nullptr;
    if (!value) return std::nullopt;
    const auto& params = c.program->params;
    if (std::none_of(params.begin(), params.end(), [&](const Param& param) {
          return param.param_kind == ParamKind::kTunable && param.var->name.text == *name &&
                 *value >= param.var->min && *value <= param.var->max && *value % param.var->multiple_of == 0;
        }))
      return std::nullopt;
  }
  return true;
}

// New buffers beside old ones.

bool is_plain_scope(const std::string* scope) {
  return scope && (*scope == "global" || *scope == "shared" || *scope == "local");
}

bool is_serial_program(const Program& program) {
  return !contains<For>(program->body.get(), [](const For& loop) {
    return loop.loop_kind != LoopKind::kSerial && loop.loop_kind != LoopKind::kUnrolled;
  });
}

Verdict judge_cache_read(const Case& c) {
  const auto block = c.block(0);
  const BufferNode* buffer = block ? c.read(block->block(), 1) : nullptr;
  if (!buffer || !is_plain_scope(c.text(2)) || !is_serial_program(c.program)) return std::nullopt;
  if (writes(block->block(), buffer)) return false;
  return true;
}

Verdict judge_cache_write(const Case& c) {
  const auto block = c.block(0);
  if (!block || !is_plain_scope(c.text(1)) || !is_serial_program(c.program)) return std::nullopt;
  const Block& node = block->block();
  std::vector<const BufferNode*> outputs;
  for (const Region& region : node.writes)
    if (std::find(outputs.begin(), outputs.end(), region.buffer.get()) == outputs.end())
      outputs.push_back(region.buffer.get());
  const auto position = c.integer(2);
  if (c.has(2)) {
    if (!position || *position < 0 || *position >= static_cast<int64_t>(outputs.size())) return std::nullopt;
    outputs = {outputs[static_cast<std::size_t>(*position)]};
  }
  if (has_axis(node, AxisKind::kOrdered) || (has_axis(node, AxisKind::kReduction) && !node.init))
    return false;
  for (const BufferNode* output : outputs)
    if (reads(node, output)) return false;
  bool known = true;
  for_each_node(node.body, [&](const Node* inner) {
    const auto* store = as<Store>(inner);
    if (!store) return;
    for (const Expr& index : store->indices) {
      known = known && !contains<Load>(index.get());
      for (const BlockAxis& axis : node.axes)
        known = known && (axis.axis_kind == AxisKind::kSpatial || !uses_var(index, axis.var));
    }
    if (store->predicate) known = known && !contains<Load>(store->predicate.get());
  });
  if (!known) return false;
  // Another block that uses the output within a reduction leaves no place behind it.
  for (const For* loop : block->loops()) {
    if (!drives(node, *loop, AxisKind::kReduction)) continue;
    for (const Block* other : blocks_below(loop))
      for (const BufferNode* output : outputs)
        if (other != &node && (reads(*other, output) || writes(*other, output))) return std::nullopt;
  }
  return true;
}

const BufferNode* buffer_argument(const Case& c) {
  if (!c.has(0)) return nullptr;
  const auto* ref = c.arg(0).get_if<BufferRef>();
  if (!ref) return nullptr;
  for (const Buffer& buffer : named_buffers(c.program))
    if (c.schedule.buffer(buffer->name) == *ref) return buffer.get();
  return nullptr;
}

Verdict judge_set_scope(const Case& c) {
  const BufferNode* buffer = buffer_argument(c);
  if (!buffer || !is_plain_scope(c.text(1)) || !is_serial_program(c.program)) return std::nullopt;
  return is_allocated(c.program, buffer);
}

Verdict judge_storage_align(const Case& c) {
  const BufferNode* buffer = buffer_argument(c);
  const auto dim = c.integer(1), factor = c.integer(2);
  const int64_t offset = c.integer(3).value_or(0);
  if (!buffer || !dim || !factor || (c.has(3) && !c.integer(3))) return std::nullopt;
  if (*dim < -buffer->rank() || *dim >= buffer->rank() || *factor < 1 || offset < 0 || offset >= *factor)
    return std::nullopt;
  return is_allocated(c.program, buffer);
}

Verdict judge_transform_layout(const Case& c) {
  const BufferNode* buffer = buffer_argument(c);
  const auto* map = c.text(1);
  if (!buffer || !map || map->find('+') != std::string::npos || map->find('(') != 0 ||
      (c.has(2) && c.text(2)))
    return std::nullopt;
  if (!buffer->strides.empty()) return std::nullopt;
  // Permutations and splits, as random calls make them, are one to one onto their box.
  if (static_cast<int>(IndexMap::parse(*map).from.size()) != buffer->rank()) return std::nullopt;
  return is_allocated(c.program, buffer);
}

// Reductions.

Verdict judge_decompose_reduction(const Case& c) {
  const auto block = c.block(0);
  const auto loop = c.loop(1);
  if (!block || !loop || !block->block().init || !all_serial(block->loops())) return std::nullopt;
  const std::vector<const For*> around = block->loops();
  const auto at = std::find(around.begin(), around.end(), &loop->loop());
  if (at == around.end()) return std::nullopt;
  for (auto outer = around.begin(); outer != at; ++outer)
    if (drives(block->block(), **outer, AxisKind::kReduction)) return false;
  for (auto inner = at; inner != around.end(); ++inner)
    if (drives(block->block(), **inner, AxisKind::kReduction) &&
        (drives(block->block(), **inner, AxisKind::kSpatial) ||
         drives(block->block(), **inner, AxisKind::kOrdered)))
      return std::nullopt;  // fused: which turns begin a reduction is no product of loops
  for (std::size_t i = 0; i < block->around.size(); ++i) {
    const auto* allocate = as<Allocate>(static_cast<const Node*>(block->around[i]));
    if (allocate && writes(block->block(), allocate->buffer.get()))
      for (std::size_t k = 0; k < i; ++k)
        if (block->around[k] == loop->node) return false;  // lives inside of the loop
    if (block->around[i]->kind == Kind::kIf) return std::nullopt;
  }
  // Others that touch the elements below the loop would see them changed too early.
  for (const Block* other : blocks_below(loop->node))
    for (const Region& region : block->block().writes)
      if (other != &block->block() &&
          (reads(*other, region.buffer.get()) || writes(*other, region.buffer.get())))
        return std::nullopt;
  return true;
}

Verdict judge_rfactor(const Case& c) {
  const auto loop = c.loop(0);
  const auto axis = c.integer(1);
  if (!loop || !axis || !is_serial(loop->loop()) || !all_serial(loop->loops())) return std::nullopt;
  const Block* reduction = nullptr;
  for (const Block* block : blocks_below(loop->node)) {
    if (!drives(*block, loop->loop(), AxisKind::kReduction)) continue;
    if (reduction) return std::nullopt;
    reduction = block;
  }
  if (!reduction || !reduction->reducer || !reduction->init || has_axis(*reduction, AxisKind::kOrdered))
    return std::nullopt;
  const BlockPlace place = find_block(c.program, reduction->id.value);
  for (const For* around : place.loops())
    if (drives(*reduction, *around, AxisKind::kReduction) && drives(*reduction, *around, AxisKind::kSpatial))
      return std::nullopt;
  for (const For* around : place.loops())
    for (const For* outer : place.loops())
      if (uses_var(around->extent, outer->var)) return std::nullopt;
  std::size_t rank = 0, stores = 0;
  bool known = true;
  for_each_node(reduction->body, [&](const Node* node) {
    const auto* store = as<Store>(node);
    if (!store) return;
    ++stores;
    rank = store->indices.size();
    for (const Expr& index : store->indices) {
      known = known && !contains<Load>(index.get());
      for (const BlockAxis& a : reduction->axes)
        known = known && (a.axis_kind == AxisKind::kSpatial || !uses_var(index, a.var));
    }
  });
  const auto most = static_cast<int64_t>(rank);
  if (!known || stores != reduction->reducer->results.size() || *axis < -most - 1 || *axis > most)
    return std::nullopt;
  // Something else in the loops that uses the result would find partial ones.
  const StmtNode* outermost = nullptr;
  for (const For* around : place.loops())
    if (!outermost && drives(*reduction, *around, AxisKind::kReduction)) outermost = around;
  for (const Block* other : blocks_below(outermost))
    for (const Region& region : reduction->writes)
      if (other != reduction && (reads(*other, region.buffer.get()) || writes(*other, region.buffer.get())))
        return std::nullopt;
  return true;
}

// Hints and notes.

/// Whether what the block reads of the buffer is another part in another turn.
bool moves_with(const Block& block, const BufferNode& buffer, const For& loop) {
  for (const Region& region : block.reads)
    for (const Range& range : region.ranges)
      for (const BlockAxis& axis : block.axes)
        if (region.buffer.get() == &buffer && uses_var(axis.binding, loop.var) &&
            (uses_var(range.min, axis.var) || uses_var(range.extent, axis.var)))
          return true;
  return false;
}

Verdict judge_prefetch(const Case& c) {
  const auto block = c.block(0);
  const auto loop = c.loop(2);
  const auto distance = c.integer(3);
  if (!block || !loop || !distance || *distance < 1) return std::nullopt;
  const BufferNode* buffer = c.read(block->block(), 1);
  if (!buffer || buffer->scope != Scope::kGlobal) return std::nullopt;
  const std::vector<const For*> around = block->loops();
  if (std::find(around.begin(), around.end(), &loop->loop()) == around.end()) return std::nullopt;
  if (!moves_with(block->block(), *buffer, loop->loop())) return std::nullopt;
  if (is_int(loop->loop().extent, 1)) return std::nullopt;
  return true;
}

Verdict judge_note(const Case& c) {
  if (!c.text(1) || c.text(1)->empty() || !c.has(2)) return std::nullopt;
  return c.block(0).has_value() || c.loop(0).has_value();
}

const std::map<std::string, Verdict (*)(const Case&)>& judges() {
  static const std::map<std::string, Verdict (*)(const Case&)> table = {
      {"annotate", judge_note},
      {"bind", judge_at_once},
      {"blockize", judge_blockize},
      {"cache_read", judge_cache_read},
      {"cache_write", judge_cache_write},
      {"compute_at", judge_compute_at},
      {"compute_inline", judge_compute_inline},
      {"decompose_reduction", judge_decompose_reduction},
      {"fuse", judge_fuse},
      {"loop_partition", judge_loop_partition},
      {"parallel", judge_at_once},
      {"pragma", judge_note},
      {"prefetch", judge_prefetch},
      {"reorder", judge_reorder},
      {"reverse_compute_at", judge_reverse_compute_at},
      {"reverse_compute_inline", judge_reverse_compute_inline},
      {"rfactor", judge_rfactor},
      {"set_scope", judge_set_scope},
      {"specialise", judge_specialise},
      {"split", judge_split},
      {"storage_align", judge_storage_align},
      {"tile", judge_tile},
      {"transform_layout", judge_transform_layout},
      {"unroll", judge_unroll},
      {"vectorize", judge_at_once},
  };
  return table;
}

/// Whether the two programs hold the same blocks, whatever loops stand around them.
bool have_same_blocks(const Program& before, const Program& after) {
  std::map<int64_t, const Block*> known;
  for (const BlockPlace& place : all_blocks(before, Blocks::kOpened))
    known[place.block().id.value] = &place.block();
  const std::vector<BlockPlace> places = all_blocks(after, Blocks::kOpened);
  return places.size() == known.size() &&
         std::all_of(places.begin(), places.end(), [&](const BlockPlace& place) {
           const auto found = known.find(place.block().id.value);
           return found != known.end() && found->second->body.same_as(place.block().body) &&
                  found->second->init.same_as(place.block().init);
         });
}

}  // namespace

std::optional<bool> is_legal(Schedule& schedule, const Call& call, const IntValues& values) {
  const auto found = judges().find(call.primitive);
  return found == judges().end() ? std::nullopt : found->second(Case(schedule, call, values));
}

std::vector<std::string> judged_primitives() {
  std::vector<std::string> names;
  for (const auto& [name, judge] : judges()) names.push_back(name);
  return names;
}

std::string fault_of_step(const Program& before, const Program& after, const IntValues& values) {
  const Reading second = read_program(after, values);
  if (!second.unknown.empty()) return "";
  for (const LoopPlace& place : all_loops(after, Blocks::kOpened)) {
    if (place.loop().loop_kind == LoopKind::kSerial || place.loop().loop_kind == LoopKind::kUnrolled)
      continue;
    const Relation found = conflicts(second, &place.loop());
    if (!found.is_empty())
      return fmt::format("turns of loop {} meet: {}", place.loop().var->name.text, found.text());
  }
  if (!have_same_blocks(before, after)) return "";
  const Reading first = read_program(before, values);
  if (!first.unknown.empty()) return "";
  const Model a = model_of(first), b = model_of(second);
  const Relation fresh = flow(b) - flow(a), gone = flow(a) - flow(b);
  if (!fresh.is_empty()) return fmt::format("reads have other sources: {}", fresh.text());
  if (!gone.is_empty()) return fmt::format("reads have lost their sources: {}", gone.text());
  if (!(combined(a) == combined(b))) return "reads have other partial results";
  return "";
}

}  // namespace tw::schedule::judge
