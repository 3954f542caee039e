// show_text: the program with kinds and turns of loops, and sizes of buffers.
#include "schedule/show.h"

#include <gmock/gmock.h>

#include "schedule/fixtures.h"

namespace tw::schedule {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Show, says_how_loops_run_and_how_large_buffers_are) {
  Schedule s(chain_program(8, 16));
  const auto loops = loops_of(s, "scaled");
  s.apply("compute_at", {s.block("shifted"), loops[0]});
  s.apply("parallel", {loops[0]});
  s.apply("vectorize", {loops[1]});
  EXPECT_EQ(show_text(s.program()),
            R"(program chain(A: in float32[8, 16], bias: in float32[16], scaled: out float32[8, 16]):
  # A: global, 512 bytes
  # bias: global, 64 bytes
  # scaled: global, 512 bytes
  for i in parallel(8):               # parallel, 8 turns
    allocate shifted: float32[8, 16]  # global, 512 bytes; at a time 64 bytes
    for j in 16:                      # 16 turns
      block shifted#0(vi: spatial(8) = i, vj: spatial(16) = j):
        reads A[vi, vj], bias[vj]
        writes shifted[vi, vj]
        shifted[vi, vj] = max(A[vi, vj] + bias[vj], 0.0f32)
    for j_1 in vectorized(16):        # vectorized, 16 turns
      block scaled#1(vi_1: spatial(8) = i, vj_1: spatial(16) = j_1):
        reads shifted[vi_1, vj_1]
        writes scaled[vi_1, vj_1]
        scaled[vi_1, vj_1] = shifted[vi_1, vj_1] * 2.0f32
)");
}

TEST(Show, gives_formulas_for_sizes_and_values_for_the_defaults_of_parameters) {
  const Var n = te::var("n", 0, 512);
  Schedule s(chain_program(n, 16));
  const List i = split(s, loops_of(s, "scaled")[0], {{}, Tunable{"mc", 4, 64, 4, 8}});
  s.apply("compute_at", {s.block("shifted"), i[0]});
  const std::string text = show_text(s.program());
  EXPECT_THAT(text, HasSubstr("# mc: parameter, 8 if nothing else is said"));
  EXPECT_THAT(text, HasSubstr("# A: global, n * 64 bytes\n"));
  EXPECT_THAT(text, HasSubstr("# (mc + n - 1) // mc turns: (n + 7) // 8 with mc = 8\n"));
  EXPECT_THAT(text, HasSubstr("# mc turns: 8 with mc = 8\n"));
  EXPECT_THAT(text, HasSubstr("n * 64 bytes; at a time min(mc, n) * 64 bytes: min(n, 8) * 64 with mc = 8\n"));
}

TEST(Show, names_gpu_indices_and_ordered_loops) {
  Schedule s(chain_program(8, 16));
  const auto loops = loops_of(s, "scaled");
  s.apply("bind", {loops[0], "blockIdx.x"});
  s.apply("unroll", {loops[1]});
  EXPECT_THAT(show_text(s.program()), HasSubstr("# bound to blockIdx.x, 8 turns\n"));
  EXPECT_THAT(show_text(s.program()), HasSubstr("# unrolled, 16 turns\n"));
  EXPECT_THAT(show_text(s.program()), HasSubstr("# 8 turns\n"));
}

}  // namespace
}  // namespace tw::schedule
