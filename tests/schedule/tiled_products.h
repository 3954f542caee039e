// Matrix products of several types, and their tiles, for tensor intrinsics.
#pragma once

#include "schedule/schedule.h"
#include "te/tensor.h"

namespace tw::schedule {

/// The tensor of rank 2 in another type.
te::Tensor converted(const te::Tensor& from, DType type, const std::string& name);

/// D = float32(C), C[i, j] = sum of c_type(A[i, k]) * c_type(B[k, j]), with A and B converted from float32 to
/// their types.
Program product(const te::Value& n, const te::Value& m, const te::Value& k, DType a_type, DType b_type,
                DType c_type);

/// Splits block "C" into tiles of m x n, the loops of the tile inside the step of k; gives the tile's
/// outermost loop.
Value tiled(Schedule& s, int64_t m, int64_t n);

}  // namespace tw::schedule
