// Runs a loop program on NumPy arrays: fits what the caller gives to the program's parameters, finds the
// sizes that shapes show, allocates the outputs, and calls the interpreter without Python's lock.
#pragma once

#include "bindings/bind.h"
#include "ir/program.h"

namespace tw::python {

/// The arguments of the program, as indices of its parameters, in the order in which callers give them.
std::vector<std::size_t> argument_params(const Program& program);

/// Inputs come by position in the order of the program's arguments, or by name; outputs are allocated. Arrays
/// may have any strides. Returns the output, or a tuple of several. Raises a type error for a wrong dtype or
/// object and a value error for a wrong count, name, shape or size; each names the input.
py::object interpret_program(const Program& program, const py::args& inputs, const py::kwargs& named);

}  // namespace tw::python
