// One mathematical function compiled for this machine, or for another.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "codegen/llvm/math.h"
#include "ir/ops.h"

namespace tw::codegen::math_test {

enum class Format { kHalf, kBfloat, kFloat, kDouble };
int size_of(Format format);

/// What code is generated for.
struct Machine {
  std::string triple, cpu, features;
  MathTarget math;
};
Machine this_machine();              // everything that it has
Machine this_machine_without_fma();  // the least of its architecture

/// A loop over vectors: out[i] = op(x[i], y[i]). Symbols that the code needs and does not have make it fail.
class Compiled {
 public:
  /// `fast_math`: the builder has all fast-math flags set when the code is emitted.
  Compiled(Intrinsic op, Format format, int lanes, const Machine& machine, bool fast_math = false);
  ~Compiled();
  /// `count` is a multiple of the lanes.
  void run(const void* x, const void* y, void* out, int64_t count) const { function_(x, y, out, count); }

 private:
  struct Jit;
  std::unique_ptr<Jit> jit_;
  void (*function_)(const void*, const void*, void*, int64_t);
};

/// The functions outside that the object code for a machine calls.
std::vector<std::string> calls(Intrinsic op, Format format, int lanes, const Machine& machine);

}  // namespace tw::codegen::math_test
