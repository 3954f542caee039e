// Blocks as the statements that they stand for, and the driver of the passes.
#include "codegen/passes/lower_blocks.h"

#include <gmock/gmock.h>

#include "codegen/lowering.h"
#include "ir/text.h"
#include "schedule/fixtures.h"
#include "schedule/moving_programs.h"

namespace tw::codegen {
namespace {

using schedule::error_of;
using schedule::List;
using schedule::loops_of;
using schedule::Schedule;
using schedule::split;
using schedule::Tunable;
using schedule::Value;
using testing::HasSubstr;

TEST(LowerBlocks, puts_bindings_in_the_place_of_axes) {
  Schedule s(schedule::matmul_program(5, 7, 3));
  const std::string text = to_text(expect_lowers(s, "compact_allocations"));
  EXPECT_THAT(text, HasSubstr("if k == 0:"));
  EXPECT_THAT(text, HasSubstr("C[i, j] = C[i, j] + A[i, k] * B[k, j]"));
  EXPECT_THAT(text, testing::Not(HasSubstr("block")));
}

TEST(LowerBlocks, starts_a_reduction_whose_loops_are_split_and_moved) {
  for (const int k : {1, 7, 8, 13}) {
    Schedule s(schedule::matmul_program(5, 7, k));
    const auto loops = loops_of(s, "C");
    const List parts = split(s, loops[2], {{}, Tunable{"kc", 1, 64}});
    s.apply("reorder", {Value(List{parts[0], loops[0], loops[1], parts[1]})});
    for (const int64_t kc : {1, 3, 8, 64}) expect_lowers(s, "simplify", {{"kc", kc}});
  }
}

TEST(LowerBlocks, starts_a_reduction_fused_with_a_spatial_loop) {
  Schedule s(schedule::matmul_program(5, 7, 6));
  const auto loops = loops_of(s, "C");
  s.apply("fuse", {Value(List{loops[1], loops[2]})});
  expect_lowers(s, "compact_allocations");
}

TEST(LowerBlocks, keeps_conditions_of_blocks_that_move) {
  for (const int n : {7, 13}) {
    Schedule s(schedule::padded_blur_program(n, 11));
    const auto loops = loops_of(s, "blurred");
    const List i = split(s, loops[0], {{}, 4}), j = split(s, loops[1], {{}, 3});
    s.apply("reorder", {Value(List{i[0], j[0], i[1], j[1]})});
    s.apply("compute_at", {s.block("scaled"), j[0]});
    EXPECT_THAT(to_text(expect_lowers(s, "compact_allocations")),
                HasSubstr("allocate scaled: float32[6, 5]"));
  }
}

TEST(LowerBlocks, refuses_a_reduction_that_runs_backwards) {
  const Program program = parse_program(R"(
program sum(A: in float32[8], B: out float32[1]):
  for k in 8:
    block B#0(vi: spatial(1) = 0, vk: reduce(8) = 7 - k):
      reads A[vk]
      writes B[vi]
      reducer sum(float32)
      init:
        B[vi] = 0.0f32
      B[vi] = B[vi] + A[vk]
)");
  EXPECT_THAT(
      error_of([&] { lower(program); }),
      HasSubstr("block B: it is not known which instance of its reduction runs first (axis vk = 7 - k "
                "does not begin at 0 and rise); give it an init of its own with decompose_reduction"));
}

TEST(LowerBlocks, starts_a_reduction_anew_in_each_turn_around_its_buffer) {
  const Program program = parse_program(R"(
program rows(A: in float32[4, 8], B: out float32[4]):
  ordered for t in 4:
    allocate total: float32[1]
    for k in 8:
      block total#0(vi: spatial(1) = 0, vt: ordered(4) = t, vk: reduce(8) = k):
        reads A[vt, vk]
        writes total[vi]
        reducer sum(float32)
        init:
          total[vi] = 0.0f32
        total[vi] = total[vi] + A[vt, vk]
    block B#1(vt_1: ordered(4) = t):
      reads total[0]
      writes B[vt_1]
      B[vt_1] = total[0]
)");
  for (const Pass& pass : lowering_passes())
    schedule::expect_same_results(lower(program, {.verify_each = true, .stop_after = pass.name}).program,
                                  program);
}

TEST(LowerBlocks, refuses_a_reduction_and_points_that_are_digits_of_loops_in_another_order) {
  const Program program = parse_program(R"(
program sum(A: in float32[8, 7], B: out float32[8]):
  for inner in 7:
    for outer in 8:
      block B#0(vi: spatial(8) = (outer * 7 + inner) // 8, vk: reduce(8) = (outer * 7 + inner) % 8):
        reads A[vk, vi]
        writes B[vi]
        reducer sum(float32)
        init:
          B[vi] = 0.0f32
        B[vi] = B[vi] + A[vk, vi]
)");
  EXPECT_THAT(error_of([&] { lower(program); }), HasSubstr("it is not known which instance"));
}

TEST(Passes, are_named_timed_and_can_stop_early) {
  Schedule s(schedule::chain_program(3, 5));
  const Lowered first = lower(s.program(), {.stop_after = "lower_blocks"});
  ASSERT_EQ(first.times.size(), 1u);
  EXPECT_EQ(first.times[0].name, "lower_blocks");
  EXPECT_EQ(lower(s.program()).times.size(), lowering_passes().size());
  EXPECT_THAT(error_of([&] { lower(s.program(), {.stop_after = "magic"}); }),
              HasSubstr("stop_after: there is no pass 'magic'; the passes are lower_blocks"));
}

}  // namespace
}  // namespace tw::codegen
