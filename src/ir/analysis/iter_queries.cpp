// Whether iteration maps reach every point, and each only once; their inverses.
#include <algorithm>

#include "ir/analysis/iter_rewrite.h"
#include "ir/text.h"
#include "support/error.h"

namespace tw {
namespace {

/// A term whose scale is made positive: a falling digit counts down from its greatest value.
struct SignedTerm {
  IterTerm term;
  bool falling = false;
};

/// The terms with positive scales, and the least value of the sum.
struct RisingSum {
  std::vector<SignedTerm> terms;
  Expr least;
};

std::optional<RisingSum> rising(IndexAlgebra& algebra, const IterSum& sum) {
  RisingSum result{{}, sum.base};
  for (IterTerm term : sum.terms) {
    const bool falling = !algebra.positive(term.scale);
    if (falling) {
      term.scale = algebra.normal(Expr(0) - term.scale);
      if (!algebra.positive(term.scale)) return std::nullopt;
      result.least = result.least - term.scale * (term.extent - Expr(1));
    }
    result.terms.push_back({term, falling});
  }
  return result;
}

/// The terms in an order in which each scale is greater than all that the terms before it add up to.
std::optional<std::vector<SignedTerm>> by_size(IndexAlgebra& algebra, std::vector<SignedTerm> terms) {
  std::vector<SignedTerm> order;
  Expr reach = 0;  // the greatest value of the terms in `order`
  const auto reach_of = [](const IterTerm& term) { return term.scale * (term.extent - Expr(1)); };
  while (!terms.empty()) {
    // The next is one that, once taken, every other is greater than.
    auto next = std::find_if(terms.begin(), terms.end(), [&](const SignedTerm& candidate) {
      return algebra.lt(reach, candidate.term.scale) &&
             std::all_of(terms.begin(), terms.end(), [&](const SignedTerm& other) {
               return &other == &candidate || algebra.lt(reach + reach_of(candidate.term), other.term.scale);
             });
    });
    if (next == terms.end()) return std::nullopt;
    reach = reach + reach_of(next->term);
    order.push_back(*next);
    terms.erase(next);
  }
  return order;
}

/// Reads the digits of known values, from the axes down to the loops.
class Decoder {
 public:
  Decoder(const IterMap& map, const Context& context)
      : map_(map), algebra_(context), digits_(map.sources.size()), values_(map.sources.size()) {}

  void run(const std::vector<Expr>& axis_values) {
    for (std::size_t i = 0; i < map_.axes.size(); ++i) read(map_.axes[i], axis_values[i]);
    // A sum refers to sources that were there before it.
    for (std::size_t i = map_.sources.size(); i-- > 0;) {
      values_[i] = value_of(i);
      if (values_[i] && !map_.sources[i].var) read(map_.sources[i].sum, values_[i]);
    }
  }

  /// The value of a loop variable; null when the axes do not determine it.
  Expr value_of_loop(std::size_t loop) const { return values_[loop]; }

 private:
  struct Digit {
    Expr lower, extent, value;
  };

  void read(const IterSum& sum, const Expr& value) {
    auto parts = rising(algebra_, sum);
    const auto order = parts ? by_size(algebra_, std::move(parts->terms)) : std::nullopt;
    if (!order) return;
    Expr rest = is_int(parts->least, 0) ? value : algebra_.normal(value - parts->least);
    for (std::size_t k = order->size(); k-- > 0;) {
      const IterTerm& term = (*order)[k].term;
      Expr digit = floordiv(rest, term.scale);
      if (k > 0) rest = floormod(rest, term.scale);
      if ((*order)[k].falling) digit = term.extent - Expr(1) - digit;
      digits_[static_cast<std::size_t>(term.source)].push_back({term.lower, term.extent, digit});
    }
  }

  /// Puts the digits of a source together, as far as they follow each other without a gap.
  Expr value_of(std::size_t source) {
    const Expr& extent = map_.sources[source].extent;
    Expr value, weight = 1;
    while (!algebra_.le(extent, weight)) {
      const auto& digits = digits_[source];
      const auto next = std::find_if(digits.begin(), digits.end(),
                                     [&](const Digit& digit) { return algebra_.equal(digit.lower, weight); });
      if (next == digits.end() || algebra_.le(next->extent, 1)) return {};
      value = value ? next->value * weight + value : next->value;
      weight = algebra_.normal(weight * next->extent);
    }
    return value ? value : Expr(0);
  }

  const IterMap& map_;
  IndexAlgebra algebra_;
  std::vector<std::vector<Digit>> digits_;
  std::vector<Expr> values_;
};

/// Whether the digits that a map takes are independent and complete.
class CoverCheck {
 public:
  CoverCheck(const IterMap& map, const std::vector<Expr>& extents, const Context& context)
      : map_(map), extents_(extents), algebra_(context), uses_(map.sources.size()) {
    check_internal(extents.size() == map_.axes.size(), "{} extents for {} axes", extents.size(),
                   map_.axes.size());
    inhabited_ = context;
    for (const Expr& extent : extents)
      if (!algebra_.positive(extent)) inhabited_.assume(le(1, extent));
  }

  Verdict axes() {
    for (std::size_t i = 0; i < extents_.size(); ++i)
      if (!fills(map_.axes[i], extents_[i]))
        return {false, fmt::format("axis {} = '{}' is not known to run through 0 <= x < {} without gaps", i,
                                   to_text(to_expr(map_, map_.axes[i])), to_text(extents_[i]))};
    return {true, {}};
  }

  Verdict sources() {
    for (const Expr& condition : map_.other_conditions)
      return {false, fmt::format("the condition '{}' may leave points out", to_text(condition))};
    for (const IterSum& axis : map_.axes) use(axis);
    for (std::size_t i = map_.sources.size(); i-- > 0;) {
      const IterSource& source = map_.sources[i];
      // A condition on digits that no axis takes leaves none out where it holds in some turn.
      if (uses_[i].empty() && source.trimmed && !has_turns(source.extent))
        return {false, fmt::format("the condition that '{}' is below {} may leave points out",
                                   to_text(to_expr(map_, source.sum)), to_text(source.extent))};
      if (source.var || (uses_[i].empty() && !source.trimmed)) continue;
      if (!reaches(source))
        return {false, fmt::format("'{}' is not known to reach {} if some loop has no turn", name(i),
                                   to_text(source.extent))};
      use(source.sum);
    }
    for (std::size_t i = 0; i < map_.sources.size(); ++i)
      if (!independent(i))
        return {false, fmt::format("the digits that are taken of '{}' are not independent", name(i))};
    return {true, {}};
  }

 private:
  std::string name(std::size_t i) const {
    const IterSource& source = map_.sources[i];
    return source.var ? source.var->name.text : to_text(to_expr(map_, source.sum));
  }

  /// Whether there is a turn where the box has a point.
  bool has_turns(const Expr& extent) {
    return algebra_.positive(extent) || IndexAlgebra(inhabited_).positive(extent);
  }

  /// Whether the sum has all values below the extent: found before of loops that have turns, asked again of
  /// all.
  bool reaches(const IterSource& source) {
    const Expr reached = string_extent(source.sum.terms);
    return algebra_.equal(reached, source.extent) ||
           (source.trimmed && algebra_.nonnegative(source.extent) && algebra_.le(source.extent, reached));
  }

  bool fills(const IterSum& axis, const Expr& extent) {
    const auto parts = rising(algebra_, axis);
    if (!parts || !algebra_.equal(parts->least, 0)) return false;
    std::vector<IterTerm> terms;
    for (const SignedTerm& term : parts->terms) terms.push_back(term.term);
    const auto string = digit_string(algebra_, terms);
    if (!string || (!string->empty() && !algebra_.equal(string->front().scale, 1))) return false;
    const Expr reached = string_extent(*string);
    return algebra_.equal(reached, extent) || (algebra_.le(reached, extent) && algebra_.le(extent, reached));
  }

  void use(const IterSum& sum) {
    for (const IterTerm& term : sum.terms) uses_[static_cast<std::size_t>(term.source)].push_back(term);
  }

  /// Whether the digits of a source take every combination of values: they do not overlap, and each lies in a
  /// place whose weight divides the next.
  bool independent(std::size_t number) {
    const Expr& extent = map_.sources[number].extent;
    std::vector<IterTerm> rest = uses_[number];
    // A loop of which no digit is taken must have a turn where the box has a point.
    if (rest.empty()) return !map_.sources[number].var || has_turns(extent);
    if (rest.size() == 1) {
      const IterTerm& only = rest.front();
      return algebra_.le(only.lower * only.extent, extent) ||
             algebra_.equal(only.extent, ceildiv(extent, only.lower));
    }
    Expr weight = 1;
    while (!rest.empty()) {
      const auto next = std::find_if(rest.begin(), rest.end(), [&](const IterTerm& digit) {
        const Expr above = digit.lower * digit.extent;
        return algebra_.is_multiple(digit.lower, weight) &&
               std::all_of(rest.begin(), rest.end(), [&](const IterTerm& other) {
                 return &other == &digit || algebra_.is_multiple(other.lower, above);
               });
      });
      if (next == rest.end()) return false;
      weight = algebra_.normal(next->lower * next->extent);
      rest.erase(next);
    }
    return algebra_.is_multiple(extent, weight);
  }

  const IterMap& map_;
  const std::vector<Expr>& extents_;
  IndexAlgebra algebra_;
  Context inhabited_;  // and the box has points
  std::vector<std::vector<IterTerm>> uses_;
};

}  // namespace

std::vector<Expr> determined_loops(const IterMap& map, const std::vector<Expr>& axis_values,
                                   const Context& context) {
  check_internal(axis_values.size() == map.axes.size(), "{} values for {} axes", axis_values.size(),
                 map.axes.size());
  Decoder decoder(map, context);
  decoder.run(axis_values);
  std::vector<Expr> values;
  for (std::size_t i = 0; i < map.loops.size(); ++i) values.push_back(decoder.value_of_loop(i));
  return values;
}

std::optional<std::vector<Expr>> inverse(const IterMap& map, const std::vector<Expr>& axis_values,
                                         const Context& context) {
  std::vector<Expr> values = determined_loops(map, axis_values, context);
  for (const Expr& value : values)
    if (!value) return std::nullopt;
  return values;
}

namespace {

/// A loop that is known to have no turn; null: none.
const LoopRange* idle_loop(const IterMap& map, const Context& context) {
  IndexAlgebra algebra(context);
  for (const LoopRange& loop : map.loops)
    if (algebra.le(loop.extent, 0)) return &loop;
  return nullptr;
}

}  // namespace

Verdict is_injective(const IterMap& map, const Context& context) {
  if (idle_loop(map, context)) return {true, {}};
  std::vector<Expr> axis_values;
  for (std::size_t i = 0; i < map.axes.size(); ++i) axis_values.push_back(Var("x" + std::to_string(i)));
  const std::vector<Expr> values = determined_loops(map, axis_values, context);
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!values[i])
      return {false, fmt::format("turns that differ in loop '{}' may have the same axes",
                                 map.loops[i].var->name.text)};
  return {true, {}};
}

Verdict is_surjective(const IterMap& map, const std::vector<Expr>& extents, const Context& context) {
  if (const LoopRange* idle = idle_loop(map, context)) {
    IndexAlgebra algebra(context);
    const bool empty = std::any_of(extents.begin(), extents.end(),
                                   [&](const Expr& extent) { return algebra.le(extent, 0); });
    return {empty, empty ? std::string() : fmt::format("loop '{}' has no turns", idle->var->name.text)};
  }
  CoverCheck check(map, extents, context);
  if (Verdict axes = check.axes(); !axes) return axes;
  return check.sources();
}

Verdict is_bijective(const IterMap& map, const std::vector<Expr>& extents, const Context& context) {
  if (Verdict once = is_injective(map, context); !once) return once;
  return is_surjective(map, extents, context);
}

}  // namespace tw
