// Contents of arrays that are measured with: drawn from a seed, the same everywhere.
#pragma once

#include <cstdint>

#include "runtime/core/function.h"

namespace tw::autotune {

/// What is drawn.
enum class Draw : uint8_t {
  /// Floating elements from N(0, 1); truth values; integers of 8 bits from all of their type, others up to
  /// 1000 from 0.
  kNormal,
  /// What kernels that are right for most numbers are wrong for. Floating elements are quarters between -2
  /// and 2, which tie and are often 0, some of them 8 or 100 of either sign; an eighth of all rows are a
  /// single number. Sums of products of these are exact in float32 where no sum is long, so that its order
  /// changes nothing. Integers are from all of their type, both ends included, often 0, 1 or -1.
  kEdges,
  /// kEdges with a NaN and an infinity in each array of floats that has 32 elements.
  kNonFinite
};

/// `limit` at least 0: integers are subscripts, 0 <= x < limit (0 where there is none); at the edges the
/// first and the last are among them.
void draw(const tw_tensor& tensor, Draw what, uint64_t seed, int64_t limit = -1);

/// Moves the floating elements by some units in their last place, a fraction of 2^-22 at most where the type
/// has that many bits; those that are 0 or not finite stay.
void nudge(const tw_tensor& tensor, uint64_t seed);

}  // namespace tw::autotune
