#include "ir/analysis/conflict_pair.h"

#include <algorithm>

#include "support/error.h"

namespace tw {

Side::Side(const Access& access, const ConflictQuestion& question, const Context& outside, bool use_guards,
           FreeQuotients& quotients)
    : access(access), context(outside) {
  for (std::size_t i = question.first_unknown(); i < access.loops.size(); ++i)
    moving_.push_back(access.loops[i]->var);
  for (std::size_t i = question.first_unknown(); i < access.loops.size(); ++i)
    add_loop(*access.loops[i], i < question.common + question.distinct);
  IterRewriter rewriter(map, context);
  if (use_guards) rewriter.trim(access.guards);
  for (const Range& range : access.box)
    subscripts.push_back(readable(range.min) && readable(range.extent)
                             ? sum_of(range.min, rewriter, quotients)
                             : std::nullopt);
  add_equalities(rewriter);
}

/// Conditions x == y around the access, as far as they are sums of digits.
void Side::add_equalities(IterRewriter& rewriter) {
  for (const Expr& guard : access.guards) {
    const auto* equality = as<Binary>(guard);
    if (!equality || equality->op != BinaryOp::kEq || !equality->a.dtype().is_index() || !readable(guard))
      continue;
    const auto sum = rewriter.sum_of(equality->a - equality->b);
    if (sum && !sum->terms.empty()) relations.push_back({nullptr, guard, *sum});
  }
}

/// A triangular loop gets the greatest extent it can have: more turns than there are do no harm to a proof.
/// An extent that is data may differ each time the loop is met; `same_extent`: both sides met it at once.
void Side::add_loop(const For& loop, bool same_extent) {
  Expr extent = loop.extent;
  const bool is_data = is_data_dependent(extent) && !same_extent;
  const bool triangular =
      std::any_of(moving_.begin(), moving_.end(), [&](const Var& var) { return uses_var(extent, var); });
  if (triangular || is_data) {
    const auto limits = is_data ? std::nullopt : symbolic_bounds(extent, moving_, context);
    if (!limits) {
      unreadable_.insert(loop.var.operator->());
      context.bind(loop.var, 0, loop.extent);
      return;
    }
    extent = limits->max;
  }
  context.bind(loop.var, 0, extent);
  map.loops.push_back({loop.var, extent});
  map.sources.push_back({loop.var, {}, extent, false});
}

bool Side::readable(const Expr& e) const {
  return !is_data_dependent(e) &&
         !contains<Variable>(e.get(), [&](const Variable& var) { return unreadable_.contains(&var); });
}

Expr Side::meaning(IterTerm term) const {
  term.scale = 1;
  const Expr value = to_expr(map, {0, {term}});
  return written_out_.empty() ? value : substitute(value, written_out_);
}

std::optional<IterSum> Side::sum_of(const Expr& e, IterRewriter& rewriter, FreeQuotients& quotients) {
  if (auto sum = rewriter.sum_of(e)) return sum;
  const Expr linear = with_free_quotients(e, rewriter, quotients);
  return linear ? rewriter.sum_of(linear) : std::nullopt;
}

/// The expression with unknowns for the quotients that are no digits; null where that leaves something else.
Expr Side::with_free_quotients(const Expr& e, IterRewriter& rewriter, FreeQuotients& quotients) {
  if (rewriter.sum_of(e)) return e;
  const auto* binary = as<Binary>(e);
  if (!binary || !e.dtype().is_index()) return {};
  if (binary->op == BinaryOp::kFloorDiv || binary->op == BinaryOp::kFloorMod) {
    const FreeQuotient* free = free_quotient(*binary, rewriter, quotients);
    if (!free) return {};
    return binary->op == BinaryOp::kFloorDiv ? free->quotient + free->least : Expr(free->rest);
  }
  const Expr a = with_free_quotients(binary->a, rewriter, quotients),
             b = a ? with_free_quotients(binary->b, rewriter, quotients) : Expr();
  return b ? Binary::make(binary->op, a, b) : Expr();
}

/// The unknowns of a quotient, related to its sum on this side.
const FreeQuotient* Side::free_quotient(const Binary& e, IterRewriter& rewriter, FreeQuotients& quotients) {
  for (const Relation& relation : relations)
    if (relation.quotient && same_expr(relation.quotient->sum, e.a) &&
        same_expr(relation.quotient->divisor, e.b))
      return relation.quotient;
  const auto divisor = rewriter.sum_of(e.b);
  if (!divisor || !divisor->terms.empty() || !rewriter.algebra().positive(e.b)) return nullptr;
  const Expr sum = with_free_quotients(e.a, rewriter, quotients);
  if (!sum) return nullptr;
  const FreeQuotient* found = nullptr;
  for (const FreeQuotient& known : quotients)
    if (same_expr(known.sum, e.a) && same_expr(known.divisor, e.b)) found = &known;
  if (!found) {
    const auto limits = symbolic_bounds(floordiv(e.a, e.b), moving_, context);
    if (!limits) return nullptr;
    quotients.push_back(
        {e.a, e.b, Var("quotient"), Var("rest"), limits->min, limits->max - limits->min + Expr(1)});
    found = &quotients.back();
  }
  map.sources.push_back({found->quotient, {}, found->extent, false});
  map.sources.push_back({found->rest, {}, found->divisor, false});
  const auto zero =
      rewriter.sum_of(sum - (found->quotient + found->least) * found->divisor - Expr(found->rest));
  if (!zero) return nullptr;
  relations.push_back({found, {}, *zero});
  written_out_[&*found->quotient] = floordiv(e.a, e.b) - found->least;
  written_out_[&*found->rest] = floormod(e.a, e.b);
  return found;
}

bool PairEquations::solve() {
  for (std::size_t d = 0; d < a_.subscripts.size(); ++d) {
    if (!a_.subscripts[d] || !b_.subscripts[d]) continue;
    Equation equation{{}, 0};
    add_a(equation, *a_.subscripts[d]);
    subtract_b(equation, *b_.subscripts[d]);
    add_width(equation, a_.access.box[d], 1);
    add_width(equation, b_.access.box[d], -1);
    system_.require(std::move(equation));
  }
  require_relations();
  require_joint_turns();
  link_digits();
  bound_digits_of_b();
  return system_.solve();
}

bool PairEquations::same_turn(const Variable* var) {
  std::vector<std::vector<IterTerm>> equal(a_.map.sources.size());
  for (std::size_t i = 0; i < digits_.size(); ++i)
    if (digits_[i].difference >= 0 && system_.is_zero(digits_[i].difference))
      equal[static_cast<std::size_t>(digits_[i].term.source)].push_back(digits_[i].term);
  for (std::size_t i = a_.map.sources.size(); i-- > 0;) {
    const IterSource& source = a_.map.sources[i];
    if (!in_b(source) || !covered(source, equal[i])) continue;
    if (source.var && source.var.get() == var) return true;
    // Equal numbers have equal digits.
    for (const IterTerm& term : source.sum.terms)
      equal[static_cast<std::size_t>(term.source)].push_back(term);
  }
  return false;
}

void PairEquations::add(Equation& equation, int unknown, const Expr& scale) {
  Expr& coefficient = equation.coefficients[unknown];
  coefficient = coefficient ? coefficient + scale : scale;
}

void PairEquations::add_a(Equation& equation, const IterSum& sum) {
  equation.base = equation.base + sum.base;
  for (const IterTerm& term : sum.terms) add(equation, digit_of_a(term), term.scale);
}

/// b's digit is a's less the difference, which is all that is left where both count alike.
void PairEquations::subtract_b(Equation& equation, const IterSum& sum) {
  equation.base = equation.base - sum.base;
  for (const IterTerm& term : sum.terms) {
    const int shared = in_a(term);
    const auto of_a = equation.coefficients.find(shared);
    if (of_a != equation.coefficients.end() && algebra_.equal(of_a->second, term.scale)) {
      equation.coefficients.erase(of_a);
      add(equation, difference(shared), term.scale);
    } else {
      add(equation, shared >= 0 ? other(shared) : digit_of_b(term), Expr(0) - term.scale);
    }
  }
}

/// A box that is wider than one element: any of its subscripts.
void PairEquations::add_width(Equation& equation, const Range& range, int sign) {
  if (is_int(range.extent, 1)) return;
  add(equation, system_.unknown(0, range.extent - Expr(1), Var("w")), sign);
}

/// What ties free quotients to their sums, and conditions that are equalities; of those that both sides have
/// the difference.
void PairEquations::require_relations() {
  for (const Side::Relation& relation : a_.relations) {
    Equation equation{{}, 0};
    add_a(equation, relation.sum);
    system_.require(std::move(equation));
  }
  for (const Side::Relation& relation : b_.relations) {
    const auto same =
        std::find_if(a_.relations.begin(), a_.relations.end(), [&](const Side::Relation& other) {
          return other.quotient == relation.quotient && same_expr(other.condition, relation.condition);
        });
    Equation equation{{}, 0};
    if (same != a_.relations.end()) add_a(equation, same->sum);
    subtract_b(equation, relation.sum);
    system_.require(std::move(equation));
  }
}

/// Loops in the same turn on both sides have equal digits.
void PairEquations::require_joint_turns() {
  for (std::size_t i = 0; i < digits_.size(); ++i) {
    const Var& var = a_.map.sources[static_cast<std::size_t>(digits_[i].term.source)].var;
    for (std::size_t loop = question_.first_unknown(); var && loop < question_.common; ++loop)
      if (question_.a.loops[loop]->var.same_as(var))
        system_.require({{{difference(digits_[i].unknown), 1}}, 0});
  }
}

bool PairEquations::is_whole(const IterTerm& term) {
  return is_int(term.lower, 1) &&
         algebra_.equal(term.extent, a_.map.sources[static_cast<std::size_t>(term.source)].extent);
}

/// Where a source stands whole and in parts: whole = (what is above) + part + (what is below).
void PairEquations::link_digits() {
  const std::size_t count = digits_.size();
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = 0; j < count; ++j)
      if (i != j && digits_[i].term.source == digits_[j].term.source && is_whole(digits_[i].term))
        link(IterTerm(digits_[i].term), IterTerm(digits_[j].term));
}

void PairEquations::link(const IterTerm& whole, const IterTerm& part) {
  const IterSource& source = a_.map.sources[static_cast<std::size_t>(whole.source)];
  const Expr weight = part.lower * part.extent;
  std::vector<std::pair<int, Expr>> terms{{digit_of_a(whole), -1}, {digit_of_a(part), part.lower}};
  if (!is_int(part.lower, 1)) terms.emplace_back(digit_of_a({whole.source, 1, part.lower, 1}), 1);
  if (!algebra_.le(source.extent, weight))
    terms.emplace_back(digit_of_a({whole.source, weight, ceildiv(source.extent, weight), 1}), weight);
  Equation of_a{{}, 0}, apart{{}, 0};
  const bool shared = in_b(source);
  for (const auto& [unknown, scale] : terms) {
    add(of_a, unknown, scale);
    if (shared) add(apart, difference(unknown), scale);
  }
  system_.require(std::move(of_a));
  if (shared) system_.require(std::move(apart));
}

/// a's digit less the difference is a digit of b.
void PairEquations::bound_digits_of_b() {
  for (const Digit& digit : digits_)
    if (digit.difference >= 0 && digit.other < 0)
      system_.bound({{{digit.unknown, 1}, {digit.difference, -1}}, 0}, 0, digit.term.extent - Expr(1));
}

std::size_t PairEquations::digit_number(const IterTerm& term) {
  for (std::size_t i = 0; i < digits_.size(); ++i)
    if (same_digit(a_.map, digits_[i].term, a_.map, term)) return i;
  digits_.push_back({term, system_.unknown(0, term.extent - Expr(1), a_.meaning(term)), -1});
  return digits_.size() - 1;
}

/// The unknown of a's digit that b's digit is in other turns; -1 where a has no such digit.
int PairEquations::in_a(const IterTerm& term) {
  const int source = source_in_a(term.source);
  if (source < 0) return -1;
  return digit_of_a({source, term.lower, term.extent, 1});
}

int PairEquations::difference(int unknown) {
  for (Digit& digit : digits_) {
    if (digit.unknown != unknown) continue;
    if (digit.difference < 0) {
      const Expr reach = digit.term.extent - Expr(1), of_a = a_.meaning(digit.term);
      digit.difference = system_.unknown(Expr(0) - reach, reach, of_a - tw::substitute(of_a, renamed_));
    }
    return digit.difference;
  }
  raise_internal("no digit has unknown {}", unknown);
}

/// b's digit of a digit that both have.
int PairEquations::other(int unknown) {
  const int apart = difference(unknown);
  const auto digit = std::find_if(digits_.begin(), digits_.end(),
                                  [&](const Digit& known) { return known.unknown == unknown; });
  if (digit->other < 0) {
    const Expr value = tw::substitute(a_.meaning(digit->term), renamed_);
    digit->other = system_.unknown(0, digit->term.extent - Expr(1), value);
    system_.require({{{unknown, 1}, {apart, -1}, {digit->other, -1}}, 0});
  }
  return digit->other;
}

int PairEquations::digit_of_b(const IterTerm& term) {
  for (const Digit& digit : digits_of_b_)
    if (same_digit(b_.map, digit.term, b_.map, term)) return digit.unknown;
  const Expr value = tw::substitute(b_.meaning(term), renamed_);
  digits_of_b_.push_back({term, system_.unknown(0, term.extent - Expr(1), value), -1});
  return digits_of_b_.back().unknown;
}

/// The source of a's map that stands for the same as a source of b's; -1: none.
int PairEquations::source_in_a(int number) {
  const IterSource& wanted = b_.map.sources[static_cast<std::size_t>(number)];
  for (std::size_t i = 0; i < a_.map.sources.size(); ++i)
    if (same_source(a_.map.sources[i], wanted)) return static_cast<int>(i);
  return -1;
}

/// Whether the source is one of b's too: a sum that a condition of a alone trims says nothing of b.
bool PairEquations::in_b(const IterSource& source) {
  return std::any_of(b_.map.sources.begin(), b_.map.sources.end(),
                     [&](const IterSource& other) { return same_source(source, other); });
}

bool PairEquations::same_source(const IterSource& a, const IterSource& b) {
  if (a.var || b.var) return a.var && b.var && a.var.same_as(b.var) && algebra_.equal(a.extent, b.extent);
  if (a.sum.terms.size() != b.sum.terms.size() || !algebra_.equal(a.extent, b.extent)) return false;
  for (std::size_t i = 0; i < a.sum.terms.size(); ++i)
    if (!same_digit(a_.map, a.sum.terms[i], b_.map, b.sum.terms[i]) ||
        !algebra_.equal(a.sum.terms[i].scale, b.sum.terms[i].scale))
      return false;
  return true;
}

bool PairEquations::same_digit(const IterMap& a_map, const IterTerm& a, const IterMap& b_map,
                               const IterTerm& b) {
  if (!algebra_.equal(a.lower, b.lower) || !algebra_.equal(a.extent, b.extent)) return false;
  if (&a_map == &b_map) return a.source == b.source;
  return same_source(a_map.sources[static_cast<std::size_t>(a.source)],
                     b_map.sources[static_cast<std::size_t>(b.source)]);
}

bool PairEquations::covered(const IterSource& source, const std::vector<IterTerm>& digits) {
  Expr weight = 1;
  while (!algebra_.le(source.extent, weight)) {
    const auto next = std::find_if(digits.begin(), digits.end(), [&](const IterTerm& digit) {
      return algebra_.equal(digit.lower, weight) && !algebra_.le(digit.extent, 1);
    });
    if (next == digits.end()) return false;
    weight = algebra_.normal(weight * next->extent);
  }
  return true;
}

}  // namespace tw
