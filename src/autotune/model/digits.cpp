#include "autotune/model/digits.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "ir/visit.h"

namespace tw::autotune {
namespace {

void add(DigitSum& sum, const DigitSum& other, int64_t factor) {
  sum.base += factor * other.base;
  for (const DigitSum::Term& term : other.terms) {
    const auto same = std::find_if(sum.terms.begin(), sum.terms.end(),
                                   [&](const auto& mine) { return mine.digit == term.digit; });
    if (same == sum.terms.end()) {
      sum.terms.push_back({factor * term.coefficient, term.digit});
    } else {
      same->coefficient += factor * term.coefficient;
    }
  }
  std::erase_if(sum.terms, [](const auto& term) { return term.coefficient == 0; });
}

int64_t floor_div(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

double common_divisor(double a, double b) {
  while (b >= 1) a = std::exchange(b, std::fmod(a, b));
  return std::max(1.0, a);
}

/// How many values a size may have where only data tells.
constexpr double kManyValues = 1e9;

}  // namespace

void Digits::define_loop(const Variable* var, int depth, double turns) {
  Digit loop;
  loop.depth = depth;
  loop.turns = turns;
  values_[var] = digit(std::move(loop));
}

DigitSum Digits::digit(Digit made) {
  if (made.kind != Digit::Kind::kLoop && made.kind != Digit::Kind::kData) {
    for (std::size_t i = 0; i < digits_.size(); ++i)
      if (digits_[i].kind == made.kind && digits_[i].divisor == made.divisor &&
          digits_[i].operand == made.operand)
        return {{{1, static_cast<int>(i)}}, 0};
  }
  digits_.push_back(std::move(made));
  return {{{1, static_cast<int>(digits_.size()) - 1}}, 0};
}

DigitSum Digits::sum_of(const Expr& e) {
  if (const auto constant = as_int(e)) return {{}, *constant};
  if (const auto* var = as<Variable>(e)) {
    const auto found = values_.find(var);
    return found != values_.end() ? found->second : data_of(e);
  }
  if (const auto* node = as<Binary>(e)) return binary(*node);
  if (const auto* node = as<Unary>(e); node && node->op == UnaryOp::kNeg) {
    DigitSum sum;
    add(sum, sum_of(node->a), -1);
    return sum;
  }
  if (const auto* node = as<Cast>(e); node && node->dtype.is_integer() && node->value.dtype().is_integer())
    return sum_of(node->value);
  if (const auto* node = as<Select>(e)) return sum_of(node->on_true);
  return data_of(e);
}

DigitSum Digits::binary(const Binary& node) {
  DigitSum a = sum_of(node.a);
  const DigitSum b = sum_of(node.b);
  switch (node.op) {
    case BinaryOp::kAdd: add(a, b, 1); return a;
    case BinaryOp::kSub: add(a, b, -1); return a;
    case BinaryOp::kMul: {
      if (!a.terms.empty() && !b.terms.empty()) break;
      const DigitSum& sum = a.terms.empty() ? b : a;
      DigitSum product;
      add(product, sum, a.terms.empty() ? a.base : b.base);
      return product;
    }
    case BinaryOp::kFloorDiv:
    case BinaryOp::kFloorMod:
      if (!b.terms.empty() || b.base <= 0) break;
      return divided(a, b.base, node.op == BinaryOp::kFloorDiv);
    case BinaryOp::kMin: return middle(a) <= middle(b) ? a : b;
    case BinaryOp::kMax: return middle(a) >= middle(b) ? a : b;
    default: break;
  }
  // A product of two loops, a quotient by one: as good as data.
  Digit made;
  made.kind = Digit::Kind::kData;
  made.turns = kManyValues;
  add(made.operand, a, 1);
  add(made.operand, b, 1);
  return digit(std::move(made));
}

DigitSum Digits::data_of(const Expr& e) {
  Digit made;
  made.kind = Digit::Kind::kData;
  made.turns = kManyValues;
  for_each_node(e, [&](const Node* node) {
    const auto* var = as<Variable>(node);
    if (!var) return;
    if (const auto found = values_.find(var); found != values_.end()) add(made.operand, found->second, 1);
  });
  return digit(std::move(made));
}

DigitSum Digits::divided(const DigitSum& a, int64_t divisor, bool quotient) {
  DigitSum multiples, rest;
  multiples.base = floor_div(a.base, divisor);
  rest.base = a.base - multiples.base * divisor;
  for (const DigitSum::Term& term : a.terms) {
    if (term.coefficient % divisor == 0) {
      multiples.terms.push_back({term.coefficient / divisor, term.digit});
    } else {
      rest.terms.push_back(term);
    }
  }
  const Span range = span(rest);
  const double first = std::floor(range.min / static_cast<double>(divisor));
  if (first == std::floor(range.max / static_cast<double>(divisor))) {
    const auto whole = static_cast<int64_t>(first);
    if (quotient) {
      multiples.base += whole;
      return multiples;
    }
    rest.base -= whole * divisor;
    return rest;
  }
  Digit made;
  made.kind = quotient ? Digit::Kind::kQuotient : Digit::Kind::kRemainder;
  made.operand = std::move(rest);
  made.divisor = divisor;
  DigitSum part = digit(std::move(made));
  if (quotient) add(part, multiples, 1);
  return part;
}

double Digits::middle(const DigitSum& sum) const {
  const Span range = span(sum);
  return (range.min + range.max) / 2;
}

Digits::Span Digits::span(const DigitSum& sum) const {
  Span range{static_cast<double>(sum.base), static_cast<double>(sum.base)};
  for (const DigitSum::Term& term : sum.terms) {
    const Digit& digit = digits_[static_cast<std::size_t>(term.digit)];
    Span own;
    switch (digit.kind) {
      case Digit::Kind::kLoop: own.max = std::max(0.0, digit.turns - 1); break;
      case Digit::Kind::kQuotient: {
        const Span operand = span(digit.operand);
        own = {std::floor(operand.min / static_cast<double>(digit.divisor)),
               std::floor(operand.max / static_cast<double>(digit.divisor))};
        break;
      }
      case Digit::Kind::kRemainder: own.max = static_cast<double>(digit.divisor - 1); break;
      case Digit::Kind::kData: own.max = digit.turns; break;
    }
    const auto factor = static_cast<double>(term.coefficient);
    range.min += std::min(factor * own.min, factor * own.max);
    range.max += std::max(factor * own.min, factor * own.max);
  }
  return range;
}

double Digits::count(const Digit& digit, int from) const {
  if (digit.kind == Digit::Kind::kLoop) return digit.depth >= from ? std::max(1.0, digit.turns) : 1;
  if (digit.kind == Digit::Kind::kData) {
    double reached = 1;
    for (const DigitSum::Term& term : digit.operand.terms)
      reached *= count(digits_[static_cast<std::size_t>(term.digit)], from);
    return std::min(reached, digit.turns);
  }
  const double reached = values(digit.operand, from);
  const double room = width(digit.operand, from);
  const auto divisor = static_cast<double>(digit.divisor);
  if (digit.kind == Digit::Kind::kRemainder) {
    double common = divisor;
    for (const Progression& each : progressions(digit.operand, from))
      common = common_divisor(each.step, common);
    return std::min(reached, std::floor(divisor / common));
  }
  // Where all loops turn, where the values begin is known; else they begin anywhere.
  const bool all = room == width(digit.operand, 0);
  const double least = span(digit.operand).min;
  const double begins = least - std::floor(least / divisor) * divisor;
  return std::min(reached, all ? std::floor((begins + room) / divisor) + 1 : room / divisor + 1);
}

double Digits::width(const DigitSum& sum, int from) const {
  double total = 0;
  for (const DigitSum::Term& term : sum.terms)
    total += std::fabs(static_cast<double>(term.coefficient)) *
             (count(digits_[static_cast<std::size_t>(term.digit)], from) - 1);
  return total;
}

double Digits::values(const DigitSum& sum, int from) const {
  return count_of(progressions(sum, from));
}

std::vector<Progression> Digits::progressions(const DigitSum& sum, int from) const {
  std::vector<Progression> found;
  for (const DigitSum::Term& term : sum.terms) {
    const double values = count(digits_[static_cast<std::size_t>(term.digit)], from);
    if (values > 1) found.push_back({std::fabs(static_cast<double>(term.coefficient)), values});
  }
  return merged(std::move(found));
}

void Digits::mark_loops(const DigitSum& sum, std::vector<bool>& depths) const {
  for (const DigitSum::Term& term : sum.terms) {
    const Digit& digit = digits_[static_cast<std::size_t>(term.digit)];
    if (digit.kind == Digit::Kind::kLoop) {
      if (static_cast<std::size_t>(digit.depth) < depths.size())
        depths[static_cast<std::size_t>(digit.depth)] = true;
    } else {
      mark_loops(digit.operand, depths);
    }
  }
}

double Digits::slope(const DigitSum& sum, int depth, bool& scattered) const {
  double total = 0;
  for (const DigitSum::Term& term : sum.terms) {
    const Digit& digit = digits_[static_cast<std::size_t>(term.digit)];
    const auto factor = static_cast<double>(term.coefficient);
    if (digit.kind == Digit::Kind::kLoop) {
      total += digit.depth == depth ? factor : 0;
      continue;
    }
    const double inner = slope(digit.operand, depth, scattered);
    if (inner == 0) continue;
    if (digit.kind == Digit::Kind::kData) scattered = true;
    if (digit.kind == Digit::Kind::kRemainder) total += factor * inner;
    if (digit.kind == Digit::Kind::kQuotient)
      total += factor * std::trunc(inner / static_cast<double>(digit.divisor));
  }
  return total;
}

bool Digits::is_scattered(const DigitSum& sum) const {
  return std::any_of(sum.terms.begin(), sum.terms.end(), [&](const DigitSum::Term& term) {
    const Digit& digit = digits_[static_cast<std::size_t>(term.digit)];
    return digit.kind == Digit::Kind::kData || is_scattered(digit.operand);
  });
}

double count_of(const std::vector<Progression>& progressions) {
  double total = 1;
  for (const Progression& each : progressions) total *= each.count;
  return total;
}

std::vector<Progression> merged(std::vector<Progression> progressions) {
  std::sort(progressions.begin(), progressions.end(),
            [](const Progression& a, const Progression& b) { return a.step < b.step; });
  std::vector<Progression> out;
  double width = 0;  // between the least and the greatest value so far
  for (const Progression& next : progressions) {
    if (next.count <= 1 || next.step == 0) continue;
    const bool overlap = next.step <= width;
    width += next.step * (next.count - 1);
    if (!out.empty()) {
      Progression& last = out.back();
      const double ratio = next.step / last.step;
      if (ratio == std::floor(ratio) && ratio <= last.count) {
        last.count += ratio * (next.count - 1);
        continue;
      }
    }
    out.push_back(next);
    if (!overlap) continue;
    // Values that meet: no more than there are multiples of what divides all steps.
    double step = 0;
    for (const Progression& each : out) step = common_divisor(each.step, step);
    if (const double most = std::floor(width / step) + 1; count_of(out) > most) out = {{step, most}};
  }
  return out;
}

double sets_of(std::vector<Progression> steps, double bytes) {
  constexpr double kPeriod = 4096, kLine = 64;
  std::sort(steps.begin(), steps.end(),
            [](const Progression& a, const Progression& b) { return a.step < b.step; });
  double run = bytes, sets = 0;
  for (const Progression& each : steps) {
    if (each.count <= 1 || each.step == 0) continue;
    if (sets == 0 && each.step <= std::max(run, kLine)) {
      run += each.step * (each.count - 1);
      continue;
    }
    if (sets == 0) sets = std::max(1.0, run / kLine);
    double common = kPeriod;  // the greatest power of two that divides the step
    while (common > 1 && std::fmod(each.step, common) != 0) common /= 2;
    sets *= std::min(each.count, std::max(1.0, kPeriod / std::max(common, kLine)));
  }
  return std::clamp(sets == 0 ? run / kLine : sets, 1.0, kPeriod / kLine);
}

double granules(std::vector<Progression> steps, double bytes, double granule) {
  std::sort(steps.begin(), steps.end(),
            [](const Progression& a, const Progression& b) { return a.step < b.step; });
  double run = bytes;          // bytes from the first to the last of what counts as one piece
  double pieces = 1;           // apart from each other
  double alignment = granule;  // that pieces begin at
  for (const Progression& each : steps) {
    if (each.count <= 1 || each.step == 0) continue;
    if (pieces == 1 && each.step <= std::max(run, granule)) {
      run += each.step * (each.count - 1);
      continue;
    }
    pieces *= each.count;
    for (double step = each.step; alignment > 1 && std::fmod(step, alignment) != 0;) alignment /= 2;
  }
  const double touched =
      alignment >= granule ? std::ceil(run / granule) : (run - std::min(alignment, bytes)) / granule + 1;
  return pieces * touched;
}

}  // namespace tw::autotune
