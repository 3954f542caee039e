#include "ir/analysis/iter_rewrite.h"

#include <algorithm>

#include "ir/analysis/accesses.h"
#include "ir/text.h"
#include "ir/visit.h"
#include "support/error.h"

namespace tw {
namespace {

IterSum constant(Expr base) {
  return {std::move(base), {}};
}

}  // namespace

std::optional<std::vector<IterTerm>> digit_string(IndexAlgebra& algebra, std::vector<IterTerm> terms) {
  for (const IterTerm& term : terms)
    if (!algebra.positive(term.scale)) return std::nullopt;
  // Whichever term starts the string, the others must follow: with symbolic scales none is known to be the
  // smallest.
  for (std::size_t first = 0; first < terms.size(); ++first) {
    std::vector<IterTerm> rest = terms, string{terms[first]};
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(first));
    while (!rest.empty()) {
      const Expr next = string.back().scale * string.back().extent;
      const auto found = std::find_if(rest.begin(), rest.end(),
                                      [&](const IterTerm& term) { return algebra.equal(term.scale, next); });
      if (found == rest.end()) break;
      string.push_back(*found);
      rest.erase(found);
    }
    if (rest.empty()) return string;
  }
  return terms.empty() ? std::optional(terms) : std::nullopt;
}

Expr string_extent(const std::vector<IterTerm>& string) {
  Expr extent = 1;
  for (const IterTerm& term : string) extent = extent * term.extent;
  return extent;
}

std::optional<IterSum> IterRewriter::refuse(const Expr& e, const char* why) {
  if (reason_.empty()) reason_ = fmt::format("'{}' {}", to_text(e), why);
  return std::nullopt;
}

bool IterRewriter::has_loop(const Expr& e) const {
  return contains<Variable>(e.get(), [&](const Variable& var) { return source_of(&var) >= 0; });
}

int IterRewriter::source_of(const Variable* var) const {
  for (std::size_t i = 0; i < map_.sources.size(); ++i)
    if (map_.sources[i].var && map_.sources[i].var.get() == var) return static_cast<int>(i);
  return -1;
}

int IterRewriter::source_of_sum(IterSum sum, Expr extent, bool trimmed) {
  for (std::size_t i = 0; i < map_.sources.size(); ++i) {
    const IterSource& source = map_.sources[i];
    if (source.var || source.sum.terms.size() != sum.terms.size()) continue;
    const bool same = std::equal(sum.terms.begin(), sum.terms.end(), source.sum.terms.begin(),
                                 [&](const IterTerm& a, const IterTerm& b) {
                                   return same_digit(a, b) && algebra_.equal(a.scale, b.scale);
                                 });
    if (same && algebra_.equal(source.extent, extent)) return static_cast<int>(i);
  }
  map_.sources.push_back({Var(), std::move(sum), std::move(extent), trimmed});
  return static_cast<int>(map_.sources.size()) - 1;
}

std::optional<IterSum> IterRewriter::sum_of(const Expr& e) {
  if (is_data_dependent(e)) return refuse(e, "depends on the contents of a buffer");
  if (!has_loop(e)) return constant(e);
  if (const auto* var = as<Variable>(e)) {
    const int source = source_of(var);
    const Expr extent = map_.sources[static_cast<std::size_t>(source)].extent;
    if (algebra_.le(extent, 1)) return constant(0);
    IterSum sum = constant(0);
    sum.terms.push_back({source, 1, extent, 1});
    tidy(sum);
    return sum;
  }
  if (const auto* unary = as<Unary>(e); unary && unary->op == UnaryOp::kNeg) {
    auto a = sum_of(unary->a);
    return a ? std::optional(scaled(std::move(*a), -1)) : std::nullopt;
  }
  const auto* binary = as<Binary>(e);
  if (!binary) return refuse(e, "is not made of sums, multiples, quotients and remainders");
  const auto a = sum_of(binary->a), b = sum_of(binary->b);
  if (!a || !b) return std::nullopt;
  switch (binary->op) {
    case BinaryOp::kAdd: return added(*a, *b);
    case BinaryOp::kSub: return added(*a, scaled(*b, -1));
    case BinaryOp::kMul:
      if (b->terms.empty()) return scaled(*a, b->base);
      if (a->terms.empty()) return scaled(*b, a->base);
      return refuse(e, "multiplies loop variables with each other");
    case BinaryOp::kFloorDiv:
    case BinaryOp::kFloorMod: {
      if (!b->terms.empty()) return refuse(e, "divides by a loop variable");
      if (!algebra_.positive(b->base)) return refuse(e, "divides by what is not known to be positive");
      auto divided = divide(*a, b->base);
      if (!divided) return refuse(e, "divides a sum that is no gap-free number of digits");
      return binary->op == BinaryOp::kFloorDiv ? divided->quotient : divided->rest;
    }
    default: return refuse(e, "is not made of sums, multiples, quotients and remainders");
  }
}

IterSum IterRewriter::scaled(IterSum sum, const Expr& scale) {
  if (algebra_.equal(scale, 0)) return constant(0);
  sum.base = algebra_.normal(sum.base * scale);
  for (IterTerm& term : sum.terms) term.scale = algebra_.normal(term.scale * scale);
  return sum;
}

IterSum IterRewriter::added(IterSum a, const IterSum& b) {
  a.base = algebra_.normal(a.base + b.base);
  for (const IterTerm& term : b.terms) add_term(a, term);
  tidy(a);
  return a;
}

bool IterRewriter::same_digit(const IterTerm& a, const IterTerm& b) {
  return a.source == b.source && algebra_.equal(a.lower, b.lower) && algebra_.equal(a.extent, b.extent);
}

void IterRewriter::add_term(IterSum& sum, const IterTerm& term) {
  for (auto at = sum.terms.begin(); at != sum.terms.end(); ++at) {
    if (!same_digit(*at, term)) continue;
    at->scale = algebra_.normal(at->scale + term.scale);
    if (is_int(at->scale, 0)) sum.terms.erase(at);
    return;
  }
  sum.terms.push_back(term);
}

/// Two digits of one source that follow each other, in value as in place, are one: (f // n) * n + f % n is f.
bool IterRewriter::join_digits(IterSum& sum) {
  for (std::size_t i = 0; i < sum.terms.size(); ++i) {
    for (std::size_t j = 0; j < sum.terms.size(); ++j) {
      const IterTerm &low = sum.terms[i], &high = sum.terms[j];
      if (i == j || low.source != high.source) continue;
      if (!algebra_.equal(high.lower, low.lower * low.extent)) continue;
      if (!algebra_.equal(high.scale, low.scale * low.extent)) continue;
      IterTerm joined{low.source, low.lower, algebra_.normal(low.extent * high.extent), low.scale};
      // The uppermost digit has no more values than its source.
      const Expr& limit = map_.sources[static_cast<std::size_t>(low.source)].extent;
      if (is_int(joined.lower, 1) && algebra_.le(limit, joined.extent)) joined.extent = limit;
      sum.terms[i] = joined;
      sum.terms.erase(sum.terms.begin() + static_cast<std::ptrdiff_t>(j));
      return true;
    }
  }
  return false;
}

/// Replaces the terms of a trimmed source, all multiplied by one factor, by the source.
bool IterRewriter::use_trimmed(IterSum& sum) {
  for (std::size_t number = 0; number < map_.sources.size(); ++number) {
    const IterSource& source = map_.sources[number];
    if (!source.trimmed || source.sum.terms.size() > sum.terms.size()) continue;
    std::vector<std::size_t> places;
    Expr factor;
    for (const IterTerm& part : source.sum.terms) {
      for (std::size_t i = 0; i < sum.terms.size(); ++i) {
        if (!same_digit(sum.terms[i], part)) continue;
        if (!factor) {  // of the lowest digit, whose scale is 1
          factor = sum.terms[i].scale;
          places.push_back(i);
        } else if (algebra_.equal(sum.terms[i].scale, part.scale * factor)) {
          places.push_back(i);
        }
        break;
      }
    }
    if (places.size() != source.sum.terms.size()) continue;
    std::sort(places.rbegin(), places.rend());
    for (const std::size_t i : places) sum.terms.erase(sum.terms.begin() + static_cast<std::ptrdiff_t>(i));
    sum.terms.push_back({static_cast<int>(number), 1, source.extent, factor});
    return true;
  }
  return false;
}

void IterRewriter::tidy(IterSum& sum) {
  while (join_digits(sum) || use_trimmed(sum)) {
  }
}

bool IterRewriter::is_top(const IterTerm& term) {
  return algebra_.le(map_.sources[static_cast<std::size_t>(term.source)].extent, term.lower * term.extent);
}

/// Whether 0 <= sum < limit, by the extents of its digits.
bool IterRewriter::is_below(const IterSum& sum, const Expr& limit) {
  Expr greatest = sum.base;
  for (const IterTerm& term : sum.terms) {
    if (!algebra_.nonnegative(term.scale)) return false;
    greatest = greatest + term.scale * (term.extent - Expr(1));
  }
  return algebra_.nonnegative(sum.base) && algebra_.lt(greatest, limit);
}

std::optional<IterRewriter::Divided> IterRewriter::divide(const IterSum& sum, const Expr& divisor) {
  // What the divisor divides goes to the quotient as it is.
  const auto base = algebra_.divide_with_rest(sum.base, divisor);
  if (!base) return std::nullopt;
  IterSum quotient = constant(base->quotient), rest = constant(base->rest);
  for (IterTerm term : sum.terms) {
    const auto scale = algebra_.divide(term.scale, divisor);
    if (scale) term.scale = *scale;
    (scale ? quotient : rest).terms.push_back(term);
  }
  if (is_below(rest, divisor)) return Divided{quotient, rest};
  if (rest.terms.empty())
    return Divided{added(quotient, constant(floordiv(rest.base, divisor))),
                   constant(floormod(rest.base, divisor))};

  const auto string = digit_string(algebra_, rest.terms);
  if (!string) return std::nullopt;
  // unit * D + b with 0 <= b < unit, where the unit divides the divisor: b never carries.
  const Expr unit = string->front().scale;
  const auto divisor_in_units = algebra_.divide(divisor, unit);
  if (!divisor_in_units || !is_below(constant(rest.base), unit)) return std::nullopt;
  std::vector<IterTerm> digits = *string;
  for (IterTerm& digit : digits) {
    const auto scale = algebra_.divide(digit.scale, unit);
    if (!scale) return std::nullopt;
    digit.scale = *scale;
  }
  const auto divided = divide_string(std::move(digits), *divisor_in_units);
  if (!divided) return std::nullopt;
  IterSum low = scaled(divided->rest, unit);
  low.base = algebra_.normal(low.base + rest.base);
  return Divided{added(quotient, divided->quotient), low};
}

/// Cuts a gap-free string of digits with unit 1. Where the divisor falls between two digits, or inside one
/// that it divides, the digits are told apart; otherwise the number they make becomes a source.
std::optional<IterRewriter::Divided> IterRewriter::divide_string(std::vector<IterTerm> string,
                                                                 const Expr& divisor) {
  for (std::size_t k = 0; k < string.size(); ++k) {
    const auto factor = algebra_.divide(divisor, string[k].scale);
    if (!factor) continue;
    const bool last = k + 1 == string.size();
    if (!last && !algebra_.divide(string[k].extent, *factor)) continue;
    IterTerm cut = string[k];
    cut.scale = 1;
    const Divided parts = is_int(*factor, 1) ? Divided{{0, {cut}}, constant(0)} : divide_term(cut, *factor);
    Divided result{parts.quotient, scaled(parts.rest, string[k].scale)};
    for (std::size_t j = 0; j < k; ++j) result.rest.terms.push_back(string[j]);
    for (std::size_t j = k + 1; j < string.size(); ++j) {
      IterTerm upper = string[j];
      const auto scale = algebra_.divide(upper.scale, divisor);
      if (!scale) return std::nullopt;
      upper.scale = *scale;
      result.quotient.terms.push_back(upper);
    }
    tidy(result.quotient);
    tidy(result.rest);
    return result;
  }
  const Expr extent = algebra_.normal(string_extent(string));
  const int source = source_of_sum({0, std::move(string)}, extent, false);
  return divide_term({source, 1, extent, 1}, divisor);
}

/// One digit, of scale 1, cut in two.
IterRewriter::Divided IterRewriter::divide_term(const IterTerm& term, const Expr& divisor) {
  const auto exact = algebra_.divide(term.extent, divisor);
  if (!exact && !is_top(term)) {
    // (x // lower) % extent with a divisor that does not divide the extent: the digit is a source of its own.
    const int source = source_of_sum({0, {term}}, term.extent, false);
    return divide_term({source, 1, term.extent, 1}, divisor);
  }
  const Expr upper_extent = exact ? *exact : ceildiv(term.extent, divisor);
  if (algebra_.le(upper_extent, 1)) return {constant(0), {0, {term}}};
  const IterTerm upper{term.source, algebra_.normal(term.lower * divisor), upper_extent, 1};
  return {{0, {upper}}, {0, {{term.source, term.lower, divisor, 1}}}};
}

void IterRewriter::trim(const std::vector<Expr>& conditions) {
  // A condition that holds another's sum inside comes after it: it has more loop variables.
  struct Sized {
    Expr condition;
    int64_t size;
  };
  std::vector<Sized> order;
  for (const Expr& condition : conditions) {
    int64_t size = 0;
    for_each_node(condition, [&](const Node* node) {
      const auto* var = as<Variable>(node);
      size += var && source_of(var) >= 0;
    });
    order.push_back({condition, size});
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const Sized& a, const Sized& b) { return a.size < b.size; });
  // Each is judged by what comes later, the last first assumed.
  Context later = context_;
  std::vector<Context::Mark> marks(order.size());
  for (std::size_t i = order.size(); i-- > 0;) {
    marks[i] = later.mark();
    later.assume(order[i].condition);
  }
  IndexAlgebra algebra(later);
  for (std::size_t i = 0; i < order.size(); ++i) {
    later.restore(marks[i]);
    if (algebra.holds(order[i].condition)) continue;  // by the ranges, or by what comes later
    if (!trim(order[i].condition)) map_.other_conditions.push_back(order[i].condition);
    reason_.clear();
  }
}

/// unit * D < bound, where D is a gap-free string of digits: D becomes a source of extent ceildiv(bound,
/// unit).
bool IterRewriter::trim(const Expr& condition) {
  const auto* order = as<Binary>(condition);
  if (!order || (order->op != BinaryOp::kLt && order->op != BinaryOp::kLe) || !order->a.dtype().is_index())
    return false;
  const auto left = sum_of(order->a), right = sum_of(order->b);
  if (!left || !right) return false;
  const IterSum difference = added(*left, scaled(*right, -1));
  if (difference.terms.empty()) return false;
  const auto string = digit_string(algebra_, difference.terms);
  if (!string) return false;
  const Expr unit = string->front().scale;
  Expr bound = algebra_.normal(Expr(order->op == BinaryOp::kLe ? 1 : 0) - difference.base);
  if (!is_int(unit, 1)) bound = ceildiv(bound, unit);
  std::vector<IterTerm> digits = *string;
  for (IterTerm& digit : digits) {
    const auto scale = algebra_.divide(digit.scale, unit);
    if (!scale) return false;
    digit.scale = *scale;
  }
  const Expr extent = algebra_.normal(string_extent(digits));
  if (!algebra_.nonnegative(bound)) bound = max(bound, 0);
  if (!algebra_.le(bound, extent)) bound = min(bound, extent);
  source_of_sum({0, std::move(digits)}, bound, true);
  return true;
}

}  // namespace tw
