// Turns that quotients, remainders and conditions tell apart.
#include <gtest/gtest.h>

#include "programs.h"

namespace tw {
namespace {

using test::expect_order;

TEST(LoopDependence, FusedLoopsThatAreSplitAgainAreIndependent) {
  // All loops but one stand still when one is judged: the digits are still those of one number.
  const char* const constant = R"(
program f(A: in float32[8, 29], T: out float32[8, 29]):
  for a in 4:
    for b in 8:
      for c in 8:
        block T#0(vi: spatial(8) = (a*64 + b*8 + c)//29, vj: spatial(29) = (a*64 + b*8 + c)%29) where a*64 + b*8 + c < 232:
          T[vi, vj] = A[vi, vj]
)";
  const char* const symbolic = R"(
program f(m: size in [1, 99], n: size in [1, 99], A: in float32[m, n], T: out float32[m, n]):
  for a in (m*n + 63)//64:
    for b in 8:
      for c in 8:
        block T#0(vi: spatial(m) = (a*64 + b*8 + c)//n, vj: spatial(n) = (a*64 + b*8 + c)%n) where a*64 + b*8 + c < m*n:
          T[vi, vj] = A[vi, vj]
)";
  for (const char* text : {constant, symbolic})
    for (const char* loop : {"a", "b", "c"}) expect_order(text, loop, TurnOrder::kIndependent);
}

TEST(LoopDependence, TilesFetchedTogetherAreIndependent) {
  const char* const text = R"(
program f(bk: param in [1, 64] = 4, m: size in [1, 99], k: size in [1, 99], A: in float32[m, k], T: out float32[m, k]):
  for i in (m + 3)//4:
    for p in (k + bk - 1)//bk:
      for f in (bk + 1)//2:
        for lane in 8:
          block T#0(vi: spatial(m) = i*4 + (f*8 + lane)//bk, vj: spatial(k) = p*bk + (f*8 + lane)%bk) where f*8 + lane < bk*4 && i*4 + (f*8 + lane)//bk < m && p*bk + (f*8 + lane)%bk < k:
            T[vi, vj] = A[vi, vj]
)";
  for (const char* loop : {"i", "p", "f", "lane"}) expect_order(text, loop, TurnOrder::kIndependent);
}

TEST(LoopDependence, QuotientsOfSumsWithGapsTellTurnsApart) {
  // Rows that are at least a step of the quotient apart, or not.
  const char* const text = R"(
program f(n: size in [1, 64], A: out float32[1000]):
  for i in n:
    for j in 4:
      A[(i*4 + j)//3] = 1.0f32
)";
  expect_order(text, "i", TurnOrder::kCarried);
  expect_order(R"(
program f(n: size in [1, 64], A: out float32[1000]):
  for j in 4:
    for i in n:
      A[(i*4 + j)//3] = 1.0f32
)",
               "i", TurnOrder::kIndependent);
}

TEST(LoopDependence, DigitsOfOneLoopAreTiedToEachOther) {
  expect_order(R"(
program f(n: size in [1, 64], A: inout float32[64, 64]):
  for i in n:
    A[i % 2, i] = A[i, i % 3] + 1.0f32
)",
               "i", TurnOrder::kIndependent);
}

TEST(LoopDependence, ConditionThatPicksOneTurnKeepsTurnsApart) {
  expect_order(R"(
program f(n: size in [1, 64], A: in float32[n], T: out float32[n]):
  for i in n:
    for p in 2:
      if p == 0 && i < n//2:
        T[i*2] = A[i]
      if p == 1 && i < n//2:
        T[i*2 + 1] = A[i]
)",
               "p", TurnOrder::kIndependent);
  expect_order(R"(
program f(n: size in [1, 64], T: out float32[n]):
  for i in n:
    for j in n:
      if j == n - i - 1:
        T[i] = 1.0f32
)",
               "j", TurnOrder::kIndependent);
}

TEST(LoopDependence, ClippedTilesAreIndependent) {
  const char* const text = R"(
program f(n: size in [1, 99], mc: param in [1, 16] = 4, A: in float32[n], T: out float32[n]):
  for io in (n + mc - 1)//mc:
    for ii in min(mc, n - io*mc):
      block T#0(vi: spatial(n) = io*mc + ii):
        T[vi] = A[vi]
)";
  for (const char* loop : {"io", "ii"}) expect_order(text, loop, TurnOrder::kIndependent);
}

TEST(LoopDependence, WhatNeverRunsStandsInNobodysWay) {
  expect_order(R"(
program f(n: size in [1, 64], p: size in [1, 8], A: out float32[64]):
  for i in n:
    if p <= 0:
      A[i // 2] = 1.0f32
    A[i] = 2.0f32
)",
               "i", TurnOrder::kIndependent);
}

TEST(LoopDependence, StepsOfUnequalLengthMeetOnlyAtTheirStart) {
  expect_order(R"(
program f(p: size in [1, 8], A: inout float32[100]):
  for i in p:
    A[i*p + i] = A[i] + 1.0f32
)",
               "i", TurnOrder::kIndependent);
}

}  // namespace
}  // namespace tw
