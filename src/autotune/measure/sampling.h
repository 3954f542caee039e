// Timing of candidates beside each other.
#pragma once

#include <functional>
#include <vector>

#include "autotune/measure/kernel.h"
#include "runtime/rotation.h"

namespace tw::autotune {

/// A point as a worker runs it: a call for each of the task's sizes, and where its constants rotate, the
/// copies.
struct Subject {
  std::vector<BoundCall> calls;
  std::vector<std::shared_ptr<const runtime::Rotation>> rotations;  // as many as calls, or none: "hot"
  Measured result;
};

struct SamplingOptions {
  MeasureOptions measure;
  double run_seconds = 10;  // the limit of one run
};

/// A run that reads what it writes begins from the same values each time: they are copied before it, outside
/// of the time that counts, and each run is timed by itself. So the clock's own tens of nanoseconds are in
/// its time, and the data lie in the caches of the thread that copied them.
///
/// Runs every trial once, so that those which fail or are far too slow are found before time is spent on
/// them, then takes samples in turns. `at` hears whose turn it is. Subjects that have a status already are
/// left out. Gives the seconds that kernels ran.
double take_turns(std::vector<Subject>& trials, const SamplingOptions& options,
                  const std::function<void(std::size_t)>& at);

}  // namespace tw::autotune
