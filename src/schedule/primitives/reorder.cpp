// reorder(j, i):
//
//   for i in n:                   for j in m:
//     for j in m: …       =>        for i in n: …
//
// The loops named stand in the given order afterwards, in the places that they held; loops between them stay
// where they are. All stand directly in each other. A loop that carries a dependence keeps inside itself all
// that was inside, but loops whose turns are independent where they come to stand:
//
//   for t in n:                                       for i in m:
//     for i in m: H[t, i] = H[t - 1, i] + …     =>      for t in n: …
#include <algorithm>

#include "schedule/ordering.h"

namespace tw::schedule {
namespace {

Outcome reorder(const Step& step) {
  const std::vector<LoopPlace> named = step.loops(0);
  const std::vector<const For*> before = require_chain(step, named);
  std::vector<const For*> after = before;
  std::size_t next = 0;
  for (const For*& loop : after)
    if (std::any_of(named.begin(), named.end(), [&](const LoopPlace& p) { return &p.loop() == loop; }))
      loop = &named[next++].loop();
  if (const auto fault = order_fault(step.program(), before, after))
    step.refuse(fault->loop, "{}", fault->reason);
  const LoopPlace outermost = find_loop(step.program(), before.front()->var);
  return {
      step.with_body(replaced_at(step.program(), outermost, in_order(after, before.back()->body))), {}, {}};
}

const Registration registration{{
    .name = "reorder",
    .summary = "Changes the order of nested loops.",
    .doc = R"(    for i in n:                   for j in m:
      for j in m: ...     =>        for i in n: ...

The loops named stand in the given order afterwards, in the places that they held. All must stand directly in each
other; loops between them stay. A loop that carries a dependence keeps inside itself all that was inside, but loops whose turns
are independent of each other in their new place.)",
    .args = {{"loops", ArgKind::kLoops, "Loops in their new order, outermost first."}},
    .variadic = true,
    .inside_blocks = true,
    .example = R"(>>> s.reorder(k, j)
>>> s.loops("C")
[<tw.Loop i>, <tw.Loop k>, <tw.Loop j>])",
    .apply = reorder,
}};

}  // namespace
}  // namespace tw::schedule
