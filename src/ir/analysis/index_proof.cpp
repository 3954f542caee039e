// Proofs that polynomials are not negative: atoms give way to their bounds one by one.
#include <algorithm>

#include "ir/analysis/index_algebra.h"
#include "ir/scalar.h"
#include "ir/simplify/unit.h"

namespace tw {

/// How much may still be tried in one proof.
struct IndexAlgebra::Search {
  int fuel = 200;
  int depth = 12;
  int facts = 2;  // how many may be used after each other
  bool spend() { return fuel-- > 0 && depth > 0; }
};

bool IndexAlgebra::nonnegative(const Polynomial& p) {
  if (const auto value = p.constant()) return *value >= 0;
  if (proving_ == 0) refresh();
  auto& proofs = proofs_[proving_ > 0];
  if (const auto known = proofs.find(p); known != proofs.end()) return known->second;
  Search search;
  if (proving_ > 0) search.facts = 0;
  ++proving_;
  const bool proved = nonnegative(p, search);
  --proving_;
  proofs.emplace(p, proved);
  return proved;
}

bool IndexAlgebra::nonnegative(const Polynomial& given, Search& search) {
  if (const auto value = given.constant()) return *value >= 0;
  const Polynomial p = given.lowest_terms();
  if (refuted(p) || !search.spend()) return false;
  --search.depth;
  std::vector<int> atoms;
  bool positive_terms = true;
  for (const auto& [monomial, coefficient] : p.terms()) {
    atoms.insert(atoms.end(), monomial.begin(), monomial.end());
    positive_terms &= coefficient > 0;
  }
  std::sort(atoms.begin(), atoms.end(), std::greater<>());
  atoms.erase(std::unique(atoms.begin(), atoms.end()), atoms.end());
  bool proved = positive_terms && std::all_of(atoms.begin(), atoms.end(),
                                              [&](int number) { return atom_nonnegative(number, search); });
  for (std::size_t i = 0; i < atoms.size() && !proved; ++i) proved = without_atom(p, atoms[i], search);
  proved = proved || (search.facts > 0 && by_fact(p, search));
  ++search.depth;
  return proved;
}

std::optional<int64_t> IndexAlgebra::value_at(int point, int atom) {
  const auto number = static_cast<std::size_t>(atom);
  if (values_.size() <= number) values_.resize(atoms_.size());
  PointValue& at = values_[number][static_cast<std::size_t>(point)];
  if (!at.known) at = {true, points_.value(point, atoms_[number])};
  return at.value;
}

/// Whether p is negative at a sample point: then there is no proof to be found.
bool IndexAlgebra::refuted(const Polynomial& p) {
  for (int point = 0; point < SamplePoints::kCount; ++point) {
    if (!points_.is_good(point)) continue;
    int64_t total = 0;
    bool exact = true;
    for (const auto& [monomial, coefficient] : p.terms()) {
      int64_t product = coefficient;
      for (const char16_t atom : monomial) {
        const auto factor = value_at(point, atom);
        exact = exact && factor && !__builtin_mul_overflow(product, *factor, &product);
      }
      exact = exact && !__builtin_add_overflow(total, product, &total);
    }
    if (exact && total < 0) return true;
  }
  return false;
}

bool IndexAlgebra::atom_nonnegative(int number, Search& search) {
  const Expr e = atoms_[static_cast<std::size_t>(number)];
  const Variable* counted = variable_of_unit(e);
  if (const auto* var = counted ? counted : as<Variable>(e)) {
    if (var->min >= 0) return true;
    const auto* range = context_.range_of(var);
    return range && as_int(range->begin) >= 0;
  }
  return without_atom(Polynomial::of_atom(number), number, search);
}

/// Replaces the atom by a bound, on the side that the sign of its factor asks for.
bool IndexAlgebra::without_atom(const Polynomial& p, int number, Search& search) {
  const auto parts = p.linear_in(number);
  const bool up = nonnegative(parts.factor, search);  // p grows with the atom
  const bool down = !up && nonnegative(-parts.factor, search);
  const Expr e = atoms_[static_cast<std::size_t>(number)];
  if (const auto* var = as<Variable>(e))
    return (up || down) && without_variable(parts, up, down, *var, search);
  if (const Variable* var = variable_of_unit(e)) return (up || down) && without_unit(parts, up, *var, search);
  const auto* binary = as<Binary>(e);
  if (!binary) return false;
  if (binary->op == BinaryOp::kFloorDiv) return without_quotient(parts, up, down, *binary, search);
  if (binary->op == BinaryOp::kMin || binary->op == BinaryOp::kMax)
    return (up || down) && without_choice(parts, up, down, *binary, search);
  if (binary->op == BinaryOp::kFloorMod && up) {
    // Of an unknown divisor: at least 0 when the divisor is (0 gives 0).
    return nonnegative(polynomial(binary->b), search) && nonnegative(parts.rest, search);
  }
  return false;
}

bool IndexAlgebra::without_variable(const Polynomial::Linear& p, bool up, bool, const Variable& var,
                                    Search& search) {
  const auto with = [&](const Polynomial& bound) { return nonnegative(p.factor * bound + p.rest, search); };
  if (const auto* range = context_.range_of(&var)) {
    const Expr begin = range->begin,
               extent = range->extent;  // the context may not change, but keep them alive
    if (up ? with(polynomial(begin)) : with(polynomial(begin) + polynomial(extent) - Polynomial(1)))
      return true;
  }
  if (up && var.min != kNoMin) return with(Polynomial(var.min));
  if (!up && var.max != kNoMax) return with(Polynomial(var.max));
  return false;
}

/// Of a variable v = m * u, with m * p for p: p >= 0 when m * p + m - 1 >= 0.
bool IndexAlgebra::without_unit(const Polynomial::Linear& p, bool up, const Variable& var, Search& search) {
  const int64_t unit = var.multiple_of;
  if (const auto* range = context_.range_of(&var)) {
    const Expr begin = range->begin, extent = range->extent;
    const Polynomial end = up ? polynomial(begin) : polynomial(begin) + polynomial(extent) - Polynomial(1);
    if (nonnegative(p.factor * end + Polynomial(unit) * p.rest + Polynomial(unit - 1), search)) return true;
  }
  if (up ? var.min == kNoMin : var.max == kNoMax) return false;
  const int64_t end = up ? -scalar::floor_div(-var.min, unit) : scalar::floor_div(var.max, unit);
  return nonnegative(p.factor * Polynomial(end) + p.rest, search);
}

/// For q = a // b with b >= 1: a - b + 1 <= b * q <= a, and q >= 0 when a >= 0. An integer p is at least 0
/// when b * p + b - 1 is.
bool IndexAlgebra::without_quotient(const Polynomial::Linear& p, bool up, bool down, const Binary& quotient,
                                    Search& search) {
  if (!up && !down) return false;
  const Polynomial a = polynomial(quotient.a), b = polynomial(quotient.b), one(1);
  if (!nonnegative(b - one, search)) return false;
  const Polynomial bound = up ? a - b + one : a;
  const auto multiple = p.factor.divide(b);
  if (multiple ? nonnegative(*multiple * bound + p.rest, search)
               : nonnegative(p.factor * bound + b * p.rest + b - one, search))
    return true;
  return up && nonnegative(p.rest, search) && nonnegative(a, search);
}

/// min(x, y) and max(x, y) are one of the two, and no more, no less than either.
bool IndexAlgebra::without_choice(const Polynomial::Linear& p, bool up, bool, const Binary& choice,
                                  Search& search) {
  const auto with = [&](const Expr& side) {
    return nonnegative(p.factor * polynomial(side) + p.rest, search);
  };
  const bool either = up == (choice.op == BinaryOp::kMax);
  if (either) return with(choice.a) || with(choice.b);
  return with(choice.a) && with(choice.b);
}

/// The fact as f >= 0, or as f == 0.
const IndexAlgebra::Fact& IndexAlgebra::fact(std::size_t number) {
  const Expr& condition = context_.facts()[number];
  if (facts_.size() <= number) facts_.resize(number + 1);
  if (facts_[number].condition.same_as(condition)) return facts_[number];
  Fact fact{condition, {}, false, false};
  const auto* binary = as<Binary>(condition);
  if (binary && binary->a.dtype().is_index()) {
    fact.gap = polynomial(binary->b) - polynomial(binary->a);
    if (binary->op == BinaryOp::kLt) fact.gap = fact.gap - Polynomial(1);
    fact.is_equality = binary->op == BinaryOp::kEq;
    fact.is_order = binary->op == BinaryOp::kLt || binary->op == BinaryOp::kLe;
    if (fact.is_order) fact.gap = fact.gap.lowest_terms();
  }
  return facts_[number] = std::move(fact);
}

/// Whether p and sign * gap have a term in common, the constant aside, on which they agree in sign:
/// subtracting leaves less there.
bool IndexAlgebra::shares_term(const Polynomial& p, const Polynomial& gap, int64_t sign) const {
  for (const auto& [monomial, coefficient] : gap.terms())
    for (const auto& [other, factor] : p.terms())
      if (!monomial.empty() && other == monomial && (factor > 0) == (sign * (coefficient > 0 ? 1 : -1) > 0))
        return true;
  return false;
}

/// p >= 0 when p - f >= 0 for a fact f >= 0.
bool IndexAlgebra::by_fact(const Polynomial& p, Search& search) {
  --search.facts;
  bool proved = false;
  for (std::size_t i = 0; i < context_.facts().size() && !proved; ++i) {
    const Fact known = fact(i);  // a copy: reading others moves the list
    if (!known.is_order && !known.is_equality) continue;
    if (shares_term(p, known.gap, 1)) proved = nonnegative(p - known.gap, search);
    if (!proved && known.is_equality && shares_term(p, known.gap, -1))
      proved = nonnegative(p + known.gap, search);
  }
  ++search.facts;
  return proved;
}

}  // namespace tw
