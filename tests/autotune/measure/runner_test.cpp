#include "autotune/measure/runner.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "autotune/worker/programs.h"
#include "schedule/intrinsic.h"
#include "schedule/schedule.h"
#include "support/error.h"
#include "te/math.h"

namespace tw::autotune {
namespace {

using test::add_one;
using test::add_one_as;
using test::matmul;
using test::packed_matmul;
using test::symbolic_add_one;
using test::task_of;
using test::update;
using test::with_test_worker;
using testing::HasSubstr;

constexpr MeasureOptions kShort{.seconds = 0.002};

TEST(Status, HasANameEach) {
  for (int i = 0; i <= static_cast<int>(Status::kLost); ++i)
    EXPECT_EQ(static_cast<int>(status_of(to_string(static_cast<Status>(i)))), i);
  EXPECT_THROW(status_of("fine"), UserError);
}

TEST(Measured, TakesTheMedian) {
  Measured measured;
  measured.samples = {{3, 1, 2}, {4, 1, 2, 3}, {}};
  EXPECT_EQ(measured.median(), 2);
  EXPECT_EQ(measured.median(1), 2.5);
  EXPECT_EQ(measured.median(2), std::numeric_limits<double>::infinity());
}

TEST(Runner, BuildsMeasuresAndVerifies) {
  Runner runner(task_of(matmul(33, 17, 40)), with_test_worker());
  const auto built = runner.build({matmul(33, 17, 40), packed_matmul(33, 17, 40)});
  ASSERT_EQ(built.size(), 2u);
  for (const Built& one : built) {
    EXPECT_EQ(one.status, Status::kOk) << one.cause;
    EXPECT_GT(one.stats.code_bytes, 0);
    EXPECT_GT(one.seconds, 0);
  }
  const std::vector<Point> points = {
      {built[0].id, {}}, {built[1].id, {{"rows", 1}}}, {built[1].id, {{"rows", 33}}}};
  const auto measured = runner.measure(points, kShort);
  ASSERT_EQ(measured.size(), 3u);
  for (const Measured& one : measured) {
    EXPECT_EQ(one.status, Status::kOk) << one.cause;
    ASSERT_EQ(one.samples.size(), 1u);
    EXPECT_GE(one.samples[0].size(), one.dropped ? 1u : 3u);
    EXPECT_GT(one.median(), 0);
    EXPECT_LT(one.median(), 0.1);
  }
  for (const Point& point : points) {
    const Verdict verdict = runner.verify(point);
    EXPECT_EQ(verdict.status, Status::kOk) << verdict.cause;
    EXPECT_LT(verdict.worst, 1);
  }
  EXPECT_TRUE(runner.deaths().empty());
}

TEST(Runner, SeveralWorkersCompileAndOneMeasures) {
  RunnerOptions options = with_test_worker();
  options.workers = 2;
  Runner runner(task_of(matmul(33, 17, 40)), options);
  const std::vector<Program> programs(4, packed_matmul(33, 17, 40));
  std::vector<Point> points;
  for (const Built& one : runner.build(programs)) {
    ASSERT_EQ(one.status, Status::kOk) << one.cause;
    points.push_back({one.id, {}});
  }
  for (const Measured& one : runner.measure(points, kShort)) EXPECT_EQ(one.status, Status::kOk) << one.cause;
  for (const Point& point : points) {
    const Verdict verdict = runner.verify(point);
    EXPECT_EQ(verdict.status, Status::kOk) << verdict.cause;
  }
}

TEST(Runner, MeasuresEachOfTheSizes) {
  Runner runner(task_of(symbolic_add_one(), {{{"n", 1000}}, {{"n", 1}}}), with_test_worker());
  const auto built = runner.build({symbolic_add_one()});
  const auto measured = runner.measure({{built[0].id, {}}}, kShort);
  ASSERT_EQ(measured[0].status, Status::kOk) << measured[0].cause;
  EXPECT_EQ(measured[0].samples.size(), 2u);
  EXPECT_EQ(runner.verify({built[0].id, {}}).status, Status::kOk);
}

TEST(Runner, ConstantsRotateWhereAModelIsMeasured) {
  Task task = task_of(matmul(4, 64, 64));
  task.cache = "model";
  Runner runner(task, with_test_worker());
  const auto built = runner.build({matmul(4, 64, 64), packed_matmul(4, 64, 64)});
  const auto measured = runner.measure({{built[0].id, {}}, {built[1].id, {}}}, kShort);
  for (const Measured& one : measured) EXPECT_EQ(one.status, Status::kOk) << one.cause;
}

TEST(Runner, DropsLosersEarly) {
  const Program slow = parse_program(R"(program main(X: in float32[64], Y: out float32[64]):
  for r in 100000:
    for i in 64:
      block Y#0(vr: ordered(100000) = r, vi: spatial(64) = i):
        reads X[vi]
        writes Y[vi]
        Y[vi] = X[vi] + 1.0f32 + float32(int64(vr))
)");
  Runner runner(task_of(add_one(64)), with_test_worker());
  const auto built = runner.build({add_one(64), slow});
  const auto measured = runner.measure({{built[0].id, {}}, {built[1].id, {}}}, kShort);
  EXPECT_FALSE(measured[0].dropped);
  EXPECT_EQ(measured[1].status, Status::kOk) << measured[1].cause;
  EXPECT_TRUE(measured[1].dropped);
  EXPECT_EQ(measured[1].samples[0].size(), 1u);
}

TEST(Runner, WrongResultsAreNamed) {
  Runner runner(task_of(add_one(100)), with_test_worker());
  const auto built = runner.build({
      add_one_as(100, "Y[vi] = X[vi] + select(vi == 37, 1.5f32, 1.0f32)"),
      add_one_as(100, "if vi != 41:\n        Y[vi] = X[vi] + 1.0f32"),
  });
  const Verdict wrong = runner.verify({built[0].id, {}});
  EXPECT_EQ(wrong.status, Status::kWrong);
  EXPECT_THAT(wrong.cause, HasSubstr("Y[37] is "));
  EXPECT_THAT(wrong.cause, HasSubstr("the reference "));
  const Verdict missing = runner.verify({built[1].id, {}});
  EXPECT_EQ(missing.status, Status::kWrong);
  EXPECT_THAT(missing.cause, HasSubstr("Y[41] is nan"));
}

TEST(Runner, SymbolicSizesAreVerifiedAtRaggedOnesToo) {
  // Right at the size that is measured, wrong elsewhere.
  const std::string statement = "Y[vi] = X[vi] + select(n == 1000, 1.0f32, 2.0f32)";
  Runner runner(task_of(symbolic_add_one(), {{{"n", 1000}}}), with_test_worker());
  const auto built = runner.build({symbolic_add_one(statement)});
  ASSERT_EQ(built[0].status, Status::kOk) << built[0].cause;
  const Verdict verdict = runner.verify({built[0].id, {}});
  EXPECT_EQ(verdict.status, Status::kWrong);
  EXPECT_THAT(verdict.cause, HasSubstr("(at n = "));
}

TEST(Runner, RunsThatReadWhatTheyWriteBeginFromTheSameValues) {
  // Values that were squared again and again would be infinite after a dozen runs.
  const Program squares = update(500, "C[vi] = C[vi] * C[vi] + X[vi]");
  Runner runner(task_of(squares), with_test_worker());
  const auto built =
      runner.build({squares, update(500, "C[vi] = C[vi] * C[vi] * C[vi] + X[vi]"),
                    update(500, "assert C[vi] < 1e6f32, \"it grows\"\n      C[vi] = C[vi] * C[vi] + X[vi]")});
  for (const Built& one : built) ASSERT_EQ(one.status, Status::kOk) << one.cause;
  const auto measured =
      runner.measure({{built[0].id, {}}, {built[2].id, {}}}, {.seconds = 0.02, .rounds = 3});
  for (const Measured& one : measured) {
    EXPECT_EQ(one.status, Status::kOk) << one.cause;
    EXPECT_GT(one.median(), 0);
  }
  for (int again = 0; again < 2; ++again) {
    const Verdict right = runner.verify({built[0].id, {}});
    EXPECT_EQ(right.status, Status::kOk) << right.cause;
    EXPECT_EQ(runner.verify({built[1].id, {}}).status, Status::kWrong);
  }
}

TEST(Runner, ArraysThatAreReadAndWrittenStandBetweenPagesToo) {
  Runner runner(task_of(update(500)), with_test_worker());
  const auto built = runner.build({update(500, "C[vi + 500] = C[vi] * 0.5f32 + X[vi]")});
  const auto measured = runner.measure({{built[0].id, {}}}, kShort);
  EXPECT_EQ(measured[0].status, Status::kOutOfBounds);
  EXPECT_THAT(measured[0].cause, HasSubstr("element of 'C'"));
}

/// X + 1 by an intrinsic that this process declares, with an implementation that adds `added`.
Program add_one_by(const std::string& name, const std::string& added) {
  const te::Tensor x = te::placeholder({8}, kFloat32, "x");
  schedule::Intrinsic intrinsic;
  intrinsic.name = name;
  intrinsic.output = te::compute(
      {8}, [&](const std::vector<Var>& p) -> te::Value { return te::add(x({p[0]}), 1.0); }, "y", {"i"});
  intrinsic.implementations = {{.target = "llvm", .code = parse_program(R"(
program lanes(x: in float32[8], y: out float32[8]):
  for i in vectorized(8):
    y[i] = x[i] + )" + added + "\n")}};
  schedule::declare_intrinsic(std::move(intrinsic));
  schedule::Schedule s(add_one(64));
  const auto loop = s.loops(s.block("Y"))[0];
  const auto parts = s.apply("split", {loop, schedule::List{{}, 8}});
  s.apply("tensorize", {parts.at(0).get_if<schedule::List>()->at(1), name});
  return s.program();
}

TEST(Runner, WorkersAreToldOfIntrinsicsThatAreDeclaredHere) {
  RunnerOptions options = with_test_worker();
  options.workers = 2;
  Runner runner(task_of(add_one(64)), options);
  const Program right = add_one_by("test.runner_right", "1.0f32");
  const auto built = runner.build({right, add_one_by("test.runner_wrong", "2.0f32"), right, right});
  for (const Built& one : built) ASSERT_EQ(one.status, Status::kOk) << one.cause;
  const auto measured = runner.measure({{built[0].id, {}}, {built[1].id, {}}, {built[3].id, {}}}, kShort);
  for (const Measured& one : measured) EXPECT_EQ(one.status, Status::kOk) << one.cause;
  EXPECT_EQ(runner.verify({built[0].id, {}}).status, Status::kOk);
  // What its implementation computes is not what it means.
  const Verdict wrong = runner.verify({built[1].id, {}});
  EXPECT_EQ(wrong.status, Status::kWrong);
  EXPECT_TRUE(runner.deaths().empty());
}

TEST(Runner, WhatTheCompilerRefusesIsSaid) {
  Runner runner(task_of(add_one(100)), with_test_worker());
  const Program gpu = parse_program(R"(program main(X: in float32[100], Y: out float32[100]):
  for i in bind(threadIdx.x, 100):
    block Y#0(vi: spatial(100) = i):
      reads X[vi]
      writes Y[vi]
      Y[vi] = X[vi] + 1.0f32
)");
  const auto built = runner.build({gpu, add_one(100)});
  EXPECT_EQ(built[0].status, Status::kRefused);
  EXPECT_NE(built[0].cause, "");
  EXPECT_EQ(built[1].status, Status::kOk) << built[1].cause;
  const auto measured = runner.measure({{built[0].id, {}}, {built[1].id, {}}}, kShort);
  EXPECT_EQ(measured[0].status, Status::kRefused);
  EXPECT_EQ(measured[1].status, Status::kOk);
}

TEST(Runner, ParametersOutOfTheirBoundsFail) {
  Runner runner(task_of(matmul(8, 8, 8)), with_test_worker());
  const auto built = runner.build({packed_matmul(8, 8, 8)});
  const auto measured = runner.measure({{built[0].id, {{"rows", 65}}}}, kShort);
  EXPECT_EQ(measured[0].status, Status::kFailed);
  EXPECT_THAT(measured[0].cause, HasSubstr("rows"));
}

TEST(Runner, ForgottenCodeIsGone) {
  Runner runner(task_of(add_one(100)), with_test_worker());
  const auto built = runner.build({add_one(100)});
  runner.forget(built[0].id);
  EXPECT_THROW(runner.measure({{built[0].id, {}}}, kShort), UserError);
  EXPECT_THROW(runner.verify({built[0].id, {}}), UserError);
}

TEST(Runner, WorkersThatDoNotStartAreErrors) {
  const auto message_of = [](std::vector<std::string> command) -> std::string {
    RunnerOptions options;
    options.command = std::move(command);
    Runner runner(task_of(add_one(8)), options);
    try {
      runner.build({add_one(8)});
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(message_of({"/no/such/worker"}), HasSubstr("cannot be started"));
  EXPECT_THAT(message_of({"true"}), HasSubstr("does not start"));
  EXPECT_THAT(message_of({"echo", "hello, world"}), HasSubstr("is no message"));
  EXPECT_THAT(message_of({}), HasSubstr("no command"));
}

TEST(Runner, SizesThatAreNotGivenAreErrors) {
  Runner runner(task_of(symbolic_add_one()), with_test_worker());
  const auto built = runner.build({symbolic_add_one()});
  const auto measured = runner.measure({{built[0].id, {}}}, kShort);
  EXPECT_EQ(measured[0].status, Status::kFailed);
  EXPECT_THAT(measured[0].cause, HasSubstr("'n' is not given"));
}

}  // namespace
}  // namespace tw::autotune
