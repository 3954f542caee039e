// pow: the table of C's Annex F, a grid, and random patterns.
#include <bit>
#include <random>

#include <gtest/gtest.h>

#include "accuracy.h"

namespace tw::codegen::math_test {
namespace {

template <class T>
std::vector<T> special_values() {
  using limits = std::numeric_limits<T>;
  std::vector<T> values = {0,
                           T(0.5),
                           1,
                           T(1.5),
                           2,
                           3,
                           T(2.5),
                           10,
                           11,
                           T(0.1),
                           T(1) / 3,
                           100,
                           127,
                           128,
                           149,
                           150,
                           1023,
                           1024,
                           limits::min(),
                           limits::denorm_min(),
                           limits::max(),
                           limits::infinity(),
                           limits::epsilon(),
                           1 - limits::epsilon() / 2,
                           1 + limits::epsilon(),
                           T(1e9),
                           T(1e-9),
                           limits::quiet_NaN()};
  for (int digits : {-1, 0, 1}) {  // where odd, even and all numbers are integers
    const T power = std::ldexp(T{1}, limits::digits + digits);
    for (T value : {power - 1, power, power + 1, power / 2 - T(0.5), power / 2 + T(0.5)})
      values.push_back(value);
  }
  const size_t count = values.size();
  for (size_t i = 0; i < count; ++i) values.push_back(-values[i]);
  return values;
}

/// Calls add(x, y) for the pairs to try.
template <class T, class Add>
void each_pair(int count, Add add) {
  const std::vector<T> special = special_values<T>();
  for (T x : special)
    for (T y : special) add(x, y);
  for (int i = -60; i <= 60; ++i)
    for (int k = -60; k <= 60; ++k) add(static_cast<T>(i * 0.25), static_cast<T>(k * 0.5));
  std::mt19937_64 random(29);
  std::uniform_real_distribution<T> unit(0, 1), signs(-1, 1);
  const T greatest_log = std::numeric_limits<T>::max_exponent * T(1.1);
  for (int i = 0; i < count; ++i) {
    if constexpr (sizeof(T) == 4) {
      add(std::bit_cast<float>(static_cast<uint32_t>(random())),
          std::bit_cast<float>(static_cast<uint32_t>(random())));
    } else {
      add(std::bit_cast<double>(random()), std::bit_cast<double>(random()));
    }
    const T x = std::exp2(signs(random) * 10);
    add(x, signs(random) * greatest_log / std::max(std::fabs(std::log2(x)), T(0.01)));
    const T near = 1 + signs(random) * T(0.01);
    add(near, signs(random) * greatest_log / std::max(std::fabs(std::log2(near)), T(1e-6)));
    add(unit(random) * 100, signs(random) * 10);
    add(-std::floor(unit(random) * 100), std::floor(signs(random) * 20));
    const T tiny = std::numeric_limits<T>::min() * unit(random);
    add(tiny, signs(random));
  }
}

template <class T, class Exact>
Greatest<T> greatest_error(int lanes, const Target& target, int count) {
  Compiled compiled(Intrinsic::kPow, (sizeof(T) == 4 ? kFloat32 : kFloat64).with_lanes(lanes), target);
  Greatest<T> greatest;
  {
    Evaluator<T> evaluator(compiled, lanes, [&](T x, T y, T found) {
      greatest.see(x, y, found, std::pow(static_cast<Exact>(x), static_cast<Exact>(y)));
    });
    each_pair<T>(count, [&](T x, T y) { evaluator.add(x, y); });
  }
  return greatest;
}

TEST(MathPow, OfFloat32IsAsAccurateAsStated) {
  const int count = try_all() ? 100000000 : 300000;
  for (int lanes : {16, 1, 7}) {
    const auto greatest = greatest_error<float, double>(lanes, this_machine(), lanes == 16 ? count : 10000);
    if (lanes == 16) fmt::print("float32  pow      {}\n", greatest.text());
    EXPECT_LE(greatest.error, stated("pow", 0)) << lanes << " lanes";
  }
  const auto greatest = greatest_error<float, double>(4, this_machine_without_fma(), count / 10);
  fmt::print("float32  pow      {} (no FMA)\n", greatest.text());
  EXPECT_LE(greatest.error, stated("pow", 0));
}

TEST(MathPow, OfFloat64IsAsAccurateAsStated) {
  const int count = try_all() ? 10000000 : 100000;
  for (int lanes : {8, 1, 7}) {
    const auto greatest =
        greatest_error<double, long double>(lanes, this_machine(), lanes == 8 ? count : 5000);
    if (lanes == 8) fmt::print("float64  pow      {}\n", greatest.text());
    EXPECT_LE(greatest.error, stated("pow", 1)) << lanes << " lanes";
  }
  const auto greatest = greatest_error<double, long double>(2, this_machine_without_fma(), count / 5);
  fmt::print("float64  pow      {} (no FMA)\n", greatest.text());
  EXPECT_LE(greatest.error, stated("pow", 1));
}

}  // namespace
}  // namespace tw::codegen::math_test
