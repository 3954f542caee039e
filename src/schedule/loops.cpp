#include "schedule/loops.h"

#include <algorithm>

#include "ir/analysis/dependence.h"
#include "ir/simplify.h"
#include "ir/text.h"

namespace tw::schedule {
namespace {

/// Rewrites bindings, predicates and extents below a loop that is replaced; bodies of blocks see no loop and
/// stay.
class Rebinding : public Mutator {
 public:
  Rebinding(const VarMap& values, Expr condition, const Context& context)
      : values_(values), condition_(std::move(condition)), context_(context) {}

 protected:
  using Mutator::on;
  Stmt on(const Block& node) override {
    auto* copy = new Block(node);
    const Stmt owner(copy);
    for (BlockAxis& axis : copy->axes) axis.binding = renewed(axis.binding);
    if (condition_) copy->predicate = node.predicate ? logical_and(node.predicate, condition_) : condition_;
    if (copy->predicate) copy->predicate = renewed(copy->predicate);
    if (copy->predicate && is_int(copy->predicate, 1)) copy->predicate = {};
    return owner;
  }
  Stmt on(const For& node) override {
    const ContextScope scope(context_);
    auto* copy = new For(node);
    const Stmt owner(copy);
    copy->extent = renewed(node.extent);
    context_.bind(node.var, 0, copy->extent);
    copy->body = mutate(node.body);
    return owner;
  }
  Expr on(const Variable& node) override {
    const auto found = values_.find(&node);
    return found == values_.end() ? Expr(&node) : found->second;
  }

 private:
  Expr renewed(const Expr& e) { return simplify(mutate(e), context_); }
  const VarMap& values_;
  Expr condition_;
  Context context_;
};

}  // namespace

Stmt rebind(const Stmt& body, const VarMap& values, const Expr& condition, const Context& context) {
  return Rebinding(values, condition, context).mutate(body);
}

std::vector<LoopPlace> require_nest(const Step& step, std::vector<LoopPlace> loops) {
  std::sort(loops.begin(), loops.end(),
            [](const LoopPlace& a, const LoopPlace& b) { return a.around.size() < b.around.size(); });
  for (std::size_t i = 0; i + 1 < loops.size(); ++i) {
    const For& outer = loops[i].loop();
    const For& inner = loops[i + 1].loop();
    if (&outer == &inner) step.refuse(&outer, "loop {} is named twice", outer.var->name.text);
    if (outer.body.get() != &inner)
      step.refuse(
          &inner,
          "loop {} does not stand directly in loop {}; only loops with nothing between them can be taken",
          inner.var->name.text, outer.var->name.text);
  }
  return loops;
}

Stmt nest(const std::vector<std::pair<Var, Expr>>& loops, Stmt body, bool ordered) {
  for (auto loop = loops.rbegin(); loop != loops.rend(); ++loop)
    body = For::make(loop->first, loop->second, body, LoopKind::kSerial, ordered);
  return body;
}

void require_serial(const Step& step, const LoopPlace& place) {
  const For& loop = place.loop();
  if (loop.loop_kind != LoopKind::kSerial)
    step.refuse(&loop, "loop {} is already {}; take a serial loop, and say how it runs last",
                loop.var->name.text, to_string(loop.loop_kind));
}

Outcome with_loop(const Step& step, const LoopPlace& place, const std::function<void(For&)>& change) {
  auto* copy = new For(place.loop());
  const Stmt owner(copy);
  change(*copy);
  return {step.with_body(replaced_at(step.program(), place, owner)), {}, {}};
}

void require_independent(const Step& step, const LoopPlace& place, const char* doing) {
  const For& loop = place.loop();
  const LoopDependence dependence = loop_dependence(step.program(), &loop);
  if (dependence.order == TurnOrder::kIndependent) return;
  if (dependence.order == TurnOrder::kReduction && dependence.atomic) return;
  const char* remedy = dependence.order == TurnOrder::kReduction
                           ? "give each turn its own partial result with rfactor, or take a spatial loop"
                           : "take a loop whose turns are independent";
  step.refuse(&loop, "the turns of loop {} cannot {}: {}; {}", loop.var->name.text, doing, dependence.message,
              remedy);
}

void require_constant_extent(const Step& step, const LoopPlace& place, const char* doing) {
  const For& loop = place.loop();
  if (!as_int(loop.extent))
    step.refuse(&loop,
                "loop {} has {} turns, and only a constant number can be {}; split it by a constant first",
                loop.var->name.text, to_text(loop.extent), doing);
}

}  // namespace tw::schedule
