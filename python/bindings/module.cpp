#include <llvm/Config/llvm-config.h>

#include "bindings/bind.h"

PYBIND11_MODULE(_core, m) {
  using namespace tw::python;
  m.doc() = "The compiled part of Tilewright.";
  m.attr("__version__") = TW_VERSION;
  m.attr("llvm_version") = LLVM_VERSION_STRING;
  bind_errors(m);
  bind_expr(m);
  bind_reductions(m);
  bind_tensor(m);
  bind_program(m);
  bind_schedule(m);
  bind_intrinsic(m);
  bind_rewrites(m);
  bind_operations(m);
  bind_array(m);
  bind_callable(m);
  bind_function(m);
  bind_machine(m);
  bind_roof(m);
  bind_library(m);
  bind_records(m);
  bind_tune(m);
  bind_worker(m);
}
