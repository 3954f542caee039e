#include "runtime/timing.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace tw::runtime {
namespace {

/// Runs in batches, with the number of the turn carried on.
class Clock {
 public:
  explicit Clock(const std::function<int32_t(int64_t)>& run) : run_(run) {}

  /// Seconds of a batch. After a run that failed nothing runs.
  double batch(int64_t runs) {
    const auto begin = std::chrono::steady_clock::now();
    for (int64_t i = 0; i < runs && status_ == 0; ++i) status_ = run_(turn_++);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }

  int32_t status() const { return status_; }

 private:
  const std::function<int32_t(int64_t)>& run_;
  int64_t turn_ = 0;
  int32_t status_ = 0;
};

/// Runs a sample, so that one takes `shortest` seconds at least. The runs made to find it warm up the rest.
int64_t batch_size(Clock& clock, double shortest) {
  clock.batch(1);
  int64_t runs = 1;
  for (;;) {
    const double seconds = clock.batch(runs);
    if (clock.status() != 0 || seconds >= shortest || runs >= int64_t{1} << 24) return runs;
    const double factor = seconds > 0 ? 1.2 * shortest / seconds : 8;
    runs = static_cast<int64_t>(std::ceil(static_cast<double>(runs) * std::clamp(factor, 1.5, 8.0)));
  }
}

}  // namespace

Samples take_samples(const std::function<int32_t(int64_t turn)>& run, const TimingOptions& options) {
  Clock clock(run);
  Samples samples;
  samples.batch = batch_size(clock, options.shortest);
  double total = 0;
  while (clock.status() == 0 && static_cast<int>(samples.seconds.size()) < options.max_samples) {
    const bool enough = static_cast<int>(samples.seconds.size()) >= options.min_samples;
    if (!samples.seconds.empty() && (enough ? total >= options.seconds : total >= 10 * options.seconds))
      break;
    const double seconds = clock.batch(samples.batch);
    total += seconds;
    samples.seconds.push_back(seconds / static_cast<double>(samples.batch));
  }
  samples.status = clock.status();
  return samples;
}

}  // namespace tw::runtime
