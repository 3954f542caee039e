// Reductions, and reducers of one's own.
#include "bindings/dtype.h"
#include "bindings/value.h"
#include "te/reduce.h"

namespace tw::python {
namespace {

struct Reduction {
  const char* name;
  Expr (*function)(const te::Value&, const te::Axes&);
};
constexpr Reduction kReductions[] = {
    {"sum", &te::sum}, {"prod", &te::prod}, {"max", &te::max},       {"min", &te::min},
    {"all", &te::all}, {"any", &te::any},   {"argmax", &te::argmax}, {"argmin", &te::argmin},
};

/// `combine` takes and gives sequences of components; `identity` takes the names of their dtypes.
std::vector<Expr> reduce(const py::function& combine, const py::function& identity, const std::string& name,
                         const py::object& operands, const py::object& axes) {
  te::CustomReducer reducer;
  reducer.name = name;
  reducer.combine = [&](const std::vector<Expr>& a, const std::vector<Expr>& b) {
    return values_from_python(combine(py::tuple(py::cast(a)), py::tuple(py::cast(b))));
  };
  reducer.identity = [&](const std::vector<DType>& types) {
    return values_from_python(identity(py::tuple(py::cast(types))));
  };
  return te::reduce(reducer, values_from_python(operands), axes_from_python(axes));
}

}  // namespace

void bind_reductions(py::module_& m) {
  for (const auto& [name, function] : kReductions)
    m.def(
        name,
        [f = function](const py::object& x, const py::object& axis) {
          return f(value_from_python(x), axes_from_python(axis));
        },
        py::arg("x"), py::arg("axis"));
  m.def("reduce", &reduce, py::arg("combine"), py::arg("identity"), py::arg("name"), py::arg("operands"),
        py::arg("axis"));
}

}  // namespace tw::python
