// Runs any program at any stage, slowly and plainly: the oracle of the tests.
//
// A program is compiled to a flat code for a register machine, then run with every access checked: bounds, reads of
// memory that nobody wrote, overflow of index arithmetic, and races between turns of parallel, vectorised and GPU-bound
// loops. GPU threads are simulated as coroutines that meet at barriers. An error is a `UserError` of kind value or index
// that shows the place in the printed program and the values of the loop variables there.
#pragma once

#include <span>
#include <variant>
#include <vector>

#include "ir/program.h"

namespace tw {

/// Memory of the caller. Strides are in elements, any sign; empty: row-major without gaps.
struct ArrayView {
  void* data = nullptr;
  DType dtype;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;
};

/// One for each argument of the program (Param::is_argument), in order.
using Argument = std::variant<ArrayView, int64_t>;

struct InterpretOptions {
  std::map<std::string, int64_t> tunables;  // by name; the others have their defaults
  bool check_races = true;
  /// Whether outputs hold nothing at the start; every element must then be written by the end.
  bool outputs_undefined = true;
  int64_t max_memory = int64_t{8} << 30;  // bytes of allocations: beyond is a value error
};

struct InterpretStats {
  int64_t statements = 0;  // scalar statement instances run: stores, one a lane
};

/// Runs the program on the arguments. Raises before anything runs if they do not fit its parameters.
InterpretStats interpret(const Program& program, std::span<const Argument> arguments,
                         const InterpretOptions& options = {});

}  // namespace tw
