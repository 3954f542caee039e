// Right kernels pass on every input that is drawn, and kernels that are wrong only for some values do not.
#include "autotune/measure/verification.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "autotune/worker/programs.h"
#include "schedule/corpus/programs.h"
#include "support/error.h"

namespace tw::autotune {
namespace {

using schedule::corpus;
using schedule::CorpusCase;
using test::add_one_as;
using test::task_of;
using test::update;
using testing::HasSubstr;

const char* const kTarget = "llvm -threads=2";

/// Verifies programs against the first one, in this process.
class Judge {
 public:
  explicit Judge(const Program& first, const std::vector<Values>& sizes = {{}})
      : task_(task_of(first, sizes)),
        target_(codegen::parse_target(kTarget)),
        verifier_(task_, target_, [this](std::size_t size) {
          return std::make_shared<const Arguments>(task_.program, task_.sizes[size], task_.seed);
        }) {}

  Verdict operator()(const Program& candidate, const Values& parameters = {}) {
    Kernel kernel(candidate, target_);
    return verifier_.verify(kernel, parameters, cache_, 10, [] {});
  }

 private:
  Task task_;
  codegen::Target target_;
  PreparedCache cache_;
  Verifier verifier_;
};

Verdict verdict_of(const Program& first, const Program& candidate) {
  return Judge(first)(candidate);
}

TEST(Verifier, TakesTheCorpusAsItIsAndInOtherOrders) {
  for (const CorpusCase& sample : corpus()) {
    Judge judge(sample.program, {sample.sizes});
    for (const Program& program : {sample.program, arranged(sample.program)}) {
      const Verdict verdict = judge(program);
      EXPECT_EQ(verdict.status, Status::kOk) << sample.name << ": " << verdict.cause;
    }
  }
}

TEST(Verifier, TakesWhatSketchesPrefer) {
  for (const CorpusCase& sample : corpus()) {
    const Workload workload{sample.program, machine_of(codegen::parse_target(kTarget)), true, sample.sizes};
    Judge judge(sample.program, {sample.sizes});
    for (const Sketch* sketch : sketches_for(workload)) {
      const auto candidate = make_candidate(workload, *sketch, Choices(Values{}));
      if (!candidate) continue;
      const Verdict verdict = judge(candidate->program, candidate->parameters);
      EXPECT_EQ(verdict.status, Status::kOk) << sample.name << ", " << sketch->name << ": " << verdict.cause;
    }
  }
}

/// Y[i] = an expression of X[vi], 200 elements.
Program mapped(const std::string& value) {
  return add_one_as(200, "Y[vi] = " + value);
}

TEST(Verifier, FindsWhatIsWrongForSomeValuesOnly) {
  const std::vector<std::tuple<std::string, std::string, std::string>> wrong = {
      {"zero", "X[vi] + 1.0f32", "select(X[vi] == 0.0f32, 0.0f32, X[vi] + 1.0f32)"},
      {"NaN", "max(X[vi], 0.0f32)", "select(X[vi] > 0.0f32, X[vi], 0.0f32)"},
      {"an infinity", "X[vi] + 1.0f32", "min(X[vi], 1000.0f32) + select(X[vi] == X[vi], 1.0f32, X[vi])"},
      {"large numbers", "1.0f32 / (1.0f32 + exp(-X[vi]))", "exp(X[vi]) / (1.0f32 + exp(X[vi]))"},
      {"ties", "select(X[vi] < 0.5f32, 1.0f32, 2.0f32)", "select(X[vi] <= 0.5f32, 1.0f32, 2.0f32)"},
  };
  for (const auto& [what, right, almost] : wrong) {
    EXPECT_EQ(verdict_of(mapped(right), mapped(right)).status, Status::kOk) << what;
    const Verdict verdict = verdict_of(mapped(right), mapped(almost));
    EXPECT_EQ(verdict.status, Status::kWrong) << what;
    EXPECT_THAT(verdict.cause, HasSubstr("inputs have ties, zeros, large numbers")) << what;
  }
}

/// The greatest of each row of 64 numbers, beginning from `start`.
Program row_max(const std::string& start) {
  return parse_program(R"(program main(X: in float32[40, 64], Y: out float32[40]):
  for i in 40:
    for k in 64:
      block Y#0(vi: spatial(40) = i, vk: reduce(64) = k):
        reads X[vi, vk]
        writes Y[vi]
        reducer max(float32)
        init:
          Y[vi] = )" + start +
                       R"(
        Y[vi] = max(Y[vi], X[vi, vk])
)");
}

TEST(Verifier, FindsAMaximumThatBeginsFromZero) {
  EXPECT_EQ(verdict_of(row_max("-inf_f32"), row_max("-inf_f32")).status, Status::kOk);
  const Verdict verdict = verdict_of(row_max("-inf_f32"), row_max("0.0f32"));
  EXPECT_EQ(verdict.status, Status::kWrong);
  EXPECT_THAT(verdict.cause, HasSubstr("is 0, the reference -0.5"));
}

Program integers(const std::string& value) {
  return parse_program(R"(program main(X: in int32[100], Y: out int32[100]):
  for i in 100:
    block Y#0(vi: spatial(100) = i):
      reads X[vi]
      writes Y[vi]
      Y[vi] = )" + value +
                       "\n");
}

TEST(Verifier, FindsIntegersThatDoNotWrap) {
  const Program doubled = integers("X[vi] * 2i32");
  EXPECT_EQ(verdict_of(doubled, integers("X[vi] << 1i32")).status, Status::kOk);
  EXPECT_EQ(verdict_of(doubled, integers("min(max(X[vi], -1000000i32), 1000000i32) * 2i32")).status,
            Status::kWrong);
}

Program gather(const std::string& index) {
  return parse_program(R"(program main(A: in float32[1000, 4], at: in int32[64], B: out float32[64, 4]):
  for i in 64:
    for j in 4:
      block B#0(vi: spatial(64) = i, vj: spatial(4) = j):
        reads at[vi], A[0:+1000, vj]
        writes B[vi, vj]
        B[vi, vj] = A[)" +
                       index + ", vj]\n");
}

TEST(Verifier, ReadsSubscriptsAtBothEnds) {
  const Program plain = gather("index(at[vi])");
  EXPECT_EQ(verdict_of(plain, plain).status, Status::kOk);
  EXPECT_EQ(verdict_of(plain, gather("min(index(at[vi]), 998)")).status, Status::kWrong);
  EXPECT_EQ(verdict_of(plain, gather("max(index(at[vi]), 1)")).status, Status::kWrong);
}

TEST(Verifier, PassesOverEdgesAtWhichTheWorkloadItselfFails) {
  // Of the subscripts that are drawn for it the last one leads out of A; normal ones may not meet it.
  const Program next = gather("index(at[vi]) + 1");
  EXPECT_EQ(verdict_of(next, next).status, Status::kOk);
}

/// (x - mean) / sqrt(variance) of each row, the mean by a factor: where a row is a single number, what is
/// left of it is rounding.
Program normalised(const std::string& deviation) {
  return parse_program(R"(program main(X: in float32[24, 49], Y: out float32[24, 49]):
  allocate s: float32[24]
  allocate q: float32[24]
  for i in 24:
    for k in 49:
      block s#0(vi: spatial(24) = i, vk: reduce(49) = k):
        reads X[vi, vk]
        writes s[vi]
        reducer sum(float32)
        init:
          s[vi] = 0.0f32
        s[vi] = s[vi] + X[vi, vk]
  for i_1 in 24:
    for k_1 in 49:
      block q#1(vi_1: spatial(24) = i_1, vk_1: reduce(49) = k_1):
        reads X[vi_1, vk_1], s[vi_1]
        writes q[vi_1]
        reducer sum(float32)
        init:
          q[vi_1] = 0.0f32
        q[vi_1] = q[vi_1] + (X[vi_1, vk_1] - s[vi_1] * 0.020408163f32) * (X[vi_1, vk_1] - s[vi_1] * 0.020408163f32)
  for i_2 in 24:
    for j in 49:
      block Y#2(vi_2: spatial(24) = i_2, vj: spatial(49) = j):
        reads X[vi_2, vj], s[vi_2], q[vi_2]
        writes Y[vi_2, vj]
        Y[vi_2, vj] = )" +
                       deviation + " / sqrt(q[vi_2] * 0.020408163f32 + 0.00000000001f32)\n");
}

TEST(Verifier, ForgivesRoundingWhereNothingElseIsLeft) {
  const Program first = normalised("(X[vi_2, vj] - s[vi_2] * 0.020408163f32)");
  EXPECT_EQ(verdict_of(first, first).status, Status::kOk);
  // The mean as a quotient rounds in another way, which divided by next to nothing is anything.
  const Verdict other = verdict_of(first, normalised("(X[vi_2, vj] - s[vi_2] / 49.0f32)"));
  EXPECT_EQ(other.status, Status::kOk) << other.cause;
  EXPECT_EQ(verdict_of(first, normalised("(X[vi_2, vj] - s[vi_2] / 50.0f32)")).status, Status::kWrong);
}

TEST(Verifier, GivesArraysThatAreReadAndWrittenTheirValuesAgain) {
  const Program first = update(333);
  Judge judge(first);
  for (int again = 0; again < 2; ++again) {
    const Verdict verdict = judge(first);
    EXPECT_EQ(verdict.status, Status::kOk) << verdict.cause;
  }
  EXPECT_EQ(judge(update(333, "C[vi] = C[vi] * 0.25f32 + X[vi]")).status, Status::kWrong);
  EXPECT_EQ(judge(update(333, "C[vi] = X[vi]")).status, Status::kWrong);
}

}  // namespace
}  // namespace tw::autotune
