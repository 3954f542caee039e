#include "schedule/splitting.h"

#include <fmt/format.h>

#include "ir/simplify.h"
#include "ir/text.h"
#include "ir/visit.h"
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

}  // namespace

SplitPlan plan_split(const Step& step, const LoopPlace& place, const List& factors) {
  const For& loop = place.loop();
  require_serial(step, place);
  Context context = context_at(place);
  const std::vector<Expr> extents = extents_of(step, loop, factors, context);
  SplitPlan plan;
  Expr position(0);
  for (std::size_t i = 0; i < extents.size(); ++i) {
    const Var var(fmt::format("{}_{}", loop.var->name.text, i));
    plan.loops.emplace_back(var, extents[i]);
    context.bind(var, 0, extents[i]);
    position = position * extents[i] + Expr(var);
  }
  const Context keeping = keeping_loops(context);
  if (!prove(lt(position, loop.extent), context)) {
    plan.condition = simplify(lt(position, loop.extent), keeping);
    require_only_blocks(step, loop);
  }
  plan.position = simplify(position, keeping);
  return plan;
}

}  // namespace tw::schedule
