#include "ir/analysis/index_algebra.h"

#include <algorithm>

#include "ir/program.h"
#include "ir/scalar.h"
#include "ir/simplify/unit.h"
#include "support/error.h"

namespace tw {
namespace {

/// a = b * quotient + rest, by terms where b is one term, exactly or not at all otherwise.
std::pair<Polynomial, Polynomial> divide_terms(const Polynomial& a, const Polynomial& b) {
  if (b.is_zero()) return {{}, a};
  if (b.terms().size() > 1) {
    if (auto exact = a.divide(b)) return {*exact, {}};
    return {{}, a};
  }
  const auto& [monomial, coefficient] = *b.terms().begin();
  Polynomial quotient, rest;
  for (const auto& [m, c] : a.terms()) {
    const auto factor = divide(m, monomial);
    if (!factor || coefficient == INT64_MIN) {
      rest.add(m, c);
      continue;
    }
    quotient.add(*factor, scalar::floor_div(c, coefficient));
    rest.add(m, scalar::floor_mod(c, coefficient));
  }
  return {quotient, rest};
}

}  // namespace

int IndexAlgebra::atom(const Expr& e) {
  for (std::size_t i = 0; i < atoms_.size(); ++i)
    if (same_expr(atoms_[i], e)) return static_cast<int>(i);
  atoms_.push_back(e);
  check_internal(atoms_.size() <= kMaxAtom, "{} atoms of index expressions", atoms_.size());
  return static_cast<int>(atoms_.size()) - 1;
}

/// Forgets what was read and proved when the context has changed since.
void IndexAlgebra::refresh() {
  const auto& ranges = context_.ranges();
  const auto& facts = context_.facts();
  bool same = known_.size() == ranges.size() * 2 + facts.size();
  std::size_t next = 0;
  for (std::size_t i = 0; i < ranges.size() && same; ++i) {
    same = known_[next++].same_as(ranges[i].var);
    same = same && known_[next++].same_as(ranges[i].extent);
  }
  for (std::size_t i = 0; i < facts.size() && same; ++i) same = known_[next++].same_as(facts[i]);
  if (same) return;
  known_.clear();
  for (const auto& range : ranges) known_.insert(known_.end(), {range.var, range.extent});
  known_.insert(known_.end(), facts.begin(), facts.end());
  for (auto& readings : readings_) readings.clear();
  for (auto& proofs : proofs_) proofs.clear();
  points_ = SamplePoints(context_);
  values_.clear();
}

const Polynomial& IndexAlgebra::polynomial(const Expr& e) {
  if (proving_ == 0) refresh();
  auto& readings = readings_[proving_ > 0];
  if (const auto found = readings.find(e.get()); found != readings.end()) return found->second.polynomial;
  Polynomial p = read(e);
  return readings.emplace(e.get(), Reading{e, std::move(p)}).first->second.polynomial;
}

Polynomial IndexAlgebra::read(const Expr& e) {
  if (const auto value = as_int(e)) return *value;
  if (!e.dtype().is_index()) return Polynomial::of_atom(atom(e));
  if (const auto* unary = as<Unary>(e); unary && unary->op == UnaryOp::kNeg) return -polynomial(unary->a);
  if (const auto* binary = as<Binary>(e)) {
    const Polynomial &a = polynomial(binary->a), &b = polynomial(binary->b);
    switch (binary->op) {
      case BinaryOp::kAdd: return a + b;
      case BinaryOp::kSub: return a - b;
      case BinaryOp::kMul: return a * b;
      case BinaryOp::kFloorDiv: return of_quotient(a, b);
      case BinaryOp::kFloorMod: {
        const bool divides = b.constant() ? *b.constant() != 0 : nonnegative(b - Polynomial(1));
        if (divides) return a - b * of_quotient(a, b);
        if (b.is_zero()) return {};
        break;
      }
      case BinaryOp::kMin:
      case BinaryOp::kMax:
        if (a == b) return a;
        break;
      default: break;
    }
    return Polynomial::of_atom(atom(Binary::make(binary->op, expr(a), expr(b))));
  }
  if (const auto* var = as<Variable>(e); var && has_unit(*var))
    return Polynomial::of_atom(atom(unit_of(*var))) * Polynomial(var->multiple_of);
  return Polynomial::of_atom(atom(e));
}

/// y // a of a polynomial y // a + constant; null when it is none, or y // a is the unit of a variable.
const Binary* IndexAlgebra::lone_quotient(const Polynomial& p) const {
  const auto& [monomial, coefficient] = p.terms().back();
  if (p.terms().size() > (p.constant_term() != 0 ? 2u : 1u) || monomial.size() != 1 || coefficient != 1)
    return nullptr;
  const Expr& e = atoms_[monomial[0]];
  const auto* quotient = as<Binary>(e);
  return quotient && quotient->op == BinaryOp::kFloorDiv && !variable_of_unit(e) ? quotient : nullptr;
}

Polynomial IndexAlgebra::of_quotient(const Polynomial& a, const Polynomial& b) {
  if (b.is_zero()) return {};
  const bool positive = nonnegative(b - Polynomial(1));
  if (!positive && !b.constant())
    return Polynomial::of_atom(atom(Binary::make(BinaryOp::kFloorDiv, expr(a), expr(b))));
  auto [quotient, rest] = divide_terms(a, b);
  if (rest.is_zero() || (positive && nonnegative(rest) && nonnegative(b - Polynomial(1) - rest)))
    return quotient;
  if (positive) {
    // (g*x + c) // (g*y) = (x + c//g) // y
    if (const int64_t common = gcd(rest.content(), gcd(b.content(), b.constant_term())); common > 1)
      return quotient + of_quotient(rest.divided(common), b.divided(common));
    // (y // a + c) // d = (y + c*a) // (a*d)
    if (const Binary* inner = lone_quotient(rest)) {
      const Polynomial y = polynomial(inner->a), a = polynomial(inner->b);
      if (nonnegative(a - Polynomial(1)))
        return quotient + of_quotient(y + a * Polynomial(rest.constant_term()), a * b);
    }
  }
  return quotient + Polynomial::of_atom(atom(Binary::make(BinaryOp::kFloorDiv, expr(rest), expr(b))));
}

Expr IndexAlgebra::expr(const Polynomial& p) const {
  Expr sum;
  // Positive terms of high degree first, the constant last: i*mc + j - 1.
  std::vector<std::pair<Monomial, int64_t>> terms(p.terms().begin(), p.terms().end());
  std::stable_sort(terms.begin(), terms.end(), [](const auto& a, const auto& b) {
    return std::make_tuple(a.first.empty(), a.second < 0, -static_cast<int>(a.first.size())) <
           std::make_tuple(b.first.empty(), b.second < 0, -static_cast<int>(b.first.size()));
  });
  for (const auto& [monomial, coefficient] : terms) {
    const bool subtract = sum && coefficient < 0 && coefficient != INT64_MIN;
    int64_t scale = subtract ? -coefficient : coefficient;
    std::vector<Expr> factors;
    for (const int number : monomial) factors.push_back(atoms_[static_cast<std::size_t>(number)]);
    write_units(scale, factors.data(), factors.size());
    Expr product;
    for (const Expr& factor : factors) product = product ? product * factor : factor;
    product = product ? (scale == 1 ? product : product * Expr(scale)) : Expr(scale);
    sum = !sum ? product : subtract ? sum - product : sum + product;
  }
  return sum ? sum : Expr(0);
}

std::optional<Expr> IndexAlgebra::divide(const Expr& a, const Expr& b) {
  if (is_int(b, 1)) return a;
  if (!positive(b)) return std::nullopt;
  const auto quotient = polynomial(a).divide(polynomial(b));
  if (!quotient) return std::nullopt;
  return expr(*quotient);
}

int64_t IndexAlgebra::content(const Expr& e) {
  if (const auto value = as_int(e)) return gcd(*value, 0);
  const Polynomial& p = polynomial(e);
  return gcd(p.content(), p.constant_term());
}

bool IndexAlgebra::is_multiple(const Expr& a, const Expr& b) {
  return polynomial(a).divide(polynomial(b)).has_value();
}

std::optional<IndexAlgebra::Division> IndexAlgebra::divide_with_rest(const Expr& a, const Expr& b) {
  if (!positive(b)) return std::nullopt;
  const auto [quotient, rest] = divide_terms(polynomial(a), polynomial(b));
  return Division{expr(quotient), expr(rest)};
}

bool IndexAlgebra::nonnegative(const Expr& e) {
  return nonnegative(polynomial(e));
}

bool IndexAlgebra::le(const Expr& a, const Expr& b) {
  return a.same_as(b) || nonnegative(polynomial(b) - polynomial(a));
}

bool IndexAlgebra::lt(const Expr& a, const Expr& b) {
  return nonnegative(polynomial(b) - polynomial(a) - Polynomial(1));
}

bool IndexAlgebra::positive(const Expr& e) {
  if (const auto value = as_int(e)) return *value >= 1;
  return nonnegative(polynomial(e) - Polynomial(1));
}

bool IndexAlgebra::nonzero(const Expr& e) {
  return positive(e) || nonnegative(-polynomial(e) - Polynomial(1));
}

bool IndexAlgebra::holds(const Expr& condition) {
  if (const auto value = as_int(condition)) return *value != 0;
  if (const auto* binary = as<Binary>(condition)) {
    const Expr &a = binary->a, &b = binary->b;
    if (binary->op == BinaryOp::kAnd) return holds(a) && holds(b);
    if (binary->op == BinaryOp::kOr && (holds(a) || holds(b))) return true;
    if (a.dtype().is_index()) {
      if (binary->op == BinaryOp::kLe && le(a, b)) return true;
      if (binary->op == BinaryOp::kLt && lt(a, b)) return true;
      if (binary->op == BinaryOp::kEq && (equal(a, b) || (le(a, b) && le(b, a)))) return true;
      if (binary->op == BinaryOp::kNe && (lt(a, b) || lt(b, a))) return true;
      if (fails_somewhere(*binary)) return false;
    }
  }
  return prove(condition, context_);
}

/// Whether an order or an equality is wrong at a sample point.
bool IndexAlgebra::fails_somewhere(const Binary& condition) {
  const Polynomial gap = polynomial(condition.b) - polynomial(condition.a);
  if (condition.op == BinaryOp::kLe) return refuted(gap);
  if (condition.op == BinaryOp::kLt) return refuted(gap - Polynomial(1));
  return condition.op == BinaryOp::kEq && (refuted(gap) || refuted(-gap));
}

bool IndexAlgebra::refutes(const Expr& condition) {
  if (const auto value = as_int(condition)) return *value == 0;
  if (const auto* unary = as<Unary>(condition); unary && unary->op == UnaryOp::kNot) return holds(unary->a);
  if (const auto* binary = as<Binary>(condition)) {
    const Expr &a = binary->a, &b = binary->b;
    if (binary->op == BinaryOp::kAnd && (refutes(a) || refutes(b))) return true;
    if (binary->op == BinaryOp::kOr) return refutes(a) && refutes(b);
    if (a.dtype().is_index()) {
      if (binary->op == BinaryOp::kLe) return holds(tw::lt(b, a));
      if (binary->op == BinaryOp::kLt) return holds(tw::le(b, a));
      if (binary->op == BinaryOp::kEq) return holds(ne(a, b));
      if (binary->op == BinaryOp::kNe) return holds(eq(a, b));
    }
  }
  return prove(logical_not(condition), context_);
}

}  // namespace tw
