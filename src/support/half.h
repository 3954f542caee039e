// float16 and bfloat16 as bit patterns: exact conversion to wider types, correctly rounded conversion from
// them.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace tw {

/// A small IEEE-like format: 1 sign bit, `ExponentBits`, `16 - 1 - ExponentBits` of mantissa.
template <int ExponentBits>
struct Small {
  static constexpr int kMantissa = 15 - ExponentBits;
  static constexpr int kBias = (1 << (ExponentBits - 1)) - 1;
  static constexpr uint16_t kInfinity = static_cast<uint16_t>(((1 << ExponentBits) - 1) << kMantissa);
  static constexpr uint16_t kQuietNaN = static_cast<uint16_t>(kInfinity | (1 << (kMantissa - 1)));

  static double to_double(uint16_t bits) {
    const int sign = bits >> 15, exponent = (bits & 0x7fff) >> kMantissa,
              mantissa = bits & ((1 << kMantissa) - 1);
    double magnitude;
    if (exponent == (1 << ExponentBits) - 1) {
      magnitude = mantissa ? std::nan("") : INFINITY;
    } else if (exponent == 0) {
      magnitude = std::ldexp(mantissa, 1 - kBias - kMantissa);
    } else {
      magnitude = std::ldexp(mantissa | (1 << kMantissa), exponent - kBias - kMantissa);
    }
    return sign ? -magnitude : magnitude;
  }

  /// Rounds to nearest, ties to even, in one step; overflow gives infinity.
  static uint16_t from_double(double value) {
    const uint64_t bits = std::bit_cast<uint64_t>(value);
    const uint16_t sign = static_cast<uint16_t>(bits >> 48 & 0x8000);
    if (std::isnan(value)) return sign | kQuietNaN;
    const double magnitude = std::fabs(value);
    if (std::isinf(magnitude)) return sign | kInfinity;
    if (magnitude == 0) return sign;
    int exponent = std::ilogb(magnitude);
    if (exponent < 1 - kBias) exponent = 1 - kBias;  // subnormal results share the smallest exponent
    if (exponent > kBias) return sign | kInfinity;
    // The significand in units of the last place: exact, as scaling by powers of two is.
    const double units = std::ldexp(magnitude, kMantissa - exponent);
    double whole = std::floor(units);
    const double rest = units - whole;
    if (rest > 0.5 || (rest == 0.5 && std::fmod(whole, 2) != 0)) whole += 1;
    // A carry out of the mantissa raises the exponent field by itself, up to infinity.
    const int field = exponent + kBias - 1;
    return static_cast<uint16_t>(sign | ((field << kMantissa) + static_cast<int>(whole)));
  }
};

using Float16 = Small<5>;
using BFloat16 = Small<8>;

}  // namespace tw
