// The loops that measure the roof: multiply-adds held in registers, and passes over memory. The best that
// this processor has is chosen at run time; vector instructions only, no matrix units.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tw::runtime {

/// Runs `operations` of arithmetic a turn; a multiply-add counts as two.
struct ComputeKernel {
  const char* dtype;         // of the factors: "float32", "bfloat16", "int8"
  const char* instructions;  // what computes it: "vdpbf16ps", 512 bits
  int64_t operations;
  void (*run)(int64_t turns);
};

/// One of each dtype. A dtype that the processor has no instruction for takes the way that a compiler would:
/// through float32, or int16.
std::vector<ComputeKernel> compute_kernels();

/// Passes over memory. `read` and `write` go over `bytes` at `to`; `copy` from `from` to `to`, `bytes` each.
/// Addresses are aligned to 64 bytes, `bytes` is a multiple of kMemoryStep. The streaming forms go past the
/// caches; null where there are none.
struct MemoryKernels {
  void (*read)(const char* from, int64_t bytes, int64_t passes);
  void (*write)(char* to, int64_t bytes, int64_t passes);
  void (*copy)(char* to, const char* from, int64_t bytes, int64_t passes);
  void (*write_streaming)(char* to, int64_t bytes, int64_t passes);
  void (*copy_streaming)(char* to, const char* from, int64_t bytes, int64_t passes);
};
constexpr int64_t kMemoryStep = 1024;

MemoryKernels memory_kernels();

/// Names of the processor's features that decide which kernels run.
std::string kernel_features();

}  // namespace tw::runtime
