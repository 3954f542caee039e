// reorder(j, i):
//
//   for i in n:                   for j in m:
//     for j in m: …       =>        for i in n: …
//
// The loops named stand in the given order afterwards, in the places that they held; loops between them stay
// where they are. All stand directly in each other. A loop that carries a dependence keeps inside itself all
// that was inside.
#include <algorithm>

#include "ir/analysis/dependence.h"
#include "ir/text.h"
#include "schedule/loops.h"

namespace tw::schedule {
namespace {

/// The loops from the outermost to the innermost of those named, with what stands between: a chain without
/// gaps.
std::vector<const For*> chain_of(const Step& step, const std::vector<LoopPlace>& named) {
  const auto outermost = std::min_element(
      named.begin(), named.end(),
      [](const LoopPlace& a, const LoopPlace& b) { return a.around.size() < b.around.size(); });
  std::vector<const For*> chain;
  std::size_t left = named.size();
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

std::size_t position(const std::vector<const For*>& loops, const For* loop) {
  return static_cast<std::size_t>(std::find(loops.begin(), loops.end(), loop) - loops.begin());
}

void require_legal(const Step& step, const std::vector<const For*>& before,
                   const std::vector<const For*>& after) {
  for (const For* loop : before) {
    for (const For* other : before)
      if (uses_var(loop->extent, other->var) && position(after, other) > position(after, loop))
        step.refuse(loop, "the number of turns of loop {}, {}, depends on loop {}, which must stay around it",
                    loop->var->name.text, to_text(loop->extent), other->var->name.text);
    std::vector<const For*> leaving;
    for (std::size_t i = position(before, loop) + 1; i < before.size(); ++i)
      if (position(after, before[i]) < position(after, loop)) leaving.push_back(before[i]);
    if (leaving.empty()) continue;
    const LoopDependence dependence = loop_dependence(step.program(), loop);
    if (dependence.order == TurnOrder::kCarried)
      step.refuse(loop, "the turns of loop {} must run as they stand, and loop {} would leave it: {}",
                  loop->var->name.text, leaving.front()->var->name.text, dependence.message);
  }
}

Outcome reorder(const Step& step) {
  const std::vector<LoopPlace> named = step.loops(0);
  for (std::size_t i = 0; i < named.size(); ++i)
    for (std::size_t k = 0; k < i; ++k)
      if (&named[i].loop() == &named[k].loop())
        step.refuse(named[i].node, "loop {} is named twice", named[i].loop().var->name.text);
  const std::vector<const For*> before = chain_of(step, named);
  std::vector<const For*> after = before;
  std::size_t next = 0;
  for (const For*& loop : after)
    if (std::any_of(named.begin(), named.end(), [&](const LoopPlace& p) { return &p.loop() == loop; }))
      loop = &named[next++].loop();
  require_legal(step, before, after);

  Stmt body = before.back()->body;
  for (auto loop = after.rbegin(); loop != after.rend(); ++loop) {
    auto* copy = new For(**loop);
    const Stmt owner(copy);
    copy->body = body;
    body = owner;
  }
  const LoopPlace outermost = find_loop(step.program(), before.front()->var);
  return {step.with_body(replaced_at(step.program(), outermost, body)), {}, {}};
}

const Registration registration{{
    .name = "reorder",
    .summary = "Changes the order of nested loops.",
    .doc = R"(    for i in n:                   for j in m:
      for j in m: ...     =>        for i in n: ...

The loops named stand in the given order afterwards, in the places that they held. All must stand directly in each
other; loops between them stay. A loop that carries a dependence keeps inside itself all that was inside.)",
    .args = {{"loops", ArgKind::kLoops, "Loops in their new order, outermost first."}},
    .variadic = true,
    .example = R"(>>> s.reorder(k, j)
>>> s.loops("C")
[<tw.Loop i>, <tw.Loop k>, <tw.Loop j>])",
    .apply = reorder,
}};

}  // namespace
}  // namespace tw::schedule
