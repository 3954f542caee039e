#include "bindings/interpret.h"

#include <pybind11/numpy.h>

#include "bindings/dtype.h"
#include "bindings/value.h"
#include "ir/interpret.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "ir/visit.h"
#include "support/error.h"
#include "te/lower.h"

namespace tw::python {
namespace {

const std::string& name_of(const Param& param) {
  return param.is_buffer() ? param.buffer->name.text : param.var->name.text;
}

bool is_input(const Param& param) {
  return param.is_argument() && param.param_kind != ParamKind::kOutput;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "none" : text;
}

/// "(2, n, 4)".
std::string shape_text(const std::vector<Expr>& shape) {
  std::string text;
  for (const Expr& extent : shape) text += (text.empty() ? "" : ", ") + to_text(extent);
  return "(" + text + (shape.size() == 1 ? ",)" : ")");
}

/// One run of a program: its arguments as they come together.
class Run {
 public:
  explicit Run(const Program& program)
      : program_(program), order_(argument_params(program)), given_(program->params.size()) {}

  py::object operator()(const py::args& inputs, const py::kwargs& named) {
    assign(inputs, named);
    for (std::size_t p = 0; p < given_.size(); ++p)
      if (given_[p] && !param(p).is_buffer()) take_size(p);
    for (std::size_t p = 0; p < given_.size(); ++p)
      if (given_[p] && param(p).is_buffer()) take_array(p);
    for (std::size_t p = 0; p < given_.size(); ++p)
      if (given_[p] && param(p).is_buffer()) check_extents(p);
    for (std::size_t p : order_)
      if (param(p).param_kind == ParamKind::kOutput) allocate(p);
    return call();
  }

 private:
  const Param& param(std::size_t p) const { return program_->params[p]; }

  std::string place(std::size_t p) const {
    return fmt::format("{}: input '{}'", program_->name.text, name_of(param(p)));
  }

  /// Which object stands for which parameter: by position, then by name.
  void assign(const py::args& inputs, const py::kwargs& named) {
    std::vector<std::size_t> order;
    std::vector<std::string> names;
    for (std::size_t p : order_)
      if (is_input(param(p))) order.push_back(p), names.push_back(name_of(param(p)));
    if (inputs.size() > order.size())
      raise_value("{} takes {} inputs ({}) but {} are given", program_->name.text, order.size(),
                  joined(names), inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) given_[order[i]] = inputs[i];
    for (const auto& [key, value] : named) assign_named(key.cast<std::string>(), value, names);
    std::vector<std::string> missing;
    for (std::size_t p : order)
      if (!given_[p]) missing.push_back(name_of(param(p)));
    if (!missing.empty())
      raise_value("{} takes {} inputs ({}); not given: {}", program_->name.text, order.size(), joined(names),
                  joined(missing));
  }

  void assign_named(const std::string& name, py::handle value, const std::vector<std::string>& names) {
    for (std::size_t p = 0; p < given_.size(); ++p) {
      if (name_of(param(p)) != name) continue;
      if (param(p).param_kind == ParamKind::kTunable) {
        options_.tunables[name] = integer(p, value);
        return;
      }
      if (!is_input(param(p))) continue;
      if (given_[p]) raise_value("{} is given twice", place(p));
      given_[p] = py::reinterpret_borrow<py::object>(value);
      return;
    }
    raise_value("{} has no input '{}'; its inputs are {}", program_->name.text, name, joined(names));
  }

  int64_t integer(std::size_t p, py::handle value) const {
    if (!PyIndex_Check(value.ptr()) || PyBool_Check(value.ptr()))
      raise_type("{} is a size: it takes an int, not {}", place(p), type_name(value));
    const int64_t number = PyNumber_AsSsize_t(value.ptr(), PyExc_OverflowError);
    if (PyErr_Occurred()) throw py::error_already_set();
    return number;
  }

  /// Gives a size its value, or checks that it has it.
  void take_value(const Variable& var, int64_t value, const std::string& from) {
    const auto [at, fresh] = sizes_.try_emplace(&var, Size{value, from});
    if (!fresh && at->second.value != value)
      raise_value("{}: {} is {} in {} but {} in {}", program_->name.text, var.name.text, at->second.value,
                  at->second.from, value, from);
    if (!fresh) return;
    if (value < var.min || value > var.max)
      raise_value("{}: {} is {} in {}, outside of its range ({}, {})", program_->name.text, var.name.text,
                  value, from, var.min,
                  var.max == kNoMax ? std::string("unbounded") : std::to_string(var.max));
    if (value % var.multiple_of != 0)
      raise_value("{}: {} is {} in {}, which is no multiple of {}", program_->name.text, var.name.text, value,
                  from, var.multiple_of);
    values_[&var] = Expr(value);
  }

  void take_size(std::size_t p) {
    take_value(*param(p).var, integer(p, given_[p]), fmt::format("input '{}'", name_of(param(p))));
  }

  /// A Python number as an array of rank 0 of the parameter's type; NumPy scalars keep their own.
  py::object as_array(std::size_t p) const {
    const py::object& object = given_[p];
    if (py::isinstance<py::array>(object)) return object;
    const py::module_ numpy = py::module_::import("numpy");
    if (py::isinstance(object, numpy.attr("generic"))) return numpy.attr("asarray")(object);
    const BufferNode& buffer = *param(p).buffer;
    if (buffer.rank() == 0 && (PyFloat_Check(object.ptr()) || PyLong_Check(object.ptr())))
      return numpy.attr("asarray")(object, numpy_dtype(buffer.dtype));
    raise_type("{} takes a NumPy array, not {}", place(p), type_name(object));
  }

  void take_array(std::size_t p) {
    const BufferNode& buffer = *param(p).buffer;
    py::object object = as_array(p);
    const std::string needed = to_string(buffer.dtype);
    const std::string found = py::str(object.attr("dtype").attr("name"));
    if (found != needed)
      raise_type("{} has dtype {} but {} is needed; convert it with .astype(\"{}\")", place(p), found, needed,
                 needed);
    py::array array(object);
    if (array.ndim() != buffer.rank())
      raise_value("{} has {} dimensions {} but {} are needed, {}", place(p), array.ndim(),
                  std::string(py::repr(array.attr("shape"))), buffer.rank(), shape_text(buffer.shape));
    given_[p] = readable(p, array);
    for (int d = 0; d < buffer.rank(); ++d)
      if (const auto* var = as<Variable>(buffer.shape[d]))
        take_value(*var, array.shape(d), fmt::format("dimension {} of input '{}'", d, name_of(param(p))));
  }

  /// The array itself where the interpreter can read it in place, else a copy.
  py::array readable(std::size_t p, const py::array& array) const {
    bool plain =
        array.dtype().attr("isnative").cast<bool>() && array.attr("flags").attr("aligned").cast<bool>();
    for (py::ssize_t d = 0; d < array.ndim(); ++d) plain = plain && array.strides(d) % array.itemsize() == 0;
    if (param(p).param_kind == ParamKind::kInOut && !(plain && array.writeable()))
      raise_value("{} is written: it must be writable, aligned and in native byte order", place(p));
    if (plain) return array;
    return py::module_::import("numpy").attr("array")(array, numpy_dtype(param(p).buffer->dtype));
  }

  int64_t extent_of(std::size_t p, int d) const {
    const Expr& extent = param(p).buffer->shape[d];
    const auto value = as_int(simplify(substitute(extent, values_)));
    check_internal(value.has_value(), "extent {} of {} is not known from the inputs", to_text(extent),
                   name_of(param(p)));
    return *value;
  }

  void check_extents(std::size_t p) const {
    const BufferNode& buffer = *param(p).buffer;
    const py::array array(given_[p]);
    for (int d = 0; d < buffer.rank(); ++d) {
      const int64_t needed = extent_of(p, d);
      if (array.shape(d) == needed) continue;
      raise_value("{} has shape {} but {} is needed: dimension {} is {}, not {}", place(p),
                  std::string(py::repr(array.attr("shape"))), shape_text(buffer.shape), d, array.shape(d),
                  needed);
    }
  }

  void allocate(std::size_t p) {
    const BufferNode& buffer = *param(p).buffer;
    std::vector<py::ssize_t> shape;
    for (int d = 0; d < buffer.rank(); ++d) {
      shape.push_back(extent_of(p, d));
      if (shape.back() < 0)
        raise_value("{}: extent {} of output '{}' is {} for these inputs; it must be at least 0",
                    program_->name.text, to_text(buffer.shape[d]), name_of(param(p)), shape.back());
    }
    given_[p] = py::array(numpy_dtype(buffer.dtype), shape);
    outputs_.append(given_[p]);
  }

  Argument argument(std::size_t p) const {
    if (!param(p).is_buffer()) return std::get<int64_t>(Argument(*as_int(values_.at(&*param(p).var))));
    const py::array array(given_[p]);
    ArrayView view;
    view.data = const_cast<void*>(array.data());
    view.dtype = param(p).buffer->dtype;
    for (py::ssize_t d = 0; d < array.ndim(); ++d) {
      view.shape.push_back(array.shape(d));
      view.strides.push_back(array.strides(d) / array.itemsize());
    }
    return view;
  }

  py::object call() {
    std::vector<Argument> arguments;
    for (std::size_t p = 0; p < given_.size(); ++p)
      if (param(p).is_argument()) arguments.push_back(argument(p));
    {
      const py::gil_scoped_release unlocked;
      interpret(program_, arguments, options_);
    }
    if (outputs_.empty()) return py::none();
    if (outputs_.size() == 1) return outputs_[0];
    return py::tuple(outputs_);
  }

  struct Size {
    int64_t value;
    std::string from;
  };
  const Program& program_;
  std::vector<std::size_t> order_;  // of the arguments as callers give them
  std::vector<py::object> given_;   // by parameter; null: not given
  std::unordered_map<const Variable*, Size> sizes_;
  VarMap values_;
  py::list outputs_;
  InterpretOptions options_;
};

}  // namespace

std::vector<std::size_t> argument_params(const Program& program) {
  std::vector<std::size_t> arguments, ordered;
  for (std::size_t p = 0; p < program->params.size(); ++p)
    if (program->params[p].is_argument()) arguments.push_back(p);
  for (std::size_t position : te::argument_order(program)) ordered.push_back(arguments.at(position));
  return ordered;
}

py::object interpret_program(const Program& program, const py::args& inputs, const py::kwargs& named) {
  return Run(program)(inputs, named);
}

}  // namespace tw::python
