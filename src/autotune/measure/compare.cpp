#include "autotune/measure/compare.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/ranges.h>

#include "support/half.h"

namespace tw::autotune {
namespace {

template <class T>
T read(const void* data, int64_t index) {
  return static_cast<const T*>(data)[index];
}

/// Calls f with a function that reads elements of the type: integers as such, floats as double.
template <class F>
auto with_reader(int32_t dtype, F&& f) {
  switch (dtype) {
    case TW_BOOL:
    case TW_UINT8: return f([](const void* d, int64_t i) -> int64_t { return read<uint8_t>(d, i); });
    case TW_INT8: return f([](const void* d, int64_t i) -> int64_t { return read<int8_t>(d, i); });
    case TW_INT16: return f([](const void* d, int64_t i) -> int64_t { return read<int16_t>(d, i); });
    case TW_INT32: return f([](const void* d, int64_t i) -> int64_t { return read<int32_t>(d, i); });
    case TW_UINT16: return f([](const void* d, int64_t i) -> int64_t { return read<uint16_t>(d, i); });
    case TW_UINT32: return f([](const void* d, int64_t i) -> int64_t { return read<uint32_t>(d, i); });
    case TW_INT64:
    case TW_UINT64: return f([](const void* d, int64_t i) -> int64_t { return read<int64_t>(d, i); });
    case TW_FLOAT16:
      return f([](const void* d, int64_t i) { return Float16::to_double(read<uint16_t>(d, i)); });
    case TW_BFLOAT16:
      return f([](const void* d, int64_t i) { return BFloat16::to_double(read<uint16_t>(d, i)); });
    case TW_FLOAT32: return f([](const void* d, int64_t i) -> double { return read<float>(d, i); });
    default: return f([](const void* d, int64_t i) -> double { return read<double>(d, i); });
  }
}

int64_t elements_of(const tw_tensor& tensor) {
  int64_t elements = 1;
  for (int32_t d = 0; d < tensor.ndim; ++d) elements *= tensor.shape[d];
  return elements;
}

/// How far x is from r as a share of what is allowed.
double share(double x, double r, const Tolerance& tolerance) {
  if (x == r || (std::isnan(x) && std::isnan(r))) return 0;
  const double off = std::fabs(x - r);
  if (!std::isfinite(off)) return HUGE_VAL;
  return off / (tolerance.absolute + tolerance.relative * std::fabs(r));
}

double share(int64_t x, int64_t r, const Tolerance& tolerance) {
  if (x == r) return 0;
  const auto far = static_cast<uint64_t>(x) - static_cast<uint64_t>(r);
  const auto off = static_cast<double>(std::min(far, -far));
  return off <= tolerance.absolute ? off / tolerance.absolute : HUGE_VAL;
}

}  // namespace

double element_as_double(const void* data, int32_t dtype, int64_t index) {
  return with_reader(dtype, [&](auto reader) { return static_cast<double>(reader(data, index)); });
}

Difference first_difference(const tw_tensor& got, const tw_tensor& reference, const Tolerance& tolerance,
                            int64_t begin) {
  return with_reader(got.dtype, [&](auto reader) {
    using Number = decltype(reader(nullptr, 0));
    Difference difference;
    const int64_t elements = elements_of(got);
    for (int64_t i = begin; i < elements; ++i) {
      const Number r = reference.dtype == TW_FLOAT64 ? static_cast<Number>(read<double>(reference.data, i))
                                                     : reader(reference.data, i);
      const double off = share(reader(got.data, i), r, tolerance);
      if (off > 1) {
        difference.index = i;
        break;
      }
      difference.worst = std::max(difference.worst, off);
    }
    return difference;
  });
}

std::string element_name(const std::string& array, const tw_tensor& tensor, int64_t index) {
  std::vector<int64_t> subscripts(static_cast<std::size_t>(tensor.ndim));
  for (std::size_t d = subscripts.size(); d-- > 0;) {
    subscripts[d] = index % tensor.shape[d];
    index /= tensor.shape[d];
  }
  return fmt::format("{}[{}]", array, fmt::join(subscripts, ", "));
}

}  // namespace tw::autotune
