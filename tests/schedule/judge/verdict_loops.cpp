// Loops that run at once, and the same loops in another form.
#include <algorithm>
#include <set>

#include "ir/text.h"
#include "ir/visit.h"
#include "schedule/judge/case.h"
#include "schedule/judge/relations.h"

namespace tw::schedule::judge {
namespace {

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

}  // namespace

Judges loop_judges() {
  return {
      {"bind", judge_at_once},     {"fuse", judge_fuse},       {"loop_partition", judge_loop_partition},
      {"parallel", judge_at_once}, {"reorder", judge_reorder}, {"split", judge_split},
      {"tile", judge_tile},        {"unroll", judge_unroll},   {"vectorize", judge_at_once},
  };
}

}  // namespace tw::schedule::judge
