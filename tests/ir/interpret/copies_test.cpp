// Asynchronous copies: groups, waits, and what is in flight.
#include "ir/interpret/run_program.h"

namespace tw::interpret_tests {
namespace {

using testing::HasSubstr;

constexpr const char* kHead = R"(program p(X: in float32[4, 8], Y: out float32[4, 8]):
  allocate S: shared float32[2, 8]
  for tx in bind(threadIdx.x, 2):
)";

/// A pipeline of two stages over four rows; each thread copies four elements. `pending` is what each wait
/// leaves.
std::string pipeline(const std::string& pending, const std::string& barrier) {
  return std::string(kHead) + R"(    async_copy S[0, tx * 4] = X[0, tx * 4] count 4
    async_commit
    for i in 4:
      if i + 1 < 4:
        async_copy S[(i + 1) % 2, tx * 4] = X[i + 1, tx * 4] count 4
      async_commit
      async_wait )" +
         pending + "\n" + barrier + R"(      for j in 4:
        Y[i, tx * 4 + j] = S[i % 2, 7 - (tx * 4 + j)]
      barrier block
)";
}

TEST(Copies, APipelineOfTwoStagesIsRight) {
  Array x(kFloat32, {4, 8}, scrambled), y(kFloat32, {4, 8});
  run(pipeline("1", "      barrier block\n"), {x, y});
  for (int64_t i = 0; i < 32; ++i) EXPECT_EQ(y[i], x[i / 8 * 8 + 7 - i % 8]);
}

TEST(Copies, ReadingBeforeTheWaitIsInFlight) {
  Array x(kFloat32, {4, 8}, scrambled), y(kFloat32, {4, 8});
  const std::string message = error_of(pipeline("2", "      barrier block\n"), {x, y});
  EXPECT_THAT(
      message,
      HasSubstr("S[0, 7] is in flight: an asynchronous copy to it has not been waited for, in program 'p'"));
  EXPECT_THAT(message, HasSubstr("where tx = 0, i = 0, j = 0"));
}

TEST(Copies, WhatOthersCopiedNeedsABarrier) {
  Array x(kFloat32, {4, 8}, scrambled), y(kFloat32, {4, 8});
  error_of(pipeline("1", ""), {x, y});
  // Each waits for its own copies; the second thread then reads what the first copied.
  EXPECT_THAT(error_of(std::string(kHead) + R"(    async_copy S[0, tx * 4] = X[0, tx * 4] count 4
    async_commit
    async_wait 0
    if tx == 1:
      Y[0, 0] = S[0, 0]
)",
                       {x, y}),
              HasSubstr("race: S[0, 0] is read here and written in another thread with no barrier between"));
}

TEST(Copies, AGroupThatIsNeverWaitedForMayBeLeft) {
  Array x(kFloat32, {4, 8}, scrambled), y(kFloat32, {4, 8});
  run(std::string(kHead) + R"(    async_copy S[tx, 0] = X[tx, 0] count 8
    for i in 2:
      for j in 8:
        Y[tx * 2 + i, j] = 1.0f32
)",
      {x, y});
}

TEST(Copies, UncommittedCopiesAreNotWaitedFor) {
  Array x(kFloat32, {4, 8}, scrambled), y(kFloat32, {4, 8});
  EXPECT_THAT(
      error_of(std::string(kHead) +
                   "    async_copy S[tx, 0] = X[tx, 0] count 8\n    async_wait 0\n    Y[tx, 0] = S[tx, 0]\n",
               {x, y}),
      HasSubstr("S[0, 0] is in flight"));
}

TEST(Copies, WritingToWhatIsInFlightIsAnError) {
  Array x(kFloat32, {4, 8}, scrambled), y(kFloat32, {4, 8});
  EXPECT_THAT(
      error_of(std::string(kHead) + "    async_copy S[tx, 0] = X[tx, 0] count 8\n    S[tx, 3] = 0.0f32\n",
               {x, y}),
      HasSubstr("S[0, 3] is in flight"));
}

TEST(Copies, TheSourceMustStayUntilTheWait) {
  Array y(kFloat32, {2});
  EXPECT_THAT(
      error_of(R"(program p(Y: out float32[2]):
  allocate T: float32[2]
  allocate S: float32[2]
  for i in 2:
    T[i] = 1.0f32
  async_copy S[0] = T[0] count 2
  async_commit
  T[1] = 2.0f32
  async_wait 0
  for i in 2:
    Y[i] = S[i]
)",
               {y}),
      HasSubstr(
          "the source of an asynchronous copy, T[1], is overwritten before the copy has been waited for"));
}

TEST(Copies, BothSidesAreCheckedForBoundsWhenTheCopyStarts) {
  Array x(kFloat32, {4, 8}, scrambled), y(kFloat32, {4, 8});
  EXPECT_THAT(error_of(std::string(kHead) + "    async_copy S[tx, 1] = X[tx, 0] count 8\n", {x, y}),
              HasSubstr("out-of-bounds write of S[0, 8]: subscript 1 is 8, not in 0 <= subscript < 8"));
  EXPECT_THAT(error_of(std::string(kHead) + "    async_copy S[tx, 0] = X[tx, 1] count 8\n", {x, y}),
              HasSubstr("out-of-bounds read of X[0, 8]"));
}

TEST(Copies, AnOutputInFlightAtTheEndIsAnError) {
  Array x(kFloat32, {2}, scrambled), y(kFloat32, {2});
  EXPECT_THAT(error_of("program p(X: in float32[2], Y: out float32[2]):\n  async_copy Y[0] = X[0] count 2\n  "
                       "async_commit\n",
                       {x, y}),
              HasSubstr("Y[0] of output 'argument 1 ('Y')' is still in flight"));
}

}  // namespace
}  // namespace tw::interpret_tests
