// What simplified programs look like.
#include <gtest/gtest.h>

#include "ir/simplify.h"
#include "ir/text.h"

namespace tw::test {
namespace {

/// Both texts as the printer writes them, the first simplified.
void expect_becomes(const std::string& before, const std::string& after) {
  const Program simpler = simplify(parse_program(before));
  EXPECT_EQ(to_text(simpler), to_text(parse_program(after)));
  EXPECT_TRUE(simplify(simpler).same_as(simpler)) << to_text(simplify(simpler));
}

TEST(SimplifyProgram, LoopsGiveRanges) {
  expect_becomes(R"(program f(n: shape in [1, 512], A: out float32[n]):
  for i in n:
    if i < n && 0 <= i:
      A[(i*4 + 2)//4] = 0.0f32
)",
                 R"(program f(n: shape in [1, 512], A: out float32[n]):
  for i in n:
    A[i] = 0.0f32
)");
}

TEST(SimplifyProgram, LoopsOfNoTurnGoAndOfOneTurnOpen) {
  expect_becomes(R"(program f(A: out float32[8]):
  for i in 4 - 4:
    A[i] = 1.0f32
  for j in 1:
    A[j + 2] = 2.0f32
)",
                 R"(program f(A: out float32[8]):
  A[2] = 2.0f32
)");
}

TEST(SimplifyProgram, LoopsOfOneTurnThatMeanSomethingStay) {
  const std::string text = R"(program f(A: out float32[8]):
  for j in parallel(1):
    A[j] = 2.0f32
)";
  EXPECT_NE(to_text(simplify(parse_program(text))).find("parallel(1)"), std::string::npos);
}

TEST(SimplifyProgram, BranchesThatNeverRunGo) {
  expect_becomes(R"(program f(n: size, A: out float32[8]):
  for i in 8:
    if i < 0:
      A[i] = 1.0f32
    else:
      A[i] = 2.0f32
    if i < n:
      if i < n + 1:
        A[i] = 3.0f32
)",
                 R"(program f(n: size, A: out float32[8]):
  for i in 8:
    A[i] = 2.0f32
    if i < n:
      A[i] = 3.0f32
)");
}

TEST(SimplifyProgram, BlockPredicatesThatAlwaysHoldGo) {
  expect_becomes(R"(program f(A: out float32[32]):
  for io in 8:
    for ii in 4:
      block b#0(v: spatial(32) = ii + io*4) where io*4 + ii < 32:
        writes A[v]
        A[v + 0] = 1.0f32
)",
                 R"(program f(A: out float32[32]):
  for io in 8:
    for ii in 4:
      block b#0(v: spatial(32) = io*4 + ii):
        writes A[v]
        A[v] = 1.0f32
)");
}

TEST(SimplifyProgram, BlockPredicatesOfTailsStay) {
  const Program p = parse_program(R"(program f(n: shape in [1, 512], A: out float32[n]):
  for io in (n + 3)//4:
    for ii in 4:
      block b#0(v: spatial(n) = io*4 + ii) where io*4 + ii < n:
        writes A[v]
        A[v] = 1.0f32
)");
  EXPECT_TRUE(simplify(p).same_as(p)) << to_text(simplify(p));
}

TEST(SimplifyProgram, ExtentsOfBuffersAreNotNegative) {
  expect_becomes(R"(program f(n: shape, A: out float32[n]):
  if 0 <= n:
    A[0] = 1.0f32
)",
                 R"(program f(n: shape, A: out float32[n]):
  A[0] = 1.0f32
)");
}

TEST(SimplifyProgram, ConditionsOnMemoryAreNotRemembered) {
  const std::string text = R"(program f(A: inout float32[8]):
  if A[0] < 1.0f32:
    A[0] = 2.0f32
    if A[0] < 1.0f32:
      A[1] = 3.0f32
)";
  const Program p = parse_program(text);
  EXPECT_TRUE(simplify(p).same_as(p)) << to_text(simplify(p));
}

TEST(SimplifyProgram, AssertionsHoldForWhatFollows) {
  const Program p = parse_program(R"(program f(n: size, A: out float32[8]):
  assert n < 5, "n is small"
  if n < 8:
    A[0] = 1.0f32
)");
  const std::string after = to_text(simplify(p));
  EXPECT_EQ(after.find("if"), std::string::npos) << after;
  EXPECT_NE(after.find("assert"), std::string::npos) << after;
}

}  // namespace
}  // namespace tw::test
