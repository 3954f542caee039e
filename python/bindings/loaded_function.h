// A compiled function as calls from Python need it: machine code, what its arguments are, constants that are
// bound.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bindings/arguments.h"

namespace tw::python {

/// A constant that was prepared beforehand.
struct BoundArray {
  std::size_t place;  // among the function's buffers
  Array array;
};

/// A function that is in this process. Immutable. A call holds on to it, so that one that runs while another
/// thread closes the function comes to its end.
struct LoadedFunction {
  std::shared_ptr<const void> owner;  // of the code
  const tw_function* code;            // without `run` where the code is another machine's
  int32_t threads = 0;                // at most so many; 0: all there are
  Signature signature;                // of the arguments that are not bound
  std::vector<BoundArray> bound;
  std::vector<int> ndims;              // by buffer
  std::vector<std::size_t> constants;  // buffers that hold constants, bound or given
};

/// The function of some code; `order`: the parameters that callers give, as positions among all, in the order
/// in which they give them. `bound` buffers are none of their business.
std::shared_ptr<const LoadedFunction> load_function(std::shared_ptr<const void> owner,
                                                    const tw_function& code,
                                                    const std::vector<std::size_t>& order, int32_t threads,
                                                    std::vector<BoundArray> bound = {});

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
