// float16 and bfloat16: every pattern, against the function of the widened value in float32, rounded once.
#include "support/half.h"

#include <bit>

#include <gtest/gtest.h>

#include "accuracy.h"

namespace tw::codegen::math_test {
namespace {

constexpr Intrinsic kFunctions[] = {
    Intrinsic::kExp,   Intrinsic::kLog,     Intrinsic::kSqrt,  Intrinsic::kRsqrt, Intrinsic::kTanh,
    Intrinsic::kErf,   Intrinsic::kSigmoid, Intrinsic::kSin,   Intrinsic::kCos,   Intrinsic::kAbs,
    Intrinsic::kFloor, Intrinsic::kCeil,    Intrinsic::kRound, Intrinsic::kPow};

class MathHalf : public testing::TestWithParam<std::tuple<Format, bool, int>> {};

double widened(Format format, uint16_t pattern) {
  return format == Format::kHalf ? Float16::to_double(pattern) : BFloat16::to_double(pattern);
}
uint16_t rounded(Format format, float value) {
  return format == Format::kHalf ? Float16::from_double(value) : BFloat16::from_double(value);
}

TEST_P(MathHalf, IsFloat32RoundedOnce) {
  const auto [format, fused, lanes] = GetParam();
  const Machine machine = fused ? this_machine() : this_machine_without_fma();
  for (Intrinsic op : kFunctions) {
    Compiled narrow(op, format, lanes, machine), wide(op, Format::kFloat, lanes, machine);
    const int64_t count = 65536 / lanes * lanes;
    std::vector<uint16_t> x(count), y(count), found(count);
    std::vector<float> wide_x(count), wide_y(count), wide_found(count);
    for (int64_t i = 0; i < count; ++i) {
      x[i] = static_cast<uint16_t>(i);
      y[i] = static_cast<uint16_t>(i * 7919);
      wide_x[i] = static_cast<float>(widened(format, x[i]));
      wide_y[i] = static_cast<float>(widened(format, y[i]));
    }
    narrow.run(x.data(), y.data(), found.data(), count);
    wide.run(wide_x.data(), wide_y.data(), wide_found.data(), count);
    int64_t wrong = 0, where = 0;
    for (int64_t i = 0; i < count; ++i) {
      const bool both_nan = std::isnan(widened(format, found[i])) && std::isnan(wide_found[i]);
      if (!both_nan && found[i] != rounded(format, wide_found[i])) ++wrong, where = i;
    }
    EXPECT_EQ(wrong, 0) << info(op).text << " of pattern " << where << ": " << found[where] << " for "
                        << rounded(format, wide_found[where]);
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, MathHalf,
                         testing::Combine(testing::Values(Format::kHalf, Format::kBfloat), testing::Bool(),
                                          testing::Values(1, 7, 16)));

}  // namespace
}  // namespace tw::codegen::math_test
