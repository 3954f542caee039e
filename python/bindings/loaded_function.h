// A compiled function as calls from Python need it: machine code, what its arguments are, constants that are
// bound.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bindings/arguments.h"
#include "codegen/build.h"

namespace tw::python {

/// A constant that was prepared beforehand.
struct BoundArray {
  std::size_t place;  // among the function's buffers
  Array array;
};

/// Immutable. A call holds on to it, so that one that runs while another thread closes the function comes to
/// its end.
struct LoadedFunction {
  std::shared_ptr<const codegen::Module> module;
  Signature signature;  // of the arguments that are not bound
  std::vector<BoundArray> bound;
  std::vector<int> ndims;              // by buffer
  std::vector<std::size_t> constants;  // buffers that hold constants, bound or given
};

/// Machine code of a program. Python's lock is released meanwhile.
std::shared_ptr<const codegen::Module> compile(const Program& program, const codegen::Target& target);

/// The function of a program that the module is of; `bound` buffers are none of its callers' business.
std::shared_ptr<const LoadedFunction> load_function(std::shared_ptr<const codegen::Module> module,
                                                    const Program& program,
                                                    std::vector<BoundArray> bound = {});

/// Raises what a status of the runtime other than TW_OK stands for, with the runtime's message.
void check_status(int32_t status);

/// The scalars of a call and the extents of its buffers.
struct BoundCall {
  std::vector<int64_t> scalars, extents;
};
BoundCall bind_call(const LoadedFunction& function, const Call& call);

/// Takes arguments, and makes the outputs that are not given.
void take_arguments(Call& call, const LoadedFunction& function, const py::args& positional,
                    const py::kwargs& named);

/// At most how many threads run a call: as it says, else as the target does; 0: all there are.
int32_t threads_of(const LoadedFunction& function, const Call& call);

/// Checks all that take() leaves to the runtime, and runs, without Python's lock.
void run_function(const LoadedFunction& function, const Call& call);

}  // namespace tw::python
