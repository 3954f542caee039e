// Python's operators on expressions and on tensors of rank 0, as tables.
#include "bindings/value.h"
#include "te/math.h"

namespace tw::python {
namespace {

using BinaryFunction = Expr (*)(const te::Value&, const te::Value&);
using UnaryFunction = Expr (*)(const te::Value&);

struct BinaryOperator {
  const char *name, *reflected;
  BinaryFunction function;
};
constexpr BinaryOperator kBinary[] = {
    {"__add__", "__radd__", &te::add},
    {"__sub__", "__rsub__", &te::subtract},
    {"__mul__", "__rmul__", &te::multiply},
    {"__truediv__", "__rtruediv__", &te::divide},
    {"__floordiv__", "__rfloordiv__", &te::floor_divide},
    {"__mod__", "__rmod__", &te::remainder},
    {"__pow__", "__rpow__", &te::power},
    {"__and__", "__rand__", &te::bitwise_and},
    {"__or__", "__ror__", &te::bitwise_or},
    {"__xor__", "__rxor__", &te::bitwise_xor},
    {"__lshift__", "__rlshift__", &te::left_shift},
    {"__rshift__", "__rrshift__", &te::right_shift},
};

struct UnaryOperator {
  const char* name;
  UnaryFunction function;
};
constexpr UnaryOperator kUnary[] = {
    {"__neg__", &te::negative},
    {"__invert__", &te::invert},
    {"__abs__", &te::abs},
};

struct Comparison {
  const char* name;
  BinaryFunction function;
};
constexpr Comparison kComparisons[] = {
    {"__eq__", &te::equal},      {"__ne__", &te::not_equal}, {"__lt__", &te::less},
    {"__le__", &te::less_equal}, {"__gt__", &te::greater},   {"__ge__", &te::greater_equal},
};

template <class Function>
void add_method(py::handle python_class, const char* name, Function function) {
  python_class.attr(name) = py::cpp_function(function, py::name(name), py::is_method(python_class),
                                             py::sibling(py::getattr(python_class, name, py::none())));
}

}  // namespace

void add_operators(py::handle python_class) {
  for (const auto& [name, reflected, function] : kBinary) {
    add_method(python_class, name, [f = function](const py::object& self, const py::object& other) {
      return f(value_from_python(self), value_from_python(other));
    });
    add_method(python_class, reflected, [f = function](const py::object& self, const py::object& other) {
      return f(value_from_python(other), value_from_python(self));
    });
  }
  for (const auto& [name, function] : kUnary)
    add_method(python_class, name,
               [f = function](const py::object& self) { return f(value_from_python(self)); });
  // NumPy leaves mixed operations to these classes instead of mapping itself over them.
  python_class.attr("__array_ufunc__") = py::none();
}

void add_comparisons(py::handle python_class) {
  for (const auto& [name, function] : kComparisons)
    add_method(python_class, name, [f = function](const py::object& self, const py::object& other) {
      return f(value_from_python(self), value_from_python(other));
    });
}

}  // namespace tw::python
