#include "ir/context.h"

#include <cstdint>

#include "ir/scalar.h"

namespace tw {
namespace {

/// The opposite of a comparison of integers; null for anything else.
Expr negated_comparison(const Expr& e) {
  const auto* cmp = as<Binary>(e);
  if (!cmp || !is_comparison(cmp->op) || cmp->a.dtype().is_float()) return {};
  switch (cmp->op) {
    case BinaryOp::kLt: return Binary::make(BinaryOp::kLe, cmp->b, cmp->a);
    case BinaryOp::kLe: return Binary::make(BinaryOp::kLt, cmp->b, cmp->a);
    case BinaryOp::kEq: return Binary::make(BinaryOp::kNe, cmp->a, cmp->b);
    default: return Binary::make(BinaryOp::kEq, cmp->a, cmp->b);
  }
}

/// The same said of smaller numbers: 14*u - 20 >= 0 is u - 2 >= 0.
void reduce(Context::KnownSum& known) {
  const int64_t content = known.sum.content();
  if (content < 2) return;
  const int64_t over = scalar::floor_mod(known.sum.constant, content);
  if (over != 0 && known.relation != Context::KnownSum::Relation::kNotNegative) return;
  if (!__builtin_sub_overflow(known.sum.constant, over, &known.sum.constant))
    known.sum.divide_exactly(content);
}

}  // namespace

void Context::bind(const Var& var, Expr begin, Expr extent) {
  if (extent->kind != Kind::kIntImm) {
    KnownSum not_empty{KnownSum::Relation::kNotNegative, Sum(extent)};
    not_empty.sum.add_constant(-1);
    reduce(not_empty);
    if (not_empty.sum.valid && !not_empty.sum.is_constant()) known_.push_back(std::move(not_empty));
  }
  ranges_.push_back({var, std::move(begin), std::move(extent)});
}

void Context::declare(const Var& var) {
  declared_.push_back(var);
}

void Context::assume(const Expr& condition) {
  if (const auto* both = as<Binary>(condition); both && both->op == BinaryOp::kAnd) {
    assume(both->a);
    return assume(both->b);
  }
  if (const auto* negated = as<Unary>(condition); negated && negated->op == UnaryOp::kNot) {
    if (const auto* inner = as<Unary>(negated->a); inner && inner->op == UnaryOp::kNot)
      return assume(inner->a);
    if (const auto* either = as<Binary>(negated->a); either && either->op == BinaryOp::kOr) {
      assume(logical_not(either->a));
      return assume(logical_not(either->b));
    }
    if (Expr opposite = negated_comparison(negated->a)) return remember(std::move(opposite));
  }
  if (!is_int(condition, 1)) remember(condition);
}

void Context::remember(Expr condition) {
  facts_.push_back(std::move(condition));
  const auto* cmp = as<Binary>(facts_.back());
  if (!cmp || !is_comparison(cmp->op) || cmp->a.dtype() != kIndex) return;
  using enum KnownSum::Relation;
  KnownSum known{kNotNegative, Sum(cmp->b)};
  known.sum.add_expr(cmp->a, -1);
  if (cmp->op == BinaryOp::kLt) known.sum.add_constant(-1);
  if (cmp->op == BinaryOp::kEq) known.relation = kZero;
  if (cmp->op == BinaryOp::kNe) known.relation = kNotZero;
  reduce(known);
  if (known.sum.valid && !known.sum.is_constant()) known_.push_back(std::move(known));
}

Context::Mark Context::mark() const {
  return {ranges_.size(), facts_.size(), declared_.size(), known_.size()};
}

void Context::restore(const Mark& mark) {
  ranges_.erase(ranges_.begin() + static_cast<std::ptrdiff_t>(mark.ranges), ranges_.end());
  facts_.erase(facts_.begin() + static_cast<std::ptrdiff_t>(mark.facts), facts_.end());
  declared_.erase(declared_.begin() + static_cast<std::ptrdiff_t>(mark.declared), declared_.end());
  known_.erase(known_.begin() + static_cast<std::ptrdiff_t>(mark.known), known_.end());
}

const Context::BoundVar* Context::range_of(const Variable* var) const {
  for (std::size_t i = ranges_.size(); i-- > 0;)
    if (ranges_[i].var.get() == var) return &ranges_[i];
  return nullptr;
}

std::size_t Context::rank_of(const Variable* var) const {
  if (const BoundVar* range = range_of(var)) return static_cast<std::size_t>(range - ranges_.data());
  for (std::size_t i = 0; i < declared_.size(); ++i)
    if (declared_[i].get() == var) return kFirstDeclared + i;
  return SIZE_MAX;
}

}  // namespace tw
