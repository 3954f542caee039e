// split(loop, [None, 14]):
//
//   for i in n:                         for i_0 in (n + 13) // 14:
//     block B(vi = i): …        =>        for i_1 in 14:
//                                           block B(vi = i_0*14 + i_1) if i_0*14 + i_1 < n: …
//
// One loop becomes as many as there are factors, the first outermost. None is what the others leave. The
// condition goes away where the factors provably divide. Turns run in the same order as before, so every loop
// may be split.
#include "schedule/loops.h"
#include "schedule/splitting.h"

namespace tw::schedule {
namespace {

Outcome split(const Step& step) {
  const LoopPlace place = step.loop(0);
  const For& loop = place.loop();
  const SplitPlan plan = plan_split(step, place, *step.value(1).get_if<List>());
  Context context = context_at(place);
  Outcome outcome;
  std::vector<Outcome::Result> made;
  for (const auto& [var, extent] : plan.loops) {
    made.push_back(var);
    context.bind(var, 0, extent);
  }
  const VarMap values{{&*loop.var, plan.position}};
  Stmt body = nest(plan.loops, rebind(loop.body, values, plan.condition, context), loop.ordered);
  outcome.program = step.with_body(replaced_at(step.program(), place, body));
  outcome.results.emplace_back(std::move(made));
  return outcome;
}

const Registration registration{{
    .name = "split",
    .summary = "Makes several nested loops of one.",
    .doc = R"(    for i in n:                         for i_0 in (n + 13) // 14:
      block B(vi = i): ...      =>        for i_1 in 14:
                                            block B(vi = i_0*14 + i_1) if i_0*14 + i_1 < n: ...

One loop a factor, the first outermost; at most one factor is None and takes what the others leave. Factors may be
parameters. Where they do not provably divide, the blocks below get a condition. The order of the turns stays.)",
    .args = {{"loop", ArgKind::kLoop, "A serial loop."},
             {"factors", ArgKind::kExtents,
              "Extents of the new loops, outermost first: ints, parameters, one None."}},
    .inside_blocks = true,
    .results = {"The new loops, outermost first."},
    .example = R"(>>> s.split(i, [None, 16])
[<tw.Loop i_0>, <tw.Loop i_1>])",
    .apply = split,
}};

}  // namespace
}  // namespace tw::schedule
