// Candidates that crash, hang, write where they must not, ask for too much memory: each is recorded with its
// cause, and the next one is measured as if nothing had been.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "autotune/measure/runner.h"
#include "autotune/worker/programs.h"
#include "faults/processes.h"

namespace tw::autotune {
namespace {

using test::add_one;
using test::add_one_as;
using test::task_of;
using test::with_test_worker;
using testing::HasSubstr;

constexpr MeasureOptions kShort{.seconds = 0.002};
constexpr int64_t kElements = 1000;  // 4000 bytes: the end of a 64-byte line is beyond them

struct Outcome {
  Built built;
  Measured measured, neighbour;
  Verdict verdict;
  std::map<std::string, int> deaths;
};

/// What becomes of a bad candidate that is measured and verified beside a good one.
Outcome outcome_of(const Program& bad, RunnerOptions options = with_test_worker()) {
  Runner runner(task_of(add_one(kElements)), std::move(options));
  const auto built = runner.build({bad, add_one(kElements)});
  EXPECT_EQ(built[1].status, Status::kOk) << built[1].cause;
  Outcome outcome{built[0], {}, {}, {}, {}};
  if (built[0].status == Status::kOk) {
    auto measured = runner.measure({{built[0].id, {}}, {built[1].id, {}}}, kShort);
    outcome.measured = measured[0];
    outcome.neighbour = measured[1];
    outcome.verdict = runner.verify({built[0].id, {}});
  } else {
    outcome.neighbour = runner.measure({{built[1].id, {}}}, kShort)[0];
  }
  EXPECT_EQ(outcome.neighbour.status, Status::kOk) << outcome.neighbour.cause;
  EXPECT_EQ(runner.verify({built[1].id, {}}).status, Status::kOk);
  outcome.deaths = runner.deaths();
  return outcome;
}

TEST(Candidates, ThatWriteFarBehindAnArray) {
  const Outcome outcome = outcome_of(add_one_as(kElements, "Y[vi + 1000] = X[vi] + 1.0f32"));
  EXPECT_EQ(outcome.measured.status, Status::kOutOfBounds);
  EXPECT_THAT(outcome.measured.cause, HasSubstr("it wrote "));
  EXPECT_THAT(outcome.measured.cause, HasSubstr("behind the last element of 'Y'"));
  EXPECT_EQ(outcome.verdict.status, Status::kOutOfBounds);
  EXPECT_EQ(outcome.deaths.at("out_of_bounds"), 2);  // once measured, once verified: it is certain at once
}

TEST(Candidates, ThatWriteBeforeAnArray) {
  const Outcome outcome = outcome_of(add_one_as(kElements, "Y[vi - 1000] = X[vi] + 1.0f32"));
  EXPECT_EQ(outcome.measured.status, Status::kOutOfBounds);
  EXPECT_THAT(outcome.measured.cause, HasSubstr("before the first element of 'Y'"));
}

TEST(Candidates, ThatReadBehindAnArray) {
  const Outcome outcome = outcome_of(add_one_as(kElements, "Y[vi] = X[vi + 20] + 1.0f32"));
  EXPECT_EQ(outcome.measured.status, Status::kOutOfBounds);
  EXPECT_THAT(outcome.measured.cause, HasSubstr("behind the last element of 'X'"));
}

TEST(Candidates, ThatWriteOneElementBesideAnArray) {
  // Where the array does not end against its page, and the other way round.
  const Outcome behind = outcome_of(add_one_as(kElements, "Y[vi + 1] = X[vi] + 1.0f32"));
  EXPECT_EQ(behind.measured.status, Status::kOk) << behind.measured.cause;
  EXPECT_EQ(behind.verdict.status, Status::kOutOfBounds) << behind.verdict.cause;
  EXPECT_THAT(behind.verdict.cause, HasSubstr("it wrote 0 bytes behind the last element of 'Y'"));
  const Outcome before = outcome_of(add_one_as(kElements, "Y[vi - 1] = X[vi] + 1.0f32"));
  EXPECT_EQ(before.verdict.status, Status::kOutOfBounds) << before.verdict.cause;
  EXPECT_THAT(before.verdict.cause, HasSubstr("4 bytes before the first element of 'Y'"));
}

TEST(Candidates, ThatWriteToAnInput) {
  const Outcome outcome = outcome_of(add_one_as(kElements, "X[vi] = 2.0f32\n      Y[vi] = 1.0f32"));
  if (outcome.built.status == Status::kRefused)
    GTEST_SKIP() << "the compiler refuses it: " << outcome.built.cause;
  EXPECT_EQ(outcome.measured.status, Status::kOutOfBounds);
  EXPECT_THAT(outcome.measured.cause, HasSubstr("it wrote to the input 'X'"));
}

TEST(Candidates, ThatTouchNoMemoryAtAll) {
  const Outcome outcome = outcome_of(add_one_as(kElements, "Y[vi + 100000000000] = X[vi] + 1.0f32"));
  EXPECT_EQ(outcome.measured.status, Status::kCrash);
  EXPECT_THAT(outcome.measured.cause, HasSubstr("SIGSEGV"));
  EXPECT_EQ(outcome.verdict.status, Status::kCrash);
  EXPECT_EQ(outcome.deaths.at("crash"), 4);  // each is tried twice
}

TEST(Candidates, ThatRunTooLong) {
  RunnerOptions options = with_test_worker();
  options.run_seconds = 0.3;
  const Program endless = parse_program(R"(program main(X: in float32[1000], Y: out float32[1000]):
  for r in 1000000000000:
    for i in 1000:
      block Y#0(vr: ordered(1000000000000) = r, vi: spatial(1000) = i):
        reads X[vi]
        writes Y[vi]
        Y[vi] = X[vi] * float32(int64(vr))
)");
  const Outcome outcome = outcome_of(endless, options);
  EXPECT_EQ(outcome.measured.status, Status::kTimeout);
  EXPECT_EQ(outcome.measured.cause, "a run took longer than 0.3 s");
  EXPECT_EQ(outcome.verdict.status, Status::kTimeout);
}

TEST(Candidates, ThatTakeTooLongToCompile) {
  RunnerOptions options = with_test_worker();
  options.compile_seconds = 0.5;
  const Program huge = parse_program(R"(program main(X: in float32[1000], Y: out float32[1000]):
  for i in unrolled(1000):
    for j in unrolled(1000):
      block Y#0(vi: spatial(1000) = i, vj: ordered(1000) = j):
        reads X[vi]
        writes Y[vi]
        Y[vi] = sin(X[vi]) + float32(int64(vj))
)");
  const Outcome outcome = outcome_of(huge, options);
  EXPECT_EQ(outcome.built.status, Status::kCompileTime);
  EXPECT_EQ(outcome.built.cause, "compiling took longer than 0.5 s");
}

TEST(Candidates, ThatAskForTooMuchMemory) {
  RunnerOptions options = with_test_worker();
  options.memory_bytes = int64_t{2} << 30;
  const Program large = parse_program(R"(program main(X: in float32[1000], Y: out float32[1000]):
  allocate T: float32[1000, 100000000]
  for i in 1000:
    block T#0(vi: spatial(1000) = i):
      reads X[vi]
      writes T[vi, vi * 99999]
      T[vi, vi * 99999] = X[vi]
  for i_1 in 1000:
    block Y#1(vi_1: spatial(1000) = i_1):
      reads T[999 - vi_1, (999 - vi_1) * 99999]
      writes Y[vi_1]
      Y[vi_1] = T[999 - vi_1, (999 - vi_1) * 99999] + 1.0f32
)");
  const Outcome outcome = outcome_of(large, options);
  EXPECT_EQ(outcome.measured.status, Status::kFailed) << outcome.measured.cause;
  EXPECT_THAT(outcome.measured.cause, HasSubstr("memory"));
  EXPECT_TRUE(outcome.deaths.empty());
}

TEST(Candidates, ThatGiveAnError) {
  const Outcome outcome =
      outcome_of(add_one_as(kElements, "assert vi < 999, \"too far\"\n      Y[vi] = X[vi] + 1.0f32"));
  EXPECT_EQ(outcome.measured.status, Status::kFailed) << outcome.measured.cause;
  EXPECT_THAT(outcome.measured.cause, HasSubstr("too far"));
  EXPECT_EQ(outcome.verdict.status, Status::kFailed);
  EXPECT_TRUE(outcome.deaths.empty());
}

TEST(Candidates, LeaveNeitherProcessesNorFilesBehind) {
  const test::Census before;
  outcome_of(add_one_as(kElements, "Y[vi + 1000] = X[vi] + 1.0f32"));
  EXPECT_EQ(test::Census(), before);
}

}  // namespace
}  // namespace tw::autotune
