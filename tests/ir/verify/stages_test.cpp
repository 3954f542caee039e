// Good programs at each stage.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/text.h"
#include "ir/verify.h"
#include "support/error.h"

namespace tw {
namespace {

void expect_legal(const char* text, Stage stage) {
  for (const Violation& found : find_violations(parse_program(text), stage))
    ADD_FAILURE() << found.rule << ": " << found.message << text;
}

TEST(VerifyStages, AMatrixProductOfBlocksIsLegalAtSchedule) {
  expect_legal(R"(
program matmul(n: shape in [1, 512], mc: param in [14, 512] multiple_of 14 = 28, A: in float32[n, 64], B: const float32[64, 32], C: out float32[n, 32]):
  for io in (n + mc - 1) // mc:
    for ii in mc:
      for j in vectorized(32):
        for k in 64:
          block C#0(vi: spatial(n) = io * mc + ii, vj: spatial(32) = j, vk: reduce(64) = k) where io * mc + ii < n:
            reads A[vi, vk], B[vk, vj]
            writes C[vi, vj]
            reducer sum(float32)
            init:
              C[vi, vj] = 0.0f32
            C[vi, vj] = C[vi, vj] + A[vi, vk] * B[vk, vj]
)",
               Stage::kSchedule);
}

TEST(VerifyStages, AnArgmaxThroughLetsIsLegalAtSchedule) {
  expect_legal(R"(
program argmax(A: in float32[8], V: out float32[], P: out int64[]):
  for k in 8:
    block P#0(vk: reduce(8) = k):
      reads A[vk]
      writes V[], P[]
      reducer argmax(x: float32, i: int64; y: float32, j: int64) -> (max(x, y), select(x < y, j, i)) from (-inf_f32, 0i64)
      init:
        V[] = -inf_f32
        P[] = 0i64
      let value: float32 = A[vk]
      let best: float32 = max(V[], value)
      let place: int64 = select(V[] < value, int64(vk), P[])
      V[] = best
      P[] = place
)",
               Stage::kSchedule);
}

TEST(VerifyStages, AScanAndDataDependentSizesAreLegalAtSchedule) {
  expect_legal(R"(
program scan(N: in int64[1], A: in float32[64], S: out float32[64]):
  let n = index(N[0])
  ordered for t in n:
    block S#0(vt: ordered(n) = t):
      reads A[vt], S[vt - 1]
      writes S[vt]
      let before: float32 = select(0 < vt, S[vt - 1], 0.0f32)
      S[vt] = before + A[vt]
)",
               Stage::kSchedule);
}

TEST(VerifyStages, LoopsBoundToAGpuAreLegalWhenLowered) {
  expect_legal(R"(
program gpu(n: size in [1, ], A: in float32[n], C: inout float32[1]):
  for b in bind(blockIdx.x, (n + 127) // 128):
    allocate S: shared float32[128]
    allocate R: fragment float32[32] lanes (i) -> (i, 0)
    for t in bind(threadIdx.x, 128):
      async_copy S[t] = A[b * 128 + t] count 1
      async_commit
      async_wait 0
      barrier block
      for v in vectorized(4):
        R[v] = S[v]
      if b * 128 + t < n:
        atomic C[0] = C[0] + S[t]
)",
               Stage::kLowered);
}

TEST(VerifyStages, VectorsOverFlatBuffersAreLegalWhenFlat) {
  expect_legal(R"(
program flat(n: size, A: in float32[n], C: out float32[n]):
  for i in parallel(n // 8):
    C[ramp(i * 8, 1, 8)] = A[ramp(i * 8, 1, 8)] * broadcast(2.0f32, 8)
  for i in unrolled(8):
    if n // 8 * 8 + i < n:
      C[n // 8 * 8 + i] = A[n // 8 * 8 + i] * 2.0f32
)",
               Stage::kFlat);
}

TEST(VerifyStages, OneReducerMayServeManyBlocks) {
  const Program program = parse_program(R"(
program f(A: in float32[8], C: out float32[2]):
  for k in 8:
    block C(vk: reduce(8) = k):
      reads A[vk]
      writes C[0]
      reducer first(x: float32; y: float32) -> (x) from (0.0f32)
      C[0] = C[0]
)");
  const auto& loop = static_cast<const For&>(*program->body);
  const auto& block = static_cast<const Block&>(*loop.body);
  auto* second = new Block(block);
  second->axes = {{AxisKind::kReduction, 8, 0, Var("v")}};
  second->reads.clear();
  second->body = Store::make(block.writes[0].buffer, {1}, Load::make(block.writes[0].buffer, {1}));
  EXPECT_TRUE(find_violations(with_body(program, Seq::make({program->body, Stmt(second)})), Stage::kSchedule)
                  .empty());
}

TEST(VerifyError, TheOffendingNodeIsPointedAt) {
  const Program program = parse_program(R"(
program f(A: in float32[8], C: out float32[8]):
  for i in 8:
    block C(vi: spatial(8) = i):
      writes C[vi]
      C[vi] = A[vi] + 1.0f32
)");
  try {
    verify(program, Stage::kSchedule);
    FAIL() << "no error";
  } catch (const UserError& error) {
    EXPECT_STREQ(
        error.what(),
        R"(the program breaks the rule 'regions' of stage schedule: block C reads buffer A, which its reads do not list
program f(A: in float32[8], C: out float32[8]):
  for i in 8:
    block C(vi: spatial(8) = i):
      writes C[vi]
      C[vi] = A[vi] + 1.0f32
              ^^^^^ block C reads buffer A, which its reads do not list
)");
  }
}

}  // namespace
}  // namespace tw
