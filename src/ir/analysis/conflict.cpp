#include "ir/analysis/conflict.h"

#include <algorithm>
#include <unordered_set>

#include "ir/equal.h"
#include "ir/visit.h"
#include "support/error.h"

namespace tw {
namespace {

/// One side: its subscripts as digits of the loops that may take any turn.
struct Side {
  Side(const Access& access, const ConflictQuestion& question, const Context& outside, bool use_guards)
      : access(access), context(outside) {
    std::vector<Var> moving;
    for (std::size_t i = question.common; i < access.loops.size(); ++i)
      moving.push_back(access.loops[i]->var);
    for (std::size_t i = question.common; i < access.loops.size(); ++i)
      add_loop(*access.loops[i], moving, question.distinct && i == question.common);
    IterRewriter rewriter(map, context);
    if (use_guards) rewriter.trim(access.guards);
    for (const Range& range : access.box)
      subscripts.push_back(readable(range.min) && readable(range.extent) ? rewriter.sum_of(range.min)
                                                                         : std::nullopt);
  }

  /// A triangular loop gets the greatest extent it can have: more turns than there are do no harm to a proof.
  /// An extent that is data may differ each time the loop is met; `same_extent`: both sides met it at once.
  void add_loop(const For& loop, const std::vector<Var>& moving, bool same_extent) {
    Expr extent = loop.extent;
    const bool is_data = is_data_dependent(extent) && !same_extent;
    const bool triangular =
        std::any_of(moving.begin(), moving.end(), [&](const Var& var) { return uses_var(extent, var); });
    if (triangular || is_data) {
      const auto limits = is_data ? std::nullopt : symbolic_bounds(extent, moving, context);
      if (!limits) {
        unreadable.insert(loop.var.operator->());
        context.bind(loop.var, 0, loop.extent);
        return;
      }
      extent = limits->max;
    }
    context.bind(loop.var, 0, extent);
    map.loops.push_back({loop.var, extent});
    map.sources.push_back({loop.var, {}, extent, false});
  }

  bool readable(const Expr& e) const {
    return !is_data_dependent(e) &&
           !contains<Variable>(e.get(), [&](const Variable& var) { return unreadable.contains(&var); });
  }

  const Access& access;
  Context context;  // `outside` and the loops
  IterMap map;
  std::unordered_set<const Variable*> unreadable;
  std::vector<std::optional<IterSum>> subscripts;  // of the first element; nothing: not of that form
};

/// The equations "subscript of a = subscript of b". A digit that both sides have is one unknown for a and one
/// for the difference, as it is the difference that tells whether they are in the same turn.
class PairEquations {
 public:
  PairEquations(const Side& a, const Side& b, const VarMap& renamed, IndexAlgebra& algebra)
      : a_(a), b_(b), renamed_(renamed), algebra_(algebra), system_(algebra) {}

  /// False: the subscripts can not be equal.
  bool solve() {
    for (std::size_t d = 0; d < a_.subscripts.size(); ++d) {
      if (!a_.subscripts[d] || !b_.subscripts[d]) continue;
      Equation equation{{}, a_.subscripts[d]->base - b_.subscripts[d]->base};
      for (const IterTerm& term : a_.subscripts[d]->terms) add(equation, digit_of_a(term), term.scale);
      for (const IterTerm& term : b_.subscripts[d]->terms) {
        // b's digit is a's less the difference.
        const int shared = in_a(term);
        if (shared >= 0) add(equation, shared, Expr(0) - term.scale);
        add(equation, shared >= 0 ? difference(shared) : digit_of_b(term),
            shared >= 0 ? term.scale : Expr(0) - term.scale);
      }
      add_width(equation, a_.access.box[d], 1);
      add_width(equation, b_.access.box[d], -1);
      system_.require(std::move(equation));
    }
    return system_.solve();
  }

  /// Whether all solutions have the loop in the same turn on both sides.
  bool same_turn(const Variable* var) {
    std::vector<std::vector<IterTerm>> equal(a_.map.sources.size());
    for (std::size_t i = 0; i < digits_.size(); ++i)
      if (digits_[i].difference >= 0 && system_.is_zero(digits_[i].difference))
        equal[static_cast<std::size_t>(digits_[i].term.source)].push_back(digits_[i].term);
    for (std::size_t i = a_.map.sources.size(); i-- > 0;) {
      const IterSource& source = a_.map.sources[i];
      if (!in_b(source) || !covered(source, equal[i])) continue;
      if (source.var && source.var.get() == var) return true;
      // Equal numbers have equal digits.
      for (const IterTerm& term : source.sum.terms)
        equal[static_cast<std::size_t>(term.source)].push_back(term);
    }
    return false;
  }

  std::vector<std::pair<Expr, Expr>> equalities() const { return system_.equalities(); }

 private:
  struct Digit {
    IterTerm term;
    int unknown = -1, difference = -1;
  };

  void add(Equation& equation, int unknown, const Expr& scale) {
    Expr& coefficient = equation.coefficients[unknown];
    coefficient = coefficient ? coefficient + scale : scale;
  }

  Expr meaning(const IterMap& map, IterTerm term) const {
    term.scale = 1;
    return to_expr(map, {0, {term}});
  }

  int digit_of_a(const IterTerm& term) { return digits_[digit_number(term)].unknown; }

  std::size_t digit_number(const IterTerm& term) {
    for (std::size_t i = 0; i < digits_.size(); ++i)
      if (same_digit(a_.map, digits_[i].term, a_.map, term)) return i;
    digits_.push_back({term, system_.unknown(0, term.extent - Expr(1), meaning(a_.map, term)), -1});
    return digits_.size() - 1;
  }

  /// The unknown of a's digit that b's digit is in other turns; -1 where a has no such digit.
  int in_a(const IterTerm& term) {
    const int source = source_in_a(term.source);
    if (source < 0) return -1;
    return digit_of_a({source, term.lower, term.extent, 1});
  }

  int difference(int unknown) {
    for (Digit& digit : digits_) {
      if (digit.unknown != unknown) continue;
      if (digit.difference < 0) {
        const Expr reach = digit.term.extent - Expr(1), of_a = meaning(a_.map, digit.term);
        digit.difference = system_.unknown(Expr(0) - reach, reach, of_a - tw::substitute(of_a, renamed_));
      }
      return digit.difference;
    }
    raise_internal("no digit has unknown {}", unknown);
  }

  int digit_of_b(const IterTerm& term) {
    for (const Digit& digit : digits_of_b_)
      if (same_digit(b_.map, digit.term, b_.map, term)) return digit.unknown;
    const Expr value = tw::substitute(meaning(b_.map, term), renamed_);
    digits_of_b_.push_back({term, system_.unknown(0, term.extent - Expr(1), value), -1});
    return digits_of_b_.back().unknown;
  }

  /// A box that is wider than one element: any of its subscripts.
  void add_width(Equation& equation, const Range& range, int sign) {
    if (is_int(range.extent, 1)) return;
    add(equation, system_.unknown(0, range.extent - Expr(1), Var("w")), sign);
  }

  /// The source of a's map that stands for the same as a source of b's; -1: none.
  int source_in_a(int number) {
    const IterSource& wanted = b_.map.sources[static_cast<std::size_t>(number)];
    for (std::size_t i = 0; i < a_.map.sources.size(); ++i)
      if (same_source(a_.map.sources[i], wanted)) return static_cast<int>(i);
    return -1;
  }

  /// Whether the source is one of b's too: a sum that a condition of a alone trims says nothing of b.
  bool in_b(const IterSource& source) {
    return std::any_of(b_.map.sources.begin(), b_.map.sources.end(),
                       [&](const IterSource& other) { return same_source(source, other); });
  }

  bool same_source(const IterSource& a, const IterSource& b) {
    if (a.var || b.var) return a.var && b.var && a.var.same_as(b.var) && algebra_.equal(a.extent, b.extent);
    if (a.sum.terms.size() != b.sum.terms.size() || !algebra_.equal(a.extent, b.extent)) return false;
    for (std::size_t i = 0; i < a.sum.terms.size(); ++i)
      if (!same_digit(a_.map, a.sum.terms[i], b_.map, b.sum.terms[i]) ||
          !algebra_.equal(a.sum.terms[i].scale, b.sum.terms[i].scale))
        return false;
    return true;
  }

  bool same_digit(const IterMap& a_map, const IterTerm& a, const IterMap& b_map, const IterTerm& b) {
    if (!algebra_.equal(a.lower, b.lower) || !algebra_.equal(a.extent, b.extent)) return false;
    if (&a_map == &b_map) return a.source == b.source;
    return same_source(a_map.sources[static_cast<std::size_t>(a.source)],
                       b_map.sources[static_cast<std::size_t>(b.source)]);
  }

  bool covered(const IterSource& source, const std::vector<IterTerm>& digits) {
    Expr weight = 1;
    while (!algebra_.le(source.extent, weight)) {
      const auto next = std::find_if(digits.begin(), digits.end(), [&](const IterTerm& digit) {
        return algebra_.equal(digit.lower, weight) && !algebra_.le(digit.extent, 1);
      });
      if (next == digits.end()) return false;
      weight = algebra_.normal(weight * next->extent);
    }
    return true;
  }

  const Side &a_, &b_;
  const VarMap& renamed_;
  IndexAlgebra& algebra_;
  EquationSystem system_;
  std::vector<Digit> digits_;  // of a
  std::vector<Digit> digits_of_b_;
};

/// Solved loop variables put into the conditions of both sides: some condition then fails wherever the others
/// hold.
bool guards_contradict(const ConflictQuestion& question, const PairEquations& equations,
                       const VarMap& renamed, const Context& outside) {
  // The same conditions on both sides do not contradict each other: two runs of one statement, mostly.
  if (same_form(question.a, question.b)) return false;
  const std::vector<Expr>&of_a = question.a.guards, &of_b = question.b.guards;
  if (std::equal(of_a.begin(), of_a.end(), of_b.begin(), of_b.end(),
                 [](const Expr& x, const Expr& y) { return structural_equal(x, y); }))
    return false;
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
  const Side a(question.a, question, outside, use_guards);
  std::optional<Side> other;
  if (&question.a != &question.b) other.emplace(question.b, question, outside, use_guards);
  const Side& b = other ? *other : a;
  VarMap renamed;
  for (std::size_t i = question.common; i < question.b.loops.size(); ++i) {
    const Var& var = question.b.loops[i]->var;
    renamed[&*var] = Var(var->name.text + "'");
  }
  IndexAlgebra algebra(outside);
  PairEquations equations(a, b, renamed, algebra);
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
  if (question.a.guards.empty() && question.b.guards.empty()) return proves_apart(question, context, false);
  // Conditions cut the tails of tiles; tiles of constant extent are mostly apart without.
  const bool first = !has_constant_tiles(question.a, question.common + question.distinct);
  return proves_apart(question, context, first) || proves_apart(question, context, !first);
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

bool proves_apart(const ConflictQuestion& question, const Context& outside) {
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
    part.guards.clear();
  }
  return proves_apart_in_full({part, part, question.common, true}, outside);
}

}  // namespace tw
