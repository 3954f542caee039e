// tile([i, j], [14, 32]):
//
//   for i in n:                         for i_0 in (n + 13) // 14:
//     for j in m:                         for j_0 in (m + 31) // 32:
//       block B(vi = i, vj = j): …   =>     for i_1 in 14:
//                                             for j_1 in 32:
//                                               block B(vi = i_0*14 + i_1, vj = j_0*32 + j_1)
//                                                   where i_0*14 + i_1 < n && j_0*32 + j_1 < m: …
//
// Each loop is split into an outer and an inner one, and all outer loops come before all inner ones, both in
// the order in which the loops are named. The loops stand directly in each other, and no extent depends on a
// tiled loop. As with reorder, a loop that carries a dependence keeps inside itself all that was inside.
#include <algorithm>

#include "ir/text.h"
#include "schedule/loops.h"
#include "schedule/ordering.h"
#include "schedule/splitting.h"

namespace tw::schedule {
namespace {

struct TiledLoop {
  const For* loop;
  SplitPlan plan;
};

/// The tiles of the loops, in the order in which they are named.
std::vector<TiledLoop> plan_tiles(const Step& step, const std::vector<LoopPlace>& named) {
  const List& factors = *step.value(1).get_if<List>();
  if (factors.size() != named.size())
    step.refuse(nullptr, "{} loops and {} factors; each loop takes one", named.size(), factors.size());
  for (const LoopPlace& place : named)
    for (const LoopPlace& outer : named)
      if (uses_var(place.loop().extent, outer.loop().var))
        step.refuse(place.node,
                    "loop {} has {} turns, which depends on loop {}; such loops cannot be tiled together",
                    place.loop().var->name.text, to_text(place.loop().extent), outer.loop().var->name.text);
  std::vector<TiledLoop> tiled;
  for (std::size_t i = 0; i < named.size(); ++i) {
    if (factors[i].is_none())
      step.refuse(named[i].node,
                  "the factor of loop {} is None; it is the number of turns of the inner loop, "
                  "an int or a parameter",
                  named[i].loop().var->name.text);
    tiled.push_back({&named[i].loop(), plan_split(step, named[i], List{{}, factors[i]})});
  }
  return tiled;
}

/// So many loops, each directly in the other.
std::vector<const For*> chain_from(const LoopPlace& outermost, std::size_t count) {
  std::vector<const For*> chain;
  for (const Node* node = outermost.node; chain.size() < count; node = chain.back()->body.get())
    chain.push_back(as<For>(node));
  return chain;
}

Outcome tile(const Step& step) {
  const std::vector<LoopPlace> named = step.loops(0);
  const std::vector<LoopPlace> places = require_nest(step, named);  // outermost first
  const std::vector<TiledLoop> tiled = plan_tiles(step, named);
  const auto tile_of = [&](const For* loop) -> const TiledLoop& {
    return *std::find_if(tiled.begin(), tiled.end(), [&](const TiledLoop& t) { return t.loop == loop; });
  };

  // First in the old order, each outer loop around its inner one: a plain split.
  VarMap values;
  Expr condition;
  Context context = context_at(places.front());
  for (const LoopPlace& place : places) {
    const SplitPlan& plan = tile_of(&place.loop()).plan;
    for (const auto& [var, extent] : plan.loops) context.bind(var, 0, extent);
    values[&*place.loop().var] = plan.position;
    if (plan.condition) condition = condition ? logical_and(condition, plan.condition) : plan.condition;
  }
  const Stmt body = rebind(places.back().loop().body, values, condition, context);
  Stmt in_old_order = body;
  for (auto place = places.rbegin(); place != places.rend(); ++place)
    in_old_order = nest(tile_of(&place->loop()).plan.loops, in_old_order, place->loop().ordered);

  const Program split = step.with_body(replaced_at(step.program(), places.front(), in_old_order));
  const Var& outermost = tile_of(&places.front().loop()).plan.loops.front().first;
  const std::vector<const For*> before = chain_from(find_loop(split, outermost), 2 * tiled.size());
  std::vector<const For*> after;
  std::vector<Outcome::Result> made;
  for (const std::size_t level : {0U, 1U})
    for (const TiledLoop& t : tiled) {
      const Var& var = t.plan.loops[level].first;
      made.push_back(var);
      after.push_back(
          *std::find_if(before.begin(), before.end(), [&](const For* l) { return l->var.same_as(var); }));
    }
  if (const auto fault = order_fault(split, before, after)) {
    const auto of = std::find(before.begin(), before.end(), fault->loop) - before.begin();
    step.refuse(places[static_cast<std::size_t>(of) / 2].node,
                "{}; split the loops, and reorder what may move", fault->reason);
  }
  return {step.with_body(replaced_at(step.program(), places.front(), in_order(after, body))),
          {Outcome::Result(std::move(made))},
          {}};
}

const Registration registration{{
    .name = "tile",
    .summary = "Splits nested loops into tiles: outer loops over the tiles, inner loops over one.",
    .doc = R"(    for i in n:                         for i_0 in (n + 13) // 14:
      for j in m:                         for j_0 in (m + 31) // 32:
        block B(vi = i, vj = j): ...  =>    for i_1 in 14:
                                              for j_1 in 32:
                                                block B(vi = i_0*14 + i_1, vj = j_0*32 + j_1)
                                                    where i_0*14 + i_1 < n && j_0*32 + j_1 < m: ...

Where factors do not provably divide, the blocks below get a condition. The loops stand directly in each other; the new
ones stand in the order in which they are named. A loop that carries a dependence keeps inside itself all that was
inside.)",
    .args = {{"loops", ArgKind::kLoops, "Serial loops, each directly in another."},
             {"factors", ArgKind::kExtents, "The number of turns of each inner loop: ints or parameters."}},
    .inside_blocks = true,
    .results = {"The new loops: the outer ones, then the inner ones."},
    .example = R"(>>> s.tile([i, j], [14, 32])
[<tw.Loop i_0>, <tw.Loop j_0>, <tw.Loop i_1>, <tw.Loop j_1>])",
    .apply = tile,
}};

}  // namespace
}  // namespace tw::schedule
