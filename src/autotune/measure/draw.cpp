#include "autotune/measure/draw.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "support/half.h"

namespace tw::autotune {
namespace {

/// splitmix64: https://prng.di.unimi.it/splitmix64.c
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }

 private:
  uint64_t state_;
};

/// Quantiles of N(0, 1), between which values are interpolated: arrays have millions of elements, and a
/// logarithm for each would take seconds. Found by Newton's method on the distribution function.
class Normal {
 public:
  static constexpr int kBits = 12;

  Normal() {
    double x = -4;
    for (std::size_t i = 0; i < quantiles_.size(); ++i) {
      const double p = (static_cast<double>(i) + 0.5) / static_cast<double>(quantiles_.size());
      for (int step = 0; step < 20; ++step) {
        const double density = std::exp(-x * x / 2) / std::sqrt(2 * M_PI);
        const double off = std::erfc(-x / std::sqrt(2.0)) / 2 - p;
        if (std::fabs(off) < 1e-14) break;
        x -= std::clamp(off / density, -0.5, 0.5);
      }
      quantiles_[i] = x;
    }
  }
  double operator()(uint32_t bits) const {
    const std::size_t at = bits >> (32 - kBits);
    const double part = static_cast<double>(bits & ((1u << (32 - kBits)) - 1)) / (1u << (32 - kBits));
    return at + 1 < quantiles_.size() ? quantiles_[at] + part * (quantiles_[at + 1] - quantiles_[at])
                                      : quantiles_[at];
  }

 private:
  std::array<double, std::size_t{1} << kBits> quantiles_;
};

int64_t elements_of(const tw_tensor& tensor) {
  int64_t elements = 1;
  for (int d = 0; d < tensor.ndim; ++d) elements *= tensor.shape[d];
  return elements;
}

/// Calls f for a floating type with how its elements become numbers, and numbers its elements. Gives whether
/// it is one.
template <class F>
bool with_float(const tw_tensor& tensor, F&& f) {
  const auto same = [](auto x) { return x; };
  switch (tensor.dtype) {
    case TW_FLOAT16: f(static_cast<uint16_t*>(tensor.data), Float16::to_double, Float16::from_double); break;
    case TW_BFLOAT16:
      f(static_cast<uint16_t*>(tensor.data), BFloat16::to_double, BFloat16::from_double);
      break;
    case TW_FLOAT32:
      f(static_cast<float*>(tensor.data), same, [](double x) { return static_cast<float>(x); });
      break;
    case TW_FLOAT64: f(static_cast<double*>(tensor.data), same, same); break;
    default: return false;
  }
  return true;
}

/// The least and the greatest integer that is drawn.
template <class T>
std::pair<T, T> range_of(Draw what, int64_t limit) {
  constexpr int64_t kFar = 1000;
  using Limits = std::numeric_limits<T>;
  constexpr bool kSmall = sizeof(T) == 1;
  const auto most = [](int64_t x) {
    return static_cast<uint64_t>(x) > static_cast<uint64_t>(Limits::max()) ? Limits::max()
                                                                           : static_cast<T>(x);
  };
  if (limit >= 0) return {T{0}, most(std::max<int64_t>(limit - 1, 0))};
  if (kSmall || what != Draw::kNormal) return {Limits::min(), Limits::max()};
  return {std::is_signed_v<T> ? static_cast<T>(-kFar) : T{0}, most(kFar)};
}

template <class T>
void draw_integers(const tw_tensor& tensor, Draw what, Random& random, int64_t limit) {
  const auto [low, high] = range_of<T>(what, limit);
  const T ends[] = {low, high, std::clamp<T>(0, low, high), std::clamp<T>(1, low, high),
                    std::clamp<T>(static_cast<T>(-1), low, high)};
  const uint64_t count = static_cast<uint64_t>(high) - static_cast<uint64_t>(low) + 1;  // 0: all of 64 bits
  T* const data = static_cast<T*>(tensor.data);
  const auto elements = static_cast<uint64_t>(elements_of(tensor));
  for (uint64_t i = 0; i < elements; ++i) {
    const uint64_t bits = random.next();
    data[i] = static_cast<T>(static_cast<uint64_t>(low) + (count == 0 ? bits : bits % count));
    if (what != Draw::kNormal && bits >> 61 == 0) data[i] = ends[random.next() % std::size(ends)];
  }
  if (what == Draw::kNormal || elements < 2) return;
  const uint64_t at = random.next() % elements;
  data[at] = low;
  data[(at + 1 + random.next() % (elements - 1)) % elements] = high;
}

/// A quarter between -2 and 2.
double quarter(uint64_t bits) {
  return (static_cast<double>(bits % 17) - 8) / 4;
}

double edge(uint64_t bits) {
  const double sign = bits & 1 ? 1 : -1;
  const uint64_t kind = bits >> 1 & 31;
  return kind == 0 ? 8 * sign : kind == 1 ? 100 * sign : quarter(bits >> 8);
}

template <class T, class F>
void draw_edges(const tw_tensor& tensor, T* data, Random& random, F&& from_double) {
  constexpr int64_t kPeriod = 8;  // of rows that are a single number: below 0, 0, then any
  const int64_t elements = elements_of(tensor);
  if (elements == 0) return;
  const int64_t row = tensor.ndim > 1 ? tensor.shape[tensor.ndim - 1] : elements, rows = elements / row;
  const auto phase = static_cast<int64_t>(random.next() % static_cast<uint64_t>(std::min(kPeriod, rows)));
  for (int64_t r = 0; r < rows; ++r) {
    const bool is_equal = rows > 1 && r % kPeriod == phase;
    const double same = r / kPeriod == 0 ? -0.5 : r / kPeriod == 1 ? 0 : quarter(random.next());
    for (int64_t i = r * row; i < (r + 1) * row; ++i)
      data[i] = static_cast<T>(from_double(is_equal ? same : edge(random.next())));
  }
}

template <class T, class F>
void add_non_finite(const tw_tensor& tensor, T* data, Random& random, F&& from_double) {
  const auto elements = static_cast<uint64_t>(elements_of(tensor));
  if (elements < 32) return;
  const double infinity = std::numeric_limits<double>::infinity();
  data[random.next() % elements] = static_cast<T>(from_double(random.next() >> 63 ? infinity : -infinity));
  data[random.next() % elements] = static_cast<T>(from_double(std::nan("")));
}

template <class T, class F>
void draw_floats(const tw_tensor& tensor, T* data, Draw what, Random& random, F&& from_double) {
  static const Normal normal;
  if (what == Draw::kNormal) {
    const int64_t elements = elements_of(tensor);
    for (int64_t i = 0; i < elements; ++i)
      data[i] = static_cast<T>(from_double(normal(static_cast<uint32_t>(random.next() >> 32))));
    return;
  }
  draw_edges(tensor, data, random, from_double);
  if (what == Draw::kNonFinite) add_non_finite(tensor, data, random, from_double);
}

}  // namespace

void draw(const tw_tensor& tensor, Draw what, uint64_t seed, int64_t limit) {
  Random random(seed);
  if (with_float(tensor, [&](auto* data, auto&&, auto&& from_double) {
        draw_floats(tensor, data, what, random, from_double);
      }))
    return;
  switch (tensor.dtype) {
    case TW_BOOL: {
      const int64_t elements = elements_of(tensor);
      for (int64_t i = 0; i < elements; ++i)
        static_cast<uint8_t*>(tensor.data)[i] = static_cast<uint8_t>(random.next() >> 63);
      return;
    }
    case TW_INT8: return draw_integers<int8_t>(tensor, what, random, limit);
    case TW_INT16: return draw_integers<int16_t>(tensor, what, random, limit);
    case TW_INT32: return draw_integers<int32_t>(tensor, what, random, limit);
    case TW_INT64: return draw_integers<int64_t>(tensor, what, random, limit);
    case TW_UINT8: return draw_integers<uint8_t>(tensor, what, random, limit);
    case TW_UINT16: return draw_integers<uint16_t>(tensor, what, random, limit);
    case TW_UINT32: return draw_integers<uint32_t>(tensor, what, random, limit);
    case TW_UINT64: return draw_integers<uint64_t>(tensor, what, random, limit);
    default: return;
  }
}

void nudge(const tw_tensor& tensor, uint64_t seed) {
  Random random(seed);
  // In halves the least step is a unit in the last place.
  const double step = tensor.dtype == TW_FLOAT64   ? 0x1p-51
                      : tensor.dtype == TW_FLOAT32 ? 0x1p-22
                      : tensor.dtype == TW_FLOAT16 ? 0x1p-10
                                                   : 0x1p-7;
  const int64_t elements = elements_of(tensor);
  with_float(tensor, [&](auto* data, auto&& to_double, auto&& from_double) {
    for (int64_t i = 0; i < elements; ++i) {
      const double x = to_double(data[i]), moved = x * (random.next() >> 63 ? 1 + step : 1 - step);
      if (std::isfinite(x)) data[i] = static_cast<std::decay_t<decltype(*data)>>(from_double(moved));
    }
  });
}

}  // namespace tw::autotune
