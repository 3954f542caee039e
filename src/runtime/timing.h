// How long something takes: repeated until enough time has passed, very short runs in batches.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace tw::runtime {

struct TimingOptions {
  double seconds = 0.2;  // samples are taken until they add up to this
  int min_samples = 5;   // but so many at least, if that takes no more than ten times as long,
  int max_samples = 10000;
  double shortest = 20e-6;  // seconds: shorter runs are timed in batches that take as long
};

/// Calls run(turn) with turn = 0, 1, … and gives the seconds of one run for each sample, in the order taken.
/// What comes before is not counted: the first run, and those that find out how long one takes. The code
/// that `run` is part of sees to caches: consecutive turns may use other memory. A run that gives something
/// other than 0 ends the timing at once.
struct Samples {
  std::vector<double> seconds;
  int64_t batch = 1;   // runs a sample
  int32_t status = 0;  // of the last run
};
Samples take_samples(const std::function<int32_t(int64_t turn)>& run, const TimingOptions& options = {});

}  // namespace tw::runtime
