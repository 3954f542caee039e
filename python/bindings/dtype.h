// Element types at the border to Python: names go out, whatever NumPy takes for a dtype comes in.
#pragma once

#include <pybind11/numpy.h>

#include "bindings/bind.h"
#include "ir/dtype.h"

namespace tw::python {

/// The element type that a Python object names: a string, a NumPy dtype or scalar type (ml_dtypes.bfloat16
/// among them), or bool, int (int64), float (float64). Raises a type error for anything else.
DType dtype_from_python(py::handle object);

/// The NumPy dtype of an element type; that of ml_dtypes for bfloat16.
py::dtype numpy_dtype(DType type);

}  // namespace tw::python

namespace pybind11::detail {

/// Arguments of type DType accept any dtype-like object; results are the name.
template <>
struct type_caster<tw::DType> {
  PYBIND11_TYPE_CASTER(tw::DType, io_name("typing.Any", "str"));
  bool load(handle source, bool) {
    value = tw::python::dtype_from_python(source);
    return true;
  }
  static handle cast(tw::DType type, return_value_policy, handle) {
    return str(tw::to_string(type)).release();
  }
};

}  // namespace pybind11::detail
