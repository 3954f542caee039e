// split(loop, [None, 14]):
//
//   for i in n:                         for i_0 in (n + 13) // 14:
//     block B(vi = i): …        =>        for i_1 in 14:
//                                           block B(vi = i_0*14 + i_1) if i_0*14 + i_1 < n: …
//
// One loop becomes as many as there are factors, the first outermost. None is what the others leave. The
// condition goes away where the factors provably divide. Turns run in the same order as before, so every loop
// may be split.
#include <fmt/format.h>

#include "ir/simplify.h"
#include "ir/text.h"
#include "schedule/loops.h"

namespace tw::schedule {
namespace {

/// The extents of the new loops: the factors, with None replaced by what is left.
std::vector<Expr> extents_of(const Step& step, const For& loop, const List& factors, const Context& context) {
  Expr product(1);
  for (const Value& factor : factors)
    if (!factor.is_none()) product = product * step.extent(factor);
  std::vector<Expr> extents;
  bool open = false;
  for (const Value& factor : factors) {
    open |= factor.is_none();
    extents.push_back(factor.is_none() ? simplify(ceildiv(loop.extent, product), context)
                                       : step.extent(factor));
  }
  if (!open && !prove(le(loop.extent, product), context))
    step.refuse(&loop, "the factors make {} turns, and loop {} has {}; leave one factor None",
                to_text(product), loop.var->name.text, to_text(loop.extent));
  return extents;
}

/// What a turn out of range would run unguarded: the condition can only be joined to blocks.
void require_only_blocks(const Step& step, const For& loop) {
  for_each_node(loop.body, [&](const Node* node) {
    const auto* inner = as<For>(node);
    if (node->kind == Kind::kAssert || (inner && uses_var(inner->extent, loop.var)))
      step.refuse(
          node,
          "the factors do not provably divide the {} turns of loop {}, and this cannot be left out in the "
          "turns beyond; choose factors that divide",
          to_text(loop.extent), loop.var->name.text);
  });
}

Outcome split(const Step& step) {
  const LoopPlace place = step.loop(0);
  const For& loop = place.loop();
  require_serial(step, place);
  Context context = context_at(place);
  const List& factors = *step.value(1).get_if<List>();
  const std::vector<Expr> extents = extents_of(step, loop, factors, context);

  std::vector<std::pair<Var, Expr>> loops;
  Outcome outcome;
  std::vector<Outcome::Result> made;
  Expr position(0), product(1);
  for (std::size_t i = 0; i < extents.size(); ++i) {
    const Var var(fmt::format("{}_{}", loop.var->name.text, i));
    loops.emplace_back(var, extents[i]);
    made.push_back(var);
    context.bind(var, 0, extents[i]);
    position = position * extents[i] + Expr(var);
    product = product * extents[i];
  }
  Expr condition;
  if (!prove(lt(position, loop.extent), context)) {
    condition = simplify(lt(position, loop.extent), context);
    require_only_blocks(step, loop);
  }
  const VarMap values{{&*loop.var, simplify(position, context)}};
  Stmt body = nest(loops, rebind(loop.body, values, condition, context), loop.ordered);
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
    .results = {"The new loops, outermost first."},
    .example = R"(>>> s.split(i, [None, 16])
[<tw.Loop i_0>, <tw.Loop i_1>])",
    .apply = split,
}};

}  // namespace
}  // namespace tw::schedule
