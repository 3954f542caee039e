// The two sides of a conflict (conflict.h): subscripts as digits of loop variables, and the equations between
// them.
#pragma once

#include <deque>
#include <unordered_set>

#include "ir/analysis/conflict.h"
#include "ir/visit.h"

namespace tw {

/// A quotient of a sum that is no digit of loops: (i*4 + j) // 3. Both numbers stand for unknowns of their
/// own, tied to the sum: i*4 + j = 3 * (quotient + least) + rest.
struct FreeQuotient {
  Expr sum, divisor;   // as they stand in the subscripts
  Var quotient, rest;  // 0 <= quotient < extent, 0 <= rest < divisor
  Expr least, extent;
};

/// The quotients of both sides; equal ones are one.
using FreeQuotients = std::deque<FreeQuotient>;

/// One side: its subscripts as digits of the loops that may take any turn.
struct Side {
  Side(const Access& access, const ConflictQuestion& question, const Context& outside, bool use_guards,
       FreeQuotients& quotients);

  /// The value of a sum with free quotients written out.
  Expr meaning(IterTerm term) const;

  const Access& access;
  Context context;  // `outside` and the loops
  IterMap map;
  std::vector<std::optional<IterSum>> subscripts;  // of the first element; nothing: not of that form
  /// Sums that are 0: of a free quotient, or of a condition x == y.
  struct Relation {
    const FreeQuotient* quotient;
    Expr condition;
    IterSum sum;
  };
  std::vector<Relation> relations;

 private:
  void add_loop(const For& loop, bool same_extent);
  void add_equalities(IterRewriter& rewriter);
  bool readable(const Expr& e) const;
  std::optional<IterSum> sum_of(const Expr& e, IterRewriter& rewriter, FreeQuotients& quotients);
  Expr with_free_quotients(const Expr& e, IterRewriter& rewriter, FreeQuotients& quotients);
  const FreeQuotient* free_quotient(const Binary& e, IterRewriter& rewriter, FreeQuotients& quotients);

  std::vector<Var> moving_;
  std::unordered_set<const Variable*> unreadable_;
  VarMap written_out_;
};

/// The equations "subscript of a = subscript of b". A digit that both sides have is one unknown for a and one
/// for the difference, as it is the difference that tells whether they are in the same turn.
class PairEquations {
 public:
  PairEquations(const ConflictQuestion& question, const Side& a, const Side& b, const VarMap& renamed,
                IndexAlgebra& algebra)
      : question_(question), a_(a), b_(b), renamed_(renamed), algebra_(algebra), system_(algebra) {}

  /// False: the subscripts can not be equal.
  bool solve();
  /// Whether all solutions have the loop in the same turn on both sides.
  bool same_turn(const Variable* var);
  std::vector<std::pair<Expr, Expr>> equalities() const { return system_.equalities(); }

 private:
  struct Digit {
    IterTerm term;
    int unknown = -1, difference = -1, other = -1;
  };
  void add(Equation& equation, int unknown, const Expr& scale);
  void add_a(Equation& equation, const IterSum& sum);
  void subtract_b(Equation& equation, const IterSum& sum);
  void add_width(Equation& equation, const Range& range, int sign);
  void require_relations();
  void require_joint_turns();
  void link_digits();
  void link(const IterTerm& whole, const IterTerm& part);
  void bound_digits_of_b();

  int digit_of_a(const IterTerm& term) { return digits_[digit_number(term)].unknown; }
  std::size_t digit_number(const IterTerm& term);
  int in_a(const IterTerm& term);
  int difference(int unknown);
  int other(int unknown);
  int digit_of_b(const IterTerm& term);
  int source_in_a(int number);
  bool in_b(const IterSource& source);
  bool same_source(const IterSource& a, const IterSource& b);
  bool same_digit(const IterMap& a_map, const IterTerm& a, const IterMap& b_map, const IterTerm& b);
  bool covered(const IterSource& source, const std::vector<IterTerm>& digits);
  bool is_whole(const IterTerm& term);

  const ConflictQuestion& question_;
  const Side &a_, &b_;
  const VarMap& renamed_;
  IndexAlgebra& algebra_;
  EquationSystem system_;
  std::vector<Digit> digits_;  // of a
  std::vector<Digit> digits_of_b_;
};

}  // namespace tw
