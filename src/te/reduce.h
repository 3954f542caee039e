// Reductions over one or several axes, standing anywhere in an expression.
//
// A reduction keeps the dtype of its operand. float16 and bfloat16 sums and products accumulate in float32
// and round once: the operand, or both sides of its outermost multiplication, is widened first (products of
// halves are exact in float32). An empty reduction gives its identity. Errors of all: no axis; an axis listed
// twice; an axis that the operand does not use, or that a reduction inside the operand reduces already.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "te/symbol.h"

namespace tw::te {

using Axes = std::vector<ReduceAxis>;

Expr sum(const Value& x, const Axes& axes);   // identity 0; bool: a type error that says astype
Expr prod(const Value& x, const Axes& axes);  // identity 1; bool: a type error
/// NaN if any is; identity -inf or the type's least. bool: a type error that names `any`.
Expr max(const Value& x, const Axes& axes);
/// NaN if any is; identity +inf or the type's greatest. bool: a type error that names `all`.
Expr min(const Value& x, const Axes& axes);
Expr all(const Value& x,
         const Axes& axes);  // operands that are not bool are compared with zero; identity true
Expr any(const Value& x, const Axes& axes);  // identity false

/// Where the greatest (least) element is, as int64: the value of the axis, or for several axes the row-major
/// position from the beginning of each. The first of ties; the first NaN if there is one. Empty: INT64_MAX.
Expr argmax(const Value& x, const Axes& axes);
Expr argmin(const Value& x, const Axes& axes);

/// One's own reduction, of one component or several that reduce together. `combine` must be associative and
/// commutative. `identity` gives the neutral element of each component for the dtypes that the operands have.
struct CustomReducer {
  std::function<std::vector<Value>(const std::vector<Expr>& lhs, const std::vector<Expr>& rhs)> combine;
  std::function<std::vector<Value>(const std::vector<DType>& dtypes)> identity;
  std::string name = "custom";
};

/// A reducer whose identity does not depend on the dtype.
CustomReducer make_reducer(
    std::function<std::vector<Value>(const std::vector<Expr>& lhs, const std::vector<Expr>& rhs)> combine,
    std::vector<Value> identity, const std::string& name = "custom");

/// One expression a component. Errors: wrong number of components from `combine` or in `identity`; a
/// component whose dtype is not that of its operand; a `combine` that reads tensors or uses other variables
/// than its operands; an identity that is no constant.
std::vector<Expr> reduce(const CustomReducer& reducer, const std::vector<Value>& operands, const Axes& axes);

}  // namespace tw::te
