#include "ir/analysis/regions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/text.h"
#include "programs.h"

namespace tw {
namespace {

using test::block_named;
using test::loop_named;
using test::text_of;

AccessRegions of_block(const std::string& text, const std::string& block) {
  const Program program = parse_program(text);
  return infer_block_regions(*block_named(program, block));
}

AccessRegions of_loop(const Program& program, const std::string& loop) {
  return touched_regions(Stmt(loop_named(program, loop)));
}

TEST(BlockRegions, PlainSubscriptsAreTheRegions) {
  const AccessRegions found = of_block(R"(
program f(n: size, A: in float32[n, 64], B: in float32[64, 32], C: out float32[n, 32]):
  for i in n:
    for j in 32:
      for k in 64:
        block C#0(vi: spatial(n) = i, vj: spatial(32) = j, vk: reduce(64) = k):
          reducer sum(float32)
          init:
            C[vi, vj] = 0.0f32
          C[vi, vj] = C[vi, vj] + A[vi, vk] * B[vk, vj]
)",
                                       "C");
  EXPECT_EQ(text_of(found.reads), "A[vi, vk], B[vk, vj]");
  EXPECT_EQ(text_of(found.writes), "C[vi, vj]");
}

TEST(BlockRegions, ReadsOfWhatABlockWritesCountWithoutAReducer) {
  const AccessRegions found = of_block(R"(
program f(n: size, C: inout float32[n]):
  for i in n:
    block C#0(vi: spatial(n) = i):
      C[vi] = C[vi] + 1.0f32
)",
                                       "C");
  EXPECT_EQ(text_of(found.reads), "C[vi]");
}

TEST(BlockRegions, NeighboursAreOneBoxAndStrangersTwo) {
  const AccessRegions found = of_block(R"(
program f(n: size, A: in float32[n + 2, n + 2], C: out float32[n, n]):
  for i in n:
    for j in n:
      block C#0(vi: spatial(n) = i, vj: spatial(n) = j):
        C[vi, vj] = A[vi + 1, vj] + A[vi, vj] + A[vi + 2, vj] + A[vj, vi]
)",
                                       "C");
  EXPECT_EQ(text_of(found.reads), "A[vi:+3, vj], A[vj, vi]");
}

TEST(BlockRegions, DataDependentSubscriptsGiveTheWholeDimension) {
  const AccessRegions found = of_block(R"(
program f(n: size, I: in int64[n], A: in float32[n, 16], C: out float32[n, 16]):
  for i in n:
    for j in 16:
      block C#0(vi: spatial(n) = i, vj: spatial(16) = j):
        C[vi, vj] = A[index(I[vi]), vj]
)",
                                       "C");
  EXPECT_EQ(text_of(found.reads), "I[vi], A[0:+n, vj]");
}

TEST(BlockRegions, LoopsInsideTheBodyAreEliminatedAndItsBuffersLeftOut) {
  const AccessRegions found = of_block(R"(
program f(n: size, A: in float32[n, 16], C: out float32[n]):
  for i in n:
    block C#0(vi: spatial(n) = i):
      allocate T: float32[16]
      for j in 16:
        T[j] = A[vi, j]
      C[vi] = T[3]
)",
                                       "C");
  EXPECT_EQ(text_of(found.reads), "A[vi, 0:+16]");
  EXPECT_EQ(text_of(found.writes), "C[vi]");
}

const char* const kTiled = R"(
program f(m: size in [1, 4096], mc: param in [1, 512] = 14, A: in float32[m + 2, 8], C: out float32[m, 8]):
  for io in (m + (mc - 1)) // mc:
    for ii in mc:
      for j in 8:
        block C#0(vi: spatial(m) = io * mc + ii, vj: spatial(8) = j) where io * mc + ii < m:
          C[vi, vj] = A[vi, vj] + A[vi + 1, vj] + A[vi + 2, vj]
)";

TEST(TouchedRegions, WholeNestTouchesTheBuffers) {
  const Program program = parse_program(kTiled);
  const AccessRegions found = of_loop(program, "io");
  ASSERT_EQ(found.writes.size(), 1u);
  EXPECT_EQ(text_of(found.writes), "C[0:+m, 0:+8]");
  ASSERT_TRUE(box_of(found.reads[0].buffer, found.reads));
  EXPECT_EQ(to_text(*box_of(found.reads[0].buffer, found.reads)), "A[0:+m + 2, 0:+8]");
}

TEST(TouchedRegions, OneParametricTile) {
  const Program program = parse_program(kTiled);
  const AccessRegions found = of_loop(program, "j");
  EXPECT_EQ(text_of(found.writes), "C[io * mc + ii, 0:+8]");
  EXPECT_EQ(text_of(found.reads), "A[io * mc + ii:+3, 0:+8]");
}

TEST(TouchedRegions, PaddedReadsAreClippedToTheBuffer) {
  const Program program = parse_program(R"(
program f(n: size in [1, 100], A: in float32[n], C: out float32[n + 2]):
  for i in n + 2:
    block C#0(vi: spatial(n + 2) = i):
      C[vi] = select(1 <= vi && vi < n + 1, A[vi - 1], 0.0f32)
)");
  EXPECT_EQ(text_of(of_loop(program, "i").reads), "A[0:+n]");
}

TEST(Regions, CoverAndDisjointAreProved) {
  const Var n = Variable::make("n", kIndex, 1), i("i");
  const Buffer a = BufferNode::make("A", kFloat32, {n * 4});
  const auto box = [&](Expr min, Expr extent) { return Region{a, {{min, extent}}}; };
  EXPECT_TRUE(covers(whole(a), box(n, n * 2)));
  EXPECT_FALSE(covers(box(n, n * 2), whole(a)));
  EXPECT_TRUE(disjoint(box(i, n), box(i + n, 3)));
  EXPECT_FALSE(disjoint(box(i, n), box(i + n - 1, 3)));
}

}  // namespace
}  // namespace tw
