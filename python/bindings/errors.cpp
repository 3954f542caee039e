// Failures of the C++ side as the exceptions of tilewright.errors, which add the user's own source line.
#include "bindings/bind.h"
#include "support/error.h"

namespace tw::python {
namespace {

const char* exception_name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kValue: return "InvalidValue";
    case ErrorKind::kType: return "InvalidType";
    case ErrorKind::kIndex: return "InvalidIndex";
    case ErrorKind::kUnsupported: return "Unsupported";
  }
  return "UserError";
}

/// Sets the Python error to a new exception of the class. It is made at once, not when Python first looks at
/// it: its constructor reads the stack to find the user's source line.
void set_error(const char* class_name, const char* message) {
  const py::object exception_class = py::module_::import("tilewright.errors").attr(class_name);
  const py::object exception = exception_class(message);
  PyErr_SetObject(exception_class.ptr(), exception.ptr());
}

}  // namespace

void bind_errors(py::module_&) {
  py::register_local_exception_translator([](std::exception_ptr failure) {
    try {
      if (failure) std::rethrow_exception(failure);
    } catch (const UserError& error) {
      set_error(exception_name(error.kind()), error.what());
    } catch (const InternalError& error) {
      set_error("InternalError", error.what());
    }
  });
}

}  // namespace tw::python
