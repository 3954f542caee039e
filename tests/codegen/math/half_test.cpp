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

class MathHalf : public testing::TestWithParam<std::tuple<DType, bool, int>> {};

double widened(DType type, uint16_t pattern) {
  return type.is_bfloat() ? BFloat16::to_double(pattern) : Float16::to_double(pattern);
}
uint16_t rounded(DType type, float value) {
  return type.is_bfloat() ? BFloat16::from_double(value) : Float16::from_double(value);
}

TEST_P(MathHalf, IsFloat32RoundedOnce) {
  const auto [type, fused, lanes] = GetParam();
  const Target& target = fused ? this_machine() : this_machine_without_fma();
  for (Intrinsic op : kFunctions) {
    const Compiled narrow(op, type.with_lanes(lanes), target), wide(op, kFloat32.with_lanes(lanes), target);
    const int64_t count = 65536 / lanes * lanes;
    std::vector<uint16_t> x(count), y(count), found(count);
    std::vector<float> wide_x(count), wide_y(count), wide_found(count);
    for (int64_t i = 0; i < count; ++i) {
      x[i] = static_cast<uint16_t>(i);
      y[i] = static_cast<uint16_t>(i * 7919);
      wide_x[i] = static_cast<float>(widened(type, x[i]));
      wide_y[i] = static_cast<float>(widened(type, y[i]));
    }
    narrow.run(x.data(), y.data(), found.data(), count);
    wide.run(wide_x.data(), wide_y.data(), wide_found.data(), count);
    int64_t wrong = 0, where = 0;
    for (int64_t i = 0; i < count; ++i) {
      const bool both_nan = std::isnan(widened(type, found[i])) && std::isnan(wide_found[i]);
      if (!both_nan && found[i] != rounded(type, wide_found[i])) ++wrong, where = i;
    }
    EXPECT_EQ(wrong, 0) << info(op).text << " of pattern " << where << ": " << found[where] << " for "
                        << rounded(type, wide_found[where]);
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, MathHalf,
                         testing::Combine(testing::Values(kFloat16, kBFloat16), testing::Bool(),
                                          testing::Values(1, 7, 16)));

}  // namespace
}  // namespace tw::codegen::math_test
