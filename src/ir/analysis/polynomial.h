// Polynomials with integer coefficients over numbered atoms.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tw {

/// A product of atoms: their numbers, ascending, repeated for powers. Empty: 1. A string, as up to seven
/// numbers lie in it without memory of their own.
using Monomial = std::u16string;
constexpr int kMaxAtom = 0xffff;

/// By degree, then so that the order survives multiplication.
struct MonomialOrder {
  bool operator()(const Monomial& a, const Monomial& b) const {
    if (a.size() != b.size()) return a.size() < b.size();
    return b < a;  // more of the earlier atoms is greater
  }
};

/// Coefficients are modulo 2^64; none is zero.
class Polynomial {
 public:
  Polynomial() = default;
  Polynomial(int64_t constant);
  static Polynomial of_atom(int atom);

  using Term = std::pair<Monomial, int64_t>;
  /// In the order of the monomials, the smallest first.
  const std::vector<Term>& terms() const { return terms_; }
  bool is_zero() const { return terms_.empty(); }
  std::optional<int64_t> constant() const;  // when there is no atom
  int64_t constant_term() const;
  bool uses(int atom) const;
  bool operator==(const Polynomial&) const = default;
  std::size_t hash() const;

  void add(const Monomial& monomial, int64_t coefficient);
  Polynomial operator+(const Polynomial& other) const { return plus(other, 1); }
  Polynomial operator-(const Polynomial& other) const { return plus(other, -1); }
  Polynomial operator*(const Polynomial& other) const;
  Polynomial operator-() const { return Polynomial() - *this; }

  /// this / divisor when it divides exactly; nothing for divisor 0.
  std::optional<Polynomial> divide(const Polynomial& divisor) const;

  /// What divides all coefficients but the constant; 0 of a constant.
  int64_t content() const;
  /// Every coefficient divided, rounded down.
  Polynomial divided(int64_t divisor) const;
  /// p >= 0 of integers says as much of p divided by its content.
  Polynomial lowest_terms() const {
    const int64_t divisor = content();
    return divisor < 2 ? *this : divided(divisor);
  }

  /// this = atom * factor + rest, the rest without the atom; of a square one atom stays in the factor.
  struct Linear;
  Linear linear_in(int atom) const;

 private:
  Polynomial plus(const Polynomial& other, int64_t scale) const;
  std::vector<Term> terms_;
};

struct Polynomial::Linear {
  Polynomial factor, rest;
};

/// The product of monomials, and a / b when b divides a.
Monomial multiply(const Monomial& a, const Monomial& b);
std::optional<Monomial> divide(const Monomial& a, const Monomial& b);

}  // namespace tw
