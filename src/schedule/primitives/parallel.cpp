// parallel(i):   for i in n: …     =>     for i in parallel(n): …
//
// The turns run on the threads of the machine, in any order. They must be independent: no turn may write what
// another reads or writes, other than by atomic updates.
#include "schedule/loops.h"

namespace tw::schedule {
namespace {

Outcome parallel(const Step& step) {
  const LoopPlace place = step.loop(0);
  require_serial(step, place);
  require_independent(step, place, "run in parallel");
  return with_loop(step, place, [](For& loop) { loop.loop_kind = LoopKind::kParallel; });
}

const Registration registration{{
    .name = "parallel",
    .summary = "Runs the turns of a loop on several threads.",
    .doc = "    for i in n: ...     =>     for i in parallel(n): ...\n\n"
           "The turns must be independent: none writes what another reads or writes, other than by atomic "
           "updates.",
    .args = {{"loop", ArgKind::kLoop, "A serial loop with independent turns."}},
    .inside_blocks = true,
    .example = R"(>>> s.parallel(i))",
    .apply = parallel,
}};

}  // namespace
}  // namespace tw::schedule
