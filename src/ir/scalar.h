// What every operator means on scalars: the one place that constant folding, the simplifier's tests and the
// interpreter take it from.
//
// The templates work on the C++ type of a lane. float16 and bfloat16 compute in float and round after each
// operator, which gives the correctly rounded result for + - * / and sqrt (float has more than twice their
// precision plus two).
#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <type_traits>

#include "ir/dtype.h"
#include "ir/ops.h"
#include "support/half.h"

namespace tw {

/// `value` rounded to a floating type, as a double.
double round_to(DType type, double value);

/// `value` modulo 2^bits in the range of an integer type (bool: not zero). uint64 keeps the bit pattern.
int64_t wrap_to(DType type, int64_t value);

/// A float as an integer of the type: truncated, saturated, NaN gives 0; bool: not zero. uint64 as its bit
/// pattern.
int64_t saturate_to(DType type, double value);

/// An operator of index or bool constants; nothing if the result leaves int64.
std::optional<int64_t> index_binary(BinaryOp op, int64_t a, int64_t b);

/// A scalar of any type: integers, bool and index in `i` (uint64 as its bit pattern), floats in `f`.
struct Scalar {
  DType type;
  int64_t i = 0;
  double f = 0;
  static Scalar of_int(DType type, int64_t value) { return {type, wrap_to(type, value), 0}; }
  static Scalar of_float(DType type, double value) { return {type, 0, round_to(type, value)}; }
  /// Same type and value; NaN equals NaN, +0 does not equal -0.
  bool identical(const Scalar& other) const;
};

/// The operators on scalars of one type. Nothing where an index overflows.
std::optional<Scalar> evaluate(UnaryOp op, const Scalar& a);
std::optional<Scalar> evaluate(BinaryOp op, const Scalar& a, const Scalar& b);
std::optional<Scalar> evaluate(Intrinsic op, const Scalar& a, const Scalar& b = {});
std::optional<Scalar> evaluate_cast(DType type, const Scalar& a);

namespace scalar {

/// Integers that wrap: arithmetic in the unsigned type.
template <class T>
using Wrapping = std::make_unsigned_t<std::conditional_t<std::is_same_v<T, bool>, uint8_t, T>>;

template <class T>
T floor_div(T a, T b) {
  if constexpr (std::floating_point<T>) {
    const T whole = a / b;
    if (b == 0) return whole;
    T rest = std::fmod(a, b);
    T quotient = (a - rest) / b;
    if (rest != 0 && (b < 0) != (rest < 0)) quotient -= 1;
    if (quotient == 0) return std::copysign(T{0}, whole);
    const T floored = std::floor(quotient);
    return quotient - floored > T{0.5} ? floored + 1 : floored;
  } else {
    if (b == 0) return 0;
    if constexpr (std::is_signed_v<T>) {
      if (b == -1) return static_cast<T>(Wrapping<T>(0) - static_cast<Wrapping<T>>(a));
      const T quotient = static_cast<T>(a / b);
      return static_cast<T>(quotient - ((a % b != 0) && ((a < 0) != (b < 0))));
    } else {
      return static_cast<T>(a / b);
    }
  }
}

template <class T>
T floor_mod(T a, T b) {
  if constexpr (std::floating_point<T>) {
    T rest = std::fmod(a, b);
    if (rest == 0) return std::copysign(T{0}, b);
    return (b < 0) != (rest < 0) ? rest + b : rest;
  } else {
    if (b == 0) return 0;
    if constexpr (std::is_signed_v<T>) {
      if (b == -1) return 0;
      const T rest = static_cast<T>(a % b);
      return rest != 0 && ((rest < 0) != (b < 0)) ? static_cast<T>(rest + b) : rest;
    } else {
      return static_cast<T>(a % b);
    }
  }
}

/// a op b on the C++ type of a lane: bool for comparisons, else T.
template <BinaryOp op, class T>
auto binary(T a, T b) {
  using enum BinaryOp;
  if constexpr (op == kEq) return a == b;
  if constexpr (op == kNe) return a != b;
  if constexpr (op == kLt) return a < b;
  if constexpr (op == kLe) return a <= b;
  if constexpr (op == kMin || op == kMax) {
    if constexpr (std::floating_point<T>) {
      if (std::isnan(a)) return a;
      if (std::isnan(b)) return b;
    }
    if constexpr (op == kMin) return b < a ? b : a;
    if constexpr (op == kMax) return a < b ? b : a;
  }
  if constexpr (op == kFloorDiv && !std::same_as<T, bool>) return floor_div(a, b);
  if constexpr (op == kFloorMod && !std::same_as<T, bool>) return floor_mod(a, b);
  if constexpr (std::floating_point<T>) {
    if constexpr (op == kAdd) return a + b;
    if constexpr (op == kSub) return a - b;
    if constexpr (op == kMul) return a * b;
    if constexpr (op == kDiv) return a / b;
  } else if constexpr (std::same_as<T, bool>) {
    if constexpr (op == kAnd || op == kBitAnd) return a && b;
    if constexpr (op == kOr || op == kBitOr) return a || b;
    if constexpr (op == kBitXor) return a != b;
  } else {
    using U = Wrapping<T>;
    const U x = static_cast<U>(a), y = static_cast<U>(b);
    constexpr int width = std::numeric_limits<U>::digits;
    if constexpr (op == kAdd) return static_cast<T>(static_cast<U>(x + y));
    if constexpr (op == kSub) return static_cast<T>(static_cast<U>(x - y));
    // In 64 bits, as small unsigned types would be promoted to int and overflow.
    if constexpr (op == kMul) return static_cast<T>(static_cast<U>(uint64_t{x} * uint64_t{y}));
    if constexpr (op == kBitAnd) return static_cast<T>(x & y);
    if constexpr (op == kBitOr) return static_cast<T>(x | y);
    if constexpr (op == kBitXor) return static_cast<T>(x ^ y);
    if constexpr (op == kShiftLeft)
      return static_cast<T>(y < width ? static_cast<U>(uint64_t{x} << y) : U{0});
    if constexpr (op == kShiftRight) return static_cast<T>(y < width ? a >> y : (a < 0 ? -1 : 0));
  }
}

/// Whether `binary` is defined for the operator and type (the rule of Binary in expr.h).
template <BinaryOp op, class T>
constexpr bool is_defined() {
  using enum BinaryOp;
  constexpr bool comparison = op == kEq || op == kNe || op == kLt || op == kLe;
  constexpr bool logical = op == kAnd || op == kOr;
  constexpr bool shift = op == kShiftLeft || op == kShiftRight;
  constexpr bool bits = op == kBitAnd || op == kBitOr || op == kBitXor;
  if (comparison) return true;
  if (std::same_as<T, bool>) return logical || bits;
  if (std::floating_point<T>) return !logical && !bits && !shift;
  return !logical && op != kDiv;
}

template <class T>
T power(T a, T b) {
  if constexpr (std::floating_point<T>) {
    return std::pow(a, b);
  } else {
    // By squaring, wrapping. A negative exponent gives the reciprocal truncated: 0 unless the base is 1 or
    // -1.
    if constexpr (std::is_signed_v<T>) {
      if (b < 0) return a == 1 ? T{1} : a == -1 ? (b % 2 ? T{-1} : T{1}) : T{0};
    }
    uint64_t base = static_cast<uint64_t>(a), result = 1;
    for (auto n = static_cast<uint64_t>(b); n; n >>= 1, base *= base)
      if (n & 1) result *= base;
    return static_cast<T>(result);
  }
}

/// A function of one value. Float functions of float are computed in double and rounded.
template <Intrinsic op, class T>
T intrinsic(T a, T b = T{}) {
  using enum Intrinsic;
  if constexpr (op == kPow) {
    if constexpr (std::same_as<T, float>) return static_cast<float>(std::pow(double{a}, double{b}));
    return power(a, b);
  } else if constexpr (std::floating_point<T>) {
    const double x = a;
    if constexpr (op == kExp) return static_cast<T>(std::exp(x));
    if constexpr (op == kLog) return static_cast<T>(std::log(x));
    if constexpr (op == kSqrt) return std::sqrt(a);
    if constexpr (op == kRsqrt) return static_cast<T>(1 / std::sqrt(x));
    if constexpr (op == kTanh) return static_cast<T>(std::tanh(x));
    if constexpr (op == kErf) return static_cast<T>(std::erf(x));
    if constexpr (op == kSigmoid) return static_cast<T>(1 / (1 + std::exp(-x)));
    if constexpr (op == kSin) return static_cast<T>(std::sin(x));
    if constexpr (op == kCos) return static_cast<T>(std::cos(x));
    if constexpr (op == kAbs) return std::fabs(a);
    if constexpr (op == kFloor) return std::floor(a);
    if constexpr (op == kCeil) return std::ceil(a);
    if constexpr (op == kRound) return std::nearbyint(a);  // the default rounding mode: ties to even
  } else {
    if constexpr (op == kAbs && std::is_signed_v<T>)
      return a < 0 ? static_cast<T>(Wrapping<T>(0) - static_cast<Wrapping<T>>(a)) : a;
    return a;  // floor, ceil and round of an integer; abs of an unsigned one
  }
}

/// Conversion between C++ types of lanes, with the meaning of Cast.
template <class To, class From>
To convert(From a) {
  if constexpr (std::same_as<To, bool>) {
    return a != From{};
  } else if constexpr (std::floating_point<From> && std::integral<To>) {
    if (std::isnan(a)) return To{0};
    const From whole = std::trunc(a);
    // max() + 1 is a power of two, so exact; min() is too.
    const From above = std::ldexp(From{1}, std::numeric_limits<To>::digits);
    if (whole >= above) return std::numeric_limits<To>::max();
    if (whole < static_cast<From>(std::numeric_limits<To>::min())) return std::numeric_limits<To>::min();
    return static_cast<To>(whole);
  } else {
    return static_cast<To>(a);
  }
}

}  // namespace scalar
}  // namespace tw
