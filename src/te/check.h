// What is checked of the expressions of an operation when it is made: variables in their places, subscripts
// in bounds.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ir/context.h"
#include "te/tensor.h"

namespace tw::te {

/// "compute 'C'", or "a compute" without a name; checks the name.
std::string describe(OpKind kind, const std::string& name);

/// Fresh axes over 0 <= i < extent. Names not given are i0, i1, …
std::vector<Axis> make_axes(const std::vector<Expr>& extents, const std::vector<std::string>& names,
                            const std::string& what);
std::vector<Var> vars_of(const std::vector<Axis>& axes);

/// A tensor that is output `output` of the operation, or, without one, a state of a scan.
Tensor make_tensor(const std::string& name, DType dtype, std::vector<Expr> shape, const Operation& op,
                   int output);

/// Where an expression stands.
struct Place {
  std::string what;                 // begins messages
  std::vector<Axis> axes;           // that it may use
  std::vector<Tensor> states = {};  // of the scan whose step it is; the time is the first axis
  int component = 0;                // which state it computes: earlier ones may be read at the same time
};

/// Raises errors for: an axis of another operation; a reduction axis outside its reduction; a state of
/// another scan, or one read at a time provably not yet computed; a subscript provably out of bounds.
/// "Provably": a subscript that is always evaluated and takes, at some corner of the axes' ranges, a value
/// outside; or one in a branch of where that is outside wherever the branch is taken.
void check_expression(const Expr& e, const Place& place);

/// The ends of the values of a subscript, both reached.
struct SubscriptRange {
  Expr min, max;
};

/// The least and the greatest value over the ranges that the context gives to its variables, when both are
/// surely reached: each variable occurs once, and the expression grows or falls with it. Nothing otherwise.
std::optional<SubscriptRange> exact_range(const Expr& e, const Context& context);

/// Whether every read of the expression is provably inside its buffer where the context holds. No state of a
/// scan counts as such.
bool reads_in_bounds(const Expr& e, Context& context);

}  // namespace tw::te
