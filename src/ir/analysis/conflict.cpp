#include "ir/analysis/conflict.h"

#include <algorithm>
#include <unordered_set>

#include "ir/analysis/conflict_pair.h"
#include "ir/visit.h"
#include "support/error.h"

namespace tw {
namespace {

/// Solved loop variables put into the conditions of both sides: some condition then fails wherever the others
/// hold.
bool guards_contradict(const ConflictQuestion& question, const PairEquations& equations,
                       const VarMap& renamed, const Context& outside) {
  // The same conditions on both sides do not contradict each other: two runs of one statement, mostly.
  if (same_form(question.a, question.b)) return false;
  std::vector<Expr> guards;
  for (const Expr& guard : question.a.guards)
    if (!is_data_dependent(guard)) guards.push_back(guard);
  for (const Expr& guard : question.b.guards)  // data may change between the two
    if (!is_data_dependent(guard)) guards.push_back(substitute(guard, renamed));
  if (guards.empty()) return false;
  Context context = outside;
  for (std::size_t i = question.common; i < question.a.loops.size(); ++i)
    context.bind(question.a.loops[i]->var, 0, question.a.loops[i]->extent);
  for (std::size_t i = question.common; i < question.b.loops.size(); ++i) {
    const For& loop = *question.b.loops[i];
    const auto found = renamed.find(loop.var.operator->());
    context.bind(Var(as<Variable>(found->second)), 0, substitute(loop.extent, renamed));
  }
  for (const auto& [x, y] : equations.equalities()) {
    if (const auto* var = as<Variable>(x);
        var && !contains<Variable>(y.get(), [&](const Variable& v) { return &v == var; }))
      for (Expr& guard : guards) guard = substitute(guard, {{var, y}});
    context.assume(eq(x, y));
  }
  for (std::size_t i = 0; i < guards.size(); ++i) {
    const ContextScope scope(context);
    for (std::size_t j = 0; j < guards.size(); ++j)
      if (j != i) context.assume(guards[j]);
    IndexAlgebra algebra(context);
    if (algebra.refutes(guards[i])) return true;
  }
  return false;
}

bool proves_apart(const ConflictQuestion& question, const Context& outside, bool use_guards) {
  FreeQuotients quotients;
  const Side a(question.a, question, outside, use_guards, quotients);
  std::optional<Side> other;
  if (&question.a != &question.b) other.emplace(question.b, question, outside, use_guards, quotients);
  const Side& b = other ? *other : a;
  VarMap renamed;
  for (std::size_t i = question.common; i < question.b.loops.size(); ++i) {
    const Var& var = question.b.loops[i]->var;
    renamed[&*var] = Var(var->name.text + "'");
  }
  IndexAlgebra algebra(outside);
  PairEquations equations(question, a, b, renamed, algebra);
  if (!equations.solve()) return true;
  if (question.distinct && equations.same_turn(&*question.a.loops[question.common]->var)) return true;
  return guards_contradict(question, equations, renamed, outside);
}

/// Of an access that is compared with itself: what can tell the turns of its loop number `common` apart,
/// which is the subscripts, conditions and loops inside that share loop variables with it, at first or
/// further hand.
Access part_with_loop(const Access& access, std::size_t common) {
  std::unordered_set<const Variable*> moving, linked{&*access.loops[common]->var};
  for (std::size_t i = common; i < access.loops.size(); ++i) moving.insert(&*access.loops[i]->var);
  const auto is_linked = [&](const Expr& e) {
    return contains<Variable>(e.get(), [&](const Variable& var) { return linked.contains(&var); });
  };
  std::size_t known = 0;
  const auto link = [&](const Expr& e) {
    if (!is_linked(e)) return;
    contains<Variable>(e.get(), [&](const Variable& var) {
      if (moving.contains(&var)) linked.insert(&var);
      return false;
    });
  };
  const auto is_linked_range = [&](const Range& range) {
    return is_linked(range.min) || is_linked(range.extent);
  };
  while (known != linked.size()) {
    known = linked.size();
    for (const Range& range : access.box) link(range.min + range.extent);
    for (const Expr& guard : access.guards) link(guard);
    for (std::size_t i = common; i < access.loops.size(); ++i)
      if (linked.contains(&*access.loops[i]->var)) link(access.loops[i]->extent + Expr(access.loops[i]->var));
  }
  Access part = access;
  std::erase_if(part.box, [&](const Range& range) { return !is_linked_range(range); });
  std::erase_if(part.guards, [&](const Expr& guard) {
    return !is_linked(guard) &&
           contains<Variable>(guard.get(), [&](const Variable& var) { return moving.contains(&var); });
  });
  // Of loops whose extent is not plain it is worth knowing that they have a turn.
  const auto is_idle = [&](const For* loop) {
    const auto extent = as_int(loop->extent);
    return !linked.contains(&*loop->var) && extent && *extent > 0;
  };
  const auto inside = part.loops.begin() + static_cast<std::ptrdiff_t>(common);
  part.loops.erase(std::remove_if(inside, part.loops.end(), is_idle), part.loops.end());
  return part;
}

/// Whether the access runs in turn 0 of the loop alone.
bool stays_in_first_turn(const Access& access, std::size_t loop, const Context& outside) {
  Context context = outside;
  for (const For* around : access.loops)
    if (!is_data_dependent(around->extent)) context.bind(around->var, 0, around->extent);
  for (const Expr& guard : access.guards)
    if (!is_data_dependent(guard)) context.assume(guard);
  return IndexAlgebra(context).le(access.loops[loop]->var, 0);
}

/// Whether the loops from number `from` on that the subscripts use have constant extents.
bool has_constant_tiles(const Access& access, std::size_t from) {
  return std::all_of(
      access.loops.begin() + static_cast<std::ptrdiff_t>(from), access.loops.end(), [&](const For* loop) {
        return as_int(loop->extent) ||
               std::none_of(access.box.begin(), access.box.end(),
                            [&](const Range& range) { return uses_var(range.min, loop->var); });
      });
}

/// The first of the loops before number `common` that stands in a subscript, `by_quotients`: in a sum that
/// is divided together with what moves. `common` when there is none.
std::size_t first_used_loop(const Access& access, std::size_t common, bool by_quotients) {
  std::size_t first = common;
  const auto moves = [&](const Expr& e) {
    return std::any_of(access.loops.begin() + static_cast<std::ptrdiff_t>(common), access.loops.end(),
                       [&](const For* loop) { return uses_var(e, loop->var); });
  };
  const auto use = [&](const Expr& e) {
    for (std::size_t i = 0; i < first; ++i)
      if (uses_var(e, access.loops[i]->var)) first = i;
  };
  for (const Range& range : access.box) {
    if (!by_quotients) use(range.min);
    for_each_node(range.min, [&](const Node* node) {
      const auto* binary = as<Binary>(node);
      const bool divides = binary && (binary->op == BinaryOp::kFloorDiv || binary->op == BinaryOp::kFloorMod);
      if (divides && moves(binary->a)) use(binary->a);
    });
  }
  return first;
}

/// Whether some condition around the access fails in every turn of its loops.
bool never_runs(const Access& access, const Context& outside) {
  Context context = outside;
  for (const For* loop : access.loops)
    if (!is_data_dependent(loop->extent)) context.bind(loop->var, 0, loop->extent);
  for (std::size_t i = 0; i < access.guards.size(); ++i) {
    const ContextScope scope(context);
    for (std::size_t j = 0; j < access.guards.size(); ++j)
      if (j != i && !is_data_dependent(access.guards[j])) context.assume(access.guards[j]);
    if (!is_data_dependent(access.guards[i]) && IndexAlgebra(context).refutes(access.guards[i])) return true;
  }
  return false;
}

bool proves_apart_in_full(const ConflictQuestion& question, const Context& outside) {
  // Loops that both share and that are fixed here, and what runs of both say of these and of sizes:
  // conditions hold, loops have turns, the loop whose turns differ has two.
  Context context = outside;
  for (std::size_t i = 0; i < question.common; ++i)
    context.bind(question.a.loops[i]->var, 0, question.a.loops[i]->extent);
  std::unordered_set<const Variable*> moving;
  for (const Access* access : {&question.a, &question.b})
    for (std::size_t i = question.common; i < access->loops.size(); ++i)
      moving.insert(&*access->loops[i]->var);
  const auto assume = [&](const Expr& condition) {
    if (!is_data_dependent(condition) &&
        !contains<Variable>(condition.get(), [&](const Variable& var) { return moving.contains(&var); }))
      context.assume(condition);
  };
  for (const Access* access : {&question.a, &question.b}) {
    for (const Expr& guard : access->guards) assume(guard);
    for (std::size_t i = 0; i < access->loops.size(); ++i) {
      const bool two = question.distinct && i == question.common;
      const Expr fact = le(two ? 2 : 1, access->loops[i]->extent);
      if (is_int(fact, 0)) return true;
      if (!is_int(fact, 1) && (access == &question.a || i >= question.common)) assume(fact);
    }
  }
  const auto by_either = [&](const ConflictQuestion& asked) {
    if (asked.a.guards.empty() && asked.b.guards.empty()) return proves_apart(asked, context, false);
    // Conditions cut the tails of tiles; tiles of constant extent are mostly apart without.
    const bool first = !has_constant_tiles(asked.a, asked.common + asked.distinct);
    return proves_apart(asked, context, first) || proves_apart(asked, context, !first);
  };
  if (by_either(question)) return true;
  // What one statement does in two turns has the same symbols on both sides, which cancel outside of
  // quotients.
  const bool own = same_form(question.a, question.b);
  const std::size_t joint = std::min(first_used_loop(question.a, question.common, own),
                                     first_used_loop(question.b, question.common, own));
  return joint < question.common &&
         by_either({question.a, question.b, question.common, question.distinct, joint});
}

}  // namespace

bool same_form(const Access& a, const Access& b) {
  if (&a == &b) return true;
  const auto same = [](const Expr& x, const Expr& y) { return same_expr(x, y); };
  return a.loops == b.loops && a.guards.size() == b.guards.size() && a.box.size() == b.box.size() &&
         std::equal(a.box.begin(), a.box.end(), b.box.begin(),
                    [](const Range& x, const Range& y) {
                      return same_expr(x.min, y.min) && same_expr(x.extent, y.extent);
                    }) &&
         std::equal(a.guards.begin(), a.guards.end(), b.guards.begin(), same);
}

namespace {

bool proves_apart_if_run(const ConflictQuestion& question, const Context& outside) {
  if (!question.distinct || !same_form(question.a, question.b))
    return proves_apart_in_full(question, outside);
  const Var& loop = question.a.loops[question.common]->var;
  Access part = part_with_loop(question.a, question.common);
  const bool moves = std::any_of(part.box.begin(), part.box.end(), [&](const Range& range) {
    return uses_var(range.min, loop) || uses_var(range.extent, loop);
  });
  if (!moves) {  // turns touch the same elements: what is left is whether there are two
    if (stays_in_first_turn(part, question.common, outside)) return true;
    part.box.clear();
    std::erase_if(part.guards, [](const Expr& guard) {
      const auto* equality = as<Binary>(guard);
      return !equality || equality->op != BinaryOp::kEq;
    });
  }
  return proves_apart_in_full({part, part, question.common, true}, outside);
}

}  // namespace

bool proves_apart(const ConflictQuestion& question, const Context& outside) {
  return proves_apart_if_run(question, outside) || never_runs(question.a, outside) ||
         (!same_form(question.a, question.b) && never_runs(question.b, outside));
}

}  // namespace tw
