#include "ir/analysis/dependence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/text.h"
#include "programs.h"

namespace tw {
namespace {

using test::expect_order;
using test::loop_named;
using testing::HasSubstr;

LoopDependence judge(const std::string& text, const std::string& loop) {
  const Program program = parse_program(text);
  return loop_dependence(program, loop_named(program, loop));
}

const char* const kMatmul = R"(
program matmul(m: size in [1, 4096], mc: param in [1, 512] = 14, A: in float32[m, 64], B: in float32[64, 32], C: out float32[m, 32]):
  for io in (m + (mc - 1)) // mc:
    for k in 64:
      for j in 32:
        for ii in mc:
          block C#0(vi: spatial(m) = io * mc + ii, vj: spatial(32) = j, vk: reduce(64) = k) where io * mc + ii < m:
            reads A[vi, vk], B[vk, vj]
            writes C[vi, vj]
            reducer sum(float32)
            init:
              C[vi, vj] = 0.0f32
            C[vi, vj] = C[vi, vj] + A[vi, vk] * B[vk, vj]
)";

TEST(LoopDependence, TurnsOfAParametricSplitAreIndependent) {
  expect_order(kMatmul, "io", TurnOrder::kIndependent);
  expect_order(kMatmul, "ii", TurnOrder::kIndependent);
  expect_order(kMatmul, "j", TurnOrder::kIndependent);
}

TEST(LoopDependence, ReductionLoopsCombine) {
  const Program program = parse_program(kMatmul);  // the blocks found are its own
  const LoopDependence found = loop_dependence(program, loop_named(program, "k"));
  EXPECT_EQ(found.order, TurnOrder::kReduction);
  EXPECT_FALSE(found.atomic);
  ASSERT_EQ(found.reductions.size(), 1u);
  EXPECT_EQ(found.reductions[0]->name.text, "C");
  EXPECT_THAT(found.message, HasSubstr("turns of loop 'k' combine into buffer 'C': block 'C'"));
}

TEST(LoopDependence, ConditionThatLeavesOneTurnKeepsTurnsApart) {
  expect_order(R"(
program f(n: size in [1, 64], A: out float32[n]):
  for i in n:
    for j in 3:
      if j <= 0:
        A[i] = 1.0f32
)",
               "j", TurnOrder::kIndependent);
}

TEST(LoopDependence, TilesOfTilesOfParametersAreIndependent) {
  const char* const text = R"(
program f(m: size in [1, 4096], mc: param in [1, 512] = 14, A: in float32[m], C: out float32[m]):
  for io in (m + (mc - 1)) // mc:
    for it in (mc + 13) // 14:
      for ii in 14:
        block C#0(vi: spatial(m) = io * mc + it * 14 + ii) where io * mc + it * 14 + ii < m && it * 14 + ii < mc:
          C[vi] = C[vi] + A[vi]
)";
  for (const char* loop : {"io", "it", "ii"}) expect_order(text, loop, TurnOrder::kIndependent);
}

TEST(LoopDependence, FusedSpatialAndReductionLoopCombines) {
  expect_order(R"(
program f(n: size in [1, 64], A: in float32[8, n], C: out float32[8]):
  for f in 8 * n:
    block C#0(vi: spatial(8) = f // n, vk: reduce(n) = f % n):
      reducer sum(float32)
      init:
        C[vi] = 0.0f32
      C[vi] = C[vi] + A[vi, vk]
)",
               "f", TurnOrder::kReduction);
}

TEST(LoopDependence, ComputingAReductionAgainInEachTurnIsNoReduction) {
  const LoopDependence found = judge(R"(
program f(A: in float32[8, 8], T: out float32[8]):
  for i in 4:
    for x in 5:
      for k in 8:
        block T#0(vx: spatial(8) = i + x, vk: reduce(8) = k):
          reducer sum(float32)
          init:
            T[vx] = 0.0f32
          T[vx] = T[vx] + A[vx, vk]
)",
                                     "i");
  EXPECT_EQ(found.order, TurnOrder::kCarried);
  EXPECT_THAT(found.message, HasSubstr("turns of loop 'i' may touch the same element of buffer 'T'"));
}

TEST(LoopDependence, NeighboursInPlaceCarry) {
  const LoopDependence found = judge(R"(
program f(n: size, A: inout float32[n + 1]):
  for i in n:
    block A#0(vi: spatial(n) = i):
      A[vi + 1] = A[vi] + 1.0f32
)",
                                     "i");
  EXPECT_EQ(found.order, TurnOrder::kCarried);
  EXPECT_THAT(found.message, HasSubstr("block 'A' reads A[i], block 'A' writes A[i + 1]"));
}

TEST(LoopDependence, StrideParityKeepsReadsAndWritesApart) {
  expect_order(R"(
program f(n: size, A: inout float32[n * 2 + 2]):
  for i in n:
    block A#0(vi: spatial(n) = i):
      A[vi * 2 + 1] = A[vi * 2] + 1.0f32
)",
               "i", TurnOrder::kIndependent);
}

TEST(LoopDependence, HalvesOfABufferAreApart) {
  expect_order(R"(
program f(n: size, A: inout float32[n * 2]):
  for i in n:
    block A#0(vi: spatial(n) = i):
      A[vi + n] = A[vi] + 1.0f32
)",
               "i", TurnOrder::kIndependent);
}

TEST(LoopDependence, DiagonalSubscriptsAreToldApartTogether) {
  expect_order(R"(
program f(n: size, A: out float32[n + n, n]):
  for i in n:
    for k in n:
      block A#0(vi: spatial(n) = i, vk: spatial(n) = k):
        A[vi + vk, vk] = 1.0f32
)",
               "i", TurnOrder::kIndependent);
}

TEST(LoopDependence, OverlappingWindowsCarry) {
  expect_order(R"(
program f(n: size, A: out float32[n * 2 + 3]):
  for i in n:
    for k in 3:
      block A#0(vi: spatial(n) = i, vk: spatial(3) = k):
        A[vi * 2 + vk] = 1.0f32
)",
               "i", TurnOrder::kCarried);
}

TEST(LoopDependence, ScansCarry) {
  const char* text = R"(
program cumsum(n: size in [1, 100], A: in float32[n, 4], S: out float32[n, 4]):
  ordered for t in n:
    for j in 4:
      block S#0(vt: ordered(n) = t, vj: spatial(4) = j):
        S[vt, vj] = select(vt == 0, A[vt, vj], S[vt - 1, vj] + A[vt, vj])
)";
  EXPECT_THAT(judge(text, "t").message, HasSubstr("loop 't' is marked as ordered"));
  expect_order(text, "j", TurnOrder::kIndependent);
}

TEST(LoopDependence, OrderedAxisCarriesThroughASplit) {
  const char* text = R"(
program cumsum(A: in float32[12], S: out float32[12]):
  for to in 3:
    for ti in 4:
      block S#0(vt: ordered(12) = to * 4 + ti):
        S[vt] = A[vt]
)";
  EXPECT_THAT(judge(text, "to").message, HasSubstr("loop 'to' drives the ordered axis 'vt' of block 'S'"));
}

TEST(LoopDependence, ScatterCarriesUnlessItCombines) {
  const auto scatter = [](const std::string& head, const std::string& store) {
    return "program f(n: size, I: in int64[n], X: in float32[n], S: inout float32[8]):\n"
           "  for i in n:\n"
           "    block S#0(vi: " +
           head + "(n) = i):\n" + store;
  };
  expect_order(scatter("spatial", "      S[index(I[vi])] = X[vi]\n"), "i", TurnOrder::kCarried);
  expect_order(scatter("spatial", "      S[index(I[vi])] = S[index(I[vi])] + X[vi]\n"), "i",
               TurnOrder::kCarried);
  const LoopDependence sum = judge(
      scatter("reduce", "      reducer sum(float32)\n      S[index(I[vi])] = S[index(I[vi])] + X[vi]\n"),
      "i");
  EXPECT_EQ(sum.order, TurnOrder::kReduction) << sum.message;
  EXPECT_FALSE(sum.atomic);
  const LoopDependence atomic =
      judge(scatter("spatial", "      atomic S[index(I[vi])] = S[index(I[vi])] + X[vi]\n"), "i");
  EXPECT_EQ(atomic.order, TurnOrder::kReduction) << atomic.message;
  EXPECT_TRUE(atomic.atomic);
  expect_order(scatter("spatial", "      atomic S[index(I[vi])] = X[vi]\n"), "i", TurnOrder::kCarried);
}

TEST(LoopDependence, BuffersOfOneTurnAreItsOwn) {
  const char* text = R"(
program f(A: in float32[8], C: out float32[8]):
  for i in 8:
    allocate T: float32[1]
    block T#0(vi: spatial(8) = i):
      T[0] = A[vi]
    block C#1(vi: spatial(8) = i):
      C[vi] = T[0] * 2.0f32
)";
  expect_order(text, "i", TurnOrder::kIndependent);
}

TEST(LoopDependence, BuffersSharedByTurnsCarry) {
  expect_order(R"(
program f(A: in float32[8], C: out float32[8]):
  allocate T: float32[1]
  for i in 8:
    block T#0(vi: spatial(8) = i):
      T[0] = A[vi]
    block C#1(vi: spatial(8) = i):
      C[vi] = T[0] * 2.0f32
)",
               "i", TurnOrder::kCarried);
}

TEST(LoopDependence, WritersOfDisjointPiecesAreIndependent) {
  expect_order(R"(
program f(n: size, C: out float32[n]):
  for i in n:
    block low#0(vi: spatial(n) = i) where i < 3:
      C[vi] = 1.0f32
    block high#1(vi: spatial(n) = i) where 3 <= i:
      C[vi] = 2.0f32
)",
               "i", TurnOrder::kIndependent);
}

TEST(LoopDependence, ReadBehindAConditionIsApartFromTheWrite) {
  // Rows below r are read, the others written.
  expect_order(R"(
program f(n: size, r: size, A: inout float32[n + r]):
  for i in n:
    block A#0(vi: spatial(n) = i):
      if vi < r:
        A[vi + r] = select(r <= vi, A[vi], 0.0f32)
)",
               "i", TurnOrder::kIndependent);
}

TEST(LoopDependence, ConditionOfOneAccessBindsNotTheOther) {
  expect_order(R"(
program f(n: size, A: inout float32[n]):
  for i in n:
    for j in i + 1:
      if j < 1:
        A[i] = 1.0f32
      A[j] = 1.0f32
)",
               "j", TurnOrder::kCarried);
}

TEST(LoopDependence, TriangularLoopsAreIndependentByRows) {
  const char* text = R"(
program f(n: size, A: inout float32[n, n]):
  for i in n:
    for j in i + 1:
      A[i, j] = A[i, j] * 2.0f32
)";
  expect_order(text, "i", TurnOrder::kIndependent);
  expect_order(text, "j", TurnOrder::kIndependent);
}

TEST(LoopDependence, ForwardSubstitutionCarries) {
  expect_order(R"(
program f(n: size, L: in float32[n, n], X: inout float32[n]):
  for i in n:
    for j in i:
      X[i] = X[i] - L[i, j] * X[j]
)",
               "i", TurnOrder::kCarried);
}

TEST(LoopDependence, ProducerOfOtherRowsCarries) {
  expect_order(R"(
program f(n: size in [1, 64], T: inout float32[n + 1], C: out float32[n]):
  for i in n:
    block T#0(vi: spatial(n) = i):
      T[vi + 1] = 1.0f32
    block C#1(vi: spatial(n) = i):
      C[vi] = T[vi]
)",
               "i", TurnOrder::kCarried);
}

TEST(LoopDependence, DimensionsThatAreDataDoNotHideTheOthers) {
  expect_order(R"(
program f(n: size, I: in int64[n], S: inout float32[n, 8]):
  for i in n:
    for j in 4:
      S[i, index(I[j])] = S[i, index(I[j])] + 1.0f32
)",
               "i", TurnOrder::kIndependent);
}

std::string edges(const std::string& text) {
  const Program program = parse_program(text);  // the graph points into it
  const BlockGraph graph = block_graph(program);
  std::string all;
  for (const BlockDependence& edge : graph.dependences) {
    const char* const overlaps[] = {"never", "possible", "always"};
    all += graph.blocks[static_cast<std::size_t>(edge.from)].block->name.text + "->" +
           graph.blocks[static_cast<std::size_t>(edge.to)].block->name.text + " " + to_string(edge.kind) +
           " " + edge.buffer->name.text + " " + overlaps[static_cast<int>(edge.overlap)] +
           (edge.carried ? " carried" : "") + "\n";
  }
  return all;
}

TEST(BlockGraph, ProducersFlowIntoConsumers) {
  EXPECT_EQ(edges(R"(
program f(n: size in [1, 64], A: in float32[n], C: out float32[n]):
  allocate T: float32[n]
  for i in n:
    block T#0(vi: spatial(n) = i):
      T[vi] = A[vi]
  for i in n:
    block C#1(vi: spatial(n) = i):
      C[vi] = T[vi]
)"),
            "T->C flow T always\n");
}

TEST(BlockGraph, PiecesShareTheBufferButNoElement) {
  EXPECT_EQ(edges(R"(
program f(n: size in [8, 64], C: out float32[n]):
  for i in 3:
    block low#0(vi: spatial(3) = i):
      C[vi] = 1.0f32
  for i in n - 3:
    block high#1(vi: spatial(n - 3) = i):
      C[vi + 3] = 2.0f32
)"),
            "low->high output C never\n");
}

TEST(BlockGraph, ResidueClassesShareNoElement) {
  EXPECT_EQ(edges(R"(
program f(n: size, C: out float32[n * 2]):
  for i in n:
    block even#0(vi: spatial(n) = i):
      C[vi * 2] = 1.0f32
  for i in n:
    block odd#1(vi: spatial(n) = i):
      C[vi * 2 + 1] = 2.0f32
)"),
            "even->odd output C never\n");
}

TEST(BlockGraph, ConditionsKeepPiecesApartAfterASplit) {
  EXPECT_EQ(edges(R"(
program f(n: size in [1, 100], mc: param in [1, 8] = 4, C: out float32[n]):
  for io in (n + (mc - 1)) // mc:
    for ii in mc:
      block low#0(vi: spatial(n) = io * mc + ii) where io * mc + ii < n && io * mc + ii < 7:
        C[vi] = 1.0f32
  for i in n:
    block high#1(vi: spatial(n) = i) where 7 <= i:
      C[vi] = 2.0f32
)"),
            "low->high output C never\n");
}

TEST(BlockGraph, LoopAroundBothCarriesBackwards) {
  EXPECT_EQ(edges(R"(
program f(n: size in [2, 64], X: inout float32[n], Y: out float32[n]):
  ordered for t in n - 1:
    block Y#0(vt: ordered(n - 1) = t):
      Y[vt] = X[vt]
    block X#1(vt: ordered(n - 1) = t):
      X[vt + 1] = Y[vt]
)"),
            "Y->X anti X possible\nY->X flow Y always\nX->Y flow X possible carried\n");
}

TEST(BlockGraph, UpdatesByOneReducerCommute) {
  EXPECT_EQ(edges(R"(
program f(n: size in [1, 64], I: in int64[n], S: inout float32[8]):
  for i in n:
    block a#0(vi: reduce(n) = i):
      reducer sum(float32)
      S[index(I[vi])] = S[index(I[vi])] + 1.0f32
  for i in n:
    block b#1(vi: reduce(n) = i):
      reducer sum(float32)
      S[index(I[vi])] = S[index(I[vi])] + 2.0f32
)"),
            "a->b reduction S possible\n");
}

TEST(BlockGraph, PlacesNameWhatStandsAround) {
  const Program program = parse_program(kMatmul);
  const BlockGraph graph = block_graph(program);
  ASSERT_EQ(graph.blocks.size(), 1u);
  EXPECT_EQ(graph.blocks[0].path.size(), 4u);
  EXPECT_EQ(graph.blocks[0].path[0], static_cast<const StmtNode*>(loop_named(program, "io")));
}

}  // namespace
}  // namespace tw
