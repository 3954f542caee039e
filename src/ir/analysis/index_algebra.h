// Arithmetic and proofs on index expressions, up to the laws of a ring.
//
// Expressions of type index are brought to polynomials with integer coefficients over atoms: variables and
// whatever is no sum or product (quotients, minima, reads). A variable that is a multiple of a number stands
// in units of it (simplify/unit.h). a % b is a - b * (a // b). So `mc * (io + 1) - mc` and `io * mc` are one
// polynomial, whatever mc is; equality, exact division and the sign of a difference are decided on it. Index
// arithmetic does not overflow (dtype.h), so coefficients are kept modulo 2^64.
//
// The analyses need thousands of small proofs about scales and extents, most of which fail: they replace
// atoms one by one by their bounds, within a budget. Only of conditions `prove` (context.h) is asked too.
#pragma once

#include <array>
#include <optional>
#include <unordered_map>

#include "ir/analysis/polynomial.h"
#include "ir/context.h"
#include "ir/simplify/sample_points.h"

namespace tw {

/// Works in one context, which must outlive it; what is bound or assumed there later is seen. Keeps what it
/// has read and proved: make one for many questions.
class IndexAlgebra {
 public:
  explicit IndexAlgebra(const Context& context) : context_(context), points_(context) {}

  /// Stays as long as the context does not change.
  const Polynomial& polynomial(const Expr& e);
  Expr expr(const Polynomial& p) const;
  /// The expression rebuilt from its polynomial: one form for all that are equal.
  Expr normal(const Expr& e) { return is_normal(e) ? e : expr(polynomial(e)); }

  bool equal(const Expr& a, const Expr& b) { return a.same_as(b) || polynomial(a) == polynomial(b); }
  /// a / b when b divides a whatever the values of the atoms, and b is proved to be at least 1.
  std::optional<Expr> divide(const Expr& a, const Expr& b);
  /// The greatest number that divides all coefficients, the constant among them; 0 of 0.
  int64_t content(const Expr& e);
  /// Whether a is b times some polynomial, whatever the values.
  bool is_multiple(const Expr& a, const Expr& b);
  /// a = b * quotient + rest, where no part of the rest is a multiple of b; of constants 0 <= rest < b.
  /// Nothing when b is not proved to be at least 1.
  struct Division {
    Expr quotient, rest;
  };
  std::optional<Division> divide_with_rest(const Expr& a, const Expr& b);

  // Proofs. False: not proved.
  bool nonnegative(const Expr& e);
  bool le(const Expr& a, const Expr& b);
  bool lt(const Expr& a, const Expr& b);
  bool positive(const Expr& e);
  bool nonzero(const Expr& e);
  /// A condition: by the algebra, then by `prove`.
  bool holds(const Expr& condition);
  /// The condition never holds.
  bool refutes(const Expr& condition);

 private:
  struct Search;
  static bool is_normal(const Expr& e) { return e->kind == Kind::kIntImm || e->kind == Kind::kVariable; }
  void refresh();
  Polynomial read(const Expr& e);
  int atom(const Expr& e);
  Polynomial of_quotient(const Polynomial& a, const Polynomial& b);
  const Binary* lone_quotient(const Polynomial& p) const;
  bool nonnegative(const Polynomial& p);
  bool nonnegative(const Polynomial& p, Search& search);
  bool without_atom(const Polynomial& p, int atom, Search& search);
  bool without_variable(const Polynomial::Linear& p, bool up, bool down, const Variable& var, Search& search);
  bool without_unit(const Polynomial::Linear& p, bool up, const Variable& var, Search& search);
  bool without_quotient(const Polynomial::Linear& p, bool up, bool down, const Binary& quotient,
                        Search& search);
  bool without_choice(const Polynomial::Linear& p, bool up, bool down, const Binary& choice, Search& search);
  bool by_fact(const Polynomial& p, Search& search);
  bool atom_nonnegative(int atom, Search& search);
  struct Fact {
    Expr condition;
    Polynomial gap;  // at least 0 by an order, 0 by an equality
    bool is_order = false, is_equality = false;
  };
  const Fact& fact(std::size_t number);
  bool shares_term(const Polynomial& p, const Polynomial& gap, int64_t sign) const;
  bool refuted(const Polynomial& p);
  bool fails_somewhere(const Binary& condition);
  std::optional<int64_t> value_at(int point, int atom);

  const Context& context_;
  std::vector<Expr> atoms_;
  std::vector<Fact> facts_;  // of the context, as far as they have been read
  /// Proofs under way. Reading a quotient asks for a proof, also in the middle of one: facts are used by the
  /// outermost alone, or a fact with a quotient would be read for ever.
  int proving_ = 0;

  // What was read and proved while the context was as it is, outside and inside of proofs.
  struct Reading {
    Expr e;  // keeps the key alive
    Polynomial polynomial;
  };
  struct Hash {
    std::size_t operator()(const Polynomial& p) const { return p.hash(); }
  };
  std::array<std::unordered_map<const ExprNode*, Reading>, 2> readings_;
  std::array<std::unordered_map<Polynomial, bool, Hash>, 2> proofs_;
  std::vector<Expr> known_;  // the ranges and facts of that context

  struct PointValue {
    bool known = false;
    std::optional<int64_t> value;
  };
  SamplePoints points_;
  std::vector<std::array<PointValue, SamplePoints::kCount>> values_;  // of the atoms
};

}  // namespace tw
