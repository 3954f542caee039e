// Arguments of a compiled function: from Python objects to the runtime's tensors, without copies where they
// can be avoided.
//
// What the arguments are is worked out once, in a Signature; a Call then only looks at the objects. NumPy
// arrays that fit take the short way: a few loads and comparisons each.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bindings/array.h"
#include "runtime/core/function.h"

namespace tw::python {

/// One argument as callers give it: a buffer, or a size that no shape shows.
struct ArgumentSpec {
  std::string name;
  int32_t kind = TW_PARAM_INPUT;  // TW_PARAM_…
  std::size_t place = 0;          // among the buffers, or among the sizes
  // of buffers
  int32_t dtype = TW_FLOAT32;
  int ndim = 0;
  int64_t alignment = 1;         // bytes
  std::string shape;             // as people read it: "(n, 4)"
  std::vector<int64_t> extents;  // those that are constant; the others -1

  bool is_size() const { return kind == TW_PARAM_SIZE; }
  bool is_output() const { return kind == TW_PARAM_OUTPUT; }
  bool is_written() const { return kind == TW_PARAM_OUTPUT || kind == TW_PARAM_INOUT; }
};

/// A parameter of a schedule.
struct TunableSpec {
  std::string name;
  int64_t default_value = 0;
};

struct Signature {
  std::string function;                 // its name, for messages
  std::vector<ArgumentSpec> arguments;  // in the callers' order
  std::vector<TunableSpec> tunables;
  std::size_t n_buffers = 0;  // of the function: those that are bound beforehand too
  std::size_t n_sizes = 0;
};

/// The arguments of one call.
class Call {
 public:
  explicit Call(const Signature& signature);

  /// Takes arguments by position or name: all of them, or all but the outputs. The keywords "params" and
  /// "threads" are the parameters of the schedule by name and the most threads to use. Errors name the
  /// argument: a wrong count or name, an object of the wrong type, another dtype, number of dimensions or
  /// device, an output that is read-only or not contiguous.
  void take(const py::args& positional, const py::kwargs& named);

  /// Whether outputs are still to be made.
  bool wants_outputs() const { return wants_outputs_; }
  /// Makes them: `extents` of all buffers, one after the other.
  void make_outputs(const std::vector<int64_t>& extents, const std::vector<int>& ndims);
  /// The outputs that were made, in the order of the arguments.
  const std::vector<const Array*>& made() const { return made_; }
  /// An argument as take() sees it, with the same errors, in memory of its own.
  Array take_copy(const ArgumentSpec& spec, py::handle object);
  /// Puts an array that is bound beforehand in its place among the buffers.
  void bind(std::size_t place, const Array& array);

  const tw_tensor* buffers() const { return tensors_.data(); }
  const int64_t* sizes() const { return sizes_.data(); }
  /// Null: the defaults.
  const int64_t* tunables() const { return tunables_.empty() ? nullptr : tunables_.data(); }
  int32_t threads() const { return threads_; }
  /// Names of inputs that had to be copied, for being strided or not aligned.
  const std::vector<const std::string*>& copied() const { return copied_; }

  /// None when the caller gave the outputs; else the output, or a tuple of several.
  py::object result() const;

 private:
  void take_one(const ArgumentSpec& spec, PyObject* object);
  void take_named(const py::kwargs& named, std::vector<PyObject*>& given);
  void take_size(const ArgumentSpec& spec, PyObject* object);
  void take_numpy(const ArgumentSpec& spec, PyObject* object);
  void take_strange_numpy(const ArgumentSpec& spec, const py::array& array);
  void take_array(const ArgumentSpec& spec, const Array& array);
  void take_scalar(const ArgumentSpec& spec, py::handle object);
  void take_params(py::handle params);
  void keep(const ArgumentSpec& spec, Array array);
  std::string place_of(const ArgumentSpec& spec) const;
  [[noreturn]] void raise_count(std::size_t found, std::size_t inputs) const;

  const Signature& signature_;
  std::vector<tw_tensor> tensors_;
  std::vector<int64_t> sizes_;
  std::vector<int64_t> tunables_;
  std::vector<const std::string*> copied_;
  std::vector<std::unique_ptr<Array>> kept_;  // what copies and DLPack gave, and the outputs made here
  std::vector<const Array*> made_;
  int32_t threads_ = -1;  // as the target says
  bool wants_outputs_ = false;
  bool numpy_only_ = true;
};

}  // namespace tw::python
