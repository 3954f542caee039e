#include "schedule/ordering.h"

#include <algorithm>

#include "ir/analysis/dependence.h"
#include "ir/text.h"
#include "ir/visit.h"

namespace tw::schedule {
namespace {

std::size_t position(const std::vector<const For*>& loops, const For* loop) {
  return static_cast<std::size_t>(std::find(loops.begin(), loops.end(), loop) - loops.begin());
}

/// How far inside a loop has to stand for the way in which it runs: blocks of a GPU, threads, lanes.
int depth_of_kind(const For& loop) {
  if (loop.loop_kind == LoopKind::kVectorized) return 2;
  return loop.loop_kind == LoopKind::kBound && is_thread(loop.gpu_index) ? 1 : 0;
}

bool runs_at_once(const For& loop) {
  return loop.loop_kind != LoopKind::kSerial && loop.loop_kind != LoopKind::kUnrolled;
}

/// Loops that run at once, and come to stand around others of which they were inside.
std::optional<OrderFault> fault_of_kinds(const std::vector<const For*>& before,
                                         const std::vector<const For*>& after) {
  for (std::size_t outer = 0; outer < after.size(); ++outer)
    for (std::size_t inner = outer + 1; inner < after.size(); ++inner) {
      const For &out = *after[outer], &in = *after[inner];
      if (position(before, &in) > position(before, &out) || !runs_at_once(in)) continue;
      if (depth_of_kind(out) > depth_of_kind(in))
        return OrderFault{
            &out, fmt::format("loop {} runs as {} and must stay inside of loop {}, which runs as {}; give "
                              "loops their kinds after their order",
                              out.var->name.text, to_string(out.loop_kind), in.var->name.text,
                              to_string(in.loop_kind))};
    }
  return std::nullopt;
}

/// What the turns of a loop are to each other where it would stand.
LoopDependence dependence_moved(const Program& program, const std::vector<const For*>& before,
                                const std::vector<const For*>& after, const For* leaving) {
  const LoopPlace outermost = find_loop(program, before.front()->var);
  const Program moved =
      with_body(program, replaced_at(program, outermost, in_order(after, before.back()->body)));
  return loop_dependence(moved, &find_loop(moved, leaving->var).loop());
}

/// A loop that leaves a reduction may meet its own turns in what is combined.
std::optional<OrderFault> fault_of_turns(const Program& program, const std::vector<const For*>& before,
                                         const std::vector<const For*>& after, const For* leaving) {
  const LoopDependence dependence = dependence_moved(program, before, after, leaving);
  if (dependence.order == TurnOrder::kIndependent || dependence.atomic) return std::nullopt;
  return OrderFault{
      leaving, fmt::format("the turns of loop {}, which is {}, would meet: {}; give loops their kinds after "
                           "their order",
                           leaving->var->name.text, to_string(leaving->loop_kind), dependence.message)};
}

/// Whether the loops may leave one that carries dependences: where each is independent in its new place, all
/// dependences lie within one turn of it, in the order that they had.
bool may_leave(const Program& program, const std::vector<const For*>& before,
               const std::vector<const For*>& after, const std::vector<const For*>& leaving) {
  return std::all_of(leaving.begin(), leaving.end(), [&](const For* other) {
    return dependence_moved(program, before, after, other).order == TurnOrder::kIndependent;
  });
}

/// A loop whose number of turns depends on another needs that around it.
std::optional<OrderFault> fault_of_extents(const std::vector<const For*>& before,
                                           const std::vector<const For*>& after) {
  for (const For* loop : before)
    for (const For* other : before)
      if (uses_var(loop->extent, other->var) && position(after, other) > position(after, loop))
        return OrderFault{loop,
                          fmt::format("the number of turns of loop {}, {}, depends on loop {}, which must "
                                      "stay around it",
                                      loop->var->name.text, to_text(loop->extent), other->var->name.text)};
  return std::nullopt;
}

}  // namespace

std::vector<const For*> require_chain(const Step& step, const std::vector<LoopPlace>& named) {
  for (std::size_t i = 0; i < named.size(); ++i)
    for (std::size_t k = 0; k < i; ++k)
      if (&named[i].loop() == &named[k].loop())
        step.refuse(named[i].node, "loop {} is named twice", named[i].loop().var->name.text);
  const auto outermost = std::min_element(
      named.begin(), named.end(),
      [](const LoopPlace& a, const LoopPlace& b) { return a.around.size() < b.around.size(); });
  std::vector<const For*> chain;
  auto left = static_cast<std::ptrdiff_t>(named.size());
  for (const Node* node = outermost->node;; node = chain.back()->body.get()) {
    const auto* loop = as<For>(node);
    if (!loop)
      step.refuse(chain.empty() ? nullptr : chain.back(),
                  "the loops do not stand directly in each other: below loop {} comes something else",
                  chain.empty() ? "?" : chain.back()->var->name.text);
    chain.push_back(loop);
    left -= std::count_if(named.begin(), named.end(), [&](const LoopPlace& p) { return &p.loop() == loop; });
    if (left == 0) return chain;
  }
}

std::optional<OrderFault> order_fault(const Program& program, const std::vector<const For*>& before,
                                      const std::vector<const For*>& after) {
  if (auto fault = fault_of_kinds(before, after)) return fault;
  if (auto fault = fault_of_extents(before, after)) return fault;
  for (const For* loop : before) {
    std::vector<const For*> leaving;
    for (std::size_t i = position(before, loop) + 1; i < before.size(); ++i)
      if (position(after, before[i]) < position(after, loop)) leaving.push_back(before[i]);
    if (leaving.empty()) continue;
    const LoopDependence dependence = loop_dependence(program, loop);
    if (dependence.order == TurnOrder::kCarried) {
      if (may_leave(program, before, after, leaving)) continue;
      return OrderFault{
          loop, fmt::format("the turns of loop {} must run as they stand, and loop {} would leave it: {}",
                            loop->var->name.text, leaving.front()->var->name.text, dependence.message)};
    }
    if (dependence.order == TurnOrder::kIndependent) continue;
    for (const For* other : leaving)
      if (runs_at_once(*other))
        if (auto fault = fault_of_turns(program, before, after, other)) return fault;
  }
  return std::nullopt;
}

Stmt in_order(const std::vector<const For*>& loops, Stmt body) {
  for (auto loop = loops.rbegin(); loop != loops.rend(); ++loop) {
    auto* copy = new For(**loop);
    const Stmt owner(copy);
    copy->body = body;
    body = owner;
  }
  return body;
}

}  // namespace tw::schedule
