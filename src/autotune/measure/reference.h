// What the results of a workload must be: its first program in float64, compiled without a schedule's steps,
// itself checked against the interpreter at sampled and boundary points.
#pragma once

#include <cstdint>
#include <vector>

#include "autotune/space/sketch.h"
#include "runtime/array.h"

namespace tw::autotune {

/// The same program with every floating type but those of the arguments widened to float64; outputs are
/// float64 too. Reductions accumulate in float64.
Program widened(const Program& program);

/// The program that computes only the points of an output (its position among the outputs) inside a box:
/// first element and extent of each dimension. What other blocks need not compute for it is left out.
Program restricted(const Program& program, int output, const std::vector<int64_t>& first,
                   const std::vector<int64_t>& extent);

/// How far an element may be from the reference, from the lengths of its reductions, its type, the declared
/// bounds of rewrites in the attribute "rewrites" of the candidate, and the typical size of results.
struct Tolerance {
  double relative = 0, absolute = 0;  // |x - r| <= absolute + relative * |r|
};
Tolerance tolerance_of(const Program& candidate, const Program& first, int output, double typical);

}  // namespace tw::autotune
