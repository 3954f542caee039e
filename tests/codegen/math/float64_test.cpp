// Every function on float64 against long double.
#include <bit>
#include <random>

#include <gtest/gtest.h>

#include "accuracy.h"

namespace tw::codegen::math_test {
namespace {

long double exact(Intrinsic op, long double x) {
  using enum Intrinsic;
  switch (op) {
    case kExp: return std::exp(x);
    case kLog: return std::log(x);
    case kSqrt: return std::sqrt(x);
    case kRsqrt: return 1 / std::sqrt(x);
    case kTanh: return std::tanh(x);
    case kErf: return std::erf(x);
    case kSigmoid: return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x));
    case kSin: return std::sin(x);
    case kCos: return std::cos(x);
    case kAbs: return std::fabs(x);
    case kFloor: return std::floor(x);
    case kCeil: return std::ceil(x);
    case kRound: return std::nearbyint(x);
    default: throw std::logic_error("not a function of one value");
  }
}

constexpr Intrinsic kUnary[] = {Intrinsic::kExp,  Intrinsic::kLog, Intrinsic::kSqrt,    Intrinsic::kRsqrt,
                                Intrinsic::kTanh, Intrinsic::kErf, Intrinsic::kSigmoid, Intrinsic::kSin,
                                Intrinsic::kCos,  Intrinsic::kAbs, Intrinsic::kFloor,   Intrinsic::kCeil,
                                Intrinsic::kRound};

void see_arguments(Evaluator<double>& evaluator, int count) {
  std::mt19937_64 random(17);
  std::uniform_real_distribution<double> near(-1, 1), medium(-40, 40), wide(-760, 760);
  for (int i = 0; i < count; ++i) {
    evaluator.add(std::bit_cast<double>(random()));
    evaluator.add(near(random));
    evaluator.add(1 + near(random) * 0.4);
    evaluator.add(medium(random));
    evaluator.add(wide(random));
    evaluator.add(std::ldexp(near(random), static_cast<int>(random() % 100) - 50));
    evaluator.add(static_cast<double>(static_cast<int64_t>(random() % 2000000) - 1000000) *
                  1.5707963267948966);
  }
  const double infinity = std::numeric_limits<double>::infinity();
  for (double point : {0.0,
                       0x1p-1074,
                       0x1p-1022,
                       0x1p-53,
                       0x1p-26,
                       0.25,
                       0.34657359027997264,
                       0.5,
                       0.70710678118654752,
                       0.78539816339744831,
                       1.0,
                       1.4142135623730951,
                       1.5,
                       2.0,
                       2.5,
                       3.5,
                       5.93,
                       6.0,
                       18.5,
                       19.06,
                       20.0,
                       36.7,
                       707.0,
                       708.39,
                       709.78271289338397,
                       710.0,
                       744.4,
                       745.13321910194111,
                       746.0,
                       0x1p51,
                       0x1p52,
                       0x1p53,
                       0x1p63,
                       0x1p64,
                       0x1p1023,
                       0x1.fffffffffffffp1023,
                       infinity,
                       6381956970095103 * 0x1p797}) {  // the hardest of all arguments to reduce (Muller)
    const uint64_t middle = std::bit_cast<uint64_t>(point);
    for (uint64_t sign : {uint64_t{0}, uint64_t{1} << 63})
      for (uint64_t i = 0; i < 200; ++i) evaluator.add(std::bit_cast<double>((middle - 100 + i) ^ sign));
  }
}

Greatest<double> greatest_error(Intrinsic op, int lanes, const Target& target, int count) {
  Compiled compiled(op, kFloat64.with_lanes(lanes), target);
  Greatest<double> greatest;
  {
    Evaluator<double> evaluator(
        compiled, lanes, [&](double x, double y, double found) { greatest.see(x, y, found, exact(op, x)); });
    see_arguments(evaluator, count);
  }
  return greatest;
}

TEST(MathFloat64, IsAsAccurateAsStated) {
  for (Intrinsic op : kUnary) {
    const Greatest<double> greatest = greatest_error(op, 8, this_machine(), try_all() ? 10000000 : 100000);
    fmt::print("float64  {:8} {}\n", info(op).text, greatest.text());
    EXPECT_LE(greatest.error, stated(info(op).text, 1)) << info(op).text;
  }
}

TEST(MathFloat64, IsAsAccurateWithoutFusedOperations) {
  for (Intrinsic op : kUnary) {
    const Greatest<double> greatest =
        greatest_error(op, 2, this_machine_without_fma(), try_all() ? 10000000 : 30000);
    fmt::print("float64  {:8} {} (no FMA)\n", info(op).text, greatest.text());
    EXPECT_LE(greatest.error, stated(info(op).text, 1)) << info(op).text;
  }
}

TEST(MathFloat64, IsTheSameForAnyNumberOfLanes) {
  for (Intrinsic op : kUnary) {
    for (int lanes : {1, 4, 7, 16}) {
      const Greatest<double> greatest = greatest_error(op, lanes, this_machine(), 1000);
      EXPECT_LE(greatest.error, stated(info(op).text, 1)) << info(op).text << " of " << lanes << " lanes";
    }
  }
}

}  // namespace
}  // namespace tw::codegen::math_test
