// Points that refute claims: a claim that is false at one point where everything known holds has no proof, so
// the search for one need not start. A point costs a fraction of a search; most claims that cannot be proved
// fail at one.
#pragma once

#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "ir/context.h"

namespace tw {

/// A few assignments to variables and other atoms that obey the ranges and facts of a context, found as they
/// are asked for. The context must outlive them, and not change.
class SamplePoints {
 public:
  static constexpr int kCount = 4;
  explicit SamplePoints(const Context& context) : context_(&context) {}

  /// Whether the point is one: none is found where what is known is contradictory, or hard to obey.
  bool is_good(int point);
  /// Of an expression of type index or bool at a good point; nothing when it has none there.
  std::optional<int64_t> value(int point, const Expr& e) { return value(at(point), e); }
  /// Whether the sum is negative at a point.
  bool refutes(const Sum& sum);

 private:
  struct Point {
    enum class State : uint8_t { kNew, kGood, kBad };
    State state = State::kNew;
    int number = 0, attempt = 0;
    std::vector<std::pair<Expr, int64_t>> values;
  };
  Point& at(int point) { return points_[static_cast<std::size_t>(point)]; }
  std::optional<int64_t> value(Point& point, const Expr& e) const;
  std::optional<int64_t> value(Point& point, const Sum& sum) const;
  std::optional<int64_t> chosen(Point& point, const Expr& atom) const;
  bool obeys_context(Point& point) const;

  const Context* context_;
  std::array<Point, kCount> points_;
};

}  // namespace tw
