// Calls of tensor intrinsics, masks of tiles and notes of loops on their way to flat programs.
#include <gmock/gmock.h>

#include "codegen/lowering.h"
#include "codegen/passes/lower_tensor_calls.h"
#include "ir/text.h"
#include "schedule/fixtures.h"

namespace tw::codegen {
namespace {

using schedule::expect_same_results;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// C += A B for 4 x 16 elements in quads of the reduction.
Program quads() {
  return parse_program(R"(
program f(A: in uint8[4, 8], B: in int8[2, 16, 4], C: out int32[4, 16]):
  allocate T: int32[4, 64]
  for i in 4:
    for j in 16:
      T[i, j + 32] = 0i32
  for k in 2:
    for i_1 in unrolled(4):
      call dot_u8s8_16x4(A[i_1, k * 4:+4], B[k, 0:+16, 0:+4], T[i_1, 32:+16])
  for i_2 in 4:
    for j_1 in 16:
      C[i_2, j_1] = T[i_2, j_1 + 32]
)");
}

TEST(TensorCalls, StayWhereTheMachineHasTheInstruction) {
  for (const Pass& pass : lowering_passes()) {
    LowerOptions options{.target = "llvm", .features = {"avx512vnni"}, .verify_each = true};
    options.stop_after = pass.name;
    const Lowered lowered = lower(quads(), options);
    EXPECT_THAT(lowered.notes, IsEmpty());
    expect_same_results(lowered.program, quads());
    if (&pass != &lowering_passes().back()) continue;
    const std::string text = to_text(lowered.program);
    EXPECT_THAT(text, HasSubstr("allocate T: int32[64]"));
    EXPECT_THAT(text, HasSubstr("call dot_u8s8_16x4(A[k * 4 + 8:+4], B[k * 64:+64], T[16:+16])"));
  }
}

TEST(TensorCalls, RunAsLoopsElsewhere) {
  const Lowered lowered = lower(quads(), {.target = "llvm", .features = {}, .verify_each = true});
  EXPECT_THAT(lowered.notes, ElementsAre(HasSubstr("dot_u8s8_16x4 runs as loops")));
  EXPECT_THAT(to_text(lowered.program), Not(HasSubstr("call ")));
  expect_same_results(lowered.program, quads());
}

TEST(TensorCalls, NameTheElementsOfRegisters) {
  const schedule::Intrinsic& dot = *schedule::find_intrinsic("dot_u8s8_4x4");
  const auto* found = implementation_on(dot, "llvm", {"avx512vl", "avx512vnni"});
  ASSERT_NE(found, nullptr);
  const auto& instruction = std::get<schedule::Instruction>(found->code);
  EXPECT_THAT(elements_of_register(dot, instruction.result, 0), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(elements_of_register(dot, instruction.arguments[1], 0),
              ElementsAre(0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3));
  EXPECT_EQ(implementation_on(dot, "llvm", {"avx512vnni"}), nullptr);
}

TEST(UnmaskTiles, LeavesATileInRegistersUnderARaggedEnd) {
  const Program program = parse_program(R"(
program f(n: size in [0, 16], A: in float32[3, 16], C: out float32[16]):
  for j in 16:
    if n <= j:
      C[j] = 0.0f32
  allocate T: float32[16]
  for j_1 in vectorized(16):
    if j_1 < n:
      T[j_1] = 0.0f32
  for k in 3:
    for j_2 in vectorized(16):
      if j_2 < n:
        T[j_2] = T[j_2] + A[k, j_2]
  for j_3 in vectorized(16):
    if j_3 < n:
      C[j_3] = T[j_3]
)");
  for (const int64_t n : {0, 1, 15, 16}) {
    const Program lowered = lower(program, {.verify_each = true}).program;
    EXPECT_THAT(to_text(lowered), HasSubstr("T[ramp(0, 1, 16)] = T[ramp(0, 1, 16)]"));
    expect_same_results(lowered, program, {{"n", n}});
  }
}

TEST(StreamingStores, StayMarked) {
  const Program program = parse_program(R"(
program f(A: in float32[32], C: out float32[32]):
  for j in 2:
    for l in vectorized(16) {streaming_stores = 1}:
      C[j * 16 + l] = A[j * 16 + l]
)");
  const Program lowered = lower(program, {.verify_each = true}).program;
  EXPECT_THAT(to_text(lowered), HasSubstr("attr streaming_stores = 1"));
  expect_same_results(lowered, program);
}

}  // namespace
}  // namespace tw::codegen
