// Races between turns of concurrent loops.
#include "ir/interpret/run_program.h"

namespace tw::interpret_tests {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string body_error(const std::string& body) {
  Array x(kFloat32, {8}, scrambled), y(kFloat32, {8}, scrambled);
  return error_of("program p(X: in float32[8], Y: inout float32[8]):\n" + body, {x, y});
}

void body_runs(const std::string& body) {
  Array x(kFloat32, {8}, scrambled), y(kFloat32, {8}, scrambled);
  run("program p(X: in float32[8], Y: inout float32[8]):\n" + body, {x, y});
}

TEST(Races, TwoTurnsThatWriteOneElement) {
  const std::string message = body_error("  for i in parallel(8):\n    Y[i // 2] = X[i]\n");
  EXPECT_THAT(
      message,
      HasSubstr("race: Y[0] is written here and written in another turn of parallel loop 'i' than i = 1, in "
                "program 'p'\nwhere i = 1\n"));
  EXPECT_THAT(message, HasSubstr("^^^^ race: Y[0]"));
}

TEST(Races, AWriteAfterAReadInAnotherTurn) {
  EXPECT_THAT(
      body_error("  for i in parallel(4):\n    Y[i + 1] = Y[i] + Y[i + 4]\n"),
      HasSubstr("race: Y[1] is read here and written in another turn of parallel loop 'i' than i = 1"));
  EXPECT_THAT(body_error("  for i in parallel(4):\n    Y[3 - i] = Y[4 - i]\n"),
              HasSubstr("race: Y[3] is read here and written"));
  EXPECT_THAT(body_error("  for i in parallel(4):\n    Y[i] = Y[i + 1]\n"),
              HasSubstr("race: Y[1] is written here and read in another turn"));
}

TEST(Races, AReductionUnderAParallelOrVectorisedLoop) {
  EXPECT_THAT(body_error("  for i in parallel(8):\n    Y[0] = Y[0] + X[i]\n"),
              HasSubstr("race: Y[0] is read here"));
  EXPECT_THAT(body_error("  for i in vectorized(8):\n    Y[0] = Y[0] + X[i]\n"),
              HasSubstr("another turn of vectorized loop 'i'"));
  EXPECT_THAT(body_error("  for i in bind(blockIdx.x, 8):\n    Y[0] = Y[0] + X[i]\n"),
              HasSubstr("another turn of bind loop 'i'"));
  EXPECT_THAT(body_error("  for i in bind(threadIdx.x, 8):\n    Y[0] = Y[0] + X[i]\n"), HasSubstr("race"));
}

TEST(Races, TheLoopIsTheOneWhoseTurnsDiffer) {
  const std::string message = body_error(R"(  for i in parallel(2):
    for j in 2:
      for k in vectorized(2):
        Y[j * 2 + k] = X[i]
)");
  EXPECT_THAT(message, HasSubstr("another turn of parallel loop 'i' than i = 1"));
}

TEST(Races, TurnsOfOneAfterTheOtherAreOrdered) {
  body_runs("  for i in parallel(8):\n    Y[i] = X[i]\n  for i in parallel(8):\n    Y[7 - i] = X[i]\n");
  body_runs("  for t in 3:\n    for i in parallel(8):\n      Y[(i + t) % 8] = X[i]\n");
  body_runs(
      "  for i in parallel(4):\n    for j in parallel(2):\n      Y[i * 2 + j] = X[j]\n    Y[i * 2] = Y[i * 2 "
      "+ 1]\n");
  body_runs("  for i in parallel(8):\n    Y[i] = 1.0f32\n  Y[0] = Y[7]\n");
}

TEST(Races, ManyMayReadWhatNobodyWrites) {
  body_runs("  for i in parallel(4):\n    Y[i] = Y[7] + Y[6]\n  Y[7] = 0.0f32\n");
}

TEST(Races, AnEarlierUnorderedReadIsNotForgotten) {
  // Turn 0 reads Y[7], then turn 1 reads and writes it.
  EXPECT_THAT(body_error("  for i in parallel(2):\n    Y[i] = Y[7]\n    if i == 1:\n      Y[7] = 0.0f32\n"),
              HasSubstr("race: Y[7] is written here and read in another turn"));
}

TEST(Races, AtomicUpdatesMayMeetButNotPlainAccesses) {
  body_runs("  for i in parallel(8):\n    atomic Y[0] = Y[0] + X[i]\n");
  EXPECT_THAT(
      body_error(
          "  for i in parallel(8):\n    atomic Y[0] = Y[0] + X[i]\n    if i == 3:\n      Y[0] = 0.0f32\n"),
      HasSubstr("race: Y[0] is written here and updated in another turn"));
  EXPECT_THAT(
      body_error(
          "  for i in parallel(8):\n    if i == 0:\n      Y[0] = 0.0f32\n    atomic Y[0] = Y[0] + X[i]\n"),
      HasSubstr("race: Y[0] is updated here and written in another turn"));
  EXPECT_THAT(body_error("  for i in parallel(8):\n    atomic Y[i] = Y[(i + 1) % 8] + X[i]\n"),
              HasSubstr("race: Y[1]"));
}

TEST(Races, MemoryAllocatedInATurnIsItsOwn) {
  body_runs(R"(  for i in parallel(8):
    allocate T: float32[2]
    T[0] = X[i]
    T[1] = T[0]
    Y[i] = T[1]
)");
}

TEST(Races, MemoryAllocatedOutsideIsShared) {
  EXPECT_THAT(body_error(R"(  allocate T: float32[2]
  for i in parallel(8):
    T[0] = X[i]
    Y[i] = T[0]
)"),
              HasSubstr("race: T[0] is written here"));
}

TEST(Races, TheCheckCanBeTurnedOff) {
  Array y(kFloat32, {1});
  InterpretOptions options;
  options.check_races = false;
  run("program p(Y: out float32[1]):\n  for i in parallel(8):\n    Y[0] = 1.0f32\n", {y}, options);
}

}  // namespace
}  // namespace tw::interpret_tests
