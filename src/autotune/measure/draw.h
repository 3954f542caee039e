// Contents of arrays that are measured with: drawn from a seed, the same everywhere.
#pragma once

#include <cstdint>

#include "runtime/core/function.h"

namespace tw::autotune {

/// Floating elements from N(0, 1); truth values; integers of 8 bits from all of their type, others up to 1000
/// from 0. `limit` at least 0: integers are subscripts, 0 <= x < limit (0 where there is none).
void draw(const tw_tensor& tensor, uint64_t seed, int64_t limit = -1);

}  // namespace tw::autotune
