#include "ir/analysis/index_algebra.h"

#include <algorithm>
#include <numeric>

#include "ir/program.h"
#include "ir/scalar.h"
#include "support/error.h"

namespace tw {
namespace {

/// a = b * quotient + rest, by terms where b is one term, exactly or not at all otherwise.
std::pair<Polynomial, Polynomial> divide_terms(const Polynomial& a, const Polynomial& b) {
  if (b.is_zero()) return {{}, a};
  if (b.terms().size() > 1) {
    if (auto exact = a.divide(b)) return {*exact, {}};
    return {{}, a};
  }
  const auto& [monomial, coefficient] = *b.terms().begin();
  Polynomial quotient, rest;
  for (const auto& [m, c] : a.terms()) {
    const auto factor = divide(m, monomial);
    if (!factor || coefficient == INT64_MIN) {
      rest.add(m, c);
      continue;
    }
    quotient.add(*factor, scalar::floor_div(c, coefficient));
    rest.add(m, scalar::floor_mod(c, coefficient));
  }
  return {quotient, rest};
}

/// p >= 0 of integers says as much of p divided by what divides all its coefficients but the constant,
/// rounded down.
Polynomial lowest_terms(const Polynomial& p) {
  int64_t divisor = 0;
  for (const auto& [monomial, coefficient] : p.terms())
    if (!monomial.empty()) divisor = std::gcd(divisor, coefficient);
  if (divisor < 2) return p;
  Polynomial reduced;
  for (const auto& [monomial, coefficient] : p.terms())
    reduced.add(monomial, scalar::floor_div(coefficient, divisor));
  return reduced;
}

}  // namespace

/// How much may still be tried in one proof.
struct IndexAlgebra::Search {
  int fuel = 200;
  int depth = 12;
  int facts = 2;  // how many may be used after each other
  bool spend() { return fuel-- > 0 && depth > 0; }
};

int IndexAlgebra::atom(const Expr& e) {
  for (std::size_t i = 0; i < atoms_.size(); ++i)
    if (same_expr(atoms_[i], e)) return static_cast<int>(i);
  atoms_.push_back(e);
  check_internal(atoms_.size() <= kMaxAtom, "{} atoms of index expressions", atoms_.size());
  return static_cast<int>(atoms_.size()) - 1;
}

/// Forgets what was read and proved when the context has changed since.
void IndexAlgebra::refresh() {
  const auto& ranges = context_.ranges();
  const auto& facts = context_.facts();
  bool same = known_.size() == ranges.size() * 2 + facts.size();
  std::size_t next = 0;
  for (std::size_t i = 0; i < ranges.size() && same; ++i) {
    same = known_[next++].same_as(ranges[i].var);
    same = same && known_[next++].same_as(ranges[i].extent);
  }
  for (std::size_t i = 0; i < facts.size() && same; ++i) same = known_[next++].same_as(facts[i]);
  if (same) return;
  known_.clear();
  for (const auto& range : ranges) known_.insert(known_.end(), {range.var, range.extent});
  known_.insert(known_.end(), facts.begin(), facts.end());
  for (auto& readings : readings_) readings.clear();
  for (auto& proofs : proofs_) proofs.clear();
  points_ = SamplePoints(context_);
  values_.clear();
}

const Polynomial& IndexAlgebra::polynomial(const Expr& e) {
  if (proving_ == 0) refresh();
  auto& readings = readings_[proving_ > 0];
  if (const auto found = readings.find(e.get()); found != readings.end()) return found->second.polynomial;
  Polynomial p = read(e);
  return readings.emplace(e.get(), Reading{e, std::move(p)}).first->second.polynomial;
}

Polynomial IndexAlgebra::read(const Expr& e) {
  if (const auto value = as_int(e)) return *value;
  if (!e.dtype().is_index()) return Polynomial::of_atom(atom(e));
  if (const auto* unary = as<Unary>(e); unary && unary->op == UnaryOp::kNeg) return -polynomial(unary->a);
  if (const auto* binary = as<Binary>(e)) {
    const Polynomial &a = polynomial(binary->a), &b = polynomial(binary->b);
    switch (binary->op) {
      case BinaryOp::kAdd: return a + b;
      case BinaryOp::kSub: return a - b;
      case BinaryOp::kMul: return a * b;
      case BinaryOp::kFloorDiv: return of_quotient(a, b);
      case BinaryOp::kFloorMod: {
        const bool divides = b.constant() ? *b.constant() != 0 : nonnegative(b - Polynomial(1));
        if (divides) return a - b * of_quotient(a, b);
        if (b.is_zero()) return {};
        break;
      }
      case BinaryOp::kMin:
      case BinaryOp::kMax:
        if (a == b) return a;
        break;
      default: break;
    }
    return Polynomial::of_atom(atom(Binary::make(binary->op, expr(a), expr(b))));
  }
  return Polynomial::of_atom(atom(e));
}

Polynomial IndexAlgebra::of_quotient(const Polynomial& a, const Polynomial& b) {
  if (b.is_zero()) return {};
  const bool positive = nonnegative(b - Polynomial(1));
  if (!positive && !b.constant())
    return Polynomial::of_atom(atom(Binary::make(BinaryOp::kFloorDiv, expr(a), expr(b))));
  auto [quotient, rest] = divide_terms(a, b);
  if (rest.is_zero() || (positive && nonnegative(rest) && nonnegative(b - Polynomial(1) - rest)))
    return quotient;
  return quotient + Polynomial::of_atom(atom(Binary::make(BinaryOp::kFloorDiv, expr(rest), expr(b))));
}

Expr IndexAlgebra::expr(const Polynomial& p) const {
  Expr sum;
  // Positive terms of high degree first, the constant last: i*mc + j - 1.
  std::vector<std::pair<Monomial, int64_t>> terms(p.terms().begin(), p.terms().end());
  std::stable_sort(terms.begin(), terms.end(), [](const auto& a, const auto& b) {
    return std::make_tuple(a.first.empty(), a.second < 0, -static_cast<int>(a.first.size())) <
           std::make_tuple(b.first.empty(), b.second < 0, -static_cast<int>(b.first.size()));
  });
  for (const auto& [monomial, coefficient] : terms) {
    const bool subtract = sum && coefficient < 0 && coefficient != INT64_MIN;
    Expr product;
    for (const int number : monomial) {
      const Expr& factor = atoms_[static_cast<std::size_t>(number)];
      product = product ? product * factor : factor;
    }
    const int64_t scale = subtract ? -coefficient : coefficient;
    product = product ? (scale == 1 ? product : product * Expr(scale)) : Expr(scale);
    sum = !sum ? product : subtract ? sum - product : sum + product;
  }
  return sum ? sum : Expr(0);
}

std::optional<Expr> IndexAlgebra::divide(const Expr& a, const Expr& b) {
  if (is_int(b, 1)) return a;
  if (!positive(b)) return std::nullopt;
  const auto quotient = polynomial(a).divide(polynomial(b));
  if (!quotient) return std::nullopt;
  return expr(*quotient);
}

bool IndexAlgebra::is_multiple(const Expr& a, const Expr& b) {
  return polynomial(a).divide(polynomial(b)).has_value();
}

std::optional<IndexAlgebra::Division> IndexAlgebra::divide_with_rest(const Expr& a, const Expr& b) {
  if (!positive(b)) return std::nullopt;
  const auto [quotient, rest] = divide_terms(polynomial(a), polynomial(b));
  return Division{expr(quotient), expr(rest)};
}

bool IndexAlgebra::nonnegative(const Expr& e) {
  return nonnegative(polynomial(e));
}

bool IndexAlgebra::le(const Expr& a, const Expr& b) {
  return a.same_as(b) || nonnegative(polynomial(b) - polynomial(a));
}

bool IndexAlgebra::lt(const Expr& a, const Expr& b) {
  return nonnegative(polynomial(b) - polynomial(a) - Polynomial(1));
}

bool IndexAlgebra::positive(const Expr& e) {
  if (const auto value = as_int(e)) return *value >= 1;
  return nonnegative(polynomial(e) - Polynomial(1));
}

bool IndexAlgebra::nonzero(const Expr& e) {
  return positive(e) || nonnegative(-polynomial(e) - Polynomial(1));
}

bool IndexAlgebra::holds(const Expr& condition) {
  if (const auto value = as_int(condition)) return *value != 0;
  if (const auto* binary = as<Binary>(condition)) {
    const Expr &a = binary->a, &b = binary->b;
    if (binary->op == BinaryOp::kAnd) return holds(a) && holds(b);
    if (binary->op == BinaryOp::kOr && (holds(a) || holds(b))) return true;
    if (a.dtype().is_index()) {
      if (binary->op == BinaryOp::kLe && le(a, b)) return true;
      if (binary->op == BinaryOp::kLt && lt(a, b)) return true;
      if (binary->op == BinaryOp::kEq && (equal(a, b) || (le(a, b) && le(b, a)))) return true;
      if (binary->op == BinaryOp::kNe && (lt(a, b) || lt(b, a))) return true;
      if (fails_somewhere(*binary)) return false;
    }
  }
  return prove(condition, context_);
}

/// Whether an order or an equality is wrong at a sample point.
bool IndexAlgebra::fails_somewhere(const Binary& condition) {
  const Polynomial gap = polynomial(condition.b) - polynomial(condition.a);
  if (condition.op == BinaryOp::kLe) return refuted(gap);
  if (condition.op == BinaryOp::kLt) return refuted(gap - Polynomial(1));
  return condition.op == BinaryOp::kEq && (refuted(gap) || refuted(-gap));
}

bool IndexAlgebra::refutes(const Expr& condition) {
  if (const auto value = as_int(condition)) return *value == 0;
  if (const auto* unary = as<Unary>(condition); unary && unary->op == UnaryOp::kNot) return holds(unary->a);
  if (const auto* binary = as<Binary>(condition)) {
    const Expr &a = binary->a, &b = binary->b;
    if (binary->op == BinaryOp::kAnd && (refutes(a) || refutes(b))) return true;
    if (binary->op == BinaryOp::kOr) return refutes(a) && refutes(b);
    if (a.dtype().is_index()) {
      if (binary->op == BinaryOp::kLe) return holds(tw::lt(b, a));
      if (binary->op == BinaryOp::kLt) return holds(tw::le(b, a));
      if (binary->op == BinaryOp::kEq) return holds(ne(a, b));
      if (binary->op == BinaryOp::kNe) return holds(eq(a, b));
    }
  }
  return prove(logical_not(condition), context_);
}

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
  const Polynomial p = lowest_terms(given);
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
  if (const auto* var = as<Variable>(e)) {
    if (var->min >= 0) return true;
    const auto* range = context_.range_of(var);
    return range && as_int(range->begin) >= 0;
  }
  return without_atom(Polynomial::of_atom(number), number, search);
}

/// Replaces the atom by a bound, on the side that the sign of its factor asks for.
bool IndexAlgebra::without_atom(const Polynomial& p, int number, Search& search) {
  const auto parts = p.linear_in(number);
  if (!parts) return false;
  const bool up = nonnegative(parts->factor, search);  // p grows with the atom
  const bool down = !up && nonnegative(-parts->factor, search);
  const Expr e = atoms_[static_cast<std::size_t>(number)];
  if (const auto* var = as<Variable>(e))
    return (up || down) && without_variable(*parts, up, down, *var, search);
  const auto* binary = as<Binary>(e);
  if (!binary) return false;
  if (binary->op == BinaryOp::kFloorDiv) return without_quotient(*parts, up, down, *binary, search);
  if (binary->op == BinaryOp::kMin || binary->op == BinaryOp::kMax)
    return (up || down) && without_choice(*parts, up, down, *binary, search);
  if (binary->op == BinaryOp::kFloorMod && up) {
    // Of an unknown divisor: at least 0 when the divisor is (0 gives 0).
    return nonnegative(polynomial(binary->b), search) && nonnegative(parts->rest, search);
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
    if (fact.is_order) fact.gap = lowest_terms(fact.gap);
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
