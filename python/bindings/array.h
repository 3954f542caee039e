// Arrays at the border to Python: NumPy views of ours, and ours of whatever speaks DLPack.
#pragma once

#include <pybind11/numpy.h>

#include "bindings/bind.h"
#include "ir/dtype.h"
#include "runtime/array.h"

namespace tw::python {

using runtime::Array;

/// The element type of one of the runtime's codes, and the code of a type.
DType dtype_of_code(int32_t code);
int32_t code_of_dtype(DType type);

/// The NumPy dtype of a code; one object a code, as NumPy has it.
const py::dtype& numpy_dtype_of_code(int32_t code);

/// A NumPy array on the same memory, which it keeps alive; not writable where the array is not.
py::array to_numpy(const Array& array);

/// New memory with the values of a NumPy array of the same shape, converted to the type.
Array copied(const py::array& source, int32_t dtype);

/// Whether an object has __dlpack__ and __dlpack_device__.
bool speaks_dlpack(py::handle object);

/// Takes an object's memory by DLPack, without a copy. Errors, said of `what` ("input 'A'"): a device other
/// than the CPU, a dtype that there is not, a producer that refuses.
Array array_from_dlpack(py::handle object, const std::string& what);

}  // namespace tw::python
