#include "autotune/measure/draw.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <type_traits>

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

template <class T, class F>
void fill(const tw_tensor& tensor, F&& element) {
  int64_t elements = 1;
  for (int d = 0; d < tensor.ndim; ++d) elements *= tensor.shape[d];
  T* const data = static_cast<T*>(tensor.data);
  for (int64_t i = 0; i < elements; ++i) data[i] = element();
}

template <class T>
void fill_integers(const tw_tensor& tensor, Random& random, int64_t limit) {
  constexpr int64_t kFar = 1000;
  using Limits = std::numeric_limits<T>;
  constexpr bool kSmall = sizeof(T) == 1;
  const int64_t low = limit >= 0 ? 0 : kSmall ? Limits::min() : std::is_signed_v<T> ? -kFar : 0;
  const int64_t most = limit >= 0 ? std::max<int64_t>(limit - 1, 0) : kSmall ? Limits::max() : kFar;
  const int64_t high = kSmall ? std::min<int64_t>(most, Limits::max()) : most;
  const auto count = static_cast<uint64_t>(high - low + 1);
  fill<T>(tensor, [&] { return static_cast<T>(low + static_cast<int64_t>(random.next() % count)); });
}

}  // namespace

void draw(const tw_tensor& tensor, uint64_t seed, int64_t limit) {
  static const Normal normal;
  Random random(seed);
  const auto number = [&] { return normal(static_cast<uint32_t>(random.next() >> 32)); };
  switch (tensor.dtype) {
    case TW_BOOL: return fill<uint8_t>(tensor, [&] { return static_cast<uint8_t>(random.next() >> 63); });
    case TW_INT8: return fill_integers<int8_t>(tensor, random, limit);
    case TW_INT16: return fill_integers<int16_t>(tensor, random, limit);
    case TW_INT32: return fill_integers<int32_t>(tensor, random, limit);
    case TW_INT64: return fill_integers<int64_t>(tensor, random, limit);
    case TW_UINT8: return fill_integers<uint8_t>(tensor, random, limit);
    case TW_UINT16: return fill_integers<uint16_t>(tensor, random, limit);
    case TW_UINT32: return fill_integers<uint32_t>(tensor, random, limit);
    case TW_UINT64: return fill_integers<uint64_t>(tensor, random, limit);
    case TW_FLOAT16: return fill<uint16_t>(tensor, [&] { return Float16::from_double(number()); });
    case TW_BFLOAT16: return fill<uint16_t>(tensor, [&] { return BFloat16::from_double(number()); });
    case TW_FLOAT32: return fill<float>(tensor, [&] { return static_cast<float>(number()); });
    case TW_FLOAT64: return fill<double>(tensor, number);
    default: return;
  }
}

}  // namespace tw::autotune
