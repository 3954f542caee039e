#include "ir/analysis/polynomial.h"

#include <algorithm>
#include <functional>

#include "ir/scalar.h"
#include "ir/simplify/linear.h"

namespace tw {
namespace {

bool is_before(const Polynomial::Term& term, const Monomial& monomial) {
  return MonomialOrder()(term.first, monomial);
}

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
  if (constant != 0) terms_.emplace_back(Monomial(), constant);
}

Polynomial Polynomial::of_atom(int atom) {
  Polynomial p;
  p.terms_.emplace_back(Monomial(1, static_cast<char16_t>(atom)), 1);
  return p;
}

std::optional<int64_t> Polynomial::constant() const {
  if (terms_.empty()) return 0;
  if (terms_.size() == 1 && terms_.front().first.empty()) return terms_.front().second;
  return std::nullopt;
}

int64_t Polynomial::constant_term() const {
  return !terms_.empty() && terms_.front().first.empty() ? terms_.front().second : 0;
}

bool Polynomial::uses(int atom) const {
  return std::any_of(terms_.begin(), terms_.end(), [&](const Term& term) {
    return std::binary_search(term.first.begin(), term.first.end(), static_cast<char16_t>(atom));
  });
}

std::size_t Polynomial::hash() const {
  std::size_t hash = terms_.size();
  for (const auto& [monomial, coefficient] : terms_) {
    hash = hash * 0x9e3779b97f4a7c15 + static_cast<std::size_t>(coefficient);
    for (const char16_t atom : monomial) hash = (hash ^ (hash >> 29)) * 0xbf58476d1ce4e5b9 + atom;
  }
  return hash ^ (hash >> 32);
}

void Polynomial::add(const Monomial& monomial, int64_t coefficient) {
  if (coefficient == 0) return;
  const auto at = std::lower_bound(terms_.begin(), terms_.end(), monomial, is_before);
  if (at == terms_.end() || at->first != monomial) {
    terms_.emplace(at, monomial, coefficient);
    return;
  }
  at->second = wrapping_add(at->second, coefficient);
  if (at->second == 0) terms_.erase(at);
}

Polynomial Polynomial::plus(const Polynomial& other, int64_t scale) const {
  Polynomial sum;
  sum.terms_.reserve(terms_.size() + other.terms_.size());
  auto a = terms_.begin();
  for (const auto& [monomial, coefficient] : other.terms_) {
    while (a != terms_.end() && is_before(*a, monomial)) sum.terms_.push_back(*a++);
    int64_t total = wrapping_mul(coefficient, scale);
    if (a != terms_.end() && a->first == monomial) total = wrapping_add(total, (a++)->second);
    if (total != 0) sum.terms_.emplace_back(monomial, total);
  }
  sum.terms_.insert(sum.terms_.end(), a, terms_.end());
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
    step.add(*factor, coefficient / lead_coefficient);
    rest = rest - step * divisor;
    quotient = quotient + step;
  }
  return quotient;
}

int64_t Polynomial::content() const {
  int64_t divisor = 0;
  for (const auto& [monomial, coefficient] : terms_)
    if (!monomial.empty()) divisor = gcd(divisor, coefficient);
  return divisor;
}

Polynomial Polynomial::divided(int64_t divisor) const {
  Polynomial result;
  for (const auto& [monomial, coefficient] : terms_)
    result.add(monomial, scalar::floor_div(coefficient, divisor));
  return result;
}

Polynomial::Linear Polynomial::linear_in(int atom) const {
  Linear parts;
  for (const auto& [monomial, coefficient] : terms_) {
    const std::size_t first = monomial.find(static_cast<char16_t>(atom));
    if (first == Monomial::npos) {
      parts.rest.terms_.emplace_back(monomial, coefficient);
      continue;
    }
    Monomial others = monomial;
    others.erase(first, 1);
    parts.factor.add(others, coefficient);
  }
  return parts;
}

}  // namespace tw
