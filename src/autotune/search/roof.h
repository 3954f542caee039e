// How quick a kernel of a workload could be at most.
#pragma once

#include "autotune/space/sketch.h"

namespace tw::autotune {

/// What the expression asks for, and what this machine gives at most. Rates are a second, of all threads that
/// the target uses; 0 where the rate of its type was not measured, or the target is another machine.
struct Roofline {
  double operations = 0, bytes = 0;  // of a run: arithmetic; arguments, each once
  double peak = 0, bandwidth = 0;    // operations and bytes a second
  /// Whether a kernel can be expected to come near: memory binds it, or sums of products do. What else is
  /// computed is counted by guess.
  bool is_sharp = false;
  /// Seconds that no exact kernel can beat: arithmetic or memory, whichever takes longer. 0: unknown.
  double seconds() const;
};
Roofline roofline_of(const Workload& workload);

}  // namespace tw::autotune
