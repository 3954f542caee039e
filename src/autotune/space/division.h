// Division of sizes, rounded up.
#pragma once

#include <cstdint>

namespace tw::autotune {

/// The quotient of sizes, rounded up.
inline int64_t ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

/// The least multiple of b from a on.
inline int64_t round_up(int64_t a, int64_t b) {
  return ceil_div(a, b) * b;
}

}  // namespace tw::autotune
