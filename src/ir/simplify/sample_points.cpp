#include "ir/simplify/sample_points.h"

#include <algorithm>

#include "ir/scalar.h"
#include "ir/simplify/prove.h"

namespace tw {
namespace {

// Values of sizes that neither divide nor order each other in a special way.
constexpr int64_t kMiddle[] = {7, 5, 11, 3, 13, 2, 17};

// The tries for one point: after the first, which is regular, others in which some sizes are small and some
// large, so that more turns than one fit into most tiles.
constexpr int kAttempts = 4;

/// The ends that a point takes: of loop variables, of everything else.
enum class Place { kLow, kMiddle, kHigh, kFar };
struct PointKind {
  Place loops, others;
};
constexpr PointKind kPoints[SamplePoints::kCount] = {{Place::kHigh, Place::kMiddle},
                                                     {Place::kLow, Place::kMiddle},
                                                     {Place::kMiddle, Place::kHigh},
                                                     {Place::kLow, Place::kLow}};

/// A value of [low, high] at the place; open ends count as far.
int64_t place_in(const Interval& range, Place place, std::size_t turn) {
  const int64_t far = 40, low = range.min == kNoMin ? std::min(-far, range.max) : range.min;
  const int64_t high = range.max == kNoMax ? std::max(low, far) + 2 : range.max;
  if (place == Place::kLow) return low;
  if (place == Place::kHigh) return high;
  const int64_t middle = kMiddle[turn % std::size(kMiddle)];
  return std::clamp(place == Place::kFar ? 97 * middle : middle, low, high);
}

/// A place that depends on the attempt and on which variable it is, as if by chance.
Place mixed_place(std::size_t turn, int attempt) {
  const uint64_t mixed = (turn * 4 + static_cast<uint64_t>(attempt)) * 0x9e3779b97f4a7c15;
  return (mixed >> 61) % 2 ? Place::kFar : Place::kLow;
}

}  // namespace

/// The value that a point gives to what nothing else determines.
std::optional<int64_t> SamplePoints::chosen(Point& point, const Expr& atom) const {
  const auto* var = as<Variable>(atom);
  const Context::BoundVar* range = var ? context_->range_of(var) : nullptr;
  const PointKind& kind = kPoints[point.number];
  if (range) {
    const auto begin = value(point, range->begin),
               extent = begin ? value(point, range->extent) : std::nullopt;
    if (!extent || *extent <= 0) return std::nullopt;
    return place_in({*begin, *begin + std::min<int64_t>(*extent, 1 << 20) - 1}, kind.loops, 5);
  }
  const std::size_t turn = point.values.size();
  int64_t number =
      place_in(bounds(atom, *context_), point.attempt ? mixed_place(turn, point.attempt) : kind.others, turn);
  if (var && var->multiple_of > 1) {
    number = scalar::floor_div(number, var->multiple_of) * var->multiple_of;
    if (number < var->min) number += var->multiple_of;
    if (number > var->max) return std::nullopt;
  }
  return number;
}

std::optional<int64_t> SamplePoints::value(Point& point, const Expr& e) const {
  switch (e->kind) {
    case Kind::kIntImm: return as<IntImm>(e)->value;
    case Kind::kUnary: {
      const auto a = value(point, as<Unary>(e)->a);
      if (!a) return a;
      if (as<Unary>(e)->op == UnaryOp::kNot) return *a == 0;
      return as<Unary>(e)->op == UnaryOp::kNeg ? index_binary(BinaryOp::kSub, 0, *a) : std::nullopt;
    }
    case Kind::kBinary: {
      const auto& x = *as<Binary>(e);
      if (x.a.dtype() != kIndex && x.a.dtype() != kBool) break;
      const auto a = value(point, x.a), b = a ? value(point, x.b) : std::nullopt;
      return b ? index_binary(x.op, *a, *b) : std::nullopt;
    }
    case Kind::kSelect: {
      const auto& x = *as<Select>(e);
      const auto cond = value(point, x.cond);
      if (!cond) return cond;
      return value(point, *cond ? x.on_true : x.on_false);
    }
    default: break;
  }
  for (const auto& [atom, number] : point.values)
    if (same_expr(atom, e)) return number;
  const auto number = chosen(point, e);
  if (number) point.values.emplace_back(e, *number);
  return number;
}

std::optional<int64_t> SamplePoints::value(Point& point, const Sum& sum) const {
  int64_t total = sum.constant;
  for (const Product& term : sum.terms) {
    int64_t product = term.coefficient;
    for (int i = 0; i < term.degree; ++i) {
      const auto factor = value(point, term.factors[i]);
      if (!factor || __builtin_mul_overflow(product, *factor, &product)) return std::nullopt;
    }
    if (__builtin_add_overflow(total, product, &total)) return std::nullopt;
  }
  return total;
}

bool SamplePoints::obeys_context(Point& point) const {
  using enum Context::KnownSum::Relation;
  for (const auto& known : context_->known_sums()) {
    const auto number = value(point, known.sum);
    if (!number) return false;
    if (known.relation == kNotNegative ? *number < 0 : (*number == 0) != (known.relation == kZero))
      return false;
  }
  return true;
}

bool SamplePoints::is_good(int number) {
  Point& point = at(number);
  point.number = number;
  for (int attempt = 0; point.state == Point::State::kNew; ++attempt) {
    point.attempt = attempt;
    point.values.clear();
    if (obeys_context(point))
      point.state = Point::State::kGood;
    else if (attempt + 1 == kAttempts)
      point.state = Point::State::kBad;
  }
  return point.state == Point::State::kGood;
}

bool SamplePoints::refutes(const Sum& sum) {
  for (int point = 0; point < kCount; ++point) {
    if (!is_good(point)) continue;
    const auto number = value(at(point), sum);
    if (number && *number < 0) return true;
  }
  return false;
}

}  // namespace tw
