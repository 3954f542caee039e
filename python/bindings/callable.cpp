#include "bindings/callable.h"

#include "runtime/rotation.h"
#include "runtime/status.h"
#include "runtime/threads.h"
#include "support/error.h"

namespace tw::python {
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

const std::shared_ptr<const LoadedFunction>& Callable::loaded() const {
  if (!loaded_) raise_value("{} is closed: its code is gone", name_);
  return loaded_;
}

void Callable::take(Call& call, const LoadedFunction& function, const py::args& positional,
                    const py::kwargs& named) {
  take_arguments(call, function, positional, named);
  for (const std::string* name : call.copied()) ++copies_[*name];
}

const std::shared_ptr<const LoadedFunction>& Callable::runnable() const {
  if (!loaded()->code->run)
    raise_unsupported("{} is built for another kind of machine and does not run here; export it as a library",
                      name_);
  return loaded_;
}

py::object Callable::call(const py::args& positional, const py::kwargs& named) {
  const std::shared_ptr<const LoadedFunction> function = runnable();
  Call call(function->signature);
  take(call, *function, positional, named);
  run_function(*function, call);
  return call.result();
}

std::pair<std::vector<double>, int64_t> Callable::time(const py::args& positional, const py::kwargs& named,
                                                       bool rotate, const runtime::TimingOptions& options) {
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
          return tw_run(function->code, runtime::shared_pool(), threads, rotation.buffers(turn),
                        bound.scalars.data());
        },
        options);
  }
  runtime::check_status(samples.status);
  return {samples.seconds, samples.batch};
}

py::list Callable::tunables() const {
  py::list all;
  const tw_function& code = *loaded()->code;
  for (int32_t p = 0; p < code.n_params; ++p) {
    const tw_param& param = code.params[p];
    if (param.kind == TW_PARAM_TUNABLE)
      all.append(py::make_tuple(param.name, param.default_value, param.min, param.max, param.multiple_of));
  }
  return all;
}

void bind_callable(py::module_& m) {
  py::class_<Callable>(m, "Callable", "What can be called with arrays.")
      .def("__call__", &Callable::call, kCallDoc)
      .def("_time",
           [](Callable& f, bool rotate, double seconds, const py::args& arguments, const py::kwargs& named) {
             return f.time(arguments, named, rotate, {.seconds = seconds});
           })
      .def("_tunables", &Callable::tunables)
      .def("_copies", &Callable::copies)
      .def("_close", &Callable::close);
}

}  // namespace tw::python
