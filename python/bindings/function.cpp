// tilewright.Function, the part below its Python class.
#include "bindings/function.h"

#include "codegen/backend.h"
#include "codegen/export.h"
#include "runtime/rotation.h"
#include "runtime/threads.h"
#include "support/error.h"

namespace tw::python {

FunctionState::FunctionState(Program program, const std::string& target)
    : program_(std::move(program)),
      target_(codegen::parse_target(target)),
      loaded_(load_function(compile(program_, target_), program_)) {}

std::shared_ptr<const LoadedFunction> FunctionState::loaded() const {
  if (!loaded_) raise_value("{} is closed: its code is gone; build it again", program_->name.text);
  return loaded_;
}

std::shared_ptr<const LoadedFunction> FunctionState::runnable() const {
  std::shared_ptr<const LoadedFunction> function = loaded();
  if (!target_.is_host)
    raise_unsupported("{} is built for \"{}\", which this machine does not run; export it as a library",
                      program_->name.text, target_.to_string());
  return function;
}

void FunctionState::take(Call& call, const LoadedFunction& function, const py::args& positional,
                         const py::kwargs& named) {
  take_arguments(call, function, positional, named);
  for (const std::string* name : call.copied()) ++copies_[*name];
}

py::object FunctionState::call(const py::args& positional, const py::kwargs& named) {
  const std::shared_ptr<const LoadedFunction> function = runnable();
  Call call(function->signature);
  take(call, *function, positional, named);
  run_function(*function, call);
  return call.result();
}

std::pair<std::vector<double>, int64_t> FunctionState::time(const py::args& positional,
                                                            const py::kwargs& named, bool rotate,
                                                            const runtime::TimingOptions& options) {
  const std::shared_ptr<const LoadedFunction> function = runnable();
  Call call(function->signature);
  take(call, *function, positional, named);
  run_function(*function, call);  // with all checks, which those that are timed do without
  const BoundCall bound = bind_call(*function, call);
  const int32_t threads = threads_of(*function, call);
  runtime::Samples samples;
  {
    const py::gil_scoped_release unlocked;
    const runtime::Rotation rotation({call.buffers(), function->ndims.size()},
                                     rotate ? function->constants : std::vector<std::size_t>());
    samples = runtime::take_samples(
        [&](int64_t turn) {
          return tw_run(&function->module->function(), runtime::shared_pool(), threads,
                        rotation.buffers(turn), bound.scalars.data());
        },
        options);
  }
  check_status(samples.status);
  return {samples.seconds, samples.batch};
}

py::dict FunctionState::stats() const {
  const codegen::BuildStats& stats = loaded()->module->stats();
  py::dict times, copies;
  for (const codegen::PassTime& pass : stats.times) {
    const double before = times.contains(pass.name) ? times[py::str(pass.name)].cast<double>() : 0;
    times[py::str(pass.name)] = before + pass.seconds;
  }
  for (const auto& [name, count] : copies_) copies[py::str(name)] = count;
  return py::dict(py::arg("times") = times, py::arg("code_bytes") = stats.code_bytes,
                  py::arg("spills") = stats.spills, py::arg("spills_outside") = stats.spills_outside,
                  py::arg("vector_registers") = stats.vector_registers, py::arg("notes") = stats.notes,
                  py::arg("copies") = copies);
}

py::list FunctionState::tunables() const {
  py::list all;
  for (const Param& param : program_->params)
    if (param.param_kind == ParamKind::kTunable)
      all.append(py::make_tuple(param.var->name.text, param.default_value, param.var->min, param.var->max,
                                param.var->multiple_of));
  return all;
}

void FunctionState::export_library(const std::string& path) const {
  const std::shared_ptr<const LoadedFunction> function = loaded();
  if (!function->bound.empty())
    raise_unsupported(
        "{}: constants that are prepared beforehand do not go into a library yet; export the "
        "function that prepare was called on",
        program_->name.text);
  const py::gil_scoped_release unlocked;
  codegen::export_library(*function->module, path);
}

namespace {

constexpr const char* kCallDoc = R"doc(Run the function.

Parameters
----------
*arguments : array or int
    All arguments in order, outputs among them, which are then written in place; or all but the outputs, which
    are then made. Arrays are of NumPy, `tw.Array`, or anything with `__dlpack__`, on the CPU, of the dtype
    that the program says. Inputs may have any strides: those that are not contiguous are copied, which
    `stats.copies` counts. Outputs must be contiguous, writable and overlap no input.
**named : array or int
    Arguments by name. `params`, a dict, gives parameters of the schedule other values than their defaults;
    `threads`, an int, is the most threads to use.

Returns
-------
numpy.ndarray, Array, tuple of them, or None
    None where outputs were given. Else the output, or a tuple of several: NumPy arrays if every array given is
    one, else `tw.Array`.

Raises
------
InvalidType
    If an argument has another dtype, or is no array.
InvalidValue
    If arguments are missing, too many, of another shape, on another device; if an output is read-only, not
    contiguous, or overlaps an input; if a parameter is out of its range, or the function is closed.

Examples
--------
>>> A = te.placeholder((2, 3), name="A")
>>> f = tw.build(te.compute((2, 3), lambda i, j: A[i, j] * 2, name="B"))
>>> a, b = np.ones((2, 3), "float32"), np.empty((2, 3), "float32")
>>> f(a, b)
>>> b
array([[2., 2., 2.],
       [2., 2., 2.]], dtype=float32)
>>> f(A=b)
array([[4., 4., 4.],
       [4., 4., 4.]], dtype=float32)
)doc";

}  // namespace

void bind_function(py::module_& m) {
  py::class_<FunctionState>(m, "FunctionState",
                            "Compiled code of a program; tilewright.Function is made of it.")
      .def(py::init<Program, const std::string&>(), py::arg("program"), py::arg("target"))
      .def(py::init<const FunctionState&, const py::dict&>(), py::arg("function"), py::arg("constants"))
      .def("__call__", &FunctionState::call, kCallDoc)
      .def("_time",
           [](FunctionState& f, bool rotate, double seconds, const py::args& arguments,
              const py::kwargs& named) { return f.time(arguments, named, rotate, {.seconds = seconds}); })
      .def("_source", &FunctionState::source, py::arg("kind"))
      .def("_stats", &FunctionState::stats)
      .def("_export", &FunctionState::export_library, py::arg("path"))
      .def("_close", &FunctionState::close)
      .def("_tunables", &FunctionState::tunables)
      .def_property_readonly("program", &FunctionState::program, "The program that it was made of.")
      .def_property_readonly(
          "target", [](const FunctionState& f) { return f.target().to_string(); },
          "The target in full: with the CPU and its features.");
  m.def(
      "backends",
      [] {
        py::list all;
        for (const codegen::Backend& backend : codegen::backends())
          all.append(py::make_tuple(backend.name, backend.summary, backend.why_not()));
        return all;
      },
      "The back ends: name, summary, why it cannot be used on this machine (empty: it can).");
  m.def(
      "target_text", [](const std::string& text) { return codegen::parse_target(text).to_string(); },
      py::arg("text"), "A target in full.");
}

}  // namespace tw::python
