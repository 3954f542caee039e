#include "ir/simplify/prove.h"

#include "ir/simplify.h"
#include "ir/simplify/unit.h"

namespace tw {
namespace {

constexpr int kBudget = 64;
constexpr int kMaxDepth = 10;
constexpr std::size_t kMaxTerms = 12;

}  // namespace

Knowledge& Prover::knowledge() {
  if (!knowledge_) knowledge_ = passing_ ? std::make_shared<Knowledge>(context_) : Knowledge::of(context_);
  return *knowledge_;
}

bool Prover::not_negative(const Sum& sum) {
  if (!sum.valid) return false;
  const Interval range = bounds(sum, context_);
  if (range.min >= 0) return true;
  if (range.max < 0 || sum.is_constant()) return false;
  if (const bool* proved = knowledge().find(sum)) return *proved;
  budget_ = kBudget;
  const bool proved = search(sum, 0);
  knowledge().remember(sum, proved);
  return proved;
}

bool Prover::not_zero(const Sum& sum) {
  if (!sum.valid) return false;
  const int64_t content = sum.content();
  if (content == 0 ? sum.constant != 0 : sum.constant % content != 0) return true;
  for (const auto& known : context_.known_sums())
    if (known.relation == Context::KnownSum::Relation::kNotZero &&
        (known.sum == sum || (known.sum + sum).is_zero()))
      return true;
  return positive(sum) || negative(sum);
}

bool Prover::search(const Sum& given, int depth) {
  if (!given.valid) return false;
  const Interval range = bounds(given, context_);
  if (range.min >= 0) return true;
  if (range.max < 0 || given.is_constant() || --budget_ < 0 || depth > kMaxDepth ||
      given.terms.size() > kMaxTerms)
    return false;
  if (knowledge().points().refutes(given)) return false;
  const int64_t content = given.content();
  if (content > 1) {
    Sum sum = given;
    const int64_t over = ((sum.constant % content) + content) % content;  // less than a step: cannot matter
    if (__builtin_sub_overflow(sum.constant, over, &sum.constant)) return false;
    sum.divide_exactly(content);
    return by_any(sum, depth);
  }
  return by_any(given, depth);
}

/// Facts that leave a shorter sum come first; those that only trade one term for another last.
bool Prover::by_any(const Sum& sum, int depth) {
  return by_facts(sum, true, depth) || by_loop_variables(sum, depth) || by_composites(sum, depth) ||
         by_constants(sum, depth) || by_facts(sum, false, depth);
}

bool Prover::by_facts(const Sum& sum, bool shorter, int depth) {
  using enum Context::KnownSum::Relation;
  for (const auto& known : context_.known_sums()) {
    if (known.relation == kNotZero) continue;
    if (by_fact(sum, known.sum, shorter, depth)) return true;
    if (known.relation == kZero && by_fact(sum, Sum() - known.sum, shorter, depth)) return true;
  }
  return false;
}

/// Subtracts a positive multiple of the fact that makes a term go away; what is left must not be negative.
bool Prover::by_fact(const Sum& sum, const Sum& fact, bool shorter, int depth) {
  for (const Product& f : fact.terms)
    for (const Product& s : sum.terms) {
      if ((f.coefficient > 0) != (s.coefficient > 0) || f.coefficient == INT64_MIN ||
          s.coefficient == INT64_MIN)
        continue;
      Product divisor = f, leftover;
      divisor.coefficient = 1;
      if (!divisor.divides_into(s, leftover)) continue;
      const int64_t common = gcd(s.coefficient, f.coefficient);
      const int64_t scale = std::abs(f.coefficient / common);
      leftover.coefficient = std::abs(s.coefficient / common);
      Sum multiplier;
      multiplier.add(leftover);
      if (leftover.degree > 0 && bounds(multiplier, context_).min < 0) continue;
      Sum rest = sum;
      rest.scale(scale);
      rest = std::move(rest) - multiplier * fact;
      rest.add_constant(scale - 1);
      const bool fits =
          shorter ? rest.terms.size() < sum.terms.size() : rest.terms.size() == sum.terms.size();
      if (rest.valid && fits && search(rest, depth + 1)) return true;
    }
  return false;
}

int Prover::sign_of(const Sum& sum, int depth) {
  const Interval range = bounds(sum, context_);
  if (range.min >= 0) return 1;
  if (range.max <= 0) return -1;
  if (sum.is_constant()) return 0;
  if (search(sum, depth + 1)) return 1;
  return search(Sum() - sum, depth + 1) ? -1 : 0;
}

/// The sum is linear in the atom, so it is smallest at one of the ends. Null: that end is not known.
bool Prover::by_ends(const Sum& sum, const Expr& atom, const Sum* low, const Sum* high, int depth) {
  Sum quotient, rest;
  sum.split(atom, quotient, rest);
  if (quotient.has_factor(atom)) return false;
  const int sign = sign_of(quotient, depth);
  if (sign >= 0 && !(low && search(quotient * *low + rest, depth + 1))) return false;
  if (sign <= 0 && !(high && search(quotient * *high + rest, depth + 1))) return false;
  return true;
}

bool Prover::by_loop_variables(const Sum& sum, int depth) {
  const Context::BoundVar* innermost = nullptr;
  const Expr* found = nullptr;
  for (const Product& term : sum.terms)
    for (int i = 0; i < term.degree; ++i) {
      const auto* var = as<Variable>(term.factors[i]);
      const Context::BoundVar* range = var ? context_.range_of(var) : nullptr;
      if (!range || range <= innermost) continue;
      bool inside_another = false;
      for (const Product& other : sum.terms)
        for (int j = 0; j < other.degree; ++j)
          inside_another |= !as<Variable>(other.factors[j]) && depends_on(other.factors[j].get(), var);
      if (inside_another) continue;
      innermost = range;
      found = &term.factors[i];
    }
  if (!innermost) return false;
  const Sum low(innermost->begin);
  Sum high = low;
  high.add_expr(innermost->extent, 1);
  high.add_constant(-1);
  const Expr atom = *found;
  return by_ends(sum, atom, &low, &high, depth);
}

bool Prover::by_composites(const Sum& sum, int depth) {
  for (const Product& term : sum.terms)
    for (int i = 0; i < term.degree; ++i) {
      if (as<Variable>(term.factors[i]) || variable_of_unit(term.factors[i])) continue;
      if (by_composite(sum, term.factors[i], depth)) return true;
    }
  return false;
}

bool Prover::by_composite(const Sum& sum, const Expr& atom, int depth) {
  if (const auto* choice = as<Select>(atom)) {
    const auto with = [&](const Expr& condition, const Expr& value) {
      Context inside = context_;
      inside.assume(condition);
      Prover prover(inside);
      prover.budget_ = budget_ / 2;
      prover.passing_ = true;
      return prover.search(sum.replaced(atom, Sum(value)), depth + 1);
    };
    return with(choice->cond, choice->on_true) && with(logical_not(choice->cond), choice->on_false);
  }
  const auto* binary = as<Binary>(atom);
  if (!binary) return false;
  if (binary->op == BinaryOp::kMin || binary->op == BinaryOp::kMax) {
    Sum quotient, rest;
    sum.split(atom, quotient, rest);
    const bool single = !quotient.has_factor(atom);
    const int sign = single ? sign_of(quotient, depth) : 0;
    // min <= a and min <= b: where the sum falls with it, either operand bounds it.
    const bool either = binary->op == BinaryOp::kMin ? sign < 0 : sign > 0;
    const bool first = search(sum.replaced(atom, Sum(binary->a)), depth + 1);
    if (first == either) return first;
    return search(sum.replaced(atom, Sum(binary->b)), depth + 1);
  }
  if (binary->op == BinaryOp::kFloorMod) {
    Sum high(binary->b);
    high.add_constant(-1);
    if (!search(high, depth + 1)) return false;
    const Sum low, whole(binary->a);
    if (by_ends(sum, atom, &low, &high, depth)) return true;
    return search(whole, depth + 1) && by_ends(sum, atom, &low, &whole, depth);
  }
  if (binary->op == BinaryOp::kFloorDiv) return by_quotient(sum, atom, depth);
  return false;
}

/// x - d + 1 <= d * (x // d) <= x for d > 0. The sum is multiplied by d where its coefficient has no factor
/// d; being an integer it is not negative when d times it is above -d.
bool Prover::by_quotient(const Sum& sum, const Expr& atom, int depth) {
  const auto& node = *as<Binary>(atom);
  const Sum x(node.a), d(node.b);
  Sum margin = d;
  margin.add_constant(-1);
  if (!search(margin, depth + 1)) return false;
  Sum quotient, rest, factor;
  sum.split(atom, quotient, rest);
  if (quotient.has_factor(atom)) return false;
  if (!d.divides_into(quotient, factor)) {
    factor = std::move(quotient);
    rest = rest * d + margin;
  }
  const int sign = sign_of(factor, depth);
  if (sign > 0) return search(factor * (x - margin) + rest, depth + 1);
  if (sign < 0) return search(factor * x + rest, depth + 1);
  return false;
}

/// Puts the constant end of an atom's range in its place: matters inside products, whose other factors stay.
bool Prover::by_constants(const Sum& sum, int depth) {
  for (const Product& term : sum.terms) {
    if (term.degree < 2) continue;
    for (int i = 0; i < term.degree; ++i) {
      const Interval range = bounds(term.factors[i], context_);
      if (range.min == kNoMin && range.max == kNoMax) continue;
      const Sum low(range.min), high(range.max);
      if (by_ends(sum, term.factors[i], range.min == kNoMin ? nullptr : &low,
                  range.max == kNoMax ? nullptr : &high, depth))
        return true;
    }
  }
  return false;
}

bool Prover::is_fact(const Expr& condition) const {
  for (const Expr& fact : context_.facts())
    if (same_expr(fact, condition)) return true;
  return false;
}

bool Prover::compares(const Binary& cmp) {
  const DType type = cmp.a.dtype();
  if (type == kIndex) {
    Sum difference(cmp.b);
    difference.add_expr(cmp.a, -1);
    switch (cmp.op) {
      case BinaryOp::kLe: return not_negative(difference);
      case BinaryOp::kLt: return positive(difference);
      case BinaryOp::kEq:
        return difference.valid &&
               (difference.is_zero() || (not_negative(difference) && not_negative(Sum() - difference)));
      default: return not_zero(difference);
    }
  }
  if (type.is_float()) return false;
  const Expr &a = cmp.a, &b = cmp.b;
  const auto known = [&](BinaryOp op, const Expr& x, const Expr& y) {
    for (const Expr& fact : context_.facts()) {
      const auto* f = as<Binary>(fact);
      if (f && f->op == op && same_expr(f->a, x) && same_expr(f->b, y)) return true;
    }
    return false;
  };
  using enum BinaryOp;
  switch (cmp.op) {
    case kLe: return same_expr(a, b) || known(kLt, a, b) || known(kEq, a, b) || known(kEq, b, a);
    case kEq: return same_expr(a, b) || known(kEq, b, a) || (known(kLe, a, b) && known(kLe, b, a));
    case kNe: return known(kLt, a, b) || known(kLt, b, a) || known(kNe, b, a);
    default: return known(kLe, a, b) && (known(kNe, a, b) || known(kNe, b, a));
  }
}

bool Prover::never_compares(const Binary& cmp) {
  if (cmp.a.dtype().is_float()) return false;
  switch (cmp.op) {
    case BinaryOp::kLt: return holds(Binary::make(BinaryOp::kLe, cmp.b, cmp.a));
    case BinaryOp::kLe: return holds(Binary::make(BinaryOp::kLt, cmp.b, cmp.a));
    case BinaryOp::kEq: return holds(Binary::make(BinaryOp::kNe, cmp.a, cmp.b));
    default: return holds(Binary::make(BinaryOp::kEq, cmp.a, cmp.b));
  }
}

bool Prover::holds(const Expr& condition) {
  if (const auto value = as_int(condition)) return *value != 0;
  if (const auto* negated = as<Unary>(condition)) return is_fact(condition) || never_holds(negated->a);
  if (const auto* binary = as<Binary>(condition)) {
    if (binary->op == BinaryOp::kAnd) return holds(binary->a) && holds(binary->b);
    if (binary->op == BinaryOp::kOr) return holds(binary->a) || holds(binary->b) || is_fact(condition);
    if (is_comparison(binary->op) && condition.dtype().is_scalar() && compares(*binary)) return true;
  }
  return bounds(condition, context_).min >= 1;
}

bool Prover::never_holds(const Expr& condition) {
  if (const auto value = as_int(condition)) return *value == 0;
  if (const auto* negated = as<Unary>(condition)) return holds(negated->a);
  if (const auto* binary = as<Binary>(condition)) {
    if (binary->op == BinaryOp::kAnd) return never_holds(binary->a) || never_holds(binary->b);
    if (binary->op == BinaryOp::kOr) return never_holds(binary->a) && never_holds(binary->b);
    if (is_comparison(binary->op) && condition.dtype().is_scalar()) return never_compares(*binary);
  }
  return bounds(condition, context_).max <= 0;
}

bool prove(const Expr& condition, const Context& context) {
  if (Prover(context).holds(condition)) return true;
  return is_int(simplify(condition, context), 1);
}

}  // namespace tw
