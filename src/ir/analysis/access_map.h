// Subscripts as forms of chosen variables: what is affine, what is a quotient or a remainder, what is
// neither.
//
// Coefficients are expressions without the variables, constant or symbolic. A subscript is the sum of its
// three parts:
//
//   oh*stride + kh - pad     affine: coefficients stride and 1, base -pad
//   (i + 3) // 2             affine 0, one quotient of i + 3 by 2
//   index[i]                 opaque: depends on data, or multiplies variables with each other
//
// Gradients transpose these maps, cost models ask for strides, legality asks whether writes are distinct.
#pragma once

#include "ir/analysis/iter_map.h"
#include "ir/context.h"
#include "ir/program.h"

namespace tw {

struct AffineTerm {
  Var var;
  Expr coefficient;  // not zero, as far as the laws of a ring tell
};

struct AffineForm {
  std::vector<AffineTerm> terms;  // in the order of the map's variables
  Expr base;
};

/// scale * (operand // divisor) or scale * (operand % divisor).
struct QuotientTerm {
  Expr scale;
  BinaryOp op = BinaryOp::kFloorDiv;
  AffineForm operand;
  Expr divisor;
};

struct SubscriptForm {
  AffineForm affine;
  std::vector<QuotientTerm> quotients;
  Expr opaque;  // null: none
  bool is_affine() const { return quotients.empty() && !opaque; }
};

struct AccessMap {
  std::vector<Var> vars;
  std::vector<SubscriptForm> subscripts;
  bool is_affine() const;
};

/// The subscripts as forms of the variables; everything else is a symbol.
AccessMap access_map(const std::vector<Expr>& indices, const std::vector<Var>& vars,
                     const Context& context = {});

/// The value of a form.
Expr to_expr(const AffineForm& form);
Expr to_expr(const SubscriptForm& form);

/// The factor of the variable in the affine part: 0 where it does not occur there.
Expr coefficient(const SubscriptForm& form, const Var& var);

/// Whether the variable occurs in the form at all.
bool uses_var(const SubscriptForm& form, const Var& var);

/// By how many elements the address moves when the variable grows by 1, in a buffer of these strides (empty:
/// row-major); nothing when the variable occurs outside of the affine parts.
std::optional<Expr> stride_of(const AccessMap& map, const Buffer& buffer, const Var& var,
                              const Context& context = {});

/// The variables whose stride is 1, in the order of `vars`.
std::vector<Var> contiguous_vars(const AccessMap& map, const Buffer& buffer, const Context& context = {});

/// Whether different values of the variables for which the predicate (null: always) holds have different
/// subscripts: by rank, whatever the ranges are, or as digits of the ranges that the context gives the
/// variables.
Verdict is_injective(const AccessMap& map, const Context& context = {}, const Expr& predicate = {});

/// The inverse of an affine map: the variables from the values of the subscripts.
struct AffineInverse {
  std::vector<Expr> values;      // one for each variable
  std::vector<Expr> conditions;  // eq(…): hold for exactly those subscripts that are values of the map
};

/// Found by elimination with factors 1 and -1 alone, so that every result is an integer; nothing when it does
/// not come to an end so (stride 2 has no inverse without a condition on remainders).
std::optional<AffineInverse> inverse(const AccessMap& map, const std::vector<Expr>& subscript_values,
                                     const Context& context = {});

}  // namespace tw
