// Expressions and variables, and the functions of values.
#include "ir/expr.h"

#include "bindings/dtype.h"
#include "bindings/value.h"
#include "ir/text.h"
#include "support/error.h"
#include "te/math.h"
#include "te/symbol.h"

namespace tw::python {
namespace {

constexpr const char* kExprDoc = R"doc(A value that has yet to be computed.

Expressions come from reading tensors, from the axes that the function of `te.compute` is called with, and
from operators and functions of other expressions. They have a dtype and no shape. Dtypes mix as in NumPy 2: a
Python number takes the dtype of what it meets, a NumPy scalar keeps its own.

Attributes
----------
dtype : str
    Name of the dtype. Axes and symbolic dimensions have "index", which becomes int64 where it meets data.

Examples
--------
>>> A = te.placeholder((4,), "float32", name="A")
>>> A[0] * 2 + 1
A[0] * 2.0f32 + 1.0f32
>>> (A[0] < 0).dtype
'bool'
)doc";

constexpr const char* kVarDoc = R"doc(A symbolic dimension, or an axis of an operation.

Attributes
----------
name : str
    Its name.
range : tuple of int
    Least and greatest value; None for an open end.
multiple_of : int
    What every value is a multiple of.

Examples
--------
>>> n = te.var("n", range=(1, 512), multiple_of=4)
>>> n.name, n.range, n.multiple_of
('n', (1, 512), 4)
)doc";

constexpr const char* kAxisDoc = R"doc(An axis that a reduction goes over; an expression of its position.

Attributes
----------
name : str
    Its name.
begin, end : int or Expr
    The axis takes the values begin, begin + 1, …, end - 1.

Examples
--------
>>> k = te.reduce_axis((2, 10), name="k")
>>> k.name, k.begin, k.end
('k', 2, 10)
)doc";

constexpr const char* kAstypeDoc = R"doc(Convert to another dtype.

Integers wrap, floats round to nearest even; a float becomes an integer by truncation and saturates, NaN gives
0; bool is "not zero".

Parameters
----------
dtype : str or numpy dtype
    The dtype wanted.

Returns
-------
Expr
    The converted value.

Raises
------
InvalidType
    If the dtype is unknown.

Examples
--------
>>> A = te.placeholder((4,), "float32", name="A")
>>> A[0].astype("int8")
int8(A[0])
)doc";

bool no_truth(const Expr& e) {
  raise_type(
      "the truth of the expression {} is not known until it runs, so `if`, `and`, `or`, `not` and chained "
      "comparisons "
      "cannot use it; write te.where(condition, a, b), (a < b) & (b < c), a | b, ~a",
      to_text(e));
}

double no_number(const Expr& e) {
  raise_type(
      "the value of the expression {} is not known until it runs; use the functions of te (te.sqrt, not "
      "math.sqrt)",
      to_text(e));
}

py::tuple range_of(const Var& var) {
  const auto end = [](int64_t value, int64_t open) {
    return value == open ? py::object(py::none()) : py::int_(value);
  };
  return py::make_tuple(end(var->min, kNoMin), end(var->max, kNoMax));
}

void bind_classes(py::module_& m) {
  py::class_<Expr> expr(m, "Expr", kExprDoc);
  py::class_<Var, Expr> variable(m, "Var", kVarDoc);
  py::class_<AxisHandle, Expr> axis(m, "ReduceAxis", kAxisDoc);
  expr.def_property_readonly("dtype", &Expr::dtype, "Name of the dtype.")
      .def(
          "astype",
          [](const py::object& self, DType type) { return te::astype(value_from_python(self), type); },
          py::arg("dtype"), kAstypeDoc)
      .def("__str__", [](const Expr& e) { return to_text(e); })
      .def("__repr__", [](const Expr& e) { return to_text(e); })
      .def("__pos__", [](const py::object& self) { return self; })
      .def("__bool__", &no_truth)
      .def("__float__", &no_number);
  add_operators(expr);
  add_comparisons(expr);
  expr.attr("__hash__") = py::none();  // equality gives an expression
  variable
      .def_property_readonly(
          "name", [](const Var& v) { return v->name.text; }, "Its name.")
      .def_property_readonly("range", &range_of, "Least and greatest value; None for an open end.")
      .def_property_readonly(
          "multiple_of", [](const Var& v) { return v->multiple_of; }, "What every value is a multiple of.");
  axis.def_property_readonly(
          "name", [](const AxisHandle& a) { return a.axis.var->name.text; }, "Its name.")
      .def_property_readonly(
          "begin", [](const AxisHandle& a) { return extent_to_python(a.axis.begin); }, "The first value.")
      .def_property_readonly(
          "end", [](const AxisHandle& a) { return extent_to_python(a.axis.begin + a.axis.extent); },
          "One after the last value.");
}

struct Function1 {
  const char* name;
  Expr (*function)(const te::Value&);
};
constexpr Function1 kFunctions1[] = {
    {"exp", &te::exp},     {"log", &te::log}, {"sqrt", &te::sqrt},       {"rsqrt", &te::rsqrt},
    {"tanh", &te::tanh},   {"erf", &te::erf}, {"sigmoid", &te::sigmoid}, {"sin", &te::sin},
    {"cos", &te::cos},     {"abs", &te::abs}, {"floor", &te::floor},     {"ceil", &te::ceil},
    {"round", &te::round},
};

struct Function2 {
  const char* name;
  Expr (*function)(const te::Value&, const te::Value&);
};
constexpr Function2 kFunctions2[] = {
    {"pow", &te::power},
    {"maximum", &te::maximum},
    {"minimum", &te::minimum},
};

Expr const_of(const py::object& object, DType type) {
  const te::Value value = value_from_python(object);
  return value.is_weak() ? te::constant(value.weak(), type) : te::astype(value, type);
}

void bind_functions(py::module_& m) {
  for (const auto& [name, function] : kFunctions1)
    m.def(
        name, [f = function](const py::object& x) { return f(value_from_python(x)); }, py::arg("x"));
  for (const auto& [name, function] : kFunctions2)
    m.def(
        name,
        [f = function](const py::object& a, const py::object& b) {
          return f(value_from_python(a), value_from_python(b));
        },
        py::arg("a"), py::arg("b"));
  m.def(
      "where",
      [](const py::object& condition, const py::object& on_true, const py::object& on_false) {
        return te::where(value_from_python(condition), value_from_python(on_true),
                         value_from_python(on_false));
      },
      py::arg("condition"), py::arg("on_true"), py::arg("on_false"));
  m.def("const_of", &const_of, py::arg("value"), py::arg("dtype"));
  m.def(
      "const", [](const py::object& x) { return te::to_data(value_from_python(x)); }, py::arg("value"));
}

}  // namespace

void bind_expr(py::module_& m) {
  bind_classes(m);
  bind_functions(m);
  m.def(
      "var",
      [](const std::string& name, int64_t min, std::optional<int64_t> max, int64_t multiple_of) {
        return te::var(name, min, max.value_or(kNoMax), multiple_of);
      },
      py::arg("name"), py::arg("min"), py::arg("max"), py::arg("multiple_of"));
  m.def(
      "reduce_axis",
      [](const py::object& begin, const py::object& end, const std::string& name) {
        return AxisHandle(te::reduce_axis(value_from_python(begin), value_from_python(end), name));
      },
      py::arg("begin"), py::arg("end"), py::arg("name"));
}

}  // namespace tw::python
