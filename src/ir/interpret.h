// Runs any program at any stage, slowly and plainly: the oracle of the tests.
//
// A program is compiled to a flat code for a register machine, then run with every access checked: bounds,
// reads of memory that nobody wrote, overflow of index arithmetic, and races between turns of parallel,
// vectorised and GPU-bound loops. GPU threads are simulated as coroutines that meet at barriers. An error is
// a `UserError` of kind value or index that shows the place in the printed program and the values of the loop
// variables there.
//
// What it takes the headers of the IR to mean where they leave a choice:
// - The init of a block runs when none, or all, of the instances of a point of its spatial axes have run
// since the
//   buffer that it writes was allocated: so a point that is computed again at an outer loop starts anew.
// - Predicates mask accesses; subscripts and values are computed in every lane. Only Select is lazy.
// - The threads of a group are the turns of directly nested loops over thread indices (with Let, Attr and
// Allocate
//   between) when a barrier, an asynchronous copy or a collective tensor intrinsic stands in them; without
//   these the loops fork and join, so what follows them is ordered after them. A barrier outside such loops
//   is no operation.
// - Shared buffers and fragments that threads allocate are one instance for the block or the warp. A tensor
// intrinsic
//   with a fragment operand is computed once for the warp, whose threads must all come to it. Where no loop
//   over threadIdx.x stands around, each thread is a warp of its own.
// - Local memory belongs to one thread: where it is allocated around loops over threads, an element that a
// thread
//   wrote is read by that thread alone, or outside of these loops.
// - An asynchronous copy reads at its start and arrives at the wait; its source must not change between.
// - Arguments are copied in, and outputs are copied out when the run succeeds: an error leaves them
// untouched.
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
