// vectorize(i):   for i in 16: …     =>     for i in vectorized(16): …
//
// The turns become lanes of vector instructions. They must be independent, of constant number, and hold no
// other loop that runs at once.
#include "schedule/loops.h"

namespace tw::schedule {
namespace {

Outcome vectorize(const Step& step) {
  const LoopPlace place = step.loop(0);
  require_serial(step, place);
  require_constant_extent(step, place, "vectorised");
  require_independent(step, place, "be lanes of a vector");
  for_each_node(place.loop().body, [&](const Node* node) {
    const auto* inner = as<For>(node);
    if (inner && (inner->loop_kind == LoopKind::kParallel || inner->loop_kind == LoopKind::kBound ||
                  inner->loop_kind == LoopKind::kVectorized))
      step.refuse(inner, "loop {} inside loop {} is {}; a lane cannot hold it", inner->var->name.text,
                  place.loop().var->name.text, to_string(inner->loop_kind));
  });
  for (const For* outer : place.loops())
    if (outer->loop_kind == LoopKind::kVectorized)
      step.refuse(outer, "loop {} around loop {} is vectorised already", outer->var->name.text,
                  place.loop().var->name.text);
  return with_loop(step, place, [](For& loop) { loop.loop_kind = LoopKind::kVectorized; });
}

const Registration registration{{
    .name = "vectorize",
    .summary = "Makes the turns of a loop lanes of vector instructions.",
    .doc = "    for i in 16: ...     =>     for i in vectorized(16): ...\n\n"
           "The turns must be independent and of constant number; inside there may be no parallel, bound or "
           "vectorised loop.",
    .args = {{"loop", ArgKind::kLoop, "A serial loop with a constant number of independent turns."}},
    .inside_blocks = true,
    .example = R"(>>> j_0, j_1 = s.split(j, [None, 16])
>>> s.reorder(k, j_1)
>>> s.vectorize(j_1))",
    .apply = vectorize,
}};

}  // namespace
}  // namespace tw::schedule
