// The extension module tilewright._core, one bind function a concept.
//
// The extension is thin: it turns Python objects into those of src/ and back, and failures into exceptions.
// What is pleasant in Python (lambdas whose parameters name axes, keyword forms, docstrings) is written in
// Python on top.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

namespace tw::python {

namespace py = pybind11;

void bind_errors(py::module_& m);
void bind_expr(py::module_& m);
void bind_reductions(py::module_& m);
void bind_tensor(py::module_& m);
void bind_operations(py::module_& m);
void bind_program(py::module_& m);
void bind_schedule(py::module_& m);
void bind_intrinsic(py::module_& m);
void bind_rewrites(py::module_& m);
void bind_array(py::module_& m);
void bind_callable(py::module_& m);
void bind_function(py::module_& m);
void bind_machine(py::module_& m);
void bind_roof(py::module_& m);
void bind_library(py::module_& m);
void bind_records(py::module_& m);
void bind_tune(py::module_& m);
void bind_worker(py::module_& m);

}  // namespace tw::python
