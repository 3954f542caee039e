#include "ir/polynomial.h"

#include <algorithm>

namespace tw {
namespace {

int64_t wrapping_add(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
int64_t wrapping_mul(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

}  // namespace

Monomial multiply(const Monomial& a, const Monomial& b) {
  Monomial product;
  product.reserve(a.size() + b.size());
  std::merge(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(product));
  return product;
}

std::optional<Monomial> divide(const Monomial& a, const Monomial& b) {
  if (!std::includes(a.begin(), a.end(), b.begin(), b.end())) return std::nullopt;
  Monomial quotient;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(quotient));
  return quotient;
}

Polynomial::Polynomial(int64_t constant) {
  if (constant != 0) terms_[{}] = constant;
}

Polynomial Polynomial::of_atom(int atom) {
  Polynomial p;
  p.terms_[{atom}] = 1;
  return p;
}

std::optional<int64_t> Polynomial::constant() const {
  if (terms_.empty()) return 0;
  if (terms_.size() == 1 && terms_.begin()->first.empty()) return terms_.begin()->second;
  return std::nullopt;
}

int64_t Polynomial::constant_term() const {
  const auto found = terms_.find({});
  return found == terms_.end() ? 0 : found->second;
}

bool Polynomial::uses(int atom) const {
  return std::any_of(terms_.begin(), terms_.end(), [&](const auto& term) {
    return std::binary_search(term.first.begin(), term.first.end(), atom);
  });
}

void Polynomial::add(const Monomial& monomial, int64_t coefficient) {
  if (coefficient == 0) return;
  const auto [at, fresh] = terms_.try_emplace(monomial, coefficient);
  if (fresh) return;
  at->second = wrapping_add(at->second, coefficient);
  if (at->second == 0) terms_.erase(at);
}

Polynomial Polynomial::operator+(const Polynomial& other) const {
  Polynomial sum = *this;
  for (const auto& [monomial, coefficient] : other.terms_) sum.add(monomial, coefficient);
  return sum;
}

Polynomial Polynomial::operator-(const Polynomial& other) const {
  Polynomial sum = *this;
  for (const auto& [monomial, coefficient] : other.terms_) sum.add(monomial, wrapping_mul(coefficient, -1));
  return sum;
}

Polynomial Polynomial::operator*(const Polynomial& other) const {
  Polynomial product;
  for (const auto& [m, c] : terms_)
    for (const auto& [n, d] : other.terms_) product.add(multiply(m, n), wrapping_mul(c, d));
  return product;
}

std::optional<Polynomial> Polynomial::divide(const Polynomial& divisor) const {
  if (divisor.is_zero()) return std::nullopt;
  const auto& [lead, lead_coefficient] = *divisor.terms_.rbegin();
  Polynomial quotient, rest = *this;
  while (!rest.is_zero()) {
    const auto& [monomial, coefficient] = *rest.terms_.rbegin();
    const auto factor = tw::divide(monomial, lead);
    const bool overflows = lead_coefficient == -1 && coefficient == INT64_MIN;
    if (!factor || overflows || coefficient % lead_coefficient != 0) return std::nullopt;
    Polynomial step;
    step.terms_[*factor] = coefficient / lead_coefficient;
    rest = rest - step * divisor;
    quotient = quotient + step;
  }
  return quotient;
}

std::optional<Polynomial::Linear> Polynomial::linear_in(int atom) const {
  Linear parts;
  for (const auto& [monomial, coefficient] : terms_) {
    const auto [first, last] = std::equal_range(monomial.begin(), monomial.end(), atom);
    if (last - first > 1) return std::nullopt;
    if (first == last)
      parts.rest.terms_[monomial] = coefficient;
    else
      parts.factor.terms_[*tw::divide(monomial, {atom})] = coefficient;
  }
  return parts;
}

}  // namespace tw
