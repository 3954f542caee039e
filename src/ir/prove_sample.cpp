// Refutes claims by points: a claim that is false at one point where everything known holds has no proof, so
// the search for one need not start. A point costs a fraction of a search; most claims that cannot be proved
// fail at one.
#include <algorithm>

#include "ir/prove.h"
#include "ir/scalar.h"

namespace tw {
namespace {

// Values of sizes that neither divide nor order each other in a special way.
constexpr int64_t kMiddle[] = {7, 5, 11, 3, 13, 2, 17};

/// The ends that a point takes: of loop variables, of everything else.
enum class Place { kLow, kMiddle, kHigh };
struct PointKind {
  Place loops, others;
};
constexpr PointKind kPoints[] = {{Place::kHigh, Place::kMiddle},
                                 {Place::kLow, Place::kMiddle},
                                 {Place::kMiddle, Place::kHigh},
                                 {Place::kLow, Place::kLow}};

/// A value of [low, high] at the place; open ends count as far.
int64_t place_in(const Interval& range, Place place, std::size_t turn) {
  const int64_t far = 40, low = range.min == kNoMin ? std::min(-far, range.max) : range.min;
  const int64_t high = range.max == kNoMax ? std::max(low, far) + 2 : range.max;
  if (place == Place::kLow) return low;
  if (place == Place::kHigh) return high;
  return std::clamp(kMiddle[turn % std::size(kMiddle)], low, high);
}

}  // namespace

std::optional<int64_t> Prover::value_at(Point& point, const Expr& e) const {
  switch (e->kind) {
    case Kind::kIntImm: return as<IntImm>(e)->value;
    case Kind::kUnary: {
      const auto a = value_at(point, as<Unary>(e)->a);
      if (!a) return a;
      if (as<Unary>(e)->op == UnaryOp::kNot) return *a == 0;
      return as<Unary>(e)->op == UnaryOp::kNeg ? index_binary(BinaryOp::kSub, 0, *a) : std::nullopt;
    }
    case Kind::kBinary: {
      const auto& x = *as<Binary>(e);
      if (x.a.dtype() != kIndex && x.a.dtype() != kBool) break;
      const auto a = value_at(point, x.a), b = a ? value_at(point, x.b) : std::nullopt;
      return b ? index_binary(x.op, *a, *b) : std::nullopt;
    }
    case Kind::kSelect: {
      const auto& x = *as<Select>(e);
      const auto cond = value_at(point, x.cond);
      if (!cond) return cond;
      return value_at(point, *cond ? x.on_true : x.on_false);
    }
    default: break;
  }
  for (const auto& [atom, value] : point.values)
    if (atom == e.get()) return value;
  const auto* var = as<Variable>(e);
  const Context::BoundVar* range = var ? context_.range_of(var) : nullptr;
  const PointKind& kind = kPoints[&point - points_.data()];
  int64_t value = 0;
  if (range) {
    const auto begin = value_at(point, range->begin),
               extent = begin ? value_at(point, range->extent) : std::nullopt;
    if (!extent || *extent <= 0) return std::nullopt;
    value = place_in({*begin, *begin + std::min<int64_t>(*extent, 1 << 20) - 1}, kind.loops, 5);
  } else {
    value = place_in(bounds(e, context_), kind.others, point.values.size());
    if (var && var->multiple_of > 1) {
      value = scalar::floor_div(value, var->multiple_of) * var->multiple_of;
      if (value < var->min) value += var->multiple_of;
      if (value > var->max) return std::nullopt;
    }
  }
  point.values.emplace_back(e.get(), value);
  return value;
}

std::optional<int64_t> Prover::value_at(Point& point, const Sum& sum) const {
  int64_t total = sum.constant;
  for (const Product& term : sum.terms) {
    int64_t product = term.coefficient;
    for (int i = 0; i < term.degree; ++i) {
      const auto factor = value_at(point, term.factors[i]);
      if (!factor || __builtin_mul_overflow(product, *factor, &product)) return std::nullopt;
    }
    if (__builtin_add_overflow(total, product, &total)) return std::nullopt;
  }
  return total;
}

bool Prover::obeys_context(Point& point) const {
  using enum Context::KnownSum::Relation;
  for (const auto& known : context_.known_sums()) {
    const auto value = value_at(point, known.sum);
    if (!value) return false;
    if (known.relation == kNotNegative ? *value < 0 : (*value == 0) != (known.relation == kZero))
      return false;
  }
  return true;
}

bool Prover::refuted(const Sum& sum) {
  for (Point& point : points_) {
    if (point.state == Point::State::kNew)
      point.state = obeys_context(point) ? Point::State::kGood : Point::State::kBad;
    if (point.state == Point::State::kBad) continue;
    const auto value = value_at(point, sum);
    if (value && *value < 0) return true;
  }
  return false;
}

}  // namespace tw
