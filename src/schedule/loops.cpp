#include "schedule/loops.h"

#include <algorithm>

#include "ir/analysis/accesses.h"
#include "ir/analysis/dependence.h"
#include "ir/simplify.h"
#include "ir/text.h"

namespace tw::schedule {
namespace {

/// Whether a loop has at most one turn whatever sizes are.
bool is_narrow(const Expr& extent, const Context& context) {
  return bounds(extent, context).max <= 1;
}

/// Rewrites bindings, predicates and extents below a loop that is replaced; bodies of blocks see no loop and
/// stay. Conditions are proved with the loops as they are, expressions simplified with all loops kept.
class Rebinding : public Mutator {
 public:
  Rebinding(const VarMap& values, Expr condition, const Context& context)
      : values_(values),
        condition_(std::move(condition)),
        context_(context),
        keeping_(keeping_loops(context)),
        narrow_(std::any_of(context.ranges().begin(), context.ranges().end(),
                            [&](const Context::BoundVar& r) { return is_narrow(r.extent, context); })) {}

 protected:
  using Mutator::on;
  Stmt on(const Block& node) override {
    auto* copy = new Block(node);
    const Stmt owner(copy);
    for (BlockAxis& axis : copy->axes) axis.binding = renewed(axis.binding);
    if (condition_) copy->predicate = node.predicate ? logical_and(node.predicate, condition_) : condition_;
    if (copy->predicate) copy->predicate = renewed_condition(copy->predicate);
    return owner;
  }
  Stmt on(const For& node) override {
    const ContextScope scope(context_), keeping_scope(keeping_);
    auto* copy = new For(node);
    const Stmt owner(copy);
    copy->extent = renewed(node.extent);
    const bool narrow_outside = narrow_;
    narrow_ = narrow_ || is_narrow(copy->extent, context_);
    context_.bind(node.var, 0, copy->extent);
    bind_keeping(keeping_, node.var, copy->extent);
    copy->body = mutate(node.body);
    narrow_ = narrow_outside;
    return owner;
  }
  Expr on(const Variable& node) override {
    const auto found = values_.find(&node);
    return found == values_.end() ? Expr(&node) : found->second;
  }

 private:
  Expr renewed(const Expr& e) { return simplify(mutate(e), keeping_); }
  /// Null where it always holds.
  Expr renewed_condition(const Expr& e) {
    const Expr simpler = renewed(e);
    if (is_int(simpler, 1)) return {};
    return narrow_ ? without_proved(simpler, context_) : simpler;
  }
  const VarMap& values_;
  Expr condition_;
  Context context_, keeping_;
  bool narrow_;  // some loop around has at most one turn
};

}  // namespace

void bind_keeping(Context& context, const Var& var, const Expr& extent) {
  context.bind(var, 0, is_narrow(extent, context) ? Expr(2) : extent);
}

Context keeping_loops(const Context& context) {
  Context keeping;
  for (const Context::BoundVar& range : context.ranges()) {
    if (is_narrow(range.extent, keeping)) {
      keeping.bind(range.var, range.begin, 2);
    } else {
      keeping.bind(range.var, range.begin, range.extent);
    }
  }
  for (const Expr& fact : context.facts()) keeping.assume(fact);
  return keeping;
}

Expr without_proved(const Expr& condition, const Context& context) {
  Expr left = make_bool(true);
  for (const Expr& part : conjuncts(condition))
    if (!prove(part, context)) left = logical_and(left, part);
  return is_int(left, 1) ? Expr() : left;
}

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
