// Constant intervals of integer expressions.
//
// Arithmetic on the ends is done in 128 bits; an end beyond int64 is open. A type that wraps gets its whole
// range when an operator may leave it.
#include <algorithm>
#include <bit>

#include "ir/scalar.h"
#include "ir/simplify/linear.h"
#include "ir/simplify/prove.h"
#include "ir/simplify/unit.h"

namespace tw {
namespace {

using Wide = __int128;

constexpr int kMaxDepth = 24;
constexpr Wide kInfinity = Wide{1} << 66;

/// An interval whose ends are exact within 64 bits and ±kInfinity beyond.
struct Ends {
  Wide low = -kInfinity, high = kInfinity;
};

Wide clamp(Wide x) {
  if (x > INT64_MAX) return kInfinity;
  return x < INT64_MIN ? -kInfinity : x;
}

bool is_open(Wide x) {
  return x >= kInfinity || x <= -kInfinity;
}

Wide times(Wide a, Wide b) {
  if (a == 0 || b == 0) return 0;
  Wide result = 0;
  if (is_open(a) || is_open(b) || __builtin_mul_overflow(a, b, &result))
    return (a < 0) == (b < 0) ? kInfinity : -kInfinity;
  return clamp(result);
}

/// Floor division of ends; an open divisor stands for its limit.
Wide divide(Wide a, Wide b) {
  if (is_open(b)) return (a < 0) == (b < 0) || a == 0 ? 0 : -1;
  if (is_open(a)) return (a < 0) == (b < 0) ? kInfinity : -kInfinity;
  const auto x = static_cast<int64_t>(a), y = static_cast<int64_t>(b);
  if (x == a && y == b && x != INT64_MIN) {  // 128 bits take a function call
    const int64_t quotient = x / y;
    return quotient - (x % y != 0 && (x < 0) != (y < 0));
  }
  const Wide quotient = a / b;
  return quotient - (a % b != 0 && (a < 0) != (b < 0));
}

Ends open(const Interval& x) {
  return {x.min == kNoMin ? -kInfinity : x.min, x.max == kNoMax ? kInfinity : x.max};
}

Interval close(const Ends& x) {
  return {x.low < INT64_MIN   ? kNoMin
          : x.low > INT64_MAX ? kNoMax
                              : static_cast<int64_t>(x.low),
          x.high > INT64_MAX   ? kNoMax
          : x.high < INT64_MIN ? kNoMin
                               : static_cast<int64_t>(x.high)};
}

Ends intersect(const Ends& a, const Ends& b) {
  return {std::max(a.low, b.low), std::min(a.high, b.high)};
}
Ends join(const Ends& a, const Ends& b) {
  return {std::min(a.low, b.low), std::max(a.high, b.high)};
}
Ends point(Wide x) {
  return {x, x};
}

/// Every value of the type. The open ends of 64-bit types are where their values end.
Ends whole(DType type) {
  if (type.bits == 64 && !type.is_bool()) return {type.is_uint() ? Wide{0} : -kInfinity, kInfinity};
  if (type.is_float()) return {};
  return {int_min_of(type), int_max_of(type)};
}

/// Exact values of an operator's result before it wraps: the whole range when it may.
Ends wrapped(DType type, Ends x) {
  x = {clamp(x.low), clamp(x.high)};
  if (type.is_index()) return x;
  const Ends range = whole(type);
  if (type.bits == 64) return is_open(x.low) || is_open(x.high) || x.low < range.low ? range : x;
  return x.low < range.low || x.high > range.high ? range : x;
}

/// An open end of int64 is the end of its values; arithmetic needs the number.
Ends exact(DType type, Ends x) {
  if (type.bits != 64 || type.is_index() || type.is_bool()) return x;
  if (is_open(x.high)) x.high = type.is_uint() ? Wide{UINT64_MAX} : Wide{INT64_MAX};
  if (is_open(x.low)) x.low = INT64_MIN;
  return x;
}

Ends add(const Ends& a, const Ends& b) {
  return {a.low + b.low, a.high + b.high};
}
Ends subtract(const Ends& a, const Ends& b) {
  return {a.low - b.high, a.high - b.low};
}

Ends multiply(const Ends& a, const Ends& b) {
  const Wide corners[] = {times(a.low, b.low), times(a.low, b.high), times(a.high, b.low),
                          times(a.high, b.high)};
  return {*std::min_element(corners, corners + 4), *std::max_element(corners, corners + 4)};
}

Ends quotient_of(const Ends& a, const Ends& b) {
  Ends result{kInfinity * 2, -kInfinity * 2};
  const auto with = [&](Wide low, Wide high) {
    if (low > high) return;
    for (Wide x : {a.low, a.high})
      for (Wide y : {low, high}) result = join(result, point(divide(x, y)));
  };
  with(b.low, std::min<Wide>(b.high, -1));
  with(std::max<Wide>(b.low, 1), b.high);
  if (b.low <= 0 && b.high >= 0) result = join(result, point(0));
  return result;
}

Ends remainder_of(const Ends& a, const Ends& b) {
  if (a.low >= 0 && b.low > a.high) return a;
  if (b.low == b.high && b.low > 0 && !is_open(a.low) && !is_open(a.high) &&
      divide(a.low, b.low) == divide(a.high, b.low)) {
    const Wide base = divide(a.low, b.low) * b.low;
    return {a.low - base, a.high - base};
  }
  Ends result{b.low < 0 ? b.low + 1 : 0, b.high > 0 ? b.high - 1 : 0};
  if (is_open(b.low)) result.low = b.low;
  if (is_open(b.high)) result.high = b.high;
  if (a.low >= 0 && b.low >= 0) result.high = std::min(result.high, a.high);
  return result;
}

/// The smallest 2^n - 1 that is at least x.
Wide mask_above(Wide x) {
  if (is_open(x)) return x;
  Wide mask = 0;
  while (mask < x) mask = mask * 2 + 1;
  return mask;
}

Ends bitwise(BinaryOp op, DType type, const Ends& a, const Ends& b) {
  const bool positive_a = a.low >= 0, positive_b = b.low >= 0;
  if (op == BinaryOp::kBitAnd) {
    if (positive_a && positive_b) return {0, std::min(a.high, b.high)};
    if (positive_a) return {0, a.high};
    if (positive_b) return {0, b.high};
    return whole(type);
  }
  if (!positive_a || !positive_b) return whole(type);
  const Wide top = mask_above(std::max(a.high, b.high));
  return {op == BinaryOp::kBitOr ? std::max(a.low, b.low) : Wide{0}, top};
}

Ends shifted(BinaryOp op, DType type, const Ends& a, const Ends& b) {
  const bool constant = b.low == b.high && b.low >= 0 && b.low < type.bits;
  if (op == BinaryOp::kShiftLeft) {
    if (!constant || b.low > 62) return whole(type);
    const Ends result = multiply(a, point(Wide{1} << static_cast<int>(b.low)));
    const bool leaves = is_open(clamp(result.low)) || is_open(clamp(result.high));
    return leaves ? whole(type) : wrapped(type, result);
  }
  if (constant) {
    const int by = static_cast<int>(b.low);
    return {is_open(a.low) ? a.low : a.low >> by, is_open(a.high) ? a.high : a.high >> by};
  }
  return {std::min<Wide>(a.low, a.low < 0 ? -1 : 0), std::max<Wide>(a.high, a.high < 0 ? -1 : 0)};
}

Ends truth(bool always, bool never) {
  return {always, !never};
}

Ends compared(BinaryOp op, const Ends& a, const Ends& b) {
  switch (op) {
    case BinaryOp::kLt: return truth(a.high < b.low, a.low >= b.high);
    case BinaryOp::kLe: return truth(a.high <= b.low, a.low > b.high);
    case BinaryOp::kEq:
      return truth(a.low == a.high && b.low == b.high && a.low == b.low && !is_open(a.low),
                   a.high < b.low || b.high < a.low);
    default:
      return truth(a.high < b.low || b.high < a.low,
                   a.low == a.high && b.low == b.high && a.low == b.low && !is_open(a.low));
  }
}

class Bounds {
 public:
  explicit Bounds(const Context& context) : context_(context) {}
  Ends of(const Expr& e, int depth);
  Ends of(const Sum& sum, int depth);

 private:
  Ends of_variable(const Variable& var, int depth);
  Ends of_binary(const Binary& e, int depth);
  Ends of_call(const Call& e, int depth);
  Ends of_cast(const Cast& e, int depth);
  Ends of_product(const Product& term, int depth);
  Ends by_facts(const Expr& e, Ends found);
  Ends of_range(const Context::BoundVar& range, int depth);
  const Context& context_;
  std::vector<std::pair<const Context::BoundVar*, Ends>> ranges_;  // those met so far
};

Ends Bounds::of(const Expr& e, int depth) {
  const DType type = e.dtype().element();
  if (type.is_float()) return {};
  if (const auto* imm = as<IntImm>(e)) {
    if (type == kUInt64 && imm->value < 0) return {INT64_MAX, kInfinity};
    return point(imm->value);
  }
  if (depth > kMaxDepth) return whole(type);
  Ends result = whole(type);
  switch (e->kind) {
    case Kind::kVariable: result = of_variable(static_cast<const Variable&>(*e), depth); break;
    case Kind::kUnary: {
      const auto& unary = static_cast<const Unary&>(*e);
      const Ends a = exact(type, of(unary.a, depth + 1));
      if (unary.op == UnaryOp::kNeg) result = wrapped(type, {-a.high, -a.low});
      if (unary.op == UnaryOp::kNot) result = {1 - a.high, 1 - a.low};
      if (unary.op == UnaryOp::kBitNot && !type.is_uint()) result = {clamp(-a.high - 1), clamp(-a.low - 1)};
      if (unary.op == UnaryOp::kBitNot && type.is_uint() && type.bits < 64)
        result = {int_max_of(type) - a.high, int_max_of(type) - a.low};
      break;
    }
    case Kind::kBinary: result = of_binary(static_cast<const Binary&>(*e), depth); break;
    case Kind::kSelect: {
      const auto& x = static_cast<const Select&>(*e);
      const Ends cond = of(x.cond, depth + 1);
      result = cond.low == 1    ? of(x.on_true, depth + 1)
               : cond.high == 0 ? of(x.on_false, depth + 1)
                                : join(of(x.on_true, depth + 1), of(x.on_false, depth + 1));
      break;
    }
    case Kind::kCast: result = of_cast(static_cast<const Cast&>(*e), depth); break;
    case Kind::kCall: result = of_call(static_cast<const Call&>(*e), depth); break;
    case Kind::kRamp: {
      const auto& x = static_cast<const Ramp&>(*e);
      const Ends steps = multiply(exact(type, of(x.stride, depth + 1)), {0, x.dtype.lanes - 1});
      result = wrapped(type, add(exact(type, of(x.base, depth + 1)), steps));
      break;
    }
    case Kind::kBroadcast: result = of(static_cast<const Broadcast&>(*e).value, depth + 1); break;
    default: break;
  }
  return context_.facts().empty() && context_.known_sums().empty() ? result : by_facts(e, result);
}

/// The values of a loop variable. Ranges that use the variables of others are many times as many as loops.
Ends Bounds::of_range(const Context::BoundVar& range, int depth) {
  for (const auto& [known, ends] : ranges_)
    if (known == &range) return ends;
  const Ends begin = of(range.begin, depth), extent = of(range.extent, depth);
  const Ends ends{clamp(begin.low), clamp(begin.high + extent.high - 1)};
  ranges_.emplace_back(&range, ends);
  return ends;
}

Ends Bounds::of_variable(const Variable& var, int depth) {
  Ends result = intersect(whole(var.dtype.element()), open({var.min, var.max}));
  if (var.dtype == kIndex) {
    if (const auto* range = context_.range_of(&var)) result = intersect(result, of_range(*range, depth + 1));
  }
  if (var.multiple_of > 1) {
    if (!is_open(result.low)) result.low = -divide(-result.low, var.multiple_of) * var.multiple_of;
    if (!is_open(result.high)) result.high = divide(result.high, var.multiple_of) * var.multiple_of;
  }
  return result;
}

Ends Bounds::of_binary(const Binary& e, int depth) {
  const DType type = e.a.dtype().element();
  if (type.is_float()) return whole(kBool);
  const Ends a = of(e.a, depth + 1), b = of(e.b, depth + 1);
  if (is_comparison(e.op)) return compared(e.op, a, b);
  const Ends x = exact(type, a), y = exact(type, b);
  switch (e.op) {
    case BinaryOp::kAdd: return wrapped(type, add(x, y));
    case BinaryOp::kSub: return wrapped(type, subtract(x, y));
    case BinaryOp::kMul:
      if (same_expr(e.a, e.b) && x.low <= 0 && x.high >= 0)
        return wrapped(type, {0, std::max(times(x.low, x.low), times(x.high, x.high))});
      return wrapped(type, multiply(x, y));
    case BinaryOp::kFloorDiv: return wrapped(type, quotient_of(x, y));
    case BinaryOp::kFloorMod: return wrapped(type, remainder_of(x, y));
    case BinaryOp::kMin: return {std::min(a.low, b.low), std::min(a.high, b.high)};
    case BinaryOp::kMax: return {std::max(a.low, b.low), std::max(a.high, b.high)};
    case BinaryOp::kAnd: return {a.low & b.low, a.high & b.high};
    case BinaryOp::kOr: return {a.low | b.low, a.high | b.high};
    case BinaryOp::kBitAnd:
    case BinaryOp::kBitOr:
    case BinaryOp::kBitXor: return wrapped(type, bitwise(e.op, type, x, y));
    case BinaryOp::kShiftLeft:
    case BinaryOp::kShiftRight: return wrapped(type, shifted(e.op, type, x, y));
    default: return whole(type);
  }
}

Ends Bounds::of_call(const Call& e, int depth) {
  const DType type = e.dtype.element();
  switch (e.op) {
    case Intrinsic::kFloor:
    case Intrinsic::kCeil:
    case Intrinsic::kRound: return of(e.args[0], depth + 1);
    case Intrinsic::kAbs: {
      const Ends a = exact(type, of(e.args[0], depth + 1));
      const Wide low = a.low > 0 ? a.low : a.high < 0 ? -a.high : 0;
      return wrapped(type, {low, std::max(-a.low, a.high)});
    }
    default: return whole(type);
  }
}

Ends Bounds::of_cast(const Cast& e, int depth) {
  const DType from = e.value.dtype().element(), to = e.dtype.element();
  if (from.is_float()) return whole(to);
  const Ends a = of(e.value, depth + 1);
  if (to.is_bool()) return truth(a.low > 0 || a.high < 0, a.low == 0 && a.high == 0);
  const Ends x = from.is_index() ? exact(kInt64, a) : exact(from, a);
  const Ends range = exact(to.is_index() ? kInt64 : to, whole(to));
  if (x.low < range.low || x.high > range.high) return whole(to);
  return {a.low, a.high};
}

Ends Bounds::of_product(const Product& term, int depth) {
  Ends result = point(term.coefficient);
  for (int i = 0; i < term.degree; ++i) {
    const Ends factor = of(term.factors[i], depth);
    if (i + 1 < term.degree && same_expr(term.factors[i], term.factors[i + 1])) {
      const Wide low = times(factor.low, factor.low), high = times(factor.high, factor.high);
      const bool crosses = factor.low <= 0 && factor.high >= 0;
      result = multiply(result, {crosses ? Wide{0} : std::min(low, high), std::max(low, high)});
      ++i;
    } else {
      result = multiply(result, factor);
    }
  }
  return result;
}

Ends Bounds::of(const Sum& sum, int depth) {
  if (!sum.valid) return {};
  Ends result = point(sum.constant);
  for (const Product& term : sum.terms) {
    result = add(result, of_product(term, depth));
    result = {clamp(result.low), clamp(result.high)};
  }
  return result;
}

/// What facts that compare the expression alone with a constant add.
Ends Bounds::by_facts(const Expr& e, Ends found) {
  const DType type = e.dtype();
  if (type == kIndex) {
    const auto* var = as<Variable>(e);
    const auto* units = var && has_unit(*var) ? var : nullptr;
    for (const auto& known : context_.known_sums()) {
      if (known.relation == Context::KnownSum::Relation::kNotZero || known.sum.terms.size() != 1) continue;
      const Product& term = known.sum.terms[0];
      if (term.degree != 1) continue;
      if (units ? variable_of_unit(term.factors[0]) != units : !same_expr(term.factors[0], e)) continue;
      // c * e + k >= 0, or of units of e
      const Wide c = term.coefficient, k = Wide{known.sum.constant} * (units ? units->multiple_of : 1);
      const bool zero = known.relation == Context::KnownSum::Relation::kZero;
      if (c > 0 || zero) found.low = std::max(found.low, c > 0 ? -divide(k, c) : -divide(-k, -c));
      if (c < 0 || zero) found.high = std::min(found.high, c < 0 ? divide(k, -c) : divide(-k, c));
    }
    return found;
  }
  if (type.is_bool()) {
    for (const Expr& fact : context_.facts()) {
      if (same_expr(fact, e)) return point(1);
      const auto* negated = as<Unary>(fact);
      if (negated && negated->op == UnaryOp::kNot && same_expr(negated->a, e)) return point(0);
    }
    return found;
  }
  for (const Expr& fact : context_.facts()) {
    const auto* cmp = as<Binary>(fact);
    if (!cmp || !is_comparison(cmp->op) || cmp->a.dtype() != type || type == kUInt64) continue;
    const auto *left = as<IntImm>(cmp->a), *right = as<IntImm>(cmp->b);
    const bool strict = cmp->op == BinaryOp::kLt;
    if (cmp->op == BinaryOp::kNe) continue;
    if (right && same_expr(cmp->a, e)) {
      found.high = std::min(found.high, Wide{right->value} - strict);
      if (cmp->op == BinaryOp::kEq) found.low = std::max(found.low, Wide{right->value});
    } else if (left && same_expr(cmp->b, e)) {
      found.low = std::max(found.low, Wide{left->value} + strict);
      if (cmp->op == BinaryOp::kEq) found.high = std::min(found.high, Wide{left->value});
    }
  }
  return found;
}

}  // namespace

Interval bounds(const Expr& e, const Context& context) {
  Bounds bounds(context);
  Ends result = bounds.of(e, 0);
  const auto* binary = as<Binary>(e);
  if (binary && binary->op <= BinaryOp::kMul && e.dtype() == kIndex)
    result = intersect(result, bounds.of(Sum(e), 0));
  return close(result);
}

Interval bounds(const Sum& sum, const Context& context) {
  return close(Bounds(context).of(sum, 0));
}

}  // namespace tw
