// Operators on scalars against expectations computed in another way: 128-bit integers, doubles, tables.
#include "ir/scalar.h"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace tw {
namespace {

using Wide = __int128;
constexpr double kInf = std::numeric_limits<double>::infinity();
const double kNaN = std::nan("");

Wide value_of(const Scalar& s) {
  return s.type.is_uint() && s.type.bits == 64 ? Wide{static_cast<uint64_t>(s.i)} : Wide{s.i};
}

/// `value` modulo 2^bits in the type's range.
Wide wrapped(DType type, Wide value) {
  const Wide modulus = Wide{1} << type.bits;
  Wide rest = value % modulus;
  if (rest < 0) rest += modulus;
  return !type.is_uint() && rest >= modulus / 2 ? rest - modulus : rest;
}

Wide floor_quotient(Wide a, Wide b) {
  if (b == 0) return 0;
  const Wide quotient = a / b;
  return quotient - (a % b != 0 && (a < 0) != (b < 0));
}

Wide expected(BinaryOp op, DType type, Wide a, Wide b) {
  using enum BinaryOp;
  switch (op) {
    case kAdd: return wrapped(type, a + b);
    case kSub: return wrapped(type, a - b);
    case kMul:
      return wrapped(
          type, static_cast<Wide>(static_cast<unsigned __int128>(a) * static_cast<unsigned __int128>(b)));
    case kFloorDiv: return wrapped(type, floor_quotient(a, b));
    case kFloorMod: return b == 0 ? 0 : a - b * floor_quotient(a, b);
    case kMin: return a < b ? a : b;
    case kMax: return a < b ? b : a;
    case kEq: return a == b;
    case kNe: return a != b;
    case kLt: return a < b;
    case kLe: return a <= b;
    case kBitAnd: return wrapped(type, a & b);
    case kBitOr: return wrapped(type, a | b);
    case kBitXor: return wrapped(type, a ^ b);
    case kShiftLeft: return b < 0 || b >= type.bits ? 0 : wrapped(type, a << static_cast<int>(b));
    case kShiftRight: return b < 0 || b >= type.bits ? (a < 0 ? -1 : 0) : a >> static_cast<int>(b);
    default: ADD_FAILURE(); return 0;
  }
}

constexpr BinaryOp kIntegerOps[] = {
    BinaryOp::kAdd,      BinaryOp::kSub,    BinaryOp::kMul,       BinaryOp::kFloorDiv,
    BinaryOp::kFloorMod, BinaryOp::kMin,    BinaryOp::kMax,       BinaryOp::kEq,
    BinaryOp::kNe,       BinaryOp::kLt,     BinaryOp::kLe,        BinaryOp::kBitAnd,
    BinaryOp::kBitOr,    BinaryOp::kBitXor, BinaryOp::kShiftLeft, BinaryOp::kShiftRight};

void check_integers(DType type, int64_t x, int64_t y) {
  const Scalar a = Scalar::of_int(type, x), b = Scalar::of_int(type, y);
  for (const BinaryOp op : kIntegerOps) {
    const auto got = evaluate(op, a, b);
    const Wide want = expected(op, type, value_of(a), value_of(b));
    ASSERT_TRUE(got.has_value());
    ASSERT_EQ(got->type, is_comparison(op) ? kBool : type);
    ASSERT_TRUE(value_of(*got) == want) << to_string(type) << " " << a.i << " " << info(op).text << " " << b.i
                                        << " is " << static_cast<int64_t>(want) << ", not " << got->i;
  }
}

TEST(ScalarIntegers, EveryPairOfEightBits) {
  for (const DType type : {kInt8, kUInt8})
    for (int a = 0; a < 256; ++a)
      for (int b = 0; b < 256; ++b) check_integers(type, a, b);
}

TEST(ScalarIntegers, EdgesAndRandomValuesOfEveryWidth) {
  std::mt19937_64 random(1);
  for (const DType type : {kInt16, kUInt16, kInt32, kUInt32, kInt64, kUInt64}) {
    std::vector<int64_t> values = {0,  1,  2,  3,  7,  -1, -2, -3,        -7,       8,
                                   15, 16, 31, 32, 63, 64, 65, INT64_MIN, INT64_MAX};
    for (const int64_t edge : {int_min_of(type), int_max_of(type)})
      for (const int64_t step : {-1, 0, 1})
        values.push_back(static_cast<int64_t>(static_cast<uint64_t>(edge) + static_cast<uint64_t>(step)));
    for (int i = 0; i < 40; ++i) values.push_back(static_cast<int64_t>(random() >> (i % 8 * 8)));
    for (const int64_t a : values)
      for (const int64_t b : values) check_integers(type, a, b);
  }
}

TEST(ScalarIntegers, NamedCorners) {
  const auto i32 = [](BinaryOp op, int64_t a, int64_t b) {
    return evaluate(op, Scalar::of_int(kInt32, a), Scalar::of_int(kInt32, b))->i;
  };
  EXPECT_EQ(i32(BinaryOp::kFloorDiv, INT32_MIN, -1), INT32_MIN);
  EXPECT_EQ(i32(BinaryOp::kFloorMod, INT32_MIN, -1), 0);
  EXPECT_EQ(i32(BinaryOp::kFloorDiv, 5, 0), 0);
  EXPECT_EQ(i32(BinaryOp::kFloorMod, 5, 0), 0);
  EXPECT_EQ(i32(BinaryOp::kFloorDiv, -7, 2), -4);
  EXPECT_EQ(i32(BinaryOp::kFloorMod, -7, 2), 1);
  EXPECT_EQ(i32(BinaryOp::kFloorMod, 7, -2), -1);
  EXPECT_EQ(i32(BinaryOp::kAdd, INT32_MAX, 1), INT32_MIN);
  EXPECT_EQ(i32(BinaryOp::kShiftRight, -8, 40), -1);
  EXPECT_EQ(i32(BinaryOp::kShiftLeft, 1, -1), 0);
}

TEST(ScalarIndex, ThatLeavesSixtyFourBitsHasNoValue) {
  const auto index = [](BinaryOp op, int64_t a, int64_t b) {
    return evaluate(op, Scalar::of_int(kIndex, a), Scalar::of_int(kIndex, b));
  };
  EXPECT_FALSE(index(BinaryOp::kAdd, INT64_MAX, 1));
  EXPECT_FALSE(index(BinaryOp::kSub, INT64_MIN, 1));
  EXPECT_FALSE(index(BinaryOp::kMul, INT64_MAX, 2));
  EXPECT_FALSE(index(BinaryOp::kFloorDiv, INT64_MIN, -1));
  EXPECT_EQ(index(BinaryOp::kFloorDiv, -7, 2)->i, -4);
  EXPECT_EQ(index(BinaryOp::kFloorMod, -7, 2)->i, 1);
  EXPECT_EQ(index(BinaryOp::kLt, -7, 2)->type, kBool);
  EXPECT_FALSE(evaluate(UnaryOp::kNeg, Scalar::of_int(kIndex, INT64_MIN)));
  EXPECT_FALSE(evaluate(Intrinsic::kAbs, Scalar::of_int(kIndex, INT64_MIN)));
}

TEST(ScalarBool, LogicAndBits) {
  const Scalar t = Scalar::of_int(kBool, 1), f = Scalar::of_int(kBool, 0);
  for (const auto& [op, ff, ft, tt] : {std::tuple{BinaryOp::kAnd, 0, 0, 1},
                                       {BinaryOp::kOr, 0, 1, 1},
                                       {BinaryOp::kBitAnd, 0, 0, 1},
                                       {BinaryOp::kBitOr, 0, 1, 1},
                                       {BinaryOp::kBitXor, 0, 1, 0},
                                       {BinaryOp::kEq, 1, 0, 1},
                                       {BinaryOp::kNe, 0, 1, 0},
                                       {BinaryOp::kLt, 0, 1, 0},
                                       {BinaryOp::kLe, 1, 1, 1}}) {
    EXPECT_EQ(evaluate(op, f, f)->i, ff) << info(op).text;
    EXPECT_EQ(evaluate(op, f, t)->i, ft) << info(op).text;
    EXPECT_EQ(evaluate(op, t, t)->i, tt) << info(op).text;
  }
  EXPECT_EQ(evaluate(UnaryOp::kNot, t)->i, 0);
  EXPECT_FALSE(evaluate(BinaryOp::kAdd, t, t));
}

double f64(BinaryOp op, double a, double b) {
  return evaluate(op, Scalar::of_float(kFloat64, a), Scalar::of_float(kFloat64, b))->f;
}

TEST(ScalarFloats, MinAndMaxPropagateNaN) {
  for (const BinaryOp op : {BinaryOp::kMin, BinaryOp::kMax}) {
    EXPECT_TRUE(std::isnan(f64(op, kNaN, 1)));
    EXPECT_TRUE(std::isnan(f64(op, 1, kNaN)));
    EXPECT_TRUE(std::isnan(f64(op, kNaN, kNaN)));
    EXPECT_TRUE(std::signbit(f64(op, -0.0, 0.0)));  // the first of two zeros
    EXPECT_FALSE(std::signbit(f64(op, 0.0, -0.0)));
  }
  EXPECT_EQ(f64(BinaryOp::kMin, -kInf, 3), -kInf);
  EXPECT_EQ(f64(BinaryOp::kMax, 3, 4), 4);
}

TEST(ScalarFloats, ComparisonsWithNaNAreFalseButNotEqual) {
  const auto compare = [](BinaryOp op) {
    return evaluate(op, Scalar::of_float(kFloat32, kNaN), Scalar::of_float(kFloat32, 1))->i;
  };
  EXPECT_EQ(compare(BinaryOp::kEq), 0);
  EXPECT_EQ(compare(BinaryOp::kLt), 0);
  EXPECT_EQ(compare(BinaryOp::kLe), 0);
  EXPECT_EQ(compare(BinaryOp::kNe), 1);
}

TEST(ScalarFloats, FloorDivisionAndModuloAreNumPys) {
  // numpy.floor_divide and numpy.remainder of float64.
  struct Row {
    double a, b, quotient, rest;
  };
  for (const Row& row : std::vector<Row>{{7, 2, 3, 1},
                                         {-7, 2, -4, 1},
                                         {7, -2, -4, -1},
                                         {-7, -2, 3, -1},
                                         {1, 0.1, 9, 0.09999999999999995},
                                         {0.0, 5, 0.0, 0.0},
                                         {-0.0, 5, -0.0, 0.0},
                                         {0.0, -5, -0.0, -0.0},
                                         {6, 3, 2, 0.0},
                                         {-6, 3, -2, 0.0},
                                         {6, -3, -2, -0.0},
                                         {5, kInf, 0, 5},
                                         {-5, kInf, -1, kInf},
                                         {5, -kInf, -1, -kInf},
                                         {-5, -kInf, 0, -5},
                                         {1, 0, kInf, kNaN},
                                         {-1, 0, -kInf, kNaN},
                                         {0, 0, kNaN, kNaN},
                                         {kNaN, 2, kNaN, kNaN},
                                         {2, kNaN, kNaN, kNaN},
                                         {kInf, 2, kNaN, kNaN},
                                         {-kInf, 2, kNaN, kNaN},
                                         {1e300, 1e-300, kInf, 0}}) {
    const double quotient = f64(BinaryOp::kFloorDiv, row.a, row.b),
                 rest = f64(BinaryOp::kFloorMod, row.a, row.b);
    const auto same = [](double x, double y) {
      return (std::isnan(x) && std::isnan(y)) || (x == y && std::signbit(x) == std::signbit(y));
    };
    EXPECT_TRUE(same(quotient, row.quotient)) << row.a << " // " << row.b << " = " << quotient;
    if (row.a == 1e300) continue;
    EXPECT_TRUE(same(rest, row.rest)) << row.a << " % " << row.b << " = " << rest;
  }
}

TEST(ScalarFloats, HalvesRoundOncePerOperator) {
  std::mt19937_64 random(2);
  using enum BinaryOp;
  for (const DType type : {kFloat16, kBFloat16})
    for (int turn = 0; turn < 200000; ++turn) {
      const auto bits = random();
      const auto decode = [&](uint64_t b) {
        const auto half = static_cast<uint16_t>(b);
        return type.is_bfloat() ? BFloat16::to_double(half) : Float16::to_double(half);
      };
      const double x = decode(bits), y = decode(bits >> 16);
      if (std::isnan(x) || std::isnan(y)) continue;
      const Scalar a = Scalar::of_float(type, x), b = Scalar::of_float(type, y);
      // Sums and products of halves are exact in double or wider than half by far: one rounding of the
      // double's.
      ASSERT_TRUE(evaluate(kMul, a, b)->identical(Scalar::of_float(type, x * y))) << x << " * " << y;
      if (type.is_bfloat()) continue;
      ASSERT_TRUE(evaluate(kAdd, a, b)->identical(Scalar::of_float(type, x + y))) << x << " + " << y;
      ASSERT_TRUE(evaluate(kDiv, a, b)->identical(Scalar::of_float(type, x / y))) << x << " / " << y;
    }
}

TEST(ScalarIntrinsics, OfFloats) {
  const auto f32 = [](Intrinsic op, double a, double b = 0) {
    return evaluate(op, Scalar::of_float(kFloat32, a), Scalar::of_float(kFloat32, b))->f;
  };
  EXPECT_EQ(f32(Intrinsic::kRound, 2.5), 2);
  EXPECT_EQ(f32(Intrinsic::kRound, 3.5), 4);
  EXPECT_EQ(f32(Intrinsic::kRound, -2.5), -2);
  EXPECT_EQ(f32(Intrinsic::kFloor, -1.5), -2);
  EXPECT_EQ(f32(Intrinsic::kCeil, -1.5), -1);
  EXPECT_EQ(f32(Intrinsic::kAbs, -0.0), 0);
  EXPECT_EQ(f32(Intrinsic::kSqrt, 2), static_cast<double>(std::sqrt(2.0f)));
  EXPECT_EQ(f32(Intrinsic::kRsqrt, 4), 0.5);
  EXPECT_EQ(f32(Intrinsic::kExp, 1), static_cast<double>(static_cast<float>(std::exp(1.0))));
  EXPECT_EQ(f32(Intrinsic::kSigmoid, 0), 0.5);
  EXPECT_EQ(f32(Intrinsic::kSigmoid, -200), 0);
  EXPECT_EQ(f32(Intrinsic::kTanh, kInf), 1);
  EXPECT_EQ(f32(Intrinsic::kErf, -kInf), -1);
  EXPECT_EQ(f32(Intrinsic::kPow, 2, 10), 1024);
  EXPECT_TRUE(std::isnan(f32(Intrinsic::kLog, -1)));
}

TEST(ScalarIntrinsics, OfIntegers) {
  const auto of = [](DType type, Intrinsic op, int64_t a, int64_t b = 0) {
    return evaluate(op, Scalar::of_int(type, a), Scalar::of_int(type, b))->i;
  };
  EXPECT_EQ(of(kInt8, Intrinsic::kAbs, -128), -128);
  EXPECT_EQ(of(kUInt8, Intrinsic::kAbs, 200), 200);
  EXPECT_EQ(of(kInt32, Intrinsic::kRound, -3), -3);
  EXPECT_EQ(of(kInt32, Intrinsic::kPow, 3, 4), 81);
  EXPECT_EQ(of(kInt8, Intrinsic::kPow, 2, 7), -128);
  EXPECT_EQ(of(kInt32, Intrinsic::kPow, 2, -1), 0);
  EXPECT_EQ(of(kInt32, Intrinsic::kPow, -1, -3), -1);
  EXPECT_EQ(of(kInt32, Intrinsic::kPow, -1, -2), 1);
  EXPECT_EQ(of(kInt32, Intrinsic::kPow, 0, 0), 1);
}

TEST(ScalarCast, FloatsSaturateToIntegersAndNaNGivesZero) {
  const auto to = [](DType type, double value) {
    return evaluate_cast(type, Scalar::of_float(kFloat64, value))->i;
  };
  for (const DType type : {kInt8, kInt16, kInt32, kInt64, kUInt8, kUInt16, kUInt32, kUInt64, kIndex}) {
    EXPECT_EQ(to(type, kNaN), 0) << to_string(type);
    EXPECT_EQ(to(type, kInf), int_max_of(type)) << to_string(type);
    EXPECT_EQ(to(type, 1e30), int_max_of(type)) << to_string(type);
    EXPECT_EQ(to(type, -kInf), int_min_of(type)) << to_string(type);
    EXPECT_EQ(to(type, 2.9), 2) << to_string(type);
    EXPECT_EQ(to(type, -2.9), type.is_uint() ? 0 : -2) << to_string(type);
    EXPECT_EQ(to(type, -0.9), 0) << to_string(type);
  }
  EXPECT_EQ(to(kInt8, 127.9), 127);
  EXPECT_EQ(to(kInt8, -128.9), -128);
  EXPECT_EQ(to(kInt64, 9223372036854774784.0), 9223372036854774784);
  EXPECT_EQ(static_cast<uint64_t>(to(kUInt64, 18446744073709549568.0)), 18446744073709549568u);
  EXPECT_EQ(to(kBool, 0.5), 1);
  EXPECT_EQ(to(kBool, -0.0), 0);
  EXPECT_EQ(to(kBool, kNaN), 1);
}

TEST(ScalarCast, IntegersWrap) {
  const auto to = [](DType type, DType from, int64_t value) {
    return evaluate_cast(type, Scalar::of_int(from, value))->i;
  };
  EXPECT_EQ(to(kInt8, kInt32, 300), 44);
  EXPECT_EQ(to(kUInt8, kInt32, -1), 255);
  EXPECT_EQ(to(kInt64, kUInt32, 4294967295), 4294967295);
  EXPECT_EQ(to(kInt32, kUInt32, 4294967295), -1);
  EXPECT_EQ(to(kBool, kInt32, 256), 1);
  EXPECT_EQ(to(kInt8, kBool, 1), 1);
}

/// The half nearest to an integer, ties to even, by search among its neighbours.
double nearest_half(DType type, Wide value) {
  const auto decode = [&](uint16_t half) {
    return type.is_bfloat() ? BFloat16::to_double(half) : Float16::to_double(half);
  };
  const Wide magnitude = value < 0 ? -value : value;
  const uint16_t infinity = type.is_bfloat() ? BFloat16::kInfinity : Float16::kInfinity;
  const double beyond = type.is_bfloat() ? std::ldexp(1.0, 128) : 65536.0;
  // Doubled, so that midpoints are integers.
  uint16_t low = 0, high = infinity;
  const auto doubled = [&](uint16_t half) { return half == infinity ? 2 * beyond : 2 * decode(half); };
  while (high - low > 1) {
    const auto middle = static_cast<uint16_t>((low + high) / 2);
    (doubled(middle) <= static_cast<double>(2) * static_cast<long double>(magnitude) ? low : high) = middle;
  }
  const long double below = 2 * static_cast<long double>(magnitude) - doubled(low),
                    above = doubled(high) - 2 * static_cast<long double>(magnitude);
  const uint16_t chosen = below < above ? low : above < below ? high : low % 2 == 0 ? low : high;
  const double result = chosen == infinity ? kInf : decode(chosen);
  return value < 0 ? -result : result;
}

TEST(ScalarCast, IntegersRoundOnceToEveryFloat) {
  std::mt19937_64 random(3);
  for (int turn = 0; turn < 100000; ++turn) {
    uint64_t bits = random() >> (turn % 60);
    if (turn % 3 == 0) bits = (bits | 1) << (turn % 50);  // few bits: near ties
    if (turn % 5 == 0) bits += static_cast<uint64_t>(turn % 7) - 3;
    for (const DType from : {kInt64, kUInt64}) {
      const Scalar a = Scalar::of_int(from, static_cast<int64_t>(bits));
      for (const DType to : {kFloat16, kBFloat16})
        ASSERT_EQ(evaluate_cast(to, a)->f, nearest_half(to, value_of(a))) << to_string(to) << " of " << a.i;
      const bool is_unsigned = from == kUInt64;
      ASSERT_EQ(evaluate_cast(kFloat32, a)->f,
                is_unsigned ? static_cast<float>(bits) : static_cast<float>(a.i));
      ASSERT_EQ(evaluate_cast(kFloat64, a)->f,
                is_unsigned ? static_cast<double>(bits) : static_cast<double>(a.i));
    }
  }
  // A double rounds 2^62 + 2^54 + 1 to a tie of bfloat16, which the integer is above.
  EXPECT_EQ(evaluate_cast(kBFloat16, Scalar::of_int(kInt64, (int64_t{1} << 62) + (int64_t{1} << 54) + 1))->f,
            std::ldexp(1.0, 62) + std::ldexp(1.0, 55));
}

TEST(ScalarCast, BetweenFloatsRoundsToNearestEven) {
  const auto to = [](DType type, DType from, double value) {
    return evaluate_cast(type, Scalar::of_float(from, value))->f;
  };
  EXPECT_EQ(to(kFloat32, kFloat64, 16777217.0), 16777216.0);
  EXPECT_EQ(to(kFloat16, kFloat64, 2049.0), 2048.0);
  EXPECT_EQ(to(kFloat16, kFloat64, std::nextafter(2049.0, 3000.0)), 2050.0);  // not by way of float32
  EXPECT_EQ(to(kBFloat16, kFloat32, 257.0), 256.0);
  EXPECT_EQ(to(kFloat16, kFloat32, 1e6), kInf);
  EXPECT_EQ(to(kFloat64, kBFloat16, 256.0), 256.0);
}

}  // namespace
}  // namespace tw
