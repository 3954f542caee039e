// The canonical form of index arithmetic: a sum of products of atoms with integer coefficients.
//
// An atom is an expression that is not a sum, difference or product: a variable, a quotient, a minimum, a
// read. A variable that is a multiple of a number stands in units of it (unit.h). Index arithmetic does not
// overflow, so every index expression equals its sum. Products of atoms are kept up to a degree and a size;
// what would be larger stays an atom as it was written.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/expr.h"

namespace tw {

class Context;

/// Whether two expressions are the same tree over the same variables and buffers. Floats compare by their
/// bits.
bool same_expr(const ExprNode* a, const ExprNode* b);
inline bool same_expr(const Expr& a, const Expr& b) {
  return same_expr(a.get(), b.get());
}

/// Whether the variable occurs in an expression.
bool depends_on(const ExprNode* e, const ExprNode* var);

/// The greatest common divisor of the magnitudes, 0 of two zeros.
int64_t gcd(int64_t a, int64_t b);

/// coefficient * factors[0] * … ; the order of the factors means nothing.
struct Product {
  static constexpr int kMaxDegree = 4;
  int64_t coefficient = 1;
  int degree = 0;
  Expr factors[kMaxDegree];

  bool has_factor(const Expr& atom) const;
  /// Takes one occurrence of the atom out. Whether there was one.
  bool remove_factor(const Expr& atom);
  bool same_factors(const Product& other) const;
  /// Whether dividend = this * quotient, and the quotient.
  bool divides_into(const Product& dividend, Product& quotient) const;
};

/// constant + products, no two of which have the same factors, none of which has coefficient 0.
struct Sum {
  int64_t constant = 0;
  std::vector<Product> terms;
  bool valid = true;  // false: a coefficient left int64 or a product grew too large; means nothing then

  Sum() = default;
  explicit Sum(int64_t value) : constant(value) {}
  /// The sum that an expression of type index (one lane) is.
  explicit Sum(const Expr& e);

  bool is_constant() const { return terms.empty(); }
  bool is_zero() const { return terms.empty() && constant == 0; }
  /// The atom when the sum is an atom alone, else null.
  const Expr* as_atom() const;

  void add_constant(int64_t value);
  void add(const Product& product);
  void add_scaled(const Sum& other, int64_t scale);
  void add_expr(const Expr& e, int64_t scale);
  void scale(int64_t factor);
  /// Takes out the term with the factors of `product`; gives its coefficient (0: none).
  int64_t coefficient_of(const Product& product) const;

  /// The greatest common divisor of the coefficients, the constant left out; 0 without terms.
  int64_t content() const;
  /// Every coefficient, the constant included, divided exactly.
  void divide_exactly(int64_t divisor);

  /// Whether dividend = this * quotient for a quotient that is found: a constant or one product divides term
  /// by term, any other sum only its multiples by a constant.
  bool divides_into(const Sum& dividend, Sum& quotient) const;

  /// Whether the atom is a factor somewhere.
  bool has_factor(const Expr& atom) const;
  /// Splits this = atom * quotient + rest where no term of rest has the atom as a factor.
  void split(const Expr& atom, Sum& quotient, Sum& rest) const;
  /// This sum with the atom replaced by a sum.
  Sum replaced(const Expr& atom, const Sum& by) const;

  /// The expression that people would write: no units, large strides first, constants last, differences where
  /// signs differ. The order depends on the context's ranges and on names, not on addresses.
  Expr to_expr(const Context& context) const;

  /// The position of the term that comes first in that order; there must be one.
  std::size_t leading_term(const Context& context) const;
};

Sum operator+(Sum a, const Sum& b);
Sum operator-(Sum a, const Sum& b);
Sum operator*(const Sum& a, const Sum& b);
bool operator==(const Sum& a, const Sum& b);

}  // namespace tw
