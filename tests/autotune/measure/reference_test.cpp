#include "autotune/measure/reference.h"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "autotune/worker/programs.h"
#include "ir/interpret.h"
#include "ir/verify.h"
#include "schedule/corpus/programs.h"

namespace tw::autotune {
namespace {

using schedule::corpus;
using schedule::corpus_case;
using schedule::CorpusCase;
using schedule::difference;
using schedule::Results;
using schedule::run_case;

/// Positions of elements that a difference is looked for at.
double number(const Results& results, std::size_t output, std::size_t index) {
  return results.outputs[output].values[index];
}

TEST(Widened, ProgramsAreWellFormedAndComputeTheSame) {
  for (const CorpusCase& sample : corpus()) {
    const Program wide = widened(sample.program);
    ASSERT_NO_THROW(verify(wide, Stage::kSchedule)) << sample.name << "\n" << to_text(wide);
    const Results expected = run_case(sample, sample.program), found = run_case(sample, wide);
    ASSERT_EQ(found.outputs.size(), expected.outputs.size());
    for (std::size_t o = 0; o < found.outputs.size(); ++o) {
      EXPECT_EQ(found.outputs[o].dtype,
                expected.outputs[o].dtype.is_float() ? kFloat64 : expected.outputs[o].dtype);
      const bool is_half =
          expected.outputs[o].dtype.is_half() || to_text(sample.program).find("float16") != std::string::npos;
      for (std::size_t i = 0; i < found.outputs[o].values.size(); ++i) {
        const double x = number(found, o, i), r = number(expected, o, i);
        if (std::isnan(r) || std::isinf(r)) continue;
        EXPECT_NEAR(x, r, (is_half ? 1e-2 : 1e-5) * (1 + std::fabs(r))) << sample.name << " " << i;
      }
    }
  }
}

TEST(Arranged, OrdersOfLoopsChangeNothing) {
  for (const CorpusCase& sample : corpus())
    EXPECT_EQ(difference(run_case(sample, arranged(sample.program)), run_case(sample, sample.program)), "")
        << sample.name;
}

TEST(Arranged, MatrixProductsRunInTiles) {
  const std::string text = to_text(arranged(widened(test::matmul(64, 64, 64))));
  EXPECT_NE(text.find("vectorized(32)"), std::string::npos) << text;
  EXPECT_NE(text.find("unrolled(4)"), std::string::npos) << text;
  EXPECT_NE(text.find("parallel("), std::string::npos) << text;
}

/// The shape of an output where the case's sizes are filled in.
std::vector<int64_t> shape_of(const CorpusCase& sample, const BufferNode& buffer) {
  std::vector<int64_t> shape;
  const Workload workload{sample.program, {}, false, sample.sizes};
  for (const Expr& extent : buffer.shape) shape.push_back(workload.number(extent));
  return shape;
}

TEST(Restricted, PointsHaveTheSameValues) {
  // Other elements stay as they are.
  const auto partly = [](const Program& program, std::span<const Argument> arguments,
                         InterpretOptions options) {
    options.outputs_undefined = false;
    interpret(program, arguments, options);
  };
  std::mt19937_64 random(7);
  for (const CorpusCase& sample : corpus()) {
    const Results expected = run_case(sample, sample.program);
    int output = 0;
    for (const Param& param : sample.program->params) {
      if (param.param_kind != ParamKind::kOutput) continue;
      const std::vector<int64_t> shape = shape_of(sample, *param.buffer);
      if (std::find(shape.begin(), shape.end(), 0) != shape.end()) continue;
      for (int round = 0; round < 4; ++round) {
        std::vector<int64_t> point;
        std::size_t index = 0;
        for (const int64_t extent : shape) {
          point.push_back(static_cast<int64_t>(random() % static_cast<uint64_t>(extent)));
          index = index * static_cast<std::size_t>(extent) + static_cast<std::size_t>(point.back());
        }
        const Program part =
            restricted(sample.program, output, point, std::vector<int64_t>(point.size(), 1), sample.sizes);
        const Results found = run_case(sample, part, {}, partly);
        const double x = number(found, static_cast<std::size_t>(output), index),
                     r = number(expected, static_cast<std::size_t>(output), index);
        EXPECT_TRUE(x == r || (std::isnan(x) && std::isnan(r)))
            << sample.name << ": " << x << " " << r << "\n"
            << to_text(part);
        if (sample.sizes.empty()) {
          EXPECT_LE(instances_of(part), instances_of(sample.program)) << sample.name;
        }
      }
      ++output;
    }
  }
}

TEST(Restricted, OnePointOfAProductIsOneSum) {
  EXPECT_EQ(instances_of(restricted(test::matmul(512, 256, 128), 0, {511, 3}, {1, 1})), 128);
  EXPECT_EQ(instances_of(restricted(test::matmul(512, 256, 128), 0, {7, 3}, {2, 3})), 6 * 128);
}

TEST(Tolerance, GrowsWithTheSumAndTheType) {
  const Program small = test::matmul(8, 8, 16), large = test::matmul(8, 8, 4096);
  const double a = tolerance_of(small, small, 0, 1).absolute, b = tolerance_of(large, large, 0, 1).absolute;
  EXPECT_GT(b, 10 * a);
  EXPECT_GT(a, 1e-7);
  EXPECT_LT(b, 1e-2);  // of results: a term that is missing shows
  const Program half = parse_program(R"(program main(X: in bfloat16[8], Y: out bfloat16[8]):
  for i in 8:
    block Y#0(vi: spatial(8) = i):
      reads X[vi]
      writes Y[vi]
      Y[vi] = X[vi] + 1.0bf16
)");
  EXPECT_GT(tolerance_of(half, half, 0, 1).relative, 1e-3);
  const Program& integers = corpus_case("matmul_int8").program;
  EXPECT_EQ(tolerance_of(integers, integers, 0, 1).absolute, 0);
}

}  // namespace
}  // namespace tw::autotune
