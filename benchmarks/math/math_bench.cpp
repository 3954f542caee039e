// Nanoseconds an element of every mathematical function on 4096 values in the first cache, beside libm's.
//
// Columns: float32 in vectors of 16, 8 and 4 lanes, libm's loop over the same values, the ratio, and the same
// of float64.
#include <chrono>
#include <cmath>
#include <random>
#include <vector>

#include <fmt/format.h>

#include "codegen/math/compiled.h"

namespace tw::codegen::math_test {
namespace {

constexpr int64_t kCount = 4096;

/// The least time of a call among several runs, by element.
template <class Call>
double nanoseconds(Call call) {
  using Clock = std::chrono::steady_clock;
  double best = 1e30;
  for (int run = 0; run < 15; ++run) {
    const auto start = Clock::now();
    for (int i = 0; i < 20; ++i) call();
    best =
        std::min(best, std::chrono::duration<double, std::nano>(Clock::now() - start).count() / 20 / kCount);
  }
  return best;
}

template <class T>
std::vector<T> values(bool positive) {
  std::mt19937 random(1);
  std::uniform_real_distribution<T> any(positive ? T(0.01) : T(-8), T(8));
  std::vector<T> result(kCount);
  for (T& value : result) value = any(random);
  return result;
}

template <class T>
double ours(Intrinsic op, DType type) {
  const Compiled compiled(op, type, this_machine());
  const auto x = values<T>(op == Intrinsic::kPow || op == Intrinsic::kLog), y = values<T>(false);
  std::vector<T> out(kCount);
  return nanoseconds([&] { compiled.run(x.data(), y.data(), out.data(), kCount); });
}

template <class T, class Function>
double libm(bool positive, Function function) {
  const auto x = values<T>(positive), y = values<T>(false);
  std::vector<T> out(kCount);
  return nanoseconds([&] {
    for (int64_t i = 0; i < kCount; ++i) out[i] = function(x[i], y[i]);
    asm volatile("" : : "r"(out.data()) : "memory");
  });
}

template <class Function>
void row(Intrinsic op, Function function) {
  const bool positive = op == Intrinsic::kPow || op == Intrinsic::kLog;
  const double wide = ours<float>(op, kFloat32.with_lanes(16)), best_libm = libm<float>(positive, function);
  fmt::print("{:8} {:>9.3f} {:>9.3f} {:>9.3f} {:>9.3f} {:>7.1f}x {:>9.3f} {:>9.3f}\n", info(op).text, wide,
             ours<float>(op, kFloat32.with_lanes(8)), ours<float>(op, kFloat32.with_lanes(4)), best_libm,
             best_libm / wide, ours<double>(op, kFloat64.with_lanes(8)), libm<double>(positive, function));
}

void table() {
  using enum Intrinsic;
  fmt::print("{:8} {:>9} {:>9} {:>9} {:>9} {:>8} {:>9} {:>9}   (ns an element)\n", "", "float x16",
             "float x8", "float x4", "libm", "ratio", "double x8", "libm");
  row(kExp, [](auto x, auto) { return std::exp(x); });
  row(kTanh, [](auto x, auto) { return std::tanh(x); });
  row(kErf, [](auto x, auto) { return std::erf(x); });
  row(kSigmoid, [](auto x, auto) { return 1 / (1 + std::exp(-x)); });
  row(kLog, [](auto x, auto) { return std::log(x); });
  row(kRsqrt, [](auto x, auto) { return 1 / std::sqrt(x); });
  row(kSqrt, [](auto x, auto) { return std::sqrt(x); });
  row(kSin, [](auto x, auto) { return std::sin(x); });
  row(kCos, [](auto x, auto) { return std::cos(x); });
  row(kPow, [](auto x, auto y) { return std::pow(x, y); });
  row(kFloor, [](auto x, auto) { return std::floor(x); });
  row(kRound, [](auto x, auto) { return std::nearbyint(x); });
}

}  // namespace
}  // namespace tw::codegen::math_test

int main() {
  tw::codegen::math_test::table();
}
