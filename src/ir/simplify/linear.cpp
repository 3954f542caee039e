#include "ir/simplify/linear.h"

#include <bit>
#include <numeric>

#include "ir/equal.h"
#include "ir/simplify/unit.h"

namespace tw {
namespace {

constexpr std::size_t kMaxTerms = 32;

bool same_list(const std::vector<Expr>& a, const std::vector<Expr>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!same_expr(a[i], b[i])) return false;
  return true;
}

bool is_sum_node(const Expr& e) {
  if (const auto* binary = as<Binary>(e)) return binary->op <= BinaryOp::kMul;
  const auto* unary = as<Unary>(e);
  return unary && unary->op == UnaryOp::kNeg;
}

}  // namespace

bool same_expr(const ExprNode* a, const ExprNode* b) {
  if (a == b) return true;
  if (!a || !b || a->kind != b->kind || a->dtype != b->dtype) return false;
  switch (a->kind) {
    case Kind::kIntImm: return static_cast<const IntImm*>(a)->value == static_cast<const IntImm*>(b)->value;
    case Kind::kFloatImm:
      return std::bit_cast<uint64_t>(static_cast<const FloatImm*>(a)->value) ==
             std::bit_cast<uint64_t>(static_cast<const FloatImm*>(b)->value);
    case Kind::kUnary: {
      const auto &x = *static_cast<const Unary*>(a), &y = *static_cast<const Unary*>(b);
      return x.op == y.op && same_expr(x.a, y.a);
    }
    case Kind::kBinary: {
      const auto &x = *static_cast<const Binary*>(a), &y = *static_cast<const Binary*>(b);
      return x.op == y.op && same_expr(x.a, y.a) && same_expr(x.b, y.b);
    }
    case Kind::kSelect: {
      const auto &x = *static_cast<const Select*>(a), &y = *static_cast<const Select*>(b);
      return same_expr(x.cond, y.cond) && same_expr(x.on_true, y.on_true) &&
             same_expr(x.on_false, y.on_false);
    }
    case Kind::kCast:
      return same_expr(static_cast<const Cast*>(a)->value, static_cast<const Cast*>(b)->value);
    case Kind::kLoad: {
      const auto &x = *static_cast<const Load*>(a), &y = *static_cast<const Load*>(b);
      return x.buffer.same_as(y.buffer) && same_expr(x.predicate, y.predicate) &&
             same_list(x.indices, y.indices);
    }
    case Kind::kCall: {
      const auto &x = *static_cast<const Call*>(a), &y = *static_cast<const Call*>(b);
      return x.op == y.op && same_list(x.args, y.args);
    }
    case Kind::kRamp: {
      const auto &x = *static_cast<const Ramp*>(a), &y = *static_cast<const Ramp*>(b);
      return same_expr(x.base, y.base) && same_expr(x.stride, y.stride);
    }
    case Kind::kBroadcast:
      return same_expr(static_cast<const Broadcast*>(a)->value, static_cast<const Broadcast*>(b)->value);
    case Kind::kReduce: return structural_equal(static_cast<const Node*>(a), static_cast<const Node*>(b));
    default: return false;  // variables are the same only as objects
  }
}

bool depends_on(const ExprNode* e, const ExprNode* var) {
  if (!e) return false;
  if (e == var) return true;
  switch (e->kind) {
    case Kind::kIntImm:
    case Kind::kFloatImm:
    case Kind::kVariable: return false;
    case Kind::kUnary: return depends_on(static_cast<const Unary*>(e)->a.get(), var);
    case Kind::kBinary:
      return depends_on(static_cast<const Binary*>(e)->a.get(), var) ||
             depends_on(static_cast<const Binary*>(e)->b.get(), var);
    case Kind::kSelect: {
      const auto& x = *static_cast<const Select*>(e);
      return depends_on(x.cond.get(), var) || depends_on(x.on_true.get(), var) ||
             depends_on(x.on_false.get(), var);
    }
    case Kind::kCast: return depends_on(static_cast<const Cast*>(e)->value.get(), var);
    case Kind::kLoad: {
      const auto& x = *static_cast<const Load*>(e);
      for (const Expr& index : x.indices)
        if (depends_on(index.get(), var)) return true;
      return depends_on(x.predicate.get(), var);
    }
    case Kind::kCall:
      for (const Expr& arg : static_cast<const Call*>(e)->args)
        if (depends_on(arg.get(), var)) return true;
      return false;
    case Kind::kRamp:
      return depends_on(static_cast<const Ramp*>(e)->base.get(), var) ||
             depends_on(static_cast<const Ramp*>(e)->stride.get(), var);
    case Kind::kBroadcast: return depends_on(static_cast<const Broadcast*>(e)->value.get(), var);
    default: return true;  // a reduction: not looked into
  }
}

int64_t gcd(int64_t a, int64_t b) {
  if (a == INT64_MIN || b == INT64_MIN) return 1;
  return std::gcd(a, b);
}

bool Product::has_factor(const Expr& atom) const {
  for (int i = 0; i < degree; ++i)
    if (same_expr(factors[i], atom)) return true;
  return false;
}

bool Product::remove_factor(const Expr& atom) {
  for (int i = 0; i < degree; ++i)
    if (same_expr(factors[i], atom)) {
      for (int j = i + 1; j < degree; ++j) factors[j - 1] = std::move(factors[j]);
      factors[--degree] = Expr();
      return true;
    }
  return false;
}

bool Product::same_factors(const Product& other) const {
  if (degree != other.degree) return false;
  if (degree == 1) return same_expr(factors[0], other.factors[0]);
  unsigned taken = 0;
  for (int i = 0; i < degree; ++i) {
    int j = 0;
    while (j < degree && ((taken >> j & 1) || !same_expr(factors[i], other.factors[j]))) ++j;
    if (j == degree) return false;
    taken |= 1u << j;
  }
  return true;
}

Sum::Sum(const Expr& e) {
  add_expr(e, 1);
}

const Expr* Sum::as_atom() const {
  const bool alone =
      valid && constant == 0 && terms.size() == 1 && terms[0].degree == 1 && terms[0].coefficient == 1;
  return alone ? &terms[0].factors[0] : nullptr;
}

void Sum::add_constant(int64_t value) {
  if (__builtin_add_overflow(constant, value, &constant)) valid = false;
}

void Sum::add(const Product& product) {
  if (product.coefficient == 0) return;
  if (product.degree == 0) return add_constant(product.coefficient);
  for (std::size_t i = 0; i < terms.size(); ++i)
    if (terms[i].same_factors(product)) {
      if (__builtin_add_overflow(terms[i].coefficient, product.coefficient, &terms[i].coefficient))
        valid = false;
      if (terms[i].coefficient == 0) terms.erase(terms.begin() + static_cast<std::ptrdiff_t>(i));
      return;
    }
  terms.push_back(product);
}

void Sum::add_scaled(const Sum& other, int64_t scale) {
  valid &= other.valid;
  if (scale == 0) return;
  int64_t scaled = 0;
  if (__builtin_mul_overflow(other.constant, scale, &scaled)) valid = false;
  add_constant(scaled);
  for (const Product& term : other.terms) {
    Product product = term;
    if (__builtin_mul_overflow(term.coefficient, scale, &product.coefficient)) valid = false;
    add(product);
  }
}

void Sum::add_expr(const Expr& e, int64_t scale) {
  if (const auto* imm = as<IntImm>(e)) {
    int64_t scaled = 0;
    if (__builtin_mul_overflow(imm->value, scale, &scaled)) valid = false;
    return add_constant(scaled);
  }
  if (is_sum_node(e) && e.dtype() == kIndex) {
    if (const auto* unary = as<Unary>(e)) {
      if (scale == INT64_MIN) valid = false;
      return add_expr(unary->a, valid ? -scale : 0);
    }
    const auto& binary = *as<Binary>(e);
    if (binary.op != BinaryOp::kMul) {
      add_expr(binary.a, scale);
      const bool minus = binary.op == BinaryOp::kSub;
      if (minus && scale == INT64_MIN) valid = false;
      return add_expr(binary.b, minus && valid ? -scale : scale);
    }
    for (const auto& [value, other] : {std::pair(&binary.a, &binary.b), std::pair(&binary.b, &binary.a)})
      if (const auto* imm = as<IntImm>(*value)) {
        int64_t scaled = 0;
        if (__builtin_mul_overflow(imm->value, scale, &scaled)) valid = false;
        return add_expr(*other, scaled);
      }
    const Sum product = Sum(binary.a) * Sum(binary.b);
    if (product.valid) return add_scaled(product, scale);
  }
  Product atom;
  atom.coefficient = scale;
  atom.degree = 1;
  atom.factors[0] = e;
  if (const auto units = as_units(e)) {
    if (__builtin_mul_overflow(scale, units->count, &atom.coefficient)) valid = false;
    if (units->count > 1) atom.factors[0] = unit_of(*units->var);
  }
  add(atom);
}

void Sum::scale(int64_t factor) {
  if (factor == 0) {
    constant = 0;
    terms.clear();
    return;
  }
  if (__builtin_mul_overflow(constant, factor, &constant)) valid = false;
  for (Product& term : terms)
    if (__builtin_mul_overflow(term.coefficient, factor, &term.coefficient)) valid = false;
}

int64_t Sum::coefficient_of(const Product& product) const {
  for (const Product& term : terms)
    if (term.same_factors(product)) return term.coefficient;
  return 0;
}

int64_t Sum::content() const {
  int64_t result = 0;
  for (const Product& term : terms) result = gcd(result, term.coefficient);
  return result;
}

void Sum::divide_exactly(int64_t divisor) {
  constant /= divisor;
  for (Product& term : terms) term.coefficient /= divisor;
}

bool Product::divides_into(const Product& dividend, Product& quotient) const {
  if (coefficient == 0 || dividend.coefficient == INT64_MIN || dividend.coefficient % coefficient != 0)
    return false;
  quotient = dividend;
  quotient.coefficient = dividend.coefficient / coefficient;
  for (int i = 0; i < degree; ++i)
    if (!quotient.remove_factor(factors[i])) return false;
  return true;
}

bool Sum::divides_into(const Sum& dividend, Sum& quotient) const {
  if (!valid || !dividend.valid || is_zero()) return false;
  quotient = Sum();
  if (terms.size() + (constant != 0) == 1) {
    Product divisor;
    divisor.coefficient = constant;
    if (!terms.empty()) divisor = terms[0];
    Product part, whole;
    whole.coefficient = dividend.constant;
    if (dividend.constant != 0) {
      if (!divisor.divides_into(whole, part)) return false;
      quotient.add(part);
    }
    for (const Product& term : dividend.terms) {
      if (!divisor.divides_into(term, part)) return false;
      quotient.add(part);
    }
    return true;
  }
  if (dividend.terms.size() != terms.size()) return false;
  const int64_t coefficient = dividend.coefficient_of(terms[0]);
  if (coefficient == INT64_MIN || coefficient % terms[0].coefficient != 0) return false;
  quotient.constant = coefficient / terms[0].coefficient;
  Sum rest = dividend;
  rest.add_scaled(*this, quotient.constant == INT64_MIN ? 0 : -quotient.constant);
  return rest.valid && rest.is_zero();
}

bool Sum::has_factor(const Expr& atom) const {
  for (const Product& term : terms)
    if (term.has_factor(atom)) return true;
  return false;
}

void Sum::split(const Expr& atom, Sum& quotient, Sum& rest) const {
  rest.constant = constant;
  rest.valid = quotient.valid = valid;
  for (const Product& term : terms) {
    Product reduced = term;
    if (reduced.remove_factor(atom))
      quotient.add(reduced);
    else
      rest.terms.push_back(std::move(reduced));
  }
}

Sum Sum::replaced(const Expr& atom, const Sum& by) const {
  Sum quotient, rest;
  split(atom, quotient, rest);
  if (quotient.is_zero()) return rest;
  Sum product = quotient.has_factor(atom) ? quotient.replaced(atom, by) * by : quotient * by;
  return std::move(product) + rest;
}

Sum operator+(Sum a, const Sum& b) {
  a.add_scaled(b, 1);
  return a;
}

Sum operator-(Sum a, const Sum& b) {
  a.add_scaled(b, -1);
  return a;
}

Sum operator*(const Sum& a, const Sum& b) {
  if (b.is_constant() || a.is_constant()) {
    Sum result = b.is_constant() ? a : b;
    result.valid = a.valid && b.valid;
    result.scale(b.is_constant() ? b.constant : a.constant);
    return result;
  }
  Sum result;
  result.valid = a.valid && b.valid && a.terms.size() * b.terms.size() <= kMaxTerms;
  if (!result.valid) return result;
  for (const Product& x : a.terms)
    for (const Product& y : b.terms) {
      Product product = x;
      if (x.degree + y.degree > Product::kMaxDegree ||
          __builtin_mul_overflow(x.coefficient, y.coefficient, &product.coefficient)) {
        result.valid = false;
        return result;
      }
      for (int i = 0; i < y.degree; ++i) product.factors[product.degree++] = y.factors[i];
      result.add(product);
    }
  Sum linear = a;
  linear.constant = 0;
  result.add_scaled(linear, b.constant);
  linear = b;
  linear.constant = 0;
  result.add_scaled(linear, a.constant);
  int64_t constant = 0;
  if (__builtin_mul_overflow(a.constant, b.constant, &constant)) result.valid = false;
  result.add_constant(constant);
  return result;
}

bool operator==(const Sum& a, const Sum& b) {
  return (a - b).is_zero();
}

}  // namespace tw
