#include "codegen/passes/lower_blocks.h"

#include "codegen/passes/context_mutator.h"
#include "ir/analysis/iter_map.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "support/error.h"

namespace tw::codegen {
namespace {

class LowerBlocks : public ContextMutator {
 protected:
  using ContextMutator::on;

  Stmt on(const For& node) override {
    loops_.push_back({node.var, node.extent});
    const Stmt result = ContextMutator::on(node);
    loops_.pop_back();
    return result;
  }

  Stmt on(const Block& node) override {
    if (node.init) require_first_at_zero(node);
    VarMap values;
    Expr first = make_bool(true);
    for (const BlockAxis& axis : node.axes) {
      values[&*axis.var] = axis.binding;
      if (axis.axis_kind != AxisKind::kSpatial) first = logical_and(first, eq(axis.binding, 0));
    }
    // Blocks inside are lowered after the axes around them are gone.
    Stmt body = mutate(substitute(node.body, values));
    if (node.init) body = Seq::make({If::make(first, mutate(substitute(node.init, values))), body});
    return node.predicate ? If::make(node.predicate, body) : body;
  }

 private:
  /// Of the instances of a spatial point the one at 0 of all reduction axes must come first.
  void require_first_at_zero(const Block& block) {
    if (reduces_in_own_loops(block)) return;
    std::vector<Expr> bindings;
    for (const BlockAxis& axis : block.axes) bindings.push_back(axis.binding);
    const IterMapResult map = detect_iter_map(bindings, loops_, block.predicate, context_);
    std::string fault = map.reason;
    for (std::size_t i = 0; map && i < block.axes.size(); ++i) {
      if (block.axes[i].axis_kind == AxisKind::kSpatial) continue;
      bool rising = prove(eq(map->axes[i].base, 0), context_);
      for (const IterTerm& term : map->axes[i].terms) rising = rising && prove(ge(term.scale, 0), context_);
      if (!rising)
        fault = fmt::format("axis {} = {} does not begin at 0 and rise", block.axes[i].var->name.text,
                            to_text(block.axes[i].binding));
    }
    if (!fault.empty())
      raise_unsupported(
          "block {}: it is not known which instance of its reduction runs first ({}); give it an init of its "
          "own "
          "with decompose_reduction",
          block.name.text, fault);
  }

  /// Whether the loops of the reduction axes drive nothing else, so that their first turns, where the axes
  /// are 0, come first.
  bool reduces_in_own_loops(const Block& block) const {
    VarMap start;
    for (const LoopRange& loop : loops_) {
      bool reduces = false, places = false;
      for (const BlockAxis& axis : block.axes)
        (axis.axis_kind == AxisKind::kSpatial ? places : reduces) |= uses_var(axis.binding, loop.var);
      if (reduces && places) return false;
      if (reduces) start[&*loop.var] = Expr(0);
    }
    for (const BlockAxis& axis : block.axes)
      if (axis.axis_kind != AxisKind::kSpatial && !prove(eq(substitute(axis.binding, start), 0), context_))
        return false;
    return true;
  }

  std::vector<LoopRange> loops_;
};

}  // namespace

Program lower_blocks(const Program& program) {
  return LowerBlocks().mutate(program);
}

}  // namespace tw::codegen
