// float16 and bfloat16 against arithmetic done another way.
#include "support/half.h"

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace tw {
namespace {

/// The value of a pattern by the definition of the format: sign, exponent, mantissa.
double by_definition(int bits, int exponent_bits) {
  const int mantissa_bits = 15 - exponent_bits, bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = (bits & 0x7fff) >> mantissa_bits, mantissa = bits & ((1 << mantissa_bits) - 1);
  const double sign = bits & 0x8000 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1) return mantissa ? std::nan("") : sign * INFINITY;
  const double fraction = mantissa / std::pow(2.0, mantissa_bits);
  return exponent == 0 ? sign * fraction * std::pow(2.0, 1 - bias)
                       : sign * (1 + fraction) * std::pow(2.0, exponent - bias);
}

template <int ExponentBits>
void check_every_pattern() {
  using Format = Small<ExponentBits>;
  for (int bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const double value = Format::to_double(half), expected = by_definition(bits, ExponentBits);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(value)) << bits;
      ASSERT_EQ(Format::from_double(value), (bits & 0x8000) | Format::kQuietNaN) << bits;
    } else {
      ASSERT_EQ(std::bit_cast<uint64_t>(value), std::bit_cast<uint64_t>(expected)) << bits;
      ASSERT_EQ(Format::from_double(value), half) << bits;
    }
  }
}

TEST(Half, EveryFloat16ConvertsAndComesBack) {
  check_every_pattern<5>();
}
TEST(Half, EveryBFloat16ConvertsAndComesBack) {
  check_every_pattern<8>();
}

/// Between neighbours: the midpoint goes to the even one, anything off it to the nearer one.
template <int ExponentBits>
void check_rounding_between_neighbours() {
  using Format = Small<ExponentBits>;
  constexpr double kInf = std::numeric_limits<double>::infinity();
  for (int bits = 0; bits < Format::kInfinity; ++bits) {
    const auto low = static_cast<uint16_t>(bits), high = static_cast<uint16_t>(bits + 1);
    const double a = Format::to_double(low);
    // Beyond the largest number, rounding is as if the exponent went on.
    const double b = high == Format::kInfinity ? std::ldexp(1.0, Format::kBias + 1) : Format::to_double(high);
    const double middle = a + (b - a) / 2;
    const uint16_t even = bits % 2 == 0 ? low : high;
    for (const int sign : {0, 0x8000}) {
      const double s = sign ? -1 : 1;
      ASSERT_EQ(Format::from_double(s * middle), even | sign) << bits;
      ASSERT_EQ(Format::from_double(s * std::nextafter(middle, 0.0)), low | sign) << bits;
      ASSERT_EQ(Format::from_double(s * std::nextafter(middle, kInf)), high | sign) << bits;
    }
  }
}

TEST(Half, Float16RoundsToNearestTiesToEven) {
  check_rounding_between_neighbours<5>();
}
TEST(Half, BFloat16RoundsToNearestTiesToEven) {
  check_rounding_between_neighbours<8>();
}

TEST(Half, TinyAndHugeDoubles) {
  EXPECT_EQ(Float16::from_double(5e-324), 0);
  EXPECT_EQ(Float16::from_double(-5e-324), 0x8000);
  EXPECT_EQ(Float16::from_double(1.7e308), Float16::kInfinity);
  EXPECT_EQ(BFloat16::from_double(-1.7e308), 0x8000 | BFloat16::kInfinity);
  EXPECT_EQ(Float16::from_double(65519.999999999993), 0x7bff);
  EXPECT_EQ(Float16::from_double(65520.0), Float16::kInfinity);
}

}  // namespace
}  // namespace tw
