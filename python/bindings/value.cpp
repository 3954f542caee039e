#include "bindings/value.h"

#include "bindings/dtype.h"
#include "support/error.h"
#include "te/math.h"

namespace tw::python {
namespace {

te::Weak weak_int(py::handle object) {
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(object.ptr(), &overflow);
  if (overflow == 0) return te::Weak::of_int(value);
  if (overflow > 0) {
    const unsigned long long large = PyLong_AsUnsignedLongLong(object.ptr());
    if (!PyErr_Occurred()) return te::Weak::of_uint(large);
    PyErr_Clear();
  }
  raise_value("{} is out of the range of every integer dtype; write it as a float",
              std::string(py::str(object)));
}

bool is_numpy_scalar(py::handle object) {
  static const py::object* generic = new py::object(py::module_::import("numpy").attr("generic"));
  static const py::object* array = new py::object(py::module_::import("numpy").attr("ndarray"));
  if (py::isinstance(object, *generic)) return true;
  return py::isinstance(object, *array) && object.attr("ndim").cast<int>() == 0;
}

/// A NumPy scalar keeps its dtype: it is a constant, not a weak number.
Expr numpy_scalar(py::handle object) {
  const DType type = dtype_from_python(object.attr("dtype"));
  if (type.is_bool()) return te::constant(te::Weak::of_bool(py::bool_(object.attr("item")())), type);
  if (type.is_float()) return te::constant(te::Weak::of_float(py::float_(object.attr("__float__")())), type);
  return te::constant(weak_int(object.attr("item")()), type);
}

te::Value element_of(const te::Tensor& tensor) {
  if (tensor.rank() > 0)
    raise_type(
        "tensor {} has rank {}; in an expression it needs a subscript for each dimension, as in {}[{}]",
        tensor.name(), tensor.rank(), tensor.name(), tensor.rank() == 1 ? "i" : "i, j");
  return tensor;
}

std::string what_is_wrong_with(py::handle object) {
  if (py::isinstance<py::slice>(object) || object.is(py::ellipsis()))
    return "slices are not expressions; give one subscript a dimension";
  if (PyCallable_Check(object.ptr())) return "call it, or use the expression it gives";
  if (py::hasattr(object, "__array__") || PyList_Check(object.ptr()) || PyTuple_Check(object.ptr()))
    return "data comes in through te.placeholder";
  return "use an expression, a number or a NumPy scalar";
}

}  // namespace

std::string type_name(py::handle object) {
  return py::str(py::type::handle_of(object).attr("__name__"));
}

te::Value value_from_python(py::handle object) {
  if (py::isinstance<Expr>(object)) return object.cast<const Expr&>();
  if (py::isinstance<te::Tensor>(object)) return element_of(object.cast<const te::Tensor&>());
  if (PyBool_Check(object.ptr())) return te::Weak::of_bool(object.ptr() == Py_True);
  if (is_numpy_scalar(object)) return numpy_scalar(object);  // before float: numpy.float64 is one
  if (PyLong_Check(object.ptr())) return weak_int(object);
  if (PyFloat_Check(object.ptr())) return te::Weak::of_float(PyFloat_AsDouble(object.ptr()));
  raise_type("{} of type {} cannot stand in an expression: {}", std::string(py::repr(object)),
             type_name(object), what_is_wrong_with(object));
}

std::vector<te::Value> values_from_python(py::handle object) {
  std::vector<te::Value> values;
  if (!py::isinstance<py::tuple>(object) && !py::isinstance<py::list>(object))
    return {value_from_python(object)};
  for (py::handle one : object) values.push_back(value_from_python(one));
  return values;
}

te::Axes axes_from_python(py::handle object) {
  te::Axes axes;
  const auto add = [&](py::handle one) {
    if (!py::isinstance<AxisHandle>(one))
      raise_type("axis is {} of type {}; a reduction goes over axes made with te.reduce_axis",
                 std::string(py::repr(one)), type_name(one));
    axes.push_back(one.cast<const AxisHandle&>().axis);
  };
  if (py::isinstance<py::tuple>(object) || py::isinstance<py::list>(object)) {
    for (py::handle one : object) add(one);
  } else {
    add(object);
  }
  return axes;
}

py::object extent_to_python(const Expr& extent) {
  if (const auto* imm = as<IntImm>(extent)) return py::int_(imm->value);
  if (const auto* var = as<Variable>(extent)) return py::cast(Var(var));
  return py::cast(extent);
}

py::tuple shape_to_python(const std::vector<Expr>& shape) {
  py::list extents;
  for (const Expr& extent : shape) extents.append(extent_to_python(extent));
  return py::tuple(extents);
}

py::tuple vars_to_python(const std::vector<Var>& vars) {
  py::tuple all(vars.size());
  for (std::size_t i = 0; i < vars.size(); ++i) all[i] = py::cast(vars[i]);
  return all;
}

}  // namespace tw::python
