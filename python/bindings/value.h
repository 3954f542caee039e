// Operands at the border to Python: what may be written where an expression is wanted.
#pragma once

#include "bindings/bind.h"
#include "te/reduce.h"
#include "te/tensor.h"

namespace tw::python {

/// A reduction axis as Python sees it: an expression (its variable) that also knows its range.
struct AxisHandle : Expr {
  explicit AxisHandle(ReduceAxis a) : Expr(a.var), axis(std::move(a)) {}
  ReduceAxis axis;
};

/// An expression, a tensor of rank 0, a Python number (weak) or a NumPy scalar (of its own dtype). Raises a
/// type error for anything else.
te::Value value_from_python(py::handle object);

/// One value or a tuple or list of them.
std::vector<te::Value> values_from_python(py::handle object);

/// The axes of a reduction: one or a tuple or list of them.
te::Axes axes_from_python(py::handle object);

/// An integer constant of type index as an int, a variable as a Var, any other expression as an Expr.
py::object extent_to_python(const Expr& extent);

/// Extents as a tuple.
py::tuple shape_to_python(const std::vector<Expr>& shape);

/// Variables as a tuple of positional arguments.
py::tuple vars_to_python(const std::vector<Var>& vars);

/// "list", "Tensor": for messages.
std::string type_name(py::handle object);

/// Adds Python's arithmetic operators to a class whose objects are operands.
void add_operators(py::handle python_class);

/// Adds ==, !=, <, <=, > and >=, which give expressions.
void add_comparisons(py::handle python_class);

}  // namespace tw::python
