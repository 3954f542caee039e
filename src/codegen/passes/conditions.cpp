#include "codegen/passes/conditions.h"

#include <algorithm>

#include "ir/analysis/access_map.h"
#include "ir/simplify.h"
#include "support/error.h"

namespace tw::codegen {
namespace {

/// Meets the comparisons of index expressions that are parts of conditions. Variables of loops inside are
/// taken at their worst (`inner_`) or keep a comparison from being met (`not_ours_`).
class VisitConditions : public Visitor {
 public:
  VisitConditions(const For& loop, const std::vector<Var>& longer, const Context& context)
      : loop_(loop), context_(context) {
    if (is_short(loop)) not_ours_ = longer;
  }

 protected:
  virtual void compare(const Binary& part) = 0;

  using Visitor::on;
  void on(const For& node) override {
    const ContextScope scope(context_);
    context_.bind(node.var, 0, node.extent);
    std::vector<Var>& vars = is_cut(node) && (!is_short(node) || is_short(loop_)) ? not_ours_ : inner_;
    vars.push_back(node.var);
    ++depth_;
    walk(node);
    --depth_;
    vars.pop_back();
  }
  void on(const Let& node) override {
    not_ours_.push_back(node.var);
    walk(node);
    not_ours_.pop_back();
  }
  void on(const Attr& node) override {
    // Where the choice is decided by now, one form is left.
    const auto* forms = node.key == kChoiceOfForms ? as<If>(node.body) : nullptr;
    if (forms)
      visit(forms->then_body);
    else
      walk(node);
  }
  void on(const If& node) override {
    condition(node.cond);
    walk(node);
  }
  void on(const Select& node) override {
    condition(node.cond);
    walk(node);
  }
  void on(const Load& node) override {
    condition(node.predicate);
    walk(node);
  }
  void on(const Store& node) override {
    condition(node.predicate);
    walk(node);
  }

  /// The least value that a gap has in the loops inside; null when it is not known.
  Expr least(const Expr& gap, bool* depends) {
    std::vector<Var> inside;
    for (const Var& var : inner_)
      if (uses_var(gap, var)) inside.push_back(var);
    *depends = !inside.empty();
    if (inside.empty()) return gap;
    const auto ends = symbolic_bounds(gap, inside, context_);
    return ends ? ends->min : Expr();
  }

  const For& loop_;
  Context context_;
  std::vector<Var> inner_, not_ours_;
  int depth_ = 0;  // loops around, inside of the one in question

 private:
  void condition(const Expr& cond) {
    if (!cond) return;
    const auto* both = as<Binary>(cond);
    if (both && is_logical(both->op)) {
      condition(both->a);
      condition(both->b);
      return;
    }
    if (const auto* negation = as<Unary>(cond)) return condition(negation->a);
    if (!both || !is_comparison(both->op) || both->a.dtype() != kIndex) return;
    if (contains<Load>(cond.get()) || !seen_.insert(both).second) return;
    for (const Var& var : not_ours_)
      if (uses_var(cond, var)) return;
    compare(*both);
  }

  std::unordered_set<const Node*> seen_;
};

class FindKnown : public VisitConditions {
 public:
  FindKnown(const For& loop, const std::vector<Var>& longer, const Context& outside)
      : VisitConditions(loop, longer, outside) {
    context_.bind(loop.var, 0, loop.extent);
  }
  std::vector<Known> find() {
    visit(loop_.body);
    return std::move(found_);
  }

 protected:
  void compare(const Binary& part) override {
    if (!uses_var(Expr(&part), loop_.var)) return;
    switch (part.op) {
      case BinaryOp::kLt: return order(part, part.b - part.a - 1, true);
      case BinaryOp::kLe: return order(part, part.b - part.a, true);
      case BinaryOp::kEq: return equality(part, false);
      case BinaryOp::kNe: return equality(part, true);
      default: return;
    }
  }

 private:
  /// The comparison has the value where gap >= 0, for every turn of the loops inside.
  void order(const Binary& part, const Expr& gap, bool value) {
    bool depends = false;
    const Expr worst = least(gap, &depends);
    if (!worst) return;
    const AccessMap map = access_map({worst}, {loop_.var}, context_);
    const SubscriptForm& form = map.subscripts.front();
    if (!form.is_affine() || form.affine.terms.size() != 1) return;
    const Expr& factor = form.affine.terms.front().coefficient;
    const Expr& base = form.affine.base;
    Known known{&part, value, {}, {}, !depends};
    if (prove(gt(factor, 0), context_)) {
      known.low = ceildiv(-base, factor);
    } else if (prove(lt(factor, 0), context_)) {
      known.high = floordiv(base, -factor) + 1;
    } else {
      return;
    }
    found_.push_back(std::move(known));
  }

  /// Two sides that differ stay apart before or after the turn in which they meet.
  void equality(const Binary& part, bool differs) {
    const std::size_t before = found_.size();
    order(part, part.a - part.b - 1, differs);
    if (found_.size() == before || found_.back().high) {
      // Where a - b falls, b - a rises: prefer the long part after the meeting.
      order(part, part.b - part.a - 1, differs);
      if (found_.size() == before + 2) {
        const std::size_t drop = found_.back().low ? before : before + 1;
        found_.erase(found_.begin() + static_cast<std::ptrdiff_t>(drop));
      }
    }
    if (found_.size() == before) return;
    found_.back().exact = false;
    found_.back().equality = true;
  }

  std::vector<Known> found_;
};

class FindChoices : public VisitConditions {
 public:
  using VisitConditions::VisitConditions;
  std::vector<Choice> find(const Stmt& s) {
    visit(s);
    return std::move(found_);
  }

 protected:
  void compare(const Binary& part) override {
    if (depth_ == 0 || (part.op != BinaryOp::kLt && part.op != BinaryOp::kLe)) return;
    const Expr gap = part.op == BinaryOp::kLt ? part.b - part.a - 1 : part.b - part.a;
    Choice choice{&part};
    bool depends = false;
    choice.gap = least(gap, &depends);
    if (!choice.gap) return;
    choice.gap = simplify(choice.gap, context_);
    choice.exact = !depends;
    choice.own = uses_var(Expr(&part), loop_.var);
    found_.push_back(std::move(choice));
  }

 private:
  std::vector<Choice> found_;
};

class Decide : public Mutator {
 public:
  explicit Decide(const std::unordered_map<const ExprNode*, bool>& values) : values_(values) {}

 protected:
  using Mutator::on;
  Expr on(const Binary& node) override {
    const auto found = values_.find(&node);
    return found == values_.end() ? Expr(rebuild(node)) : make_bool(found->second);
  }

 private:
  const std::unordered_map<const ExprNode*, bool>& values_;
};

}  // namespace

bool is_cut(const For& loop) {
  return loop.loop_kind == LoopKind::kSerial || loop.loop_kind == LoopKind::kParallel;
}

bool is_short(const For& loop) {
  const auto turns = as_int(loop.extent);
  return turns && *turns <= 16;
}

int64_t written_size(const Stmt& s) {
  if (!s) return 0;
  switch (s->kind) {
    case Kind::kSeq: {
      int64_t size = 0;
      for (const Stmt& part : as<Seq>(s)->stmts) size += written_size(part);
      return size;
    }
    case Kind::kFor: {
      const auto& loop = *as<For>(s);
      const int64_t body = written_size(loop.body);
      if (loop.loop_kind == LoopKind::kUnrolled) return as_int(loop.extent).value_or(1) * body;
      return loop.loop_kind == LoopKind::kVectorized ? body : body + 1;
    }
    case Kind::kIf: return 1 + written_size(as<If>(s)->then_body) + written_size(as<If>(s)->else_body);
    case Kind::kLet: return 1 + written_size(as<Let>(s)->body);
    case Kind::kAllocate: return written_size(as<Allocate>(s)->body);
    case Kind::kAttr: return written_size(as<Attr>(s)->body);
    default: return 1;
  }
}

std::vector<Known> known_conditions(const For& loop, const std::vector<Var>& longer, const Context& outside) {
  return FindKnown(loop, longer, outside).find();
}

std::vector<Choice> choices_in(const Stmt& s, const For& loop, const std::vector<Var>& longer,
                               const Context& inside) {
  return FindChoices(loop, longer, inside).find(s);
}

Stmt decide(const Stmt& s, const std::unordered_map<const ExprNode*, bool>& values) {
  return Decide(values).mutate(s);
}

}  // namespace tw::codegen
