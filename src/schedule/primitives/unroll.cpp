// unroll(i):   for i in 4: …     =>     for i in unrolled(4): …
//
// The body is written out once a turn, in order. Every loop of constant extent may be unrolled.
#include "schedule/loops.h"

namespace tw::schedule {
namespace {

Outcome unroll(const Step& step) {
  const LoopPlace place = step.loop(0);
  require_serial(step, place);
  require_constant_extent(step, place, "unrolled");
  return with_loop(step, place, [](For& loop) { loop.loop_kind = LoopKind::kUnrolled; });
}

const Registration registration{{
    .name = "unroll",
    .summary = "Writes out the body of a loop once a turn.",
    .doc = "    for i in 4: ...     =>     for i in unrolled(4): ...\n\nThe order of the turns stays.",
    .args = {{"loop", ArgKind::kLoop, "A serial loop with a constant number of turns."}},
    .inside_blocks = true,
    .example = R"(>>> k_0, k_1 = s.split(k, [None, 4])
>>> s.unroll(k_1))",
    .apply = unroll,
}};

}  // namespace
}  // namespace tw::schedule
