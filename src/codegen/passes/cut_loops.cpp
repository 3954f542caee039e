#include "codegen/passes/cut_loops.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "codegen/passes/context_mutator.h"
#include "ir/analysis/access_map.h"
#include "ir/analysis/accesses.h"
#include "ir/simplify.h"
#include "support/error.h"

namespace tw::codegen {
namespace {

/// A part of a condition below a loop, and for which turns of the loop it is known.
struct Known {
  const ExprNode* part = nullptr;
  bool value = true;   // what it is from `low` on, or before `high`
  Expr low, high;      // one of them
  bool exact = false;  // on the other side it is the opposite
};

/// A loop over the taps of a window, say: its conditions are better decided by a longer loop around it, which
/// leaves it whole.
bool is_short(const For& loop) {
  const auto turns = as_int(loop.extent);
  return turns && *turns <= 16;
}

bool is_cut(const For& loop) {
  return loop.loop_kind == LoopKind::kSerial || loop.loop_kind == LoopKind::kParallel;
}

/// Finds what is known of the conditions below a loop. `longer` are the variables of longer loops around it:
/// a short loop leaves them the conditions that they share.
class FindKnown : public Visitor {
 public:
  FindKnown(const For& loop, const std::vector<Var>& longer, const Context& outside)
      : loop_(loop), context_(outside) {
    context_.bind(loop.var, 0, loop.extent);
    if (is_short(loop)) not_ours_ = longer;
  }
  std::vector<Known> find() {
    visit(loop_.body);
    return std::move(found_);
  }

 protected:
  using Visitor::on;
  void on(const For& node) override {
    const ContextScope scope(context_);
    context_.bind(node.var, 0, node.extent);
    std::vector<Var>& vars = is_cut(node) && (!is_short(node) || is_short(loop_)) ? not_ours_ : inner_;
    vars.push_back(node.var);
    walk(node);
    vars.pop_back();
  }
  void on(const Let& node) override {
    not_ours_.push_back(node.var);
    walk(node);
    not_ours_.pop_back();
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

 private:
  void condition(const Expr& cond) {
    if (!cond) return;
    const auto* both = as<Binary>(cond);
    if (both && (both->op == BinaryOp::kAnd || both->op == BinaryOp::kOr)) {
      condition(both->a);
      condition(both->b);
      return;
    }
    if (const auto* negation = as<Unary>(cond)) return condition(negation->a);
    if (!both || !is_comparison(both->op) || !both->a.dtype().is_index() || !uses_var(cond, loop_.var))
      return;
    if (contains<Load>(cond.get()) || !seen_.insert(both).second) return;
    for (const Var& var : not_ours_)
      if (uses_var(cond, var)) return;
    switch (both->op) {
      case BinaryOp::kLt: return order(*both, both->b - both->a - 1, true);
      case BinaryOp::kLe: return order(*both, both->b - both->a, true);
      case BinaryOp::kEq: return equality(*both, false);
      case BinaryOp::kNe: return equality(*both, true);
      default: return;
    }
  }

  /// The comparison has the value where gap >= 0, for every turn of the loops inside.
  void order(const Binary& part, const Expr& gap, bool value) {
    std::vector<Var> inside;
    for (const Var& var : inner_)
      if (uses_var(gap, var)) inside.push_back(var);
    Expr least = gap;
    if (!inside.empty()) {
      const auto ends = symbolic_bounds(gap, inside, context_);
      if (!ends || !ends->min) return;
      least = ends->min;
    }
    const AccessMap map = access_map({least}, {loop_.var}, context_);
    const SubscriptForm& form = map.subscripts.front();
    if (!form.is_affine() || form.affine.terms.size() != 1) return;
    const Expr& factor = form.affine.terms.front().coefficient;
    const Expr& base = form.affine.base;
    Known known{&part, value, {}, {}, inside.empty()};
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
    if (found_.size() > before) found_.back().exact = false;
  }

  const For& loop_;
  Context context_;
  std::vector<Var> inner_, not_ours_;
  std::unordered_set<const Node*> seen_;
  std::vector<Known> found_;
};

/// A body with conditions replaced by what they are.
class Decide : public Mutator {
 public:
  explicit Decide(std::unordered_map<const ExprNode*, bool> values) : values_(std::move(values)) {}

 protected:
  using Mutator::on;
  Expr on(const Binary& node) override {
    const auto found = values_.find(&node);
    return found == values_.end() ? Expr(rebuild(node)) : make_bool(found->second);
  }

 private:
  std::unordered_map<const ExprNode*, bool> values_;
};

std::size_t size_of(const Stmt& s) {
  std::size_t size = 0;
  for_each_node(s, [&](const Node*) { ++size; });
  return size;
}

class CutLoops : public ContextMutator {
 protected:
  using ContextMutator::on;
  Stmt on(const For& node) override {
    const bool is_longer = is_cut(node) && !is_short(node);
    if (is_longer) longer_.push_back(node.var);
    const Stmt inside = ContextMutator::on(node);
    if (is_longer) longer_.pop_back();
    const auto& loop = *as<For>(inside);
    return is_cut(loop) ? cut(loop, inside) : inside;
  }

 private:
  static constexpr std::size_t kLargestCopy = 20000;  // nodes: beyond, code grows more than conditions cost

  Stmt cut(const For& loop, const Stmt& as_it_is) {
    const std::vector<Known> known = FindKnown(loop, longer_, context_).find();
    if (known.empty() || size_of(loop.body) > kLargestCopy) return as_it_is;
    Expr low(0), high = loop.extent;
    std::unordered_map<const ExprNode*, bool> middle, before, after;
    int lows = 0, highs = 0;
    for (const Known& part : known) {
      middle[part.part] = part.value;
      if (part.low) {
        low = max(low, part.low);
        ++lows;
        if (part.exact) before[part.part] = !part.value;
      } else {
        high = min(high, part.high);
        ++highs;
        if (part.exact) after[part.part] = !part.value;
      }
    }
    // Of several limits it is not known which one ends the middle.
    if (lows > 1) before.clear();
    if (highs > 1) after.clear();
    low = simplify(min(low, loop.extent), context_);
    high = simplify(max(high, low), context_);
    if (prove(le(high, low), context_)) return as_it_is;
    if (loop.loop_kind == LoopKind::kParallel) return choice(loop, low, high, middle);
    return Seq::make({part(loop, Expr(0), low, before), part(loop, low, high, middle),
                      part(loop, high, loop.extent, after)});
  }

  /// The turns begin <= var < end, with conditions decided; null when there are none.
  Stmt part(const For& loop, const Expr& begin, const Expr& end,
            const std::unordered_map<const ExprNode*, bool>& values) {
    const Expr turns = simplify(end - begin, context_);
    if (prove(le(turns, 0), context_)) return {};
    const Var var(loop.var->name.text);
    const Stmt decided = Decide(values).mutate(loop.body);
    const Stmt body = with_fresh_names(substitute(decided, {{&*loop.var, begin + Expr(var)}}));
    const Stmt fresh = For::make(var, turns, body, loop.loop_kind, loop.ordered);
    Stmt result = simplify(fresh, context_);
    const auto* empty = as<Seq>(result);
    return empty && empty->stmts.empty() ? Stmt() : result;
  }

  /// A loop whose turns choose: a parallel region stays one.
  Stmt choice(const For& loop, const Expr& low, const Expr& high,
              const std::unordered_map<const ExprNode*, bool>& middle) {
    const Expr inside = logical_and(le(low, loop.var), lt(loop.var, high));
    auto* copy = new For(loop);
    const Stmt owner(copy);
    copy->body = If::make(inside, with_fresh_names(Decide(middle).mutate(loop.body)), loop.body);
    return simplify(owner, context_);
  }

  std::vector<Var> longer_;  // variables of the loops around that are not short
};

}  // namespace

Program cut_loops(const Program& program) {
  return CutLoops().mutate(program);
}

}  // namespace tw::codegen
