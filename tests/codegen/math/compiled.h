// One mathematical function compiled for this machine, or for another.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "codegen/llvm/jit.h"
#include "codegen/target.h"
#include "ir/dtype.h"
#include "ir/ops.h"

namespace tw::codegen::math_test {

const Target& this_machine();              // everything that it has
const Target& this_machine_without_fma();  // the least of its architecture

/// A loop over vectors: out[i] = op(x[i], y[i]). `type`: of a vector. Functions outside are not linked: code
/// that calls one is an error.
class Compiled {
 public:
  /// `fast_math`: the builder has all fast-math flags set when the code is emitted.
  Compiled(Intrinsic op, DType type, const Target& target, bool fast_math = false);
  /// `count` is a multiple of the lanes.
  void run(const void* x, const void* y, void* out, int64_t count) const { function_(x, y, out, count); }

 private:
  std::unique_ptr<LoadedCode> code_;
  void (*function_)(const void*, const void*, void*, int64_t);
};

/// The functions outside that the object code for a target calls.
std::vector<std::string> calls(Intrinsic op, DType type, const Target& target);

}  // namespace tw::codegen::math_test
