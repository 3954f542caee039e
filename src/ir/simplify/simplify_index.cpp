// The canonical form of index expressions: sums, extremes and comparisons.
//
//   j + i*4 - i*2        ->  i*2 + j
//   i*4 + 3 < n*4        ->  i < n
//   min(i, n), i < n     ->  i
#include <algorithm>

#include "ir/scalar.h"
#include "ir/simplify/simplify_expr.h"
#include "ir/simplify/unit.h"

namespace tw {

void Simplifier::collect(Sum& sum, const Expr& e, int64_t scale) {
  if (e.dtype() == kIndex) {
    if (const auto* x = as<Binary>(e); x && x->op <= BinaryOp::kSub) {
      collect(sum, x->a, scale);
      if (x->op == BinaryOp::kSub && scale == INT64_MIN) sum.valid = false;
      return collect(sum, x->b, x->op == BinaryOp::kAdd || !sum.valid ? scale : -scale);
    }
    if (const auto* x = as<Binary>(e); x && x->op == BinaryOp::kMul) {
      Sum a, b;
      collect(a, x->a, 1);
      collect(b, x->b, 1);
      const Sum product = a * b;
      if (product.valid || !a.valid || !b.valid) return sum.add_scaled(product, scale);
      const Expr left = canonical(std::move(a), x->a.get()), right = canonical(std::move(b), x->b.get());
      const bool same = left.same_as(x->a) && right.same_as(x->b);
      Product atom;
      atom.coefficient = scale;
      atom.degree = 1;
      atom.factors[0] = same ? e : Binary::make(BinaryOp::kMul, left, right);
      return sum.add(atom);
    }
    if (const auto* x = as<Unary>(e); x && x->op == UnaryOp::kNeg) {
      if (scale == INT64_MIN) sum.valid = false;
      return collect(sum, x->a, sum.valid ? -scale : 0);
    }
  }
  sum.add_expr(visit(e), scale);
}

Expr Simplifier::index_sum(const Expr& e) {
  Sum sum;
  collect(sum, e, 1);
  if (!sum.valid) return e;  // a constant beyond int64 on the way: an overflow that is not ours to hide
  return canonical(std::move(sum), e.get());
}

/// Adds a multiple of a fact "fact = 0" that makes the sum shorter. Whether there was one.
bool Simplifier::apply_equalities(Sum& sum) {
  for (const auto& known : context_->known_sums()) {
    if (known.relation != Context::KnownSum::Relation::kZero) continue;
    for (const Product& term : known.sum.terms) {
      const int64_t coefficient = sum.coefficient_of(term);
      if (coefficient == 0 || coefficient == INT64_MIN || coefficient % term.coefficient != 0) continue;
      Sum shorter = sum;
      shorter.add_scaled(known.sum, -(coefficient / term.coefficient));
      if (!shorter.valid || shorter.terms.size() >= sum.terms.size()) continue;
      sum = std::move(shorter);
      return true;
    }
  }
  return false;
}

/// min(a, b) + r = min(a + r, b + r) where r cancels: min(i*4 + 4, n) - i*4 becomes min(4, n - i*4). Null:
/// nothing does.
Expr Simplifier::sum_into_extreme(const Sum& sum) {
  for (const Product& term : sum.terms) {
    if (term.degree != 1 || (term.coefficient != 1 && term.coefficient != -1)) continue;
    const auto* extreme = as<Binary>(term.factors[0]);
    if (!extreme || (extreme->op != BinaryOp::kMin && extreme->op != BinaryOp::kMax)) continue;
    Product minus = term;
    minus.coefficient = -term.coefficient;
    Sum rest = sum;
    rest.add(minus);
    const Sum x(extreme->a), y(extreme->b);
    Sum a = rest, b = rest;
    a.add_scaled(x, term.coefficient);
    b.add_scaled(y, term.coefficient);
    const bool shorter =
        a.terms.size() + b.terms.size() < x.terms.size() + y.terms.size() + rest.terms.size();
    if (!a.valid || !b.valid || !shorter) continue;
    const bool lower = (extreme->op == BinaryOp::kMin) == (term.coefficient > 0);
    return binary(lower ? BinaryOp::kMin : BinaryOp::kMax, canonical(std::move(a), nullptr),
                  canonical(std::move(b), nullptr), nullptr);
  }
  return {};
}

Expr Simplifier::canonical(Sum sum, const ExprNode* original) {
  if (!sum.valid) return original ? Expr(original) : Expr();
  while (!context_->facts().empty() && apply_equalities(sum)) {
  }
  for (int step = 0; step < 8 && sum.terms.size() > 1 && recombine(sum); ++step) {
  }
  Expr result = sum.terms.size() > 1 ? sum_into_extreme(sum) : Expr();
  if (!result) result = sum.to_expr(*context_);
  return original && same_expr(result.get(), original) ? Expr(original) : result;
}

Expr Simplifier::index_binary(BinaryOp op, const Expr& a, const Expr& b, const ExprNode* original) {
  using enum BinaryOp;
  switch (op) {
    case kAdd:
    case kSub: {
      Sum sum(a);
      sum.add_expr(b, op == kAdd ? 1 : -1);
      return sum.valid ? canonical(std::move(sum), original) : Expr();
    }
    case kMul: {
      Sum product = Sum(a) * Sum(b);
      return product.valid ? canonical(std::move(product), original) : Expr();
    }
    case kFloorDiv:
    case kFloorMod: {
      Expr result = index_divide(op, a, b);
      return result && original && same_expr(result.get(), original) ? Expr(original) : result;
    }
    case kMin:
    case kMax: return index_extreme(op, a, b);
    case kEq:
    case kNe:
    case kLt:
    case kLe: return index_comparison(op, a, b, original);
    default: return {};
  }
}

Expr Simplifier::index_extreme(BinaryOp op, const Expr& a, const Expr& b) {
  const Sum difference = Sum(b) - Sum(a);
  const bool lower = op == BinaryOp::kMin;
  Prover prover(*context_);
  if (prover.not_negative(difference)) return lower ? a : b;
  if (prover.not_negative(Sum() - difference)) return lower ? b : a;
  return {};
}

namespace {

/// v // 14 <= 2, which says the same, reads better as v <= 28: where every term counts in units, by their
/// common multiple. False: out of range.
bool count_whole_variables(Sum& difference) {
  int64_t scale = 1;
  for (const Product& term : difference.terms) {
    const Variable* var = term.degree == 1 ? variable_of_unit(term.factors[0]) : nullptr;
    if (!var) return true;
    const int64_t missing = var->multiple_of / gcd(var->multiple_of, term.coefficient);
    if (__builtin_mul_overflow(scale, missing / gcd(scale, missing), &scale)) return false;
  }
  difference.scale(scale);
  return difference.valid;
}

}  // namespace

/// i*14 + r < n*14 with 0 <= r < 14 says i < n: terms that change nothing between two multiples of what
/// divides the others go away. Claims are sums that are not negative.
void Simplifier::drop_rest(Sum& claim) {
  std::vector<int64_t> divisors;
  for (const Product& term : claim.terms) {
    if (term.coefficient == INT64_MIN) return;
    const int64_t divisor = std::abs(term.coefficient);
    if (divisor > 1 && std::find(divisors.begin(), divisors.end(), divisor) == divisors.end())
      divisors.push_back(divisor);
  }
  std::sort(divisors.begin(), divisors.end());
  for (const int64_t divisor : divisors) {
    Sum whole, rest(claim.constant);
    for (const Product& term : claim.terms) (term.coefficient % divisor ? rest : whole).terms.push_back(term);
    if (rest.terms.empty()) continue;
    const Interval range = bounds(rest, *context_);
    if (range.min == kNoMin || range.max == kNoMax) continue;
    const int64_t quotient = scalar::floor_div(range.min, divisor);
    if (scalar::floor_div(range.max, divisor) != quotient) continue;
    whole.divide_exactly(divisor);
    whole.add_constant(quotient);
    if (!whole.valid) return;
    claim = std::move(whole);
    return drop_rest(claim);
  }
}

/// Decided where ranges and facts decide it. Otherwise both sides lose what they share, a common divisor goes
/// away, and each term stands on the side where its coefficient is positive.
Expr Simplifier::index_comparison(BinaryOp op, const Expr& a, const Expr& b, const ExprNode* original) {
  using enum BinaryOp;
  Sum difference(b);
  difference.add_expr(a, -1);
  if (!difference.valid) return {};
  const bool equality = op == kEq || op == kNe;
  Prover prover(*context_);
  if (equality) {
    if (prover.not_zero(difference)) return make_bool(op == kNe);
    if (difference.is_zero() || (prover.not_negative(difference) && prover.not_negative(Sum() - difference)))
      return make_bool(op == kEq);
  } else {
    if (op == kLt) difference.add_constant(-1);
    if (!difference.valid) return {};
    // The claim is now: difference >= 0.
    if (prover.not_negative(difference)) return make_bool(true);
    if (prover.negative(difference)) return make_bool(false);
    if (difference.terms.size() > 1) drop_rest(difference);
  }
  const int64_t content = difference.content();
  if (content > 1) {
    const int64_t over = ((difference.constant % content) + content) % content;
    if (__builtin_sub_overflow(difference.constant, over, &difference.constant)) return {};
    difference.divide_exactly(content);
  }
  if (!count_whole_variables(difference)) return {};
  if (difference.constant == INT64_MIN || difference.constant == INT64_MAX) return {};
  // The term that leads the canonical order stands on the left of an equality.
  if (equality && difference.terms[difference.leading_term(*context_)].coefficient > 0)
    difference = Sum() - difference;
  if (!difference.valid) return {};
  Sum left, right;
  for (const Product& term : difference.terms) {
    Product moved = term;
    if (term.coefficient == INT64_MIN) return {};
    if (term.coefficient < 0) moved.coefficient = -term.coefficient;
    (term.coefficient < 0 ? left : right).terms.push_back(std::move(moved));
  }
  const int64_t constant = difference.constant;
  if (equality) {
    // left == right + constant
    (right.terms.empty() || constant > 0 ? right : left).constant =
        right.terms.empty() || constant > 0 ? constant : -constant;
  } else if (left.terms.empty()) {
    left.constant = -constant;  // 1 <= n
    op = kLe;
  } else {
    // left <= right + constant, or strictly below one more.
    op = constant == 0 ? kLe : kLt;
    if (constant >= 0 || right.terms.empty())
      right.constant = op == kLe ? 0 : constant + 1;
    else
      left.constant = -(constant + 1);
  }
  const Expr x = left.to_expr(*context_), y = right.to_expr(*context_);
  Expr result = Binary::make(op, x, y);
  return original && same_expr(result.get(), original) ? Expr(original) : result;
}

/// A comparison of a ramp with a broadcast or a ramp holds in every lane when it holds in the first and the
/// last.
Expr Simplifier::vector_comparison(BinaryOp op, const Expr& a, const Expr& b) {
  if (op != BinaryOp::kLt && op != BinaryOp::kLe) return {};
  const int lanes = a.dtype().lanes;
  const auto lane = [&](const Expr& e, int64_t i) -> Expr {
    if (const auto* same = as<Broadcast>(e)) return same->value;
    const auto* steps = as<Ramp>(e);
    return steps ? steps->base + steps->stride * Expr(i) : Expr();
  };
  if (!lane(a, 0) || !lane(b, 0)) return {};
  const Expr first = Binary::make(op, lane(a, 0), lane(b, 0));
  const Expr last = Binary::make(op, lane(a, lanes - 1), lane(b, lanes - 1));
  if (prover().holds(first) && prover().holds(last)) return make_const(kBool.with_lanes(lanes), int64_t{1});
  if (prover().never_holds(first) && prover().never_holds(last))
    return make_const(kBool.with_lanes(lanes), int64_t{0});
  return {};
}

}  // namespace tw
