// Quotients and remainders of sums by constants and by symbolic divisors.
//
//   (io*mc + ii) // mc, 0 <= ii < mc     ->  io            (io*mc + ii) % mc  ->  ii
//   (i*4 + j) // 8, 0 <= j < 4           ->  i//2          i // 4 // 3        ->  i//12
//   x//c*c + x%c                         ->  x             x - x//c*c         ->  x%c
#include "ir/simplify/simplify_expr.h"
#include "ir/simplify/unit.h"

namespace tw {
namespace {

constexpr int kMaxDepth = 6;

Sum sum_of(const Product& product) {
  Sum sum;
  sum.add(product);
  return sum;
}

/// The product that a sum is; degree 0 for a constant.
std::optional<Product> as_product(const Sum& sum) {
  Product product;
  product.coefficient = sum.constant;
  if (sum.terms.empty()) return product;
  if (sum.terms.size() == 1 && sum.constant == 0) return sum.terms[0];
  return std::nullopt;
}

const Binary* as_binary(const Expr& e, BinaryOp op) {
  const auto* binary = as<Binary>(e);
  return binary && binary->op == op && binary->dtype == kIndex ? binary : nullptr;
}

/// A variable alone, which reads better whole: v % 28 rather than v // 14 % 2 * 14.
bool is_variable_in_units(const Sum& sum) {
  if (sum.constant != 0 || sum.terms.size() != 1 || sum.terms[0].degree != 1) return false;
  const Variable* var = variable_of_unit(sum.terms[0].factors[0]);
  return var && var->multiple_of == sum.terms[0].coefficient;
}

/// y // a of a sum y // a + constant; null when it has other terms.
const Binary* lone_quotient(const Sum& sum) {
  const bool one_term = sum.terms.size() == 1 && sum.terms[0].degree == 1 && sum.terms[0].coefficient == 1;
  return one_term ? as_binary(sum.terms[0].factors[0], BinaryOp::kFloorDiv) : nullptr;
}

/// The factor of that operator in a product: its position, -1 if there is none.
int find_factor(const Product& term, BinaryOp op) {
  for (int i = 0; i < term.degree; ++i)
    if (as_binary(term.factors[i], op)) return i;
  return -1;
}

}  // namespace

Expr Simplifier::index_divide(BinaryOp op, const Expr& a, const Expr& b) {
  const Sum x(a);
  Sum d(b);
  if (!x.valid || !d.valid) return {};
  const bool quotient = op == BinaryOp::kFloorDiv;
  if (d.is_constant() && d.constant < 0 && d.constant != INT64_MIN) {
    // x // -c = -x // c;  x % -c = -(-x % c)
    const Sum minus = Sum() - x;
    d.constant = -d.constant;
    Sum result = quotient ? divide(minus, d, 0) : Sum() - modulo(minus, d, 0);
    return canonical(std::move(result), nullptr);
  }
  if (d.is_zero()) return Expr(0);
  if (!prover().positive(d)) return {};
  return canonical(quotient ? divide(x, d, 0) : modulo(x, d, 0), nullptr);
}

/// dividend = quotient * divisor + rest: whole terms that divide exactly. A part of a term stays, as in
/// (a*64 + b) // 29 next to (a*64 + b) % 29: the digits of one number.
void Simplifier::extract(const Sum& dividend, const Sum& divisor, Sum& quotient, Sum& rest) {
  quotient = Sum();
  rest = Sum();
  rest.valid = dividend.valid;
  if (const auto product = as_product(divisor)) {
    const int64_t by = product->coefficient;
    for (const Product& term : dividend.terms) {
      Product ratio;
      const bool divides = product->divides_into(term, ratio);
      (divides ? quotient : rest).add(divides ? ratio : term);
    }
    if (product->degree == 0) {
      // Constants floor, so that what stays is in [0, divisor).
      int64_t whole = dividend.constant / by;
      if (dividend.constant % by < 0) --whole;
      quotient.add_constant(whole);
      rest.add_constant(dividend.constant - whole * by);
    } else {
      rest.add_constant(dividend.constant);
    }
    return;
  }
  // Long division as long as it makes the rest shorter.
  rest = dividend;
  const auto size = [](const Sum& sum) { return sum.terms.size() + (sum.constant != 0); };
  for (bool shorter = true; shorter;) {
    shorter = false;
    for (const Product& term : rest.terms) {
      Product ratio;
      if (!divisor.terms[0].divides_into(term, ratio)) continue;
      Sum next = rest - sum_of(ratio) * divisor;
      if (!next.valid || size(next) >= size(rest)) continue;
      quotient.add(ratio);
      rest = std::move(next);
      shorter = true;
      break;
    }
  }
}

/// 0 <= rest < divisor.
bool Simplifier::within(const Sum& rest, const Sum& divisor) {
  const Interval range = bounds(rest, *context_);
  if (range.max < 0 || (divisor.is_constant() && range.min >= divisor.constant)) return false;
  if (divisor.is_constant() && range.min >= 0 && range.max < divisor.constant) return true;
  return prover().not_negative(rest) && prover().less(rest, divisor);
}

/// Finds factor > 0 with rest = factor * reduced + over, divisor = factor * reduced_divisor, 0 <= over <
/// factor.
bool Simplifier::common_factor(const Sum& rest, const Sum& divisor, Sum& factor, Sum& reduced,
                               Sum& reduced_divisor, Sum& over) {
  const auto product = as_product(divisor);
  if (!product) return false;
  for (const Product& term : rest.terms) {
    Product common;
    common.coefficient = gcd(term.coefficient, product->coefficient);
    Product left = term;
    for (int i = 0; i < product->degree; ++i)
      if (left.remove_factor(product->factors[i])) common.factors[common.degree++] = product->factors[i];
    if (common.degree == 0 && common.coefficient == 1) continue;
    factor = sum_of(common);
    if (!factor.divides_into(divisor, reduced_divisor)) continue;
    reduced = over = Sum();
    for (const Product& part : rest.terms) {
      Product ratio;
      if (common.divides_into(part, ratio))
        reduced.add(ratio);
      else
        over.add(part);
    }
    if (common.degree == 0) {
      int64_t whole = rest.constant / common.coefficient;
      if (rest.constant % common.coefficient < 0) --whole;
      reduced.add_constant(whole);
      over.add_constant(rest.constant - whole * common.coefficient);
    } else {
      over.add_constant(rest.constant);
    }
    const bool positive = common.degree == 0 ? common.coefficient > 0 : prover().positive(factor);
    if (positive && within(over, factor)) return true;
  }
  return false;
}

Sum Simplifier::divide(const Sum& dividend, const Sum& divisor, int depth) {
  Sum quotient, rest;
  extract(dividend, divisor, quotient, rest);
  if (!rest.valid || !quotient.valid) return quotient.valid ? rest : quotient;
  if (rest.is_zero() || within(rest, divisor)) return quotient;
  if (divisor.is_constant()) {
    const Interval range = bounds(rest, *context_);
    if (range.min != kNoMin && range.max != kNoMax) {
      const auto floor = [&](int64_t x) { return x / divisor.constant - (x % divisor.constant < 0); };
      if (floor(range.min) == floor(range.max)) {
        quotient.add_constant(floor(range.min));
        return quotient;
      }
    }
  } else if (within(rest + divisor, divisor)) {
    quotient.add_constant(-1);
    return quotient;
  }
  if (depth < kMaxDepth) {
    Sum factor, reduced, reduced_divisor, over;
    if (common_factor(rest, divisor, factor, reduced, reduced_divisor, over))
      return quotient + divide(reduced, reduced_divisor, depth + 1);
    // (y // a + c) // d = (y + c*a) // (a*d)
    const Binary* inner = lone_quotient(rest);
    if (inner && variable_of_unit(rest.terms[0].factors[0])) {
      const Sum a(inner->b), wider = a * divisor, above = a * rest;
      if (wider.valid && above.valid) {
        quotient.add_expr(
            Binary::make(BinaryOp::kFloorDiv, above.to_expr(*context_), wider.to_expr(*context_)), 1);
        return quotient;
      }
    } else if (inner) {
      const Sum a(inner->b);
      const Sum wider = a * divisor, above = Sum(inner->a) + a * Sum(rest.constant);
      if (wider.valid && above.valid && prover().positive(a))
        return quotient + divide(above, wider, depth + 1);
    }
  }
  // (n - 1) // d + 1 reads better as (n + d - 1) // d.
  if (!divisor.is_constant() && rest.constant < 0) {
    const Sum raised = rest + divisor;
    if (raised.valid) {
      rest = raised;
      quotient.add_constant(-1);
    }
  }
  quotient.add_expr(Binary::make(BinaryOp::kFloorDiv, rest.to_expr(*context_), divisor.to_expr(*context_)),
                    1);
  return quotient;
}

/// k * (y % e) is k * y modulo d when d divides k * e.
void Simplifier::unwrap_remainders(Sum& rest, const Sum& divisor) {
  for (std::size_t i = 0; i < rest.terms.size(); ++i) {
    const Product& term = rest.terms[i];
    const int at = find_factor(term, BinaryOp::kFloorMod);
    if (at < 0) continue;
    const Binary inner = *as_binary(term.factors[at], BinaryOp::kFloorMod);
    Product others = term;
    others.remove_factor(term.factors[at]);
    Sum ratio;
    const Sum period(inner.b), scale = sum_of(others), wide = scale * period;
    if (!wide.valid || !divisor.divides_into(wide, ratio) || !prover().not_zero(period)) continue;
    Sum next = rest - sum_of(term) + scale * Sum(inner.a);
    if (!next.valid) continue;
    rest = std::move(next);
    i = static_cast<std::size_t>(-1);
  }
}

Sum Simplifier::modulo(const Sum& dividend, const Sum& divisor, int depth) {
  Sum quotient, rest, unwrapped = dividend;
  unwrap_remainders(unwrapped, divisor);
  extract(unwrapped, divisor, quotient, rest);
  if (!rest.valid || rest.is_zero() || within(rest, divisor)) return rest;
  if (divisor.is_constant()) {
    const Interval range = bounds(rest, *context_);
    if (range.min != kNoMin && range.max != kNoMax) {
      const auto floor = [&](int64_t x) { return x / divisor.constant - (x % divisor.constant < 0); };
      if (floor(range.min) == floor(range.max)) {
        rest.add_scaled(divisor, -floor(range.min));
        return rest;
      }
    }
  } else if (within(rest + divisor, divisor)) {
    return rest + divisor;
  }
  Sum factor, reduced, reduced_divisor, over;
  if (depth < kMaxDepth && !is_variable_in_units(rest) &&
      common_factor(rest, divisor, factor, reduced, reduced_divisor, over))
    return factor * modulo(reduced, reduced_divisor, depth + 1) + over;
  return Sum(Binary::make(BinaryOp::kFloorMod, rest.to_expr(*context_), divisor.to_expr(*context_)));
}

/// One step that joins quotients with what they were cut from. Whether there was one.
bool Simplifier::recombine(Sum& sum) {
  for (const Product& quotient : sum.terms) {
    if (find_factor(quotient, BinaryOp::kFloorDiv) < 0) continue;
    for (const Product& remainder : sum.terms)
      if (&remainder != &quotient && find_factor(remainder, BinaryOp::kFloorMod) >= 0 &&
          recombine_pair(sum, remainder, quotient))
        return true;
    if (recombine_rest(sum, quotient)) return true;
  }
  return false;
}

/// k * d * (x // d) + k * (x % d) = k * x
/// k * d * (x // (a*d)) + k * (x // a % d) = k * (x // a)
bool Simplifier::recombine_pair(Sum& sum, const Product& remainder, const Product& quotient) {
  const Expr mod_atom = remainder.factors[find_factor(remainder, BinaryOp::kFloorMod)];
  const auto& mod = *as_binary(mod_atom, BinaryOp::kFloorMod);
  const Sum period(mod.b);
  Product scale = remainder;
  scale.remove_factor(mod_atom);
  const Sum k = sum_of(scale);
  for (int i = 0; i < quotient.degree; ++i) {
    const auto* div = as_binary(quotient.factors[i], BinaryOp::kFloorDiv);
    if (!div) continue;
    Product others = quotient;
    others.remove_factor(quotient.factors[i]);
    if (!(k * period == sum_of(others)) || !prover().positive(period)) continue;
    Sum whole;
    const auto* inner = as_binary(mod.a, BinaryOp::kFloorDiv);
    if (same_expr(div->b, mod.b)) {
      whole = Sum(div->a);
      if (!same_expr(div->a, mod.a) && !(modulo(whole, period, 0) == Sum(mod_atom))) continue;
    } else if (inner && same_expr(inner->a, div->a) && Sum(inner->b) * period == Sum(div->b) &&
               prover().positive(Sum(inner->b))) {
      whole = Sum(mod.a);
    } else {
      continue;
    }
    Sum joined = sum - sum_of(remainder) - sum_of(quotient) + k * whole;
    if (!joined.valid) continue;
    sum = std::move(joined);
    return true;
  }
  return false;
}

/// k * x - k * d * (x // d) = k * (x % d), where all of k * x is there.
bool Simplifier::recombine_rest(Sum& sum, const Product& quotient) {
  for (int i = 0; i < quotient.degree; ++i) {
    const auto* div = as_binary(quotient.factors[i], BinaryOp::kFloorDiv);
    if (!div) continue;
    Product others = quotient;
    others.remove_factor(quotient.factors[i]);
    const Sum divisor(div->b), x(div->a);
    Sum k;
    if (!divisor.divides_into(sum_of(others), k)) continue;
    const Sum scaled = k * x;
    Sum rest = sum - sum_of(quotient) + scaled;  // k is negative where x stands with the other sign
    const std::size_t gone = scaled.terms.size() + 1;
    if (!rest.valid || scaled.terms.empty() || rest.terms.size() + gone != sum.terms.size()) continue;
    if (scaled.constant != 0 && rest.constant != 0) continue;
    if (!prover().positive(divisor)) continue;
    Sum joined = rest - k * modulo(x, divisor, 0);
    if (!joined.valid) continue;
    sum = std::move(joined);
    return true;
  }
  return false;
}

}  // namespace tw
