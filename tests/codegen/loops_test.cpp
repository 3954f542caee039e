// Loops that are cut, written out, and made vectors; buffers made flat.
#include <algorithm>

#include <gmock/gmock.h>

#include "codegen/lowering.h"
#include "ir/text.h"
#include "ir/visit.h"
#include "schedule/moving_programs.h"
#include "te/math.h"

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
using testing::Not;

const char* const kLast = "simplify_flat";

/// C = A B in tiles of 3 x 4 with the columns vectorised.
Schedule tiled_matmul(const te::Value& n, const te::Value& m, const te::Value& k, const Value& kc = 4) {
  Schedule s(schedule::matmul_program(n, m, k));
  const auto loops = loops_of(s, "C");
  const List i = split(s, loops[0], {{}, 3}), j = split(s, loops[1], {{}, 4}),
             kk = split(s, loops[2], {{}, kc});
  s.apply("reorder", {Value(List{i[0], j[0], kk[0], kk[1], i[1], j[1]})});
  s.apply("unroll", {i[1]});
  s.apply("vectorize", {j[1]});
  return s;
}

TEST(CutLoops, leaves_full_tiles_without_conditions) {
  const Schedule s = tiled_matmul(10, 13, 6);
  const std::string text = to_text(expect_lowers(s, "cut_loops"));
  EXPECT_THAT(text, HasSubstr("for j_0 in 3:"));
  EXPECT_THAT(text, HasSubstr("if i_0 < 3:"));
}

TEST(CutLoops, works_on_every_size) {
  for (const int n : {0, 1, 2, 3, 7})
    for (const int m : {0, 1, 4, 5, 9})
      for (const int k : {0, 1, 4, 7}) expect_lowers(tiled_matmul(n, m, k), kLast);
}

TEST(CutLoops, works_on_symbolic_sizes_and_parameters) {
  const Var n = te::var("n", 0, 512), m = te::var("m", 0, 512);
  const Schedule s = tiled_matmul(n, m, 7, Tunable{"kc", 1, 64});
  for (const int64_t rows : {0, 1, 3, 10})
    for (const int64_t columns : {1, 8, 11})
      for (const int64_t kc : {1, 3, 64}) expect_lowers(s, kLast, {{"n", rows}, {"m", columns}, {"kc", kc}});
}

TEST(CutLoops, lets_a_parallel_loop_choose) {
  Schedule s(schedule::chain_program(10, 5));
  const List i = split(s, loops_of(s, "scaled")[0], {{}, 4});
  s.apply("unroll", {i[1]});
  s.apply("parallel", {i[0]});
  EXPECT_THAT(to_text(expect_lowers(s, "cut_loops")), HasSubstr("for i_0 in parallel(3):"));
  expect_lowers(s, kLast);
}

TEST(CutLoops, frees_the_inside_of_a_padded_stencil) {
  Schedule s(schedule::padded_blur_program(19, 37));
  s.apply("compute_inline", {s.block("scaled")});
  const std::string text = to_text(expect_lowers(s, "cut_loops"));
  EXPECT_THAT(text, HasSubstr("in 35:"));
  expect_lowers(s, kLast);
}

/// The program of that text after a pass, which computes the same.
std::string lowered_text(const std::string& text, const std::string& last,
                         const std::map<std::string, int64_t>& values = {}) {
  const Program program = parse_program(text);
  const Program result = lower(program, {.verify_each = true, .stop_after = last}).program;
  schedule::expect_same_results(result, program, values);
  return to_text(result);
}

TEST(CutLoops, ends_short_loops_outside_of_full_tiles) {
  const std::string text = R"(
program main(m: shape in [1, 4096], A: in float32[m, 3], C: inout float32[600]):
  for i_0 in (m + 139) // 140:
    for i_1 in 10:
      allocate T: float32[14]
      for r0 in unrolled(14):
        if i_0 * 10 + i_1 < (m + 13) // 14:
          T[r0] = 0.0f32
      for k in 3:
        for r in unrolled(14):
          if i_0 * 140 + i_1 * 14 + r < m:
            T[r] = T[r] + A[i_0 * 140 + i_1 * 14 + r, k]
      for r1 in unrolled(14):
        if i_0 * 10 + i_1 < (m + 13) // 14:
          C[i_0 * 140 + i_1 * 14 + r1] = T[r1]
)";
  for (const int64_t m : {1, 14, 139, 140, 300})
    EXPECT_THAT(lowered_text(text, "cut_loops", {{"m", m}}),
                HasSubstr("in min((m + 13) // 14 - i_0 * 10, 10):"))
        << m;
}

TEST(CutLoops, lets_a_program_grow_to_a_few_times_its_size_only) {
  // Each of the loops asks for a copy of all that stands inside of it.
  std::string text = "program main(C: inout float32[64]):\n", indent = "  ", sum;
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) {
    text += indent + "for " + name + " in 40:\n";
    indent += "  ";
    text += indent + "for " + name + "0 in 2:\n";
    indent += "  ";
    text += indent + "if " + name + " + " + name + "0 < 40:\n";
    indent += "  ";
    for (int i = 0; i < 30; ++i) text += indent + "C[" + std::to_string(i) + "] = 1.0f32\n";
  }
  const Program program = parse_program(text);
  const auto lines = [](const Program& p) {
    const std::string written = to_text(p);
    return std::count(written.begin(), written.end(), '\n');
  };
  const Program result = lower(program, {.verify_each = true, .stop_after = "cut_loops"}).program;
  EXPECT_LE(lines(result), 3 * lines(program) + 300);
}

TEST(LowerBlocks, branches_around_updates_that_change_nothing) {
  const std::string head = R"(
program main(A: in float32[9], C: out float32[5]):
  for i in )";
  const std::string tail = R"(:
    for k in 3:
      block C#0(vi: spatial(5) = i, vk: reduce(3) = k):
        reads A[0:+9], C[vi]
        writes C[vi]
        reducer sum(float32)
        init:
          C[vi] = 0.0f32
        C[vi] = C[vi] + select(1 <= vi + vk, A[vi + vk - 1], 0.0f32)
)";
  EXPECT_THAT(lowered_text(head + "5" + tail, "lower_blocks"), Not(HasSubstr("select")));
  // A mask of the result would keep it out of registers.
  EXPECT_THAT(lowered_text(head + "vectorized(5)" + tail, "lower_blocks"), HasSubstr("select"));
}

TEST(UnmaskTiles, lets_a_buffer_reach_to_the_end_of_its_vectors) {
  const std::string text = lowered_text(R"(
program main(A: in float32[5], C: out float32[5]):
  allocate T: float32[5]
  for i in vectorized(16):
    if i < 5:
      T[i] = A[i] * 2.0f32
  for j in vectorized(16):
    if j < 5:
      C[j] = T[j]
)",
                                        "unmask_tiles");
  EXPECT_THAT(text, HasSubstr("allocate T: float32[16]"));
  EXPECT_THAT(text, HasSubstr("T[ramp(0, 1, 16)] ="));
}

TEST(UnrollLoops, writes_every_turn) {
  Schedule s(schedule::chain_program(3, 4));
  s.apply("unroll", {loops_of(s, "scaled")[1]});
  const std::string text = to_text(expect_lowers(s, "unroll_loops"));
  EXPECT_THAT(text, HasSubstr("scaled[i_1, 3] = shifted[i_1, 3]"));
  EXPECT_THAT(text, Not(HasSubstr("unrolled")));
}

TEST(VectorizeLoops, masks_the_ragged_end) {
  Schedule s(schedule::chain_program(3, 13));
  const List j = split(s, loops_of(s, "scaled")[1], {{}, 8});
  s.apply("vectorize", {j[1]});
  const std::string text = to_text(expect_lowers(s, "vectorize_loops"));
  EXPECT_THAT(text, HasSubstr("where ramp("));
  EXPECT_THAT(text, Not(HasSubstr("vectorized")));
  expect_lowers(s, kLast);
}

TEST(VectorizeLoops, reads_what_all_lanes_share_once) {
  const Schedule s = tiled_matmul(10, 13, 6);
  const std::string text = to_text(expect_lowers(s, "vectorize_loops"));
  EXPECT_THAT(text, HasSubstr("broadcast(A[i_0 * 3 + 1, k_1 + 1], 4)"));
}

TEST(VectorizeLoops, gives_each_lane_its_own_buffer) {
  Schedule s(schedule::softmax_program(8, 5));
  const auto loops = loops_of(s, "softmax");
  for (const char* block : {"total", "shifted", "highest"}) s.apply("compute_at", {s.block(block), loops[0]});
  s.apply("vectorize", {loops[0]});
  expect_lowers(s, kLast);
}

TEST(FlattenBuffers, gives_positions_in_rows) {
  Schedule s(schedule::chain_program(3, 5));
  const std::string text = to_text(expect_lowers(s, kLast));
  EXPECT_THAT(text, HasSubstr("A: in float32[15]"));
  EXPECT_THAT(text, HasSubstr("scaled[i_1 * 5 + j_1] = shifted[i_1 * 5 + j_1]"));
}

TEST(Lowering, of_a_packed_product_with_parametric_blocks) {
  Schedule s(schedule::matmul_program(11, 13, 7));
  const auto loops = loops_of(s, "C");
  const List i = split(s, loops[0], {{}, Tunable{"mc", 3, 96, 3}}),
             j = split(s, loops[1], {{}, Tunable{"nc", 4, 96, 4}});
  const List k = split(s, loops[2], {{}, Tunable{"kc", 1, 96}});
  const List ii = split(s, i[1], {{}, 3}), jj = split(s, j[1], {{}, 4});
  s.apply("reorder", {Value(List{j[0], k[0], i[0], jj[0], ii[0], k[1], ii[1], jj[1]})});
  const Value b = s.apply("cache_read", {s.block("C"), "B", "global"})[0];
  s.apply("compute_at", {b, k[0]});
  s.apply("unroll", {ii[1]});
  s.apply("vectorize", {jj[1]});
  for (const int64_t mc : {3, 6, 12})
    for (const int64_t nc : {4, 8, 16})
      for (const int64_t kc : {1, 3, 7}) expect_lowers(s, kLast, {{"mc", mc}, {"nc", nc}, {"kc", kc}});
}

}  // namespace
}  // namespace tw::codegen
