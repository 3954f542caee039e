#include "bindings/arguments.h"

#include <algorithm>
#include <cstring>

#include "bindings/value.h"
#include "runtime/element.h"
#include "support/error.h"
#include "support/nearest.h"

namespace tw::python {
namespace {

using Api = py::detail::npy_api;

const Api& numpy_api() {
  static const Api& api = Api::get();
  return api;
}

bool is_aligned(const void* data, int64_t alignment) {
  return reinterpret_cast<uintptr_t>(data) % static_cast<uintptr_t>(alignment) == 0;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "none" : text;
}

std::string_view dtype_name(const ArgumentSpec& spec) {
  return runtime::element_type(spec.dtype).name;
}

int64_t int_from(py::handle object) {
  const int64_t value = PyNumber_AsSsize_t(object.ptr(), PyExc_OverflowError);
  if (value != -1 || !PyErr_Occurred()) return value;
  PyErr_Clear();
  raise_value("{} does not fit into 64 bits", std::string(py::str(object)));
}

bool is_int(py::handle object) {
  return PyIndex_Check(object.ptr()) && !PyBool_Check(object.ptr());
}

/// A Python or NumPy number.
bool is_number(py::handle object) {
  static const py::object* generic = new py::object(py::module_::import("numpy").attr("generic"));
  return PyFloat_Check(object.ptr()) || PyLong_Check(object.ptr()) || py::isinstance(object, *generic);
}

}  // namespace

Call::Call(const Signature& signature)
    : signature_(signature), tensors_(signature.n_buffers), sizes_(signature.n_sizes) {}

std::string Call::place_of(const ArgumentSpec& spec) const {
  return fmt::format("{}: {} '{}'", signature_.function, spec.is_output() ? "output" : "input", spec.name);
}

void Call::raise_count(std::size_t found, std::size_t inputs) const {
  std::vector<std::string> names;
  for (const ArgumentSpec& spec : signature_.arguments) names.push_back(spec.name);
  const std::size_t all = names.size();
  if (all == inputs)
    raise_value("{} takes {} arguments ({}) but {} are given", signature_.function, all, joined(names),
                found);
  raise_value("{} takes {} arguments ({}), or {} without the outputs, but {} are given", signature_.function,
              all, joined(names), inputs, found);
}

void Call::take(const py::args& positional, const py::kwargs& named) {
  const std::vector<ArgumentSpec>& specs = signature_.arguments;
  std::vector<PyObject*> given(specs.size(), nullptr);
  const std::size_t count = PyTuple_GET_SIZE(positional.ptr());
  std::size_t inputs = 0;
  for (const ArgumentSpec& spec : specs) inputs += !spec.is_output();
  if (count > specs.size()) raise_count(count, inputs);
  // Fewer than all: the inputs in their order, wherever outputs stand among them.
  if (count == specs.size()) {
    for (std::size_t i = 0; i < count; ++i) given[i] = PyTuple_GET_ITEM(positional.ptr(), i);
  } else {
    if (count > inputs) raise_count(count, inputs);
    for (std::size_t i = 0, next = 0; next < count; ++i)
      if (!specs[i].is_output()) given[i] = PyTuple_GET_ITEM(positional.ptr(), next++);
  }
  if (PyDict_GET_SIZE(named.ptr()) > 0) take_named(named, given);

  std::size_t outputs = 0;
  std::vector<std::string> missing;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (given[i])
      outputs += specs[i].is_output();
    else if (!specs[i].is_output())
      missing.push_back(specs[i].name);
  }
  if (!missing.empty())
    raise_value("{} is called without {}; its arguments are {}", signature_.function, joined(missing), [&] {
      std::vector<std::string> names;
      for (const ArgumentSpec& spec : specs) names.push_back(spec.name);
      return joined(names);
    }());
  wants_outputs_ = outputs == 0 && inputs < specs.size();
  if (!wants_outputs_ && outputs < specs.size() - inputs)
    raise_value("{} is given {} of its {} outputs; give all of them, or none to have them made",
                signature_.function, outputs, specs.size() - inputs);
  for (std::size_t i = 0; i < specs.size(); ++i)
    if (given[i]) take_one(specs[i], given[i]);
}

void Call::take_named(const py::kwargs& named, std::vector<PyObject*>& given) {
  PyObject *key = nullptr, *value = nullptr;
  Py_ssize_t position = 0;
  while (PyDict_Next(named.ptr(), &position, &key, &value)) {
    const std::string name = py::reinterpret_borrow<py::str>(key);
    const auto spec = std::find_if(signature_.arguments.begin(), signature_.arguments.end(),
                                   [&](const ArgumentSpec& one) { return one.name == name; });
    if (spec != signature_.arguments.end()) {
      PyObject*& slot = given[spec - signature_.arguments.begin()];
      if (slot) raise_value("{} is given twice", place_of(*spec));
      slot = value;
    } else if (name == "params") {
      if (value != Py_None) take_params(value);
    } else if (name == "threads") {
      if (value == Py_None) continue;
      if (!is_int(value)) raise_type("threads is a number of threads, not {}", type_name(value));
      const int64_t threads = int_from(value);
      if (threads < 1) raise_value("threads is {}; it must be at least 1", threads);
      threads_ = static_cast<int32_t>(std::min<int64_t>(threads, INT32_MAX));
    } else {
      std::vector<std::string> names;
      for (const ArgumentSpec& one : signature_.arguments) names.push_back(one.name);
      raise_value("{} has no argument '{}'{}; its arguments are {}, and the options params and threads",
                  signature_.function, name, did_you_mean(name, names), joined(names));
    }
  }
}

void Call::take_params(py::handle params) {
  if (!py::isinstance<py::dict>(params))
    raise_type("params is a dict of parameters by name, not {}", type_name(params));
  tunables_.clear();
  std::vector<std::string> names;
  for (const TunableSpec& tunable : signature_.tunables) {
    tunables_.push_back(tunable.default_value);
    names.push_back(tunable.name);
  }
  for (const auto& [key, value] : py::reinterpret_borrow<py::dict>(params)) {
    const std::string name = py::str(key);
    const auto at = std::find(names.begin(), names.end(), name);
    if (at == names.end())
      raise_value("{} has no parameter '{}'{}; its parameters are {}", signature_.function, name,
                  did_you_mean(name, names), joined(names));
    if (!is_int(value))
      raise_type("{}: parameter '{}' is an int, not {}", signature_.function, name, type_name(value));
    tunables_[at - names.begin()] = int_from(value);
  }
}

void Call::take_one(const ArgumentSpec& spec, PyObject* object) {
  if (spec.is_size()) return take_size(spec, object);
  if (numpy_api().PyArray_Check_(object)) return take_numpy(spec, object);
  const py::handle given(object);
  if (py::isinstance<Array>(given)) {
    numpy_only_ = false;
    return take_array(spec, given.cast<const Array&>());
  }
  if (spec.ndim == 0 && !spec.is_written() && is_number(given)) return take_scalar(spec, given);
  if (!speaks_dlpack(given))
    raise_type("{} takes an array (NumPy, tw.Array, or with __dlpack__), not {}", place_of(spec),
               type_name(given));
  numpy_only_ = false;
  kept_.push_back(std::make_unique<Array>(array_from_dlpack(given, place_of(spec))));
  take_array(spec, *kept_.back());
}

void Call::take_size(const ArgumentSpec& spec, PyObject* object) {
  if (!is_int(object)) raise_type("{} is a size: it takes an int, not {}", place_of(spec), type_name(object));
  sizes_[spec.place] = int_from(object);
}

void Call::take_numpy(const ArgumentSpec& spec, PyObject* object) {
  const auto* array = py::detail::array_proxy(object);
  constexpr int kFlags = Api::NPY_ARRAY_C_CONTIGUOUS_ | Api::NPY_ARRAY_WRITEABLE_;
  const int needed = spec.is_written() ? kFlags : int{Api::NPY_ARRAY_C_CONTIGUOUS_};
  const bool fits = array->descr == numpy_dtype_of_code(spec.dtype).ptr() && array->nd == spec.ndim &&
                    (array->flags & needed) == needed && is_aligned(array->data, spec.alignment);
  if (!fits) return take_strange_numpy(spec, py::reinterpret_borrow<py::array>(object));
  static_assert(sizeof(*array->dimensions) == sizeof(int64_t));
  tensors_[spec.place] = {array->data, spec.dtype, array->nd,
                          reinterpret_cast<const int64_t*>(array->dimensions), nullptr};
}

/// An array that needs a closer look: it is refused, or copied, or fits after all.
void Call::take_strange_numpy(const ArgumentSpec& spec, const py::array& array) {
  const py::dtype& needed = numpy_dtype_of_code(spec.dtype);
  const py::dtype native = py::dtype(array.dtype().attr("newbyteorder")("="));
  if (!native.equal(needed))
    raise_type("{} has dtype {} but {} is needed; convert it with .astype(\"{}\")", place_of(spec),
               std::string(py::str(array.dtype().attr("name"))), dtype_name(spec), dtype_name(spec));
  if (array.ndim() != spec.ndim)
    raise_value("{} has {} dimensions {} but {} are needed, {}", place_of(spec), array.ndim(),
                std::string(py::repr(array.attr("shape"))), spec.ndim, spec.shape);
  const bool is_native = array.dtype().equal(needed);
  const bool contiguous = (array.flags() & Api::NPY_ARRAY_C_CONTIGUOUS_) != 0;
  const bool aligned = is_aligned(array.data(), spec.alignment);
  if (spec.is_written()) {
    if (!array.writeable()) raise_value("{} is read-only and would be written; give a copy", place_of(spec));
    if (!contiguous)
      raise_value(
          "{} has strides {} bytes for shape {}; what is written must be contiguous, row-major: make "
          "it with np.empty",
          place_of(spec), std::string(py::repr(array.attr("strides"))),
          std::string(py::repr(array.attr("shape"))));
    if (!aligned)
      raise_value("{} begins at an address that is no multiple of {} bytes; what is written must be aligned",
                  place_of(spec), spec.alignment);
    if (!is_native) raise_value("{} is not in the byte order of this machine", place_of(spec));
  }
  if (is_native && contiguous && aligned) {
    tensors_[spec.place] = {const_cast<void*>(array.data()), spec.dtype, spec.ndim,
                            reinterpret_cast<const int64_t*>(array.shape()), nullptr};
    return;
  }
  copied_.push_back(&spec.name);
  keep(spec, python::copied(array, spec.dtype));
}

void Call::take_array(const ArgumentSpec& spec, const Array& array) {
  if (array.dtype() != spec.dtype)
    raise_type("{} has dtype {} but {} is needed", place_of(spec), runtime::element_type(array.dtype()).name,
               dtype_name(spec));
  if (array.ndim() != spec.ndim)
    raise_value("{} has {} dimensions but {} are needed, {}", place_of(spec), array.ndim(), spec.ndim,
                spec.shape);
  const bool aligned = is_aligned(array.data(), spec.alignment);
  if (spec.is_written()) {
    if (array.read_only()) raise_value("{} is read-only and would be written; give a copy", place_of(spec));
    if (!array.is_contiguous())
      raise_value("{} is strided; what is written must be contiguous, row-major: make it with tw.empty",
                  place_of(spec));
    if (!aligned)
      raise_value("{} begins at an address that is no multiple of {} bytes; what is written must be aligned",
                  place_of(spec), spec.alignment);
  }
  if (array.is_contiguous() && aligned) {
    tensors_[spec.place] = array.view();
    return;
  }
  copied_.push_back(&spec.name);
  keep(spec, python::copied(to_numpy(array), spec.dtype));
}

/// A number as an array of rank 0. A Python number takes the dtype of the argument; NumPy's keep their own.
void Call::take_scalar(const ArgumentSpec& spec, py::handle object) {
  const py::module_ numpy = py::module_::import("numpy");
  const bool plain = PyFloat_CheckExact(object.ptr()) || PyLong_Check(object.ptr());
  const py::array array(plain ? numpy.attr("asarray")(object, numpy_dtype_of_code(spec.dtype))
                              : numpy.attr("asarray")(object));
  if (!array.dtype().equal(numpy_dtype_of_code(spec.dtype)))
    raise_type("{} has dtype {} but {} is needed", place_of(spec),
               std::string(py::str(array.dtype().attr("name"))), dtype_name(spec));
  keep(spec, python::copied(array, spec.dtype));
}

void Call::keep(const ArgumentSpec& spec, Array array) {
  kept_.push_back(std::make_unique<Array>(std::move(array)));
  tensors_[spec.place] = kept_.back()->view();
}

Array Call::take_copy(const ArgumentSpec& spec, py::handle object) {
  take_one(spec, object.ptr());
  const tw_tensor& tensor = tensors_[spec.place];
  Array copy = Array::allocate(tensor.dtype, {tensor.shape, tensor.shape + tensor.ndim});
  if (copy.bytes() > 0) std::memcpy(copy.data(), tensor.data, copy.bytes());
  return copy;
}

void Call::bind(std::size_t place, const Array& array) {
  tensors_[place] = array.view();
}

void Call::make_outputs(const std::vector<int64_t>& extents, const std::vector<int>& ndims) {
  std::vector<std::size_t> begins{0};
  for (int ndim : ndims) begins.push_back(begins.back() + ndim);
  for (const ArgumentSpec& spec : signature_.arguments) {
    if (!spec.is_output()) continue;
    const auto first = extents.begin() + static_cast<std::ptrdiff_t>(begins[spec.place]);
    const std::vector<int64_t> shape(first, first + spec.ndim);
    for (int64_t extent : shape)
      if (extent < 0)
        raise_value("{}: the shape {} has the extent {} for these inputs; it must be at least 0",
                    place_of(spec), spec.shape, extent);
    keep(spec, Array::allocate(spec.dtype, shape));
    made_.push_back(kept_.back().get());
  }
}

py::object Call::result() const {
  const auto to_python = [this](const Array& array) {
    return numpy_only_ ? py::object(to_numpy(array)) : py::cast(array);
  };
  if (made_.empty()) return py::none();
  if (made_.size() == 1) return to_python(*made_[0]);
  py::tuple all(made_.size());
  for (std::size_t i = 0; i < made_.size(); ++i) all[i] = to_python(*made_[i]);
  return all;
}

}  // namespace tw::python
