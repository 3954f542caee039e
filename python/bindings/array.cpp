// tilewright.Array: memory that kernels work on, and its ways to and from other array libraries.
#include "bindings/array.h"

#include "bindings/dtype.h"
#include "bindings/value.h"
#include "runtime/element.h"
#include "support/error.h"

namespace tw::python {
namespace {

constexpr const char* kArrayDoc = R"doc(An array in the memory of the CPU that functions read and write.

`tw.empty` and `tw.array` make arrays of their own, row-major and aligned to 64 bytes. `Array.from_dlpack`
takes the memory of other libraries without a copy, and `numpy` and `__dlpack__` give it: NumPy, PyTorch and
JAX read an Array with their own `from_dlpack`.

Attributes
----------
shape : tuple of int
    The extents.
strides : tuple of int
    From one element to the next along each dimension, in elements.
dtype : str
    Name of the dtype.
nbytes : int
    Bytes of all elements.
read_only : bool
    Whether the memory must not be written.

Examples
--------
>>> x = tw.array([[1, 2, 3], [4, 5, 6]], "float32")
>>> x
<tw.Array float32 (2, 3)>
>>> np.from_dlpack(x) + 1
array([[2., 3., 4.],
       [5., 6., 7.]], dtype=float32)
)doc";

constexpr const char* kNumpyDoc = R"doc(Give a NumPy array on the same memory.

Returns
-------
numpy.ndarray
    A view: writes to either are seen in both. bfloat16 has the dtype of ml_dtypes.

Examples
--------
>>> x = tw.empty((2, 2), "int32")
>>> x.numpy()[...] = 7
>>> x.numpy()
array([[7, 7],
       [7, 7]], dtype=int32)
)doc";

constexpr const char* kFromDlpackDoc = R"doc(Take the memory of an array of another library, without a copy.

Parameters
----------
source : object
    Anything with `__dlpack__` and `__dlpack_device__`, on the CPU, with any strides.

Returns
-------
Array
    On the same memory, which it keeps alive; read-only if the source says so.

Raises
------
InvalidType
    If the source has no `__dlpack__`, or a dtype that there is not.
InvalidValue
    If it lies on another device, or refuses.

Examples
--------
>>> a = np.arange(6, dtype="float64").reshape(2, 3)
>>> x = tw.Array.from_dlpack(a.T)
>>> x.shape, x.strides
((3, 2), (1, 3))
>>> x.numpy()[2, 1] = 50
>>> a[1, 2]
np.float64(50.0)
)doc";

constexpr const char* kEmptyDoc = R"doc(Make an array, its elements not set.

Parameters
----------
shape : int or sequence of int
    The extents.
dtype : dtype-like
    A name such as "float32", or a NumPy dtype.

Returns
-------
Array
    Row-major, aligned to 64 bytes.

Raises
------
InvalidValue
    If an extent is negative or there is not so much memory.

Examples
--------
>>> tw.empty((2, 3), "bfloat16").nbytes
12
)doc";

constexpr const char* kCopyDoc = R"doc(Make an array with the values of another.

Parameters
----------
source : array-like
    A NumPy array, numbers, nested lists, or anything with `__dlpack__`.
dtype : dtype-like, optional
    What to convert to; the dtype of the source if left out.

Returns
-------
Array
    Row-major, aligned to 64 bytes: a copy always.

Raises
------
InvalidType
    If there is no such dtype.

Examples
--------
>>> tw.array(np.eye(2, dtype="float32")).dtype
'float32'
>>> tw.array([1, 2], "int8")
<tw.Array int8 (2,)>
)doc";

py::tuple int_tuple(const std::vector<int64_t>& values) {
  py::tuple tuple(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) tuple[i] = values[i];
  return tuple;
}

std::string repr(const Array& array) {
  return fmt::format("<tw.Array {} {}{}>", runtime::element_type(array.dtype()).name,
                     std::string(py::repr(int_tuple(array.shape()))), array.read_only() ? ", read-only" : "");
}

// Capsules of DLPack. A consumer renames the capsule that it takes, and then calls the tensor's deleter
// itself.

template <class Managed>
struct CapsuleNames;
template <>
struct CapsuleNames<DLManagedTensor> {
  static constexpr const char* kFresh = "dltensor";
  static constexpr const char* kUsed = "used_dltensor";
};
template <>
struct CapsuleNames<DLManagedTensorVersioned> {
  static constexpr const char* kFresh = "dltensor_versioned";
  static constexpr const char* kUsed = "used_dltensor_versioned";
};

template <class Managed>
py::object capsule_of(Managed* tensor) {
  PyObject* capsule = PyCapsule_New(tensor, CapsuleNames<Managed>::kFresh, [](PyObject* self) {
    if (!PyCapsule_IsValid(self, CapsuleNames<Managed>::kFresh)) return;  // somebody took it
    auto* unused = static_cast<Managed*>(PyCapsule_GetPointer(self, CapsuleNames<Managed>::kFresh));
    unused->deleter(unused);
  });
  if (!capsule) {
    tensor->deleter(tensor);
    throw py::error_already_set();
  }
  return py::reinterpret_steal<py::object>(capsule);
}

/// The consumer's side: the array has the tensor from then on.
template <class Managed>
Array taken_from(const py::object& capsule, const std::string& what) {
  void* tensor = PyCapsule_GetPointer(capsule.ptr(), CapsuleNames<Managed>::kFresh);
  Array array = runtime::from_dlpack(static_cast<Managed*>(tensor), what.c_str());
  PyCapsule_SetName(capsule.ptr(), CapsuleNames<Managed>::kUsed);
  return array;
}

/// "BufferError: …", without the stack.
std::string message_of(const py::error_already_set& error) {
  return fmt::format("{}: {}", std::string(py::str(error.type().attr("__name__"))),
                     std::string(py::str(error.value())));
}

/// Raises what became of a producer: an error of ours, but what is not for us (KeyboardInterrupt) as it is.
[[noreturn]] void raise_failed(const std::string& what, const char* method,
                               const py::error_already_set& error) {
  if (!error.matches(PyExc_Exception)) throw error;
  raise_value("{}: {} failed: {}", what, method, message_of(error));
}

/// Calls object.__dlpack__, in the form that the producer knows.
py::object capsule_from(py::handle object, const std::string& what) {
  try {
    const py::object produce = object.attr("__dlpack__");
    try {
      return produce(py::arg("max_version") = py::make_tuple(kDLPackMajorVersion, kDLPackMinorVersion));
    } catch (const py::error_already_set& error) {
      if (!error.matches(PyExc_TypeError)) throw;
    }
    return produce();  // producers of old have no max_version
  } catch (const py::error_already_set& error) {
    raise_failed(what, "__dlpack__", error);
  }
}

std::pair<int32_t, int32_t> device_from(py::handle object, const std::string& what) {
  py::object device;
  try {
    device = object.attr("__dlpack_device__")();
    return device.cast<std::pair<int32_t, int32_t>>();
  } catch (const py::error_already_set& error) {
    raise_failed(what, "__dlpack_device__", error);
  } catch (const py::cast_error&) {
    raise_value("{}: __dlpack_device__ gave {}, which is no pair of ints", what,
                std::string(py::repr(device)));
  }
}

py::object export_dlpack(const Array& array, const py::object& stream, const py::object& max_version,
                         const py::object& dl_device, const py::object& copy) {
  if (!stream.is_none()) throw py::buffer_error("memory of the CPU has no stream: leave it None");
  if (!dl_device.is_none() &&
      !dl_device.attr("__eq__")(py::make_tuple(static_cast<int>(kDLCPU), 0)).is(py::bool_(true)))
    throw py::buffer_error("the array lies on the CPU, device (1, 0), and is not copied to another");
  const bool is_copy = copy.is(py::bool_(true));
  const Array given = is_copy ? copied(to_numpy(array), array.dtype()) : array;
  if (!max_version.is_none() && max_version.cast<py::sequence>()[0].cast<int>() >= 1)
    return capsule_of(runtime::to_dlpack_versioned(given, is_copy));
  if (given.read_only())
    throw py::buffer_error("the array is read-only, which DLPack before version 1 cannot say; take a copy");
  return capsule_of(runtime::to_dlpack(given));
}

py::object as_numpy(const Array& array, const py::object& dtype, const py::object& copy) {
  py::object view = to_numpy(array);
  if (!dtype.is_none() && !py::dtype::from_args(dtype).is(py::dtype(view.attr("dtype")))) {
    if (copy.is(py::bool_(false)))
      throw py::value_error("another dtype than the array's needs a copy, and copy=False forbids one");
    return view.attr("astype")(dtype);
  }
  return copy.is(py::bool_(true)) ? view.attr("copy")() : view;
}

std::vector<int64_t> shape_from(const py::object& shape) {
  std::vector<int64_t> extents;
  const py::object all = PyIndex_Check(shape.ptr()) ? py::object(py::make_tuple(shape)) : shape;
  if (!py::isinstance<py::sequence>(all) || py::isinstance<py::str>(all))
    raise_type("{} of type {} is no shape; it is an int or a sequence of them", std::string(py::repr(shape)),
               type_name(shape));
  for (py::handle extent : all) {
    if (!PyIndex_Check(extent.ptr()) || PyBool_Check(extent.ptr()))
      raise_type("extent {} of type {} is no int", std::string(py::repr(extent)), type_name(extent));
    extents.push_back(PyNumber_AsSsize_t(extent.ptr(), PyExc_OverflowError));
    if (PyErr_Occurred()) throw py::error_already_set();
  }
  return extents;
}

Array copy_of(const py::object& source, const py::object& dtype) {
  py::object values = source;
  if (py::isinstance<Array>(source))
    values = to_numpy(source.cast<const Array&>());
  else if (!py::isinstance<py::array>(source) && speaks_dlpack(source))
    values = to_numpy(array_from_dlpack(source, "source"));
  const py::array array(py::module_::import("numpy").attr("asarray")(values));
  const py::object wanted = dtype.is_none() ? py::object(array.dtype()) : dtype;
  return copied(array, code_of_dtype(dtype_from_python(wanted)));
}

}  // namespace

DType dtype_of_code(int32_t code) {
  return *dtype_from_string(runtime::element_type(code).name);
}

int32_t code_of_dtype(DType type) {
  const auto known = runtime::element_type_named(to_string(type));
  check_internal(known.has_value(), "arrays have no elements of type {}", to_string(type));
  return known->code;
}

const py::dtype& numpy_dtype_of_code(int32_t code) {
  static const py::dtype* known[std::size(runtime::kElementTypes)] = {};
  if (!known[code]) known[code] = new py::dtype(numpy_dtype(dtype_of_code(code)));
  return *known[code];
}

py::array to_numpy(const Array& array) {
  std::vector<py::ssize_t> shape(array.shape().begin(), array.shape().end()), strides;
  for (int64_t stride : array.strides())
    strides.push_back(stride * runtime::element_type(array.dtype()).bytes);
  auto* kept = new std::shared_ptr<void>(array.owner());
  const py::capsule owner(kept, [](void* p) { delete static_cast<std::shared_ptr<void>*>(p); });
  py::array view(numpy_dtype_of_code(array.dtype()), shape, strides, array.data(), owner);
  if (array.read_only()) view.attr("setflags")(py::arg("write") = false);
  return view;
}

Array copied(const py::array& source, int32_t dtype) {
  Array made = Array::allocate(dtype, {source.shape(), source.shape() + source.ndim()});
  py::module_::import("numpy").attr("copyto")(to_numpy(made), source, py::arg("casting") = "unsafe");
  return made;
}

bool speaks_dlpack(py::handle object) {
  return py::hasattr(object, "__dlpack__") && py::hasattr(object, "__dlpack_device__");
}

Array array_from_dlpack(py::handle object, const std::string& what) {
  const auto [type, id] = device_from(object, what);
  if (type != kDLCPU && type != kDLCUDAHost && type != kDLROCMHost)
    raise_value("{} lies on device ({}, {}) of DLPack's; memory of the CPU is needed: copy it there first",
                what, type, id);
  const py::object capsule = capsule_from(object, what);
  using Versioned = DLManagedTensorVersioned;
  if (PyCapsule_IsValid(capsule.ptr(), CapsuleNames<Versioned>::kFresh))
    return taken_from<Versioned>(capsule, what);
  if (PyCapsule_IsValid(capsule.ptr(), CapsuleNames<DLManagedTensor>::kFresh))
    return taken_from<DLManagedTensor>(capsule, what);
  raise_value("{}: __dlpack__ gave {}, which is no capsule of DLPack", what, std::string(py::repr(capsule)));
}

void bind_array(py::module_& m) {
  py::class_<Array>(m, "Array", kArrayDoc)
      .def_static(
          "from_dlpack",
          [](const py::object& source) {
            if (!speaks_dlpack(source))
              raise_type("{} has no __dlpack__; tw.array copies what NumPy understands", type_name(source));
            return array_from_dlpack(source, "source");
          },
          py::arg("source"), kFromDlpackDoc)
      .def("numpy", &to_numpy, kNumpyDoc)
      .def("__array__", &as_numpy, py::arg("dtype") = py::none(), py::arg("copy") = py::none())
      .def("__dlpack__", &export_dlpack, py::kw_only(), py::arg("stream") = py::none(),
           py::arg("max_version") = py::none(), py::arg("dl_device") = py::none(),
           py::arg("copy") = py::none())
      .def("__dlpack_device__", [](const Array&) { return py::make_tuple(static_cast<int>(kDLCPU), 0); })
      .def("__len__",
           [](const Array& array) {
             if (array.ndim() == 0) raise_type("an array of rank 0 has no length");
             return array.shape()[0];
           })
      .def("__repr__", &repr)
      .def_property_readonly(
          "shape", [](const Array& array) { return int_tuple(array.shape()); }, "The extents.")
      .def_property_readonly(
          "strides", [](const Array& array) { return int_tuple(array.strides()); },
          "From one element to the next along each dimension, in elements.")
      .def_property_readonly("ndim", &Array::ndim, "How many dimensions.")
      .def_property_readonly(
          "dtype", [](const Array& array) { return std::string(runtime::element_type(array.dtype()).name); },
          "Name of the dtype.")
      .def_property_readonly("nbytes", &Array::bytes, "Bytes of all elements.")
      .def_property_readonly("read_only", &Array::read_only, "Whether the memory must not be written.");
  m.def(
      "empty",
      [](const py::object& shape, DType dtype) {
        return Array::allocate(code_of_dtype(dtype), shape_from(shape));
      },
      py::arg("shape"), py::arg("dtype") = "float32", kEmptyDoc);
  m.def("array", &copy_of, py::arg("source"), py::arg("dtype") = py::none(), kCopyDoc);
}

}  // namespace tw::python
