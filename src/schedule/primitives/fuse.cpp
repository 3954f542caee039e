// fuse(i, j):
//
//   for i in n:                      for i_j in n*m:
//     for j in m:             =>       block B(vi = i_j // m, vj = i_j % m): …
//       block B(vi = i, vj = j): …
//
// The loops stand directly in each other and the inner extents do not depend on outer variables. Turns run in
// the same order as before, so any such loops may be fused.
#include <fmt/format.h>

#include "ir/simplify.h"
#include "ir/text.h"
#include "schedule/loops.h"

namespace tw::schedule {
namespace {

Outcome fuse(const Step& step) {
  const std::vector<LoopPlace> places = require_nest(step, step.loops(0));
  Context context = context_at(places.front());
  Expr turns(1);
  std::string name;
  bool ordered = false;
  for (const LoopPlace& place : places) {
    const For& loop = place.loop();
    require_serial(step, place);
    for (const LoopPlace& outer : places)
      if (uses_var(loop.extent, outer.loop().var))
        step.refuse(&loop, "loop {} has {} turns, which depends on loop {}; such loops cannot be fused",
                    loop.var->name.text, to_text(loop.extent), outer.loop().var->name.text);
    turns = turns * loop.extent;
    name += (name.empty() ? "" : "_") + loop.var->name.text;
    ordered |= loop.ordered;
  }
  const Var fused(name);
  turns = simplify(turns, context);
  context.bind(fused, 0, turns);
  const Context keeping = keeping_loops(context);

  VarMap values;
  Expr rest = fused;
  for (auto place = places.rbegin(); place != places.rend(); ++place) {
    const For& loop = place->loop();
    const bool outermost = place + 1 == places.rend();
    values[&*loop.var] = simplify(outermost ? rest : floormod(rest, loop.extent), keeping);
    rest = floordiv(rest, loop.extent);
  }
  const Stmt body = rebind(places.back().loop().body, values, {}, context);
  const Stmt loop = For::make(fused, turns, body, LoopKind::kSerial, ordered);
  return {step.with_body(replaced_at(step.program(), places.front(), loop)), {fused}, {}};
}

const Registration registration{{
    .name = "fuse",
    .summary = "Makes one loop of several that stand directly in each other.",
    .doc = R"(    for i in n:                      for i_j in n*m:
      for j in m:             =>       block B(vi = i_j // m, vj = i_j % m): ...
        block B(vi = i, vj = j): ...

Nothing may stand between the loops, and no extent may depend on a fused loop. The order of the turns stays.)",
    .args = {{"loops", ArgKind::kLoops, "Serial loops, each directly in another."}},
    .variadic = true,
    .inside_blocks = true,
    .results = {"The fused loop."},
    .example = R"(>>> s.fuse(i, j)
<tw.Loop i_j>)",
    .apply = fuse,
}};

}  // namespace
}  // namespace tw::schedule
