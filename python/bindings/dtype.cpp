#include "bindings/dtype.h"

#include "support/error.h"

namespace tw::python {
namespace {

py::object bfloat16_class() {
  static py::object* loaded = new py::object(py::module_::import("ml_dtypes").attr("bfloat16"));
  return *loaded;
}

std::string name_of_numpy_dtype(py::handle object) {
  if (object.is_none()) raise_type("None is not a dtype; use a name such as 'float32'");
  try {
    return py::str(py::module_::import("numpy").attr("dtype")(object).attr("name"));
  } catch (const py::error_already_set&) {
    raise_type("{} is not a dtype; use a name such as 'float32', or a NumPy dtype",
               std::string(py::repr(object)));
  }
}

}  // namespace

DType dtype_from_python(py::handle object) {
  const std::string name =
      py::isinstance<py::str>(object) ? std::string(py::str(object)) : name_of_numpy_dtype(object);
  const std::optional<DType> type = dtype_from_string(name);
  if (type && type->is_scalar() && !type->is_index()) return *type;
  std::string known;
  for (DType one : kScalarTypes)
    if (!one.is_index()) known += (known.empty() ? "" : ", ") + to_string(one);
  raise_type("unknown dtype '{}'; use one of {}", name, known);
}

py::dtype numpy_dtype(DType type) {
  if (type == kBFloat16) return py::dtype::from_args(bfloat16_class());
  return py::dtype(to_string(type));
}

}  // namespace tw::python
