#include "codegen/passes/hoist_conditions.h"

#include "codegen/passes/conditions.h"
#include "ir/analysis/accesses.h"
#include "ir/equal.h"
#include "ir/simplify.h"

namespace tw::codegen {
namespace {

constexpr int kMostHoisted = 2;  // of one nest

/// Comparisons in the conditions of statements that use nothing bound below.
class FindInvariants : public Visitor {
 public:
  /// The first that is met, and all equal to it.
  std::vector<const ExprNode*> find(const Stmt& nest) {
    visit(nest);
    return std::move(found_);
  }

 protected:
  using Visitor::on;
  void on(const For& node) override {
    bound_.push_back(node.var);
    walk(node);
    bound_.pop_back();
  }
  void on(const Let& node) override {
    bound_.push_back(node.var);
    walk(node);
    bound_.pop_back();
  }
  void on(const If& node) override {
    for (const Expr& part : conjuncts(node.cond)) consider(part);
    walk(node);
  }

 private:
  void consider(const Expr& part) {
    const auto* compared = as<Binary>(part);
    if (!compared || !is_comparison(compared->op) || compared->a.dtype() != kIndex) return;
    if (contains<Load>(compared)) return;
    for (const Var& var : bound_)
      if (uses_var(part, var)) return;
    if (found_.empty() || structural_equal(part, Expr(found_.front()))) found_.push_back(part.get());
  }

  std::vector<Var> bound_;
  std::vector<const ExprNode*> found_;
};

class HoistConditions : public ContextMutator {
 protected:
  using ContextMutator::on;
  Stmt on(const For& node) override {
    const bool is_one_piece =
        node.loop_kind == LoopKind::kUnrolled || node.loop_kind == LoopKind::kVectorized;
    return is_one_piece ? hoisted(Stmt(&node), kMostHoisted) : ContextMutator::on(node);
  }

 private:
  Stmt hoisted(const Stmt& nest, int most) {
    if (most == 0) return nest;
    const std::vector<const ExprNode*> parts = FindInvariants().find(nest);
    if (parts.empty()) return nest;
    const Expr cond(parts.front());
    return If::make(cond, decided(nest, parts, true, most), decided(nest, parts, false, most));
  }

  Stmt decided(const Stmt& nest, const std::vector<const ExprNode*>& parts, bool value, int most) {
    const ContextScope scope(context_);
    const Expr cond(parts.front());
    context_.assume(value ? cond : logical_not(cond));
    std::unordered_map<const ExprNode*, bool> values;
    for (const ExprNode* part : parts) values[part] = value;
    const Stmt copy = value ? with_fresh_names(decide(nest, values)) : decide(nest, values);
    const Stmt result = simplify(copy, context_);
    const auto* seq = as<Seq>(result);
    if (seq && seq->stmts.empty()) return value ? result : Stmt();
    return hoisted(result, most - 1);
  }
};

}  // namespace

Program hoist_conditions(const Program& program) {
  return HoistConditions().mutate(program);
}

}  // namespace tw::codegen
