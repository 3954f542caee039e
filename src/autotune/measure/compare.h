// Results against a reference, element by element.
#pragma once

#include <optional>
#include <string>

#include "autotune/measure/reference.h"
#include "runtime/core/function.h"

namespace tw::autotune {

/// An element as a number; integers of 64 bits are rounded.
double element_as_double(const void* data, int32_t dtype, int64_t index);

struct Difference {
  int64_t index = -1;  // of the first element that is too far off; -1: there is none
  double worst = 0;    // the largest error as a share of the tolerance, of those before
};
/// Both have the same shape; `reference` is float64 or of the same type. Elements before `begin` are left
/// out.
Difference first_difference(const tw_tensor& got, const tw_tensor& reference, const Tolerance& tolerance,
                            int64_t begin = 0);

/// "C[3, 17]" for the element at a position in row-major order.
std::string element_name(const std::string& array, const tw_tensor& tensor, int64_t index);

}  // namespace tw::autotune
