// Statement instances a second of the interpreter, every check on.
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "ir/interpret.h"
#include "ir/text.h"

namespace {

struct Case {
  const char* name;
  const char* text;
};

// Each program takes arrays alone; the inputs are zeros, which costs as much as other values.
constexpr Case kCases[] = {
    {"matmul float32",
     R"(program p(A: in float32[192, 192], B: in float32[192, 192], C: out float32[192, 192]):
  for i in 192:
    for j in 192:
      for k in 192:
        block C(vi: spatial(192) = i, vj: spatial(192) = j, vk: reduce(192) = k):
          init:
            C[vi, vj] = 0.0f32
          C[vi, vj] = C[vi, vj] + A[vi, vk] * B[vk, vj]
)"},
    {"matmul int8", R"(program p(A: in int8[192, 192], B: in int8[192, 192], C: out int32[192, 192]):
  for i in 192:
    for j in 192:
      for k in 192:
        block C(vi: spatial(192) = i, vj: spatial(192) = j, vk: reduce(192) = k):
          init:
            C[vi, vj] = 0i32
          C[vi, vj] = C[vi, vj] + int32(A[vi, vk]) * int32(B[vk, vj])
)"},
    {"matmul float16",
     R"(program p(A: in float16[128, 128], B: in float16[128, 128], C: out float16[128, 128]):
  for i in 128:
    for j in 128:
      for k in 128:
        block C(vi: spatial(128) = i, vj: spatial(128) = j, vk: reduce(128) = k):
          init:
            C[vi, vj] = 0.0f16
          C[vi, vj] = C[vi, vj] + A[vi, vk] * B[vk, vj]
)"},
    {"stencil float32", R"(program p(A: in float32[1026, 1026], B: out float32[1024, 1024]):
  for i in 1024:
    for j in 1024:
      block B(vi: spatial(1024) = i, vj: spatial(1024) = j):
        B[vi, vj] = (A[vi, vj + 1] + A[vi + 1, vj] + A[vi + 1, vj + 2] + A[vi + 2, vj + 1]) * 0.25f32
)"},
    {"matmul tiled, predicate",
     R"(program p(A: in float32[190, 190], B: in float32[190, 190], C: out float32[190, 190]):
  for io in 12:
    for jo in 12:
      for k in 190:
        for ii in 16:
          for ji in 16:
            block C(vi: spatial(190) = io * 16 + ii, vj: spatial(190) = jo * 16 + ji, vk: reduce(190) = k) where io * 16 + ii < 190 && jo * 16 + ji < 190:
              init:
                C[vi, vj] = 0.0f32
              C[vi, vj] = C[vi, vj] + A[vi, vk] * B[vk, vj]
)"},
    {"matmul parallel",
     R"(program p(A: in float32[192, 192], B: in float32[192, 192], C: out float32[192, 192]):
  for i in parallel(192):
    for j in 192:
      for k in 192:
        block C(vi: spatial(192) = i, vj: spatial(192) = j, vk: reduce(192) = k):
          init:
            C[vi, vj] = 0.0f32
          C[vi, vj] = C[vi, vj] + A[vi, vk] * B[vk, vj]
)"},
    {"matmul vectorised loop",
     R"(program p(A: in float32[192, 192], B: in float32[192, 192], C: out float32[192, 192]):
  for i in 192:
    for jo in 24:
      for k in 192:
        for ji in vectorized(8):
          block C(vi: spatial(192) = i, vj: spatial(192) = jo * 8 + ji, vk: reduce(192) = k):
            init:
              C[vi, vj] = 0.0f32
            C[vi, vj] = C[vi, vj] + A[vi, vk] * B[vk, vj]
)"},
    {"matmul flat vectors", R"(program p(A: in float32[36864], B: in float32[36864], C: out float32[36864]):
  for i in 192:
    for jo in 24:
      C[ramp(i * 192 + jo * 8, 1, 8)] = broadcast(0.0f32, 8)
      for k in 192:
        C[ramp(i * 192 + jo * 8, 1, 8)] = C[ramp(i * 192 + jo * 8, 1, 8)] + broadcast(A[i * 192 + k], 8) * B[ramp(k * 192 + jo * 8, 1, 8)]
)"},
    {"matmul GPU, shared memory",
     R"(program p(A: in float32[192, 192], B: in float32[192, 192], C: out float32[192, 192]):
  for by in bind(blockIdx.y, 12):
    for bx in bind(blockIdx.x, 12):
      allocate As: shared float32[16, 16]
      allocate Bs: shared float32[16, 16]
      for ty in bind(threadIdx.y, 16):
        for tx in bind(threadIdx.x, 16):
          allocate acc: local float32[1]
          acc[0] = 0.0f32
          for ko in 12:
            As[ty, tx] = A[by * 16 + ty, ko * 16 + tx]
            Bs[ty, tx] = B[ko * 16 + ty, bx * 16 + tx]
            barrier block
            for ki in 16:
              acc[0] = acc[0] + As[ty, ki] * Bs[ki, tx]
            barrier block
          C[by * 16 + ty, bx * 16 + tx] = acc[0]
)"},
};

void measure(const Case& each) {
  const tw::Program program = tw::parse_program(each.text);
  std::vector<std::vector<std::byte>> memory;
  std::vector<tw::Argument> arguments;
  for (const tw::Param& param : program->params) {
    tw::ArrayView view;
    view.dtype = param.buffer->dtype;
    int64_t bytes = view.dtype.bytes();
    for (const tw::Expr& extent : param.buffer->shape) {
      view.shape.push_back(*tw::as_int(extent));
      bytes *= view.shape.back();
    }
    memory.emplace_back(static_cast<std::size_t>(bytes));
    view.data = memory.back().data();
    arguments.emplace_back(view);
  }
  double best = 0;
  int64_t statements = 0;
  for (int run = 0; run < 3; ++run) {
    const auto start = std::chrono::steady_clock::now();
    statements = tw::interpret(program, arguments).statements;
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    best = std::max(best, static_cast<double>(statements) / seconds.count());
  }
  std::printf("%-28s %12lld statements %8.1f million a second\n", each.name,
              static_cast<long long>(statements), best / 1e6);
}

}  // namespace

int main() {
  for (const Case& each : kCases) measure(each);
}
