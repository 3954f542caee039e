// Products of bfloat16 and of bytes by dot products in every lane of a register: C[16] += A[d] . B[16, d],
// with d elements in 32 bits.
//
//   B in panels   [columns / width][k / d][width][d]     a load for each vector
//   A             as it stands; d elements lie together  a broadcast of 32 bits for each row
//   sums          rows by vectors, in registers          what follows elementwise takes them when complete
//
// Copies are padded with zeros, so that all steps are whole: B always, A where its rows are no whole blocks
// of steps. Where k is large, sums over blocks of it are added up in memory.
#pragma once

#include <optional>

#include "autotune/space/contraction_plan.h"

namespace tw::autotune {

/// An intrinsic: `depth` products of elements in each of `lanes`.
struct Dot {
  std::string name;
  int64_t lanes = 1, depth = 1;
};

struct DotPlan {
  Dot dot;
  int64_t rows = 1, vectors = 1, kc = 1;
  schedule::Value mc, nc;
  Sharing sharing = Sharing::kNothing;
  int64_t width() const { return vectors * dot.lanes; }
};

/// Nothing where the machine has no such instruction for these types, the shape is no plain product of
/// matrices, or it is chosen to do without.
std::optional<DotPlan> choose_dot(const ContractionShape& shape, Choices& choose, const std::string& prefix);

/// As apply_plan; the consumer is always computed with it. Gives whether there was one.
bool apply_dot(Script& s, const ContractionShape& shape, const DotPlan& plan, const std::string& consumer);

}  // namespace tw::autotune
