#include "ir/simplify/unit.h"

#include "ir/simplify/linear.h"

namespace tw {

Expr unit_of(const Variable& var) {
  return Binary::make(BinaryOp::kFloorDiv, Expr(&var), Expr(var.multiple_of));
}

std::optional<Units> as_units(const Expr& e) {
  if (const auto* var = as<Variable>(e); var && has_unit(*var)) return Units{var, var->multiple_of};
  const auto* quotient = as<Binary>(e);
  if (!quotient || quotient->op != BinaryOp::kFloorDiv) return std::nullopt;
  const auto* var = as<Variable>(quotient->a);
  const auto* divisor = as<IntImm>(quotient->b);
  if (!var || !divisor || !has_unit(*var) || divisor->value < 1) return std::nullopt;
  if (var->multiple_of % divisor->value != 0) return std::nullopt;
  return Units{var, var->multiple_of / divisor->value};
}

const Variable* variable_of_unit(const Expr& e) {
  if (e->kind != Kind::kBinary) return nullptr;
  const auto units = as_units(e);
  return units && units->count == 1 ? units->var : nullptr;
}

void write_units(int64_t& coefficient, Expr* factors, std::size_t count) {
  // Whole variables first, so that 14 units of one are not spent on parts of another.
  for (const bool whole : {true, false})
    for (std::size_t i = 0; i < count; ++i) {
      const Variable* var = variable_of_unit(factors[i]);
      if (!var) continue;
      const int64_t common = gcd(coefficient, var->multiple_of);
      if (common == 1 || (whole && common != var->multiple_of)) continue;
      coefficient /= common;
      const Expr self(var);
      factors[i] = common == var->multiple_of
                       ? self
                       : Binary::make(BinaryOp::kFloorDiv, self, Expr(var->multiple_of / common));
    }
}

}  // namespace tw
