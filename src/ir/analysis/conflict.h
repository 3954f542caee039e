// The test whether two accesses can touch one element (dependence.h): linear equations in digits of loop
// variables.
#pragma once

#include <algorithm>
#include <map>

#include "ir/analysis/dependence.h"
#include "ir/analysis/iter_rewrite.h"

namespace tw {

/// A quantity of the equations: low <= value <= high.
struct Unknown {
  Expr low, high;
  Expr meaning;  // what it stands for, over the loop variables of both sides
};

/// sum of coefficient * unknown + base = 0.
struct Equation {
  std::map<int, Expr> coefficients;
  Expr base;
};

/// Solves as far as single unknowns follow. Coefficients are expressions without unknowns.
class EquationSystem {
 public:
  explicit EquationSystem(IndexAlgebra& algebra) : algebra_(algebra) {}

  int unknown(Expr low, Expr high, Expr meaning);
  void require(Equation equation) { equations_.push_back(std::move(equation)); }
  /// low <= value <= high in every solution.
  void bound(Equation value, Expr low, Expr high) {
    bounds_.push_back({std::move(value), std::move(low), std::move(high)});
  }
  /// False: there is no solution.
  bool solve();
  /// Whether the unknown is 0 in every solution.
  bool is_zero(int number) const;
  /// Pairs of expressions that are equal in every solution.
  std::vector<std::pair<Expr, Expr>> equalities() const;

 private:
  struct Reach {
    Expr low, high;
  };
  enum class Step { kNone, kChanged, kContradiction };
  std::optional<Reach> reach(const Equation& equation);
  Step check(std::size_t number);
  bool split(std::size_t number);
  bool eliminate();
  void substitute(int number, const Equation& value);
  void tidy(Equation& equation);
  bool leaves_bounds();
  bool has_no_integer_solution(const Equation& equation);

  IndexAlgebra& algebra_;
  std::vector<Unknown> unknowns_;
  std::vector<Equation> equations_;
  struct Bound {
    Equation value;
    Expr low, high;
  };
  std::vector<Bound> bounds_;
  std::map<int, Equation> solved_;  // unknown = the sum, over unknowns that are not solved
};

/// Where the two accesses may differ: loops from number `common` on take any turn on each side. When
/// `distinct`, the turns of loop number `common` differ. Of the loops before it those from `joint` on are
/// unknowns too, equal on both sides: subscripts may divide sums that they are part of. The others are
/// symbols.
struct ConflictQuestion {
  const Access& a;
  const Access& b;
  std::size_t common = 0;
  bool distinct = false;
  std::size_t joint = SIZE_MAX;
  std::size_t first_unknown() const { return std::min(joint, common); }
};

/// Whether it is proved that no element is touched by both.
bool proves_apart(const ConflictQuestion& question, const Context& outside);

/// Whether the accesses touch the same elements in the same turns of the same loops, under the same
/// conditions: the read and the write of an update, mostly. Such accesses are apart from the same others.
bool same_form(const Access& a, const Access& b);

}  // namespace tw
