// Errors in units of the last place, counted over many arguments.
#pragma once

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "compiled.h"

namespace tw::codegen::math_test {

/// Distance of `found` from the exact value, in units of the last place of T there. An infinity counts as the
/// power of two above the largest number. Infinite for NaN where there should be none, no NaN where there
/// should be one and zeros or results of the wrong sign.
template <class T, class Exact>
double ulps(T found, Exact exact) {
  const double wrong = std::numeric_limits<double>::infinity();
  if (std::isnan(exact) || std::isnan(found)) return std::isnan(exact) && std::isnan(found) ? 0 : wrong;
  if (std::signbit(found) != std::signbit(exact)) return wrong;
  if (std::isinf(exact)) return std::isinf(found) ? 0 : wrong;
  const Exact above = std::ldexp(Exact{1}, std::numeric_limits<T>::max_exponent);
  Exact value = std::isinf(found) ? std::copysign(above, exact) : Exact{found};
  if (std::fabs(exact) >= above) return std::isinf(found) ? 0 : wrong;
  const int least = std::numeric_limits<T>::min_exponent - std::numeric_limits<T>::digits;
  const int exponent =
      exact == 0 ? least : std::max(std::ilogb(exact) + 1 - std::numeric_limits<T>::digits, least);
  return static_cast<double>(std::fabs(std::ldexp(value - exact, -exponent)));
}

/// The greatest error seen and where.
template <class T>
struct Greatest {
  double error = 0;
  T x = 0, y = 0, found = 0;
  double expected = 0;
  int64_t count = 0;

  template <class Exact>
  void see(T at_x, T at_y, T result, Exact exact) {
    ++count;
    if (Exact{result} == exact && exact != 0) return;
    // A correctly rounded result need not be measured: at most half a unit.
    const bool rounded =
        static_cast<T>(exact) == result && std::fabs(result) <= std::numeric_limits<T>::max() && exact != 0;
    const double e = rounded ? 0.5 : ulps(result, exact);
    if (e > error) *this = {e, at_x, at_y, result, static_cast<double>(exact), count};
  }
  std::string text() const {
    return fmt::format("{:.3f} at ({:a}, {:a}): {:a} for {:a}; {} arguments", error, x, y, found, expected,
                       count);
  }
};

/// The accuracy that docs/math.md states, in units of the last place: column 0 is float32, 1 float64.
double stated(const std::string& function, int column);

/// Whether every float32 is to be tried: TW_MATH_ALL=1.
bool try_all();

/// Runs the compiled function on blocks of arguments; the last block is filled up.
template <class T>
class Evaluator {
 public:
  Evaluator(const Compiled& compiled, int lanes, std::function<void(T, T, T)> see)
      : compiled_(compiled), see_(std::move(see)), block_(lanes * (4096 / lanes)) {
    x_.reserve(block_), y_.reserve(block_);
    out_.resize(block_);
  }
  ~Evaluator() { flush(); }
  void add(T x, T y = 0) {
    x_.push_back(x), y_.push_back(y);
    if (x_.size() == block_) flush();
  }
  void flush() {
    const size_t used = x_.size();
    if (used == 0) return;
    x_.resize(block_, T{1}), y_.resize(block_, T{1});
    compiled_.run(x_.data(), y_.data(), out_.data(), static_cast<int64_t>(block_));
    for (size_t i = 0; i < used; ++i) see_(x_[i], y_[i], out_[i]);
    x_.clear(), y_.clear();
  }

 private:
  const Compiled& compiled_;
  std::function<void(T, T, T)> see_;
  size_t block_;
  std::vector<T> x_, y_, out_;
};

}  // namespace tw::codegen::math_test
