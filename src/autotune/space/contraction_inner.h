// Sums of products along rows of both operands, which lie together in memory: products of a matrix and a
// vector, and of few rows or columns.
//
//   for i, j, k: Y[i, j] += A[i, k] * B[j, k]
//   =>
//   tiles of i, j                                           shared out
//     for k in vectors: S[2, 4, 16] += A[2, 16] * B[4, 16]    a load for each row of either, no broadcasts
//     Y[2, 4] = the lanes of S added up, with what follows elementwise
//
// Nothing is copied, and each element is loaded as often as tiles need its row. Where there are many rows and
// columns, broadcasts of packed panels (contraction_nest.h) take less.
#pragma once

#include <optional>

#include "autotune/space/contraction_plan.h"

namespace tw::autotune {

struct InnerPlan {
  int64_t rows = 1, columns = 1;   // of a tile
  int64_t vectors = 1, lanes = 1;  // of partial sums of each result
  int64_t parts = 1;               // of the steps, which are added in the end
  bool threads = false;            // tiles, or parts of the steps, are shared out
  int64_t width() const { return vectors * lanes; }
};

/// Nothing where steps do not lie together, the shape is none of those, or it is chosen to do without.
std::optional<InnerPlan> choose_inner(const ContractionShape& shape, Choices& choose,
                                      const std::string& prefix);

/// As apply_plan. Gives whether the consumer is computed with it.
bool apply_inner(Script& s, const ContractionShape& shape, const InnerPlan& plan,
                 const std::string& consumer);

}  // namespace tw::autotune
