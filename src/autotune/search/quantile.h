// What samples of a run's seconds say.
#pragma once

#include <algorithm>
#include <limits>
#include <vector>

namespace tw::autotune {

/// Where whatever else runs on the machine disturbs least: it only makes samples slower, often half of a
/// batch.
inline constexpr double kUndisturbed = 0.25;
inline constexpr double kMedian = 0.5;

/// Interpolated between samples; infinite for none.
inline double quantile_of(std::vector<double> samples, double quantile) {
  if (samples.empty()) return std::numeric_limits<double>::infinity();
  std::sort(samples.begin(), samples.end());
  const double place = quantile * static_cast<double>(samples.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const double above = samples[std::min(below + 1, samples.size() - 1)];
  return samples[below] + (place - static_cast<double>(below)) * (above - samples[below]);
}

}  // namespace tw::autotune
