// What the results of a workload must be: its first program in float64, compiled without a schedule's steps
// but for the order of its loops, itself checked against the interpreter at sampled and boundary points.
#pragma once

#include <cstdint>
#include <vector>

#include "autotune/space/sketch.h"

namespace tw::autotune {

/// The same program with every floating type but those of the inputs widened to float64; outputs, and arrays
/// that are read and written, are float64 too. Reductions accumulate in float64.
Program widened(const Program& program);

/// A first program with its loops in an order that runs in seconds where the plain one takes minutes: small
/// tiles, vectors, threads. A nest that these steps do not fit stays as it is.
Program arranged(const Program& program);

/// The program that computes only the points of an output (its position among the outputs) inside a box:
/// first element and extent of each dimension. What other blocks need not compute for it is left out. Other
/// points of the outputs are not written. Where a program has symbolic sizes, `sizes` gives them.
Program restricted(const Program& program, int output, const std::vector<int64_t>& first,
                   const std::vector<int64_t>& extent, const Values& sizes = {});

/// Statement instances that a program runs, of those whose loops have constant extents.
double instances_of(const Program& program);

/// Whether a run writes the parameter. Positions among the outputs count these.
inline bool is_output(const Param& param) {
  return param.param_kind == ParamKind::kOutput || param.param_kind == ParamKind::kInOut;
}

/// How far an element may be from the reference, from the lengths of its reductions, its type, the declared
/// bounds of rewrites in the attribute "rewrites" of the candidate, and the typical size of results.
struct Tolerance {
  double relative = 0, absolute = 0;  // |x - r| <= absolute + relative * |r|
};
Tolerance tolerance_of(const Program& candidate, const Program& first, int output, double typical);

}  // namespace tw::autotune
