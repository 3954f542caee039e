#include "autotune/measure/draw.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "support/half.h"

namespace tw::autotune {
namespace {

template <class T>
std::vector<T> drawn(int32_t dtype, std::vector<int64_t> shape, Draw what, int64_t limit = -1,
                     uint64_t seed = 7) {
  int64_t elements = 1;
  for (const int64_t extent : shape) elements *= extent;
  std::vector<T> data(static_cast<std::size_t>(elements));
  draw({data.data(), dtype, static_cast<int32_t>(shape.size()), shape.data(), nullptr}, what, seed, limit);
  return data;
}

template <class T>
bool holds(const std::vector<T>& data, T value) {
  return std::find(data.begin(), data.end(), value) != data.end();
}

TEST(Draw, TheSameSeedGivesTheSameNumbersAtAnySize) {
  const auto small = drawn<float>(TW_FLOAT32, {100}, Draw::kNormal),
             large = drawn<float>(TW_FLOAT32, {200}, Draw::kNormal);
  EXPECT_TRUE(std::equal(small.begin(), small.end(), large.begin()));
  EXPECT_NE(drawn<float>(TW_FLOAT32, {100}, Draw::kNormal, -1, 8), small);
}

TEST(Draw, NormalNumbersAreNormal) {
  double sum = 0, squares = 0;
  const auto data = drawn<float>(TW_FLOAT32, {100000}, Draw::kNormal);
  for (const float x : data) sum += x, squares += x * x;
  EXPECT_NEAR(sum / 1e5, 0, 0.02);
  EXPECT_NEAR(squares / 1e5, 1, 0.02);
}

TEST(Draw, EdgesHaveTiesZerosSignsLargeNumbersAndEqualRows) {
  const auto data = drawn<float>(TW_FLOAT32, {64, 50}, Draw::kEdges);
  for (const float x : {0.0f, -0.25f, 2.0f, -2.0f, 8.0f, -8.0f, 100.0f, -100.0f})
    EXPECT_TRUE(holds(data, x)) << x;
  EXPECT_LE(std::set<float>(data.begin(), data.end()).size(), 17u + 4u);
  int equal = 0;
  bool is_below_zero = false, is_zero = false;
  for (std::size_t row = 0; row < 64; ++row) {
    const float* begin = &data[row * 50];
    if (!std::all_of(begin, begin + 50, [&](float x) { return x == *begin; })) continue;
    ++equal;
    is_below_zero = is_below_zero || *begin < 0;
    is_zero = is_zero || *begin == 0;
  }
  EXPECT_EQ(equal, 8);
  EXPECT_TRUE(is_below_zero && is_zero);
  // Halves hold all of them.
  const auto halves = drawn<uint16_t>(TW_FLOAT16, {64, 50}, Draw::kEdges);
  for (std::size_t i = 0; i < data.size(); ++i) EXPECT_EQ(Float16::to_double(halves[i]), data[i]);
}

TEST(Draw, SmallArraysHaveAnEqualRowToo) {
  const auto data = drawn<double>(TW_FLOAT64, {2, 5}, Draw::kEdges);
  const auto is_equal = [&](std::size_t row) {
    return std::all_of(&data[row * 5], &data[row * 5] + 5, [&](double x) { return x == -0.5; });
  };
  EXPECT_NE(is_equal(0), is_equal(1));
}

TEST(Draw, NonFiniteNumbersAreFew) {
  for (const int64_t elements : {0, 1, 31, 32, 1000}) {
    const auto data = drawn<float>(TW_FLOAT32, {elements}, Draw::kNonFinite);
    const auto count = std::count_if(data.begin(), data.end(), [](float x) { return !std::isfinite(x); });
    if (elements < 32) {
      EXPECT_EQ(count, 0);
    } else {
      EXPECT_GE(count, 1);
      EXPECT_LE(count, 2);
      EXPECT_TRUE(std::any_of(data.begin(), data.end(), [](float x) { return std::isnan(x); }));
    }
  }
}

template <class T>
void expect_ends(int32_t dtype) {
  using Limits = std::numeric_limits<T>;
  const auto data = drawn<T>(dtype, {300}, Draw::kEdges);
  for (const T end : {Limits::min(), Limits::max(), T{0}, T{1}}) EXPECT_TRUE(holds(data, end)) << +end;
  EXPECT_GT(std::set<T>(data.begin(), data.end()).size(), 100u);
  for (const int64_t limit : {0, 1, 2, 100}) {
    const auto subscripts = drawn<T>(dtype, {300}, Draw::kEdges, limit);
    const T last = static_cast<T>(std::max<int64_t>(limit - 1, 0));
    EXPECT_TRUE(std::all_of(subscripts.begin(), subscripts.end(), [&](T x) { return x >= 0 && x <= last; }));
    EXPECT_TRUE(holds(subscripts, T{0}) && holds(subscripts, last)) << limit;
  }
}

TEST(Draw, IntegersReachBothEnds) {
  expect_ends<int8_t>(TW_INT8);
  expect_ends<int16_t>(TW_INT16);
  expect_ends<int32_t>(TW_INT32);
  expect_ends<int64_t>(TW_INT64);
  expect_ends<uint8_t>(TW_UINT8);
  expect_ends<uint16_t>(TW_UINT16);
  expect_ends<uint32_t>(TW_UINT32);
  expect_ends<uint64_t>(TW_UINT64);
  // Two elements are enough.
  const auto two = drawn<int64_t>(TW_INT64, {2}, Draw::kEdges, 9);
  EXPECT_TRUE(holds<int64_t>(two, 0) && holds<int64_t>(two, 8));
}

TEST(Draw, OrdinaryIntegersStaySmallEnoughToAddUp) {
  for (const int32_t x : drawn<int32_t>(TW_INT32, {5000}, Draw::kNormal)) EXPECT_LE(std::abs(x), 1000);
  for (const uint16_t x : drawn<uint16_t>(TW_UINT16, {5000}, Draw::kNormal)) EXPECT_LE(x, 1000);
}

TEST(Nudge, MovesLastBitsOnly) {
  auto data = drawn<float>(TW_FLOAT32, {500}, Draw::kNonFinite);
  const auto before = data;
  const int64_t shape[] = {500};
  nudge({data.data(), TW_FLOAT32, 1, shape, nullptr}, 3);
  int moved = 0;
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (before[i] == 0 || !std::isfinite(before[i])) {
      EXPECT_TRUE(data[i] == before[i] || std::isnan(before[i]));
      continue;
    }
    EXPECT_NE(data[i], before[i]);
    EXPECT_LE(std::fabs(data[i] / before[i] - 1), 0x1p-21);
    ++moved;
  }
  EXPECT_GT(moved, 300);
  std::vector<uint16_t> half = {BFloat16::from_double(1.5), BFloat16::from_double(0)};
  const int64_t two[] = {2};
  nudge({half.data(), TW_BFLOAT16, 1, two, nullptr}, 3);
  EXPECT_NE(BFloat16::to_double(half[0]), 1.5);
  EXPECT_EQ(BFloat16::to_double(half[1]), 0);
}

}  // namespace
}  // namespace tw::autotune
