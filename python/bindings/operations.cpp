// The operations that make tensors, and their first loop program.
#include "bindings/dtype.h"
#include "bindings/value.h"
#include "ir/visit.h"
#include "support/error.h"
#include "te/lower.h"
#include "te/pieces.h"
#include "te/scan.h"
#include "te/scatter.h"

namespace tw::python {
namespace {

using Names = std::vector<std::string>;

/// An extent or a tuple or list of them.
std::vector<te::Value> shape_from_python(const py::object& shape) {
  return values_from_python(shape);
}

bool is_several(const py::object& object) {
  return py::isinstance<py::tuple>(object) || py::isinstance<py::list>(object);
}

te::PointFunction point_function(const py::object& fn) {
  return [fn](const std::vector<Var>& point) { return value_from_python(fn(*vars_to_python(point))); };
}

te::PointsFunction points_function(const py::object& fn) {
  return [fn](const std::vector<Var>& point) { return values_from_python(fn(*vars_to_python(point))); };
}

/// What a function gave at a point, when it gave several values.
struct Several {
  std::vector<Var> point;
  std::vector<te::Value> values;
};

te::Value at(const te::Value& value, const std::vector<Var>& from, const std::vector<Var>& to) {
  if (value.is_weak()) return value;
  VarMap map;
  for (std::size_t d = 0; d < from.size(); ++d) map[&*from[d]] = to[d];
  return substitute(value.expr(), map);
}

/// One tensor, or a tuple of them where the function gives a tuple. The function is called once: only its
/// result says which it is.
py::object compute(const py::object& shape, const py::object& fn, const std::string& name,
                   const Names& axes) {
  const std::vector<te::Value> extents = shape_from_python(shape);
  try {
    const auto one = [&](const std::vector<Var>& point) {
      const py::object result = fn(*vars_to_python(point));
      if (is_several(result)) throw Several{point, values_from_python(result)};
      return value_from_python(result);
    };
    return py::cast(te::compute(extents, one, name, axes));
  } catch (const Several& several) {
    const auto all = [&](const std::vector<Var>& point) {
      std::vector<te::Value> values;
      for (const te::Value& value : several.values) values.push_back(at(value, several.point, point));
      return values;
    };
    return py::tuple(py::cast(te::compute_several(extents, all, name, axes)));
  }
}

/// Pairs of functions; a condition that is None is "everywhere else".
te::Tensor pieces(const py::object& shape, const std::vector<std::pair<py::object, py::object>>& pairs,
                  const std::string& name, const Names& axes) {
  std::vector<te::PieceFunctions> functions;
  for (const auto& [condition, value] : pairs)
    functions.push_back(
        {condition.is_none() ? te::PointFunction() : point_function(condition), point_function(value)});
  return te::pieces(shape_from_python(shape), functions, name, axes);
}

te::Tensor scatter(const te::Tensor& init, const py::object& domain, const py::object& index,
                   const py::object& value, const std::string& combine, const std::string& name,
                   const Names& axes) {
  return te::scatter(init, shape_from_python(domain), points_function(index), point_function(value),
                     te::parse_scatter_combine(combine), name, axes);
}

/// One state over time for each init.
py::tuple scan(const py::tuple& inits, const py::object& step, const py::object& length,
               const std::string& name, const Names& axes) {
  std::vector<te::ScanInit> states;
  for (py::handle init : inits) {
    if (py::isinstance<te::Tensor>(init))
      states.emplace_back(init.cast<const te::Tensor&>());
    else
      states.emplace_back(value_from_python(init));
  }
  const auto call = [&](const std::vector<te::Tensor>& now, const Var& t, const std::vector<Var>& i) {
    py::list arguments;
    for (const te::Tensor& state : now) arguments.append(state);
    arguments.append(t);
    for (const Var& var : i) arguments.append(var);
    return values_from_python(step(*py::tuple(arguments)));
  };
  return py::tuple(py::cast(te::scan(states, call, value_from_python(length), name, axes)));
}

te::ProgramArgument argument_from_python(py::handle object) {
  if (py::isinstance<te::Tensor>(object)) return object.cast<te::Tensor>();
  if (py::isinstance<Var>(object)) return object.cast<Var>();
  raise_type("args holds {} of type {}; it takes tensors and symbolic dimensions",
             std::string(py::repr(object)), type_name(object));
}

Program program(const std::vector<te::Tensor>& outputs, const std::optional<py::list>& args,
                const std::string& name) {
  std::optional<std::vector<te::ProgramArgument>> arguments;
  if (args) {
    arguments.emplace();
    for (py::handle one : *args) arguments->push_back(argument_from_python(one));
  }
  return te::first_program(outputs, arguments, name);
}

}  // namespace

void bind_operations(py::module_& m) {
  m.def(
      "placeholder",
      [](const py::object& shape, DType dtype, const std::string& name, bool constant) {
        return te::placeholder(shape_from_python(shape), dtype, name, constant);
      },
      py::arg("shape"), py::arg("dtype"), py::arg("name"), py::arg("constant"));
  m.def("compute", &compute, py::arg("shape"), py::arg("fn"), py::arg("name"), py::arg("axes"));
  m.def("pieces", &pieces, py::arg("shape"), py::arg("pairs"), py::arg("name"), py::arg("axes"));
  m.def("scatter", &scatter, py::arg("init"), py::arg("domain"), py::arg("index"), py::arg("value"),
        py::arg("combine"), py::arg("name"), py::arg("axes"));
  m.def("scan", &scan, py::arg("inits"), py::arg("step"), py::arg("length"), py::arg("name"),
        py::arg("axes"));
  m.def("program", &program, py::arg("outputs"), py::arg("args"), py::arg("name"));
}

}  // namespace tw::python
