// For every other processor: vectors of 128 bits in the compiler's own notation, which are NEON on AArch64.
#if !defined(__x86_64__)

#include "runtime/roof_kernels.h"

namespace tw::runtime {
namespace {

typedef float Floats __attribute__((vector_size(16)));
typedef int32_t Ints __attribute__((vector_size(16)));

// As many as hide 4 cycles of latency on 4 units, in 32 registers.
constexpr int kAccumulators = 20;

template <class Vector, class Scalar>
void multiply_add(int64_t turns, Scalar factor, Scalar term) {
  Vector a = Vector{} + factor, b = Vector{} + term, acc[kAccumulators];
  asm volatile("" : "+w"(a), "+w"(b));
#pragma GCC unroll 20
  for (int i = 0; i < kAccumulators; ++i) {
    acc[i] = b;
    asm volatile("" : "+w"(acc[i]));  // not known to equal the others
  }
  for (int64_t turn = 0; turn < turns; ++turn) {
#pragma GCC unroll 20
    for (int i = 0; i < kAccumulators; ++i) acc[i] = acc[i] * a + b;
    asm volatile("" : "+w"(a), "+w"(b));
  }
#pragma GCC unroll 20
  for (int i = 0; i < kAccumulators; ++i) asm volatile("" ::"w"(acc[i]));
}

void float_kernel(int64_t turns) {
  multiply_add<Floats>(turns, 0.5f, 0.5f);
}
void int_kernel(int64_t turns) {
  multiply_add<Ints>(turns, 3, 5);
}

constexpr int kUnroll = 16;

void read(const char* from, int64_t bytes, int64_t passes) {
  Ints sum[kUnroll] = {};
  for (int64_t pass = 0; pass < passes; ++pass) {
    for (int64_t at = 0; at < bytes; at += kUnroll * sizeof(Ints))
#pragma GCC unroll 16
      for (int i = 0; i < kUnroll; ++i) sum[i] ^= reinterpret_cast<const Ints*>(from + at)[i];
    asm volatile("" ::: "memory");
  }
#pragma GCC unroll 16
  for (int i = 0; i < kUnroll; ++i) asm volatile("" ::"w"(sum[i]));
}

void write(char* to, int64_t bytes, int64_t passes) {
  Ints value = {};
  asm volatile("" : "+w"(value));
  for (int64_t pass = 0; pass < passes; ++pass) {
    for (int64_t at = 0; at < bytes; at += kUnroll * sizeof(Ints))
#pragma GCC unroll 16
      for (int i = 0; i < kUnroll; ++i) reinterpret_cast<Ints*>(to + at)[i] = value;
    asm volatile("" ::: "memory");
  }
}

void copy(char* to, const char* from, int64_t bytes, int64_t passes) {
  for (int64_t pass = 0; pass < passes; ++pass) {
    for (int64_t at = 0; at < bytes; at += kUnroll * sizeof(Ints))
#pragma GCC unroll 16
      for (int i = 0; i < kUnroll; ++i)
        reinterpret_cast<Ints*>(to + at)[i] = reinterpret_cast<const Ints*>(from + at)[i];
    asm volatile("" ::: "memory");
  }
}

}  // namespace

std::vector<ComputeKernel> compute_kernels() {
  constexpr int64_t kOperations = kAccumulators * 4 * 2;
  return {{"float32", "multiply-add, 128 bits", kOperations, float_kernel},
          {"bfloat16", "through float32: multiply-add, 128 bits", kOperations, float_kernel},
          {"int8", "through int32: multiply-add, 128 bits", kOperations, int_kernel}};
}

MemoryKernels memory_kernels() {
  return {read, write, copy, nullptr, nullptr};
}

std::string kernel_features() {
  return "vectors of 128 bits";
}

}  // namespace tw::runtime

#endif
