// tilewright.worker: the process that compiles and measures candidates for a tuner.
#include "autotune/measure/runner.h"
#include "bindings/bind.h"

namespace tw::python {
namespace {

constexpr const char* kServeDoc = R"doc(Answer a tuner's requests until its end of the pipe closes.

Parameters
----------
input, output : int
    File descriptors that messages come from and go to. stdin and stdout are moved away first: what kernels
    print goes to stderr.

Returns
-------
int
    The exit status: 0, or another when what came were no messages.
)doc";

}  // namespace

void bind_worker(py::module_& m) {
  m.def("serve", &autotune::serve, py::arg("input"), py::arg("output"),
        py::call_guard<py::gil_scoped_release>(), kServeDoc);
}

}  // namespace tw::python
