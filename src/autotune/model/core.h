// Cycles that the processor itself takes: what runs in the innermost loops, were all data in the first cache.
#pragma once

#include <vector>

#include "autotune/model/nest.h"

namespace tw::autotune {

/// The statements of one innermost serial loop, and what one of its turns takes. Loops of one turn count as
/// written out.
struct InnerKernel {
  std::vector<std::size_t> statements;
  int loop = -1;          // the innermost serial or parallel loop; -1: none
  double turns = 1;       // in the whole run
  double entries = 1;     // how often the loop begins
  double threads = 1;     // that share its turns, imbalance considered
  double arithmetic = 0;  // instructions of a turn
  double divisions = 0;   // cycles
  double loads = 0, stores = 0, shuffles = 0;
  double accumulators = 0;  // vectors of running sums
  double live = 0;          // vectors that want a register at once
  double spills = 0;        // of those, what finds none
  double chain = 0;         // cycles that the longest running sum waits
  double lanes_used = 0;    // of a vector, by arithmetic
  double operations = 0;    // of a turn
  double code = 0;          // instructions of a turn as they are written out
  double cycles = 0;        // of a turn
};

std::vector<InnerKernel> kernels_of(const Nest& nest, const Machine& machine);

}  // namespace tw::autotune
