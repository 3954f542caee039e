// Variables that are multiples of a number, counted in units of it.
//
// A size v that is a multiple of 14 is 14 * (v // 14) exactly. Sums and polynomials hold the quotient, the
// unit of v, as their atom, so that what follows from divisibility follows from plain arithmetic:
//
//   (v + 13) // 14   =  (14*u + 13) // 14  =  u
//   v * 3 % 14       =  42*u % 14          =  0
//   1 <= v           =  1 <= 14*u          =  1 <= u
#pragma once

#include <optional>
#include <vector>

#include "ir/expr.h"

namespace tw {

/// Whether the variable counts in units: an index that is a multiple of more than 1.
inline bool has_unit(const Variable& var) {
  return var.multiple_of > 1 && var.dtype.is_index() && var.dtype.is_scalar();
}

/// var // var.multiple_of.
Expr unit_of(const Variable& var);

/// The variable whose unit the expression is; null when it is none.
const Variable* variable_of_unit(const Expr& e);

/// An expression as a number of units of a variable: v // 7 is 2 units of a v that is a multiple of 14.
struct Units {
  const Variable* var = nullptr;
  int64_t count = 0;
};
std::optional<Units> as_units(const Expr& e);

/// coefficient * factors, with units written as the variables they stand for, as far as the coefficient
/// reaches: 28 * (v // 14) is 2 * v, 6 * (v // 14) is 3 * (v // 7).
void write_units(int64_t& coefficient, Expr* factors, std::size_t count);

}  // namespace tw
