// Every function on float32: all patterns with TW_MATH_ALL=1, else a sample and the neighbourhoods of what is
// special.
#include <bit>
#include <random>

#include <gtest/gtest.h>

#include "accuracy.h"
#include "ir/scalar.h"

namespace tw::codegen::math_test {
namespace {

constexpr Intrinsic kUnary[] = {Intrinsic::kExp,  Intrinsic::kLog, Intrinsic::kSqrt,    Intrinsic::kRsqrt,
                                Intrinsic::kTanh, Intrinsic::kErf, Intrinsic::kSigmoid, Intrinsic::kSin,
                                Intrinsic::kCos,  Intrinsic::kAbs, Intrinsic::kFloor,   Intrinsic::kCeil,
                                Intrinsic::kRound};

/// The meaning in double, before it is rounded.
using Exact = double (*)(double);
template <Intrinsic op>
double exact_of(double x) {
  return scalar::intrinsic<op>(x);
}
Exact exact(Intrinsic op) {
  switch (op) {
#define TW_OP(Name, text, arity, integers) \
  case Intrinsic::k##Name: return exact_of<Intrinsic::k##Name>;
    TW_INTRINSICS(TW_OP)
#undef TW_OP
  }
  return nullptr;
}

/// Where functions change: bounds of ranges, multiples of pi/2, ends of the format.
std::vector<float> critical_points() {
  std::vector<float> points = {0.0f,
                               0x1p-149f,
                               0x1p-126f,
                               0x1p-24f,
                               0x1p-12f,
                               0.25f,
                               0.3465736f,
                               0.5f,
                               0.6666667f,
                               0.70710678f,
                               0.78539816f,
                               0.921875f,
                               1.0f,
                               1.0397208f,
                               1.3333334f,
                               1.4142135f,
                               1.5f,
                               2.0f,
                               2.5f,
                               3.5f,
                               3.93f,
                               9.01f,
                               9.02f,
                               16.0f,
                               17.3f,
                               87.33655f,
                               88.0f,
                               88.72284f,
                               89.0f,
                               102.0f,
                               103.27893f,
                               103.97208f,
                               104.0f,
                               0x1p22f,
                               0x1p23f,
                               0x1p24f,
                               0x1p31f,
                               0x1p32f,
                               0x1p63f,
                               0x1p64f,
                               0x1p127f,
                               0x1.fffffep127f,
                               std::numeric_limits<float>::infinity()};
  for (int i = 1; i < 200; ++i) points.push_back(static_cast<float>(i * 1.5707963267948966));
  for (int e = -20; e < 128; ++e) points.push_back(static_cast<float>(std::ldexp(1.5707963267948966, e)));
  return points;
}

void see_arguments(Evaluator<float>& evaluator, uint32_t stride) {
  if (stride == 1) {
    uint32_t pattern = 0;
    do evaluator.add(std::bit_cast<float>(pattern));
    while (++pattern != 0);
    return;
  }
  for (uint64_t pattern = 0; pattern < (uint64_t{1} << 32); pattern += stride)
    evaluator.add(std::bit_cast<float>(static_cast<uint32_t>(pattern)));
  for (float point : critical_points()) {
    const uint32_t middle = std::bit_cast<uint32_t>(point);
    for (uint32_t sign : {0u, 0x80000000u})
      for (uint32_t i = 0; i < 200; ++i) evaluator.add(std::bit_cast<float>((middle - 100 + i) ^ sign));
  }
  for (uint32_t pattern : {0x7fc00000u, 0xffc00000u, 0x7f800001u, 0xffffffffu})
    evaluator.add(std::bit_cast<float>(pattern));
}

Greatest<float> greatest_error(Intrinsic op, int lanes, const Target& target, uint32_t stride) {
  Compiled compiled(op, kFloat32.with_lanes(lanes), target);
  Greatest<float> greatest;
  const Exact of = exact(op);
  {
    Evaluator<float> evaluator(compiled, lanes,
                               [&](float x, float y, float found) { greatest.see(x, y, found, of(x)); });
    see_arguments(evaluator, stride);
  }
  return greatest;
}

TEST(MathFloat32, IsAsAccurateAsStated) {
  for (Intrinsic op : kUnary) {
    const Greatest<float> greatest = greatest_error(op, 16, this_machine(), try_all() ? 1 : 257);
    fmt::print("float32  {:8} {}\n", info(op).text, greatest.text());
    std::fflush(stdout);  // all patterns take minutes
    EXPECT_LE(greatest.error, stated(info(op).text, 0)) << info(op).text;
  }
}

TEST(MathFloat32, IsAsAccurateWithoutFusedOperations) {
  for (Intrinsic op : kUnary) {
    const Greatest<float> greatest = greatest_error(op, 4, this_machine_without_fma(), try_all() ? 1 : 1021);
    fmt::print("float32  {:8} {} (no FMA)\n", info(op).text, greatest.text());
    EXPECT_LE(greatest.error, stated(info(op).text, 0)) << info(op).text;
  }
}

TEST(MathFloat32, IsTheSameForAnyNumberOfLanes) {
  for (Intrinsic op : kUnary) {
    for (int lanes : {1, 4, 7, 8, 48}) {
      const Greatest<float> greatest = greatest_error(op, lanes, this_machine(), 65537);
      EXPECT_LE(greatest.error, stated(info(op).text, 0)) << info(op).text << " of " << lanes << " lanes";
    }
  }
}

TEST(MathFloat32, FastMathFlagsOfTheBuilderChangeNothing) {
  for (Intrinsic op : kUnary) {
    Compiled plain(op, kFloat32.with_lanes(16), this_machine()),
        fast(op, kFloat32.with_lanes(16), this_machine(), true);
    std::vector<float> x(4096), y(4096, 1.0f), a(4096), b(4096);
    std::mt19937 random(3);
    for (float& v : x) v = std::bit_cast<float>(static_cast<uint32_t>(random()));
    plain.run(x.data(), y.data(), a.data(), 4096);
    fast.run(x.data(), y.data(), b.data(), 4096);
    EXPECT_EQ(0, std::memcmp(a.data(), b.data(), a.size() * sizeof(float))) << info(op).text;
  }
}

TEST(MathFloat32, BoundedFunctionsStayWithinTheirBounds) {
  for (const auto& function : {std::pair{Intrinsic::kTanh, -1.0f},
                               {Intrinsic::kErf, -1.0f},
                               {Intrinsic::kSigmoid, 0.0f},
                               {Intrinsic::kSin, -1.0f},
                               {Intrinsic::kCos, -1.0f}}) {
    const Intrinsic op = function.first;
    const float low = function.second;
    for (const Target& target : {this_machine(), this_machine_without_fma()}) {
      Compiled compiled(op, kFloat32.with_lanes(8), target);
      int64_t outside = 0;
      float where = 0;
      {
        Evaluator<float> evaluator(compiled, 8, [&](float x, float, float found) {
          if (found < low || found > 1.0f) ++outside, where = x;
        });
        see_arguments(evaluator, 1021);
        for (uint32_t i = std::bit_cast<uint32_t>(3.0f); i < std::bit_cast<uint32_t>(9.5f); i += 3)
          evaluator.add(std::bit_cast<float>(i));
      }
      EXPECT_EQ(outside, 0) << info(op).text << " at " << where;
    }
  }
}

}  // namespace
}  // namespace tw::codegen::math_test
