#include <algorithm>

#include "ir/analysis/conflict.h"
#include "ir/scalar.h"

namespace tw {

int EquationSystem::unknown(Expr low, Expr high, Expr meaning) {
  unknowns_.push_back({std::move(low), std::move(high), std::move(meaning)});
  return static_cast<int>(unknowns_.size()) - 1;
}

void EquationSystem::tidy(Equation& equation) {
  equation.base = algebra_.normal(equation.base);
  for (auto at = equation.coefficients.begin(); at != equation.coefficients.end();) {
    at->second = algebra_.normal(at->second);
    at = is_int(at->second, 0) ? equation.coefficients.erase(at) : std::next(at);
  }
}

bool EquationSystem::solve() {
  for (Equation& equation : equations_) tidy(equation);
  for (Bound& bound : bounds_) tidy(bound.value);
  for (;;) {
    bool changed = false;
    for (std::size_t i = 0; i < equations_.size(); ++i) {
      const Step step = check(i);
      if (step == Step::kContradiction) return false;
      changed |= step == Step::kChanged;
    }
    if (!changed && !eliminate()) return !leaves_bounds();
  }
}

/// Whether some bounded value, as far as it is solved, lies outside of its bounds always.
bool EquationSystem::leaves_bounds() {
  const auto leaves = [&](const Equation& value, const Expr& low, const Expr& high) {
    const auto range = reach(value);
    return range && (algebra_.lt(range->high, low) || algebra_.lt(high, range->low));
  };
  for (const auto& [number, value] : solved_) {
    const Unknown& u = unknowns_[static_cast<std::size_t>(number)];
    if (leaves(value, u.low, u.high)) return true;
  }
  return std::any_of(bounds_.begin(), bounds_.end(),
                     [&](const Bound& bound) { return leaves(bound.value, bound.low, bound.high); });
}

/// The least and greatest value of the left side.
std::optional<EquationSystem::Reach> EquationSystem::reach(const Equation& equation) {
  Reach sum{equation.base, equation.base};
  for (const auto& [number, coefficient] : equation.coefficients) {
    const Unknown& u = unknowns_[static_cast<std::size_t>(number)];
    const bool rises = algebra_.nonnegative(coefficient);
    if (!rises && !algebra_.nonnegative(Expr(0) - coefficient)) return std::nullopt;
    sum.low = sum.low + coefficient * (rises ? u.low : u.high);
    sum.high = sum.high + coefficient * (rises ? u.high : u.low);
  }
  return sum;
}

bool EquationSystem::has_no_integer_solution(const Equation& equation) {
  int64_t divisor = 0;
  for (const auto& [number, coefficient] : equation.coefficients) {
    divisor = gcd(divisor, algebra_.content(coefficient));
  }
  if (divisor < 2) return false;
  const auto base = algebra_.divide_with_rest(equation.base, divisor);
  const auto rest = base ? as_int(base->rest) : std::nullopt;
  return rest && *rest != 0;
}

EquationSystem::Step EquationSystem::check(std::size_t number) {
  if (equations_[number].coefficients.empty()) {
    if (algebra_.nonzero(equations_[number].base)) return Step::kContradiction;
    return Step::kNone;
  }
  if (has_no_integer_solution(equations_[number])) return Step::kContradiction;
  if (const auto sum = reach(equations_[number]))
    if (algebra_.positive(sum->low) || algebra_.le(sum->high, -1)) return Step::kContradiction;
  if (equations_[number].coefficients.size() == 1) {
    const auto [only, coefficient] = *equations_[number].coefficients.begin();
    if (is_int(equations_[number].base, 0) && algebra_.nonzero(coefficient)) {
      substitute(only, {{}, 0});
      return Step::kChanged;
    }
  }
  return split(number) ? Step::kChanged : Step::kNone;
}

/// m * P + R = 0 with |R| < m is P = 0 and R = 0. Each coefficient is tried as m.
bool EquationSystem::split(std::size_t number) {
  const Equation equation = equations_[number];
  for (const auto& [candidate, coefficient] : equation.coefficients) {
    const Expr m = algebra_.positive(coefficient) ? coefficient : algebra_.normal(Expr(0) - coefficient);
    if (is_int(m, 1) && equation.coefficients.size() == 1) continue;
    const auto base = algebra_.divide_with_rest(equation.base, m);
    if (!base) continue;
    // The rest of the base may be taken from below or from above: 7 = 8 * 1 - 1. Other coefficients stay
    // whole, or are divided too: 5 = 4 * 1 + 1.
    for (const auto& [up, part] : {std::pair(0, false), {1, false}, {0, true}, {1, true}}) {
      Equation multiple{{}, base->quotient + Expr(up)}, rest{{}, base->rest - m * Expr(up)};
      bool parted = false;
      for (const auto& [u, c] : equation.coefficients) {
        if (const auto quotient = algebra_.divide(c, m)) {
          multiple.coefficients[u] = *quotient;
          continue;
        }
        const auto divided = part ? algebra_.divide_with_rest(c, m) : std::nullopt;
        if (divided && !is_int(divided->quotient, 0))
          multiple.coefficients[u] = divided->quotient, parted = true;
        rest.coefficients[u] = divided ? divided->rest : c;
      }
      if (part && !parted) break;
      const bool whole = rest.coefficients.empty() && algebra_.equal(rest.base, 0);
      if (whole && is_int(m, 1)) continue;
      const auto sum = reach(rest);
      if (!sum || !algebra_.lt(sum->high, m) || !algebra_.lt(Expr(0) - sum->low, m)) continue;
      tidy(multiple);
      tidy(rest);
      equations_[number] = multiple;
      if (!whole) equations_.push_back(rest);
      return true;
    }
  }
  return false;
}

/// Takes an unknown with coefficient 1 or -1 out of all equations.
bool EquationSystem::eliminate() {
  for (std::size_t i = 0; i < equations_.size(); ++i) {
    const Equation equation = equations_[i];
    for (const auto& [number, coefficient] : equation.coefficients) {
      const bool one = is_int(coefficient, 1);
      if (!one && !is_int(coefficient, -1)) continue;
      Equation value{{}, one ? Expr(0) - equation.base : equation.base};
      for (const auto& [u, c] : equation.coefficients)
        if (u != number) value.coefficients[u] = one ? Expr(0) - c : c;
      tidy(value);
      substitute(number, value);
      return true;
    }
  }
  return false;
}

void EquationSystem::substitute(int number, const Equation& value) {
  const auto replace = [&](Equation& equation) {
    const auto found = equation.coefficients.find(number);
    if (found == equation.coefficients.end()) return;
    const Expr factor = found->second;
    equation.coefficients.erase(found);
    equation.base = equation.base + factor * value.base;
    for (const auto& [u, c] : value.coefficients) {
      Expr& coefficient = equation.coefficients[u];
      coefficient = coefficient ? coefficient + factor * c : factor * c;
    }
    tidy(equation);
  };
  for (Equation& equation : equations_) replace(equation);
  for (Bound& bound : bounds_) replace(bound.value);
  for (auto& [other, sum] : solved_) replace(sum);
  solved_[number] = value;
  std::erase_if(equations_, [](const Equation& e) { return e.coefficients.empty() && is_int(e.base, 0); });
}

bool EquationSystem::is_zero(int number) const {
  const auto found = solved_.find(number);
  return found != solved_.end() && found->second.coefficients.empty() && is_int(found->second.base, 0);
}

std::vector<std::pair<Expr, Expr>> EquationSystem::equalities() const {
  std::vector<std::pair<Expr, Expr>> equal;
  for (const auto& [number, sum] : solved_) {
    Expr value = sum.base;
    for (const auto& [u, c] : sum.coefficients)
      value = value + c * unknowns_[static_cast<std::size_t>(u)].meaning;
    equal.emplace_back(unknowns_[static_cast<std::size_t>(number)].meaning, value);
  }
  return equal;
}

}  // namespace tw
