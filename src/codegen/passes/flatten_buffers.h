// Buffers as rows of elements:
//
//   C: out float32[n, 64] … C[i, j]     =>     C: out float32[n * 64] … C[i * 64 + j]
#pragma once

#include "ir/program.h"

namespace tw::codegen {

/// The program with buffers of one dimension and no strides. Sizes that callers showed by shapes become sizes
/// that they pass: the new parameters no longer show them. Fragments stay as they are. Operands of tensor
/// intrinsics, which lie without gaps (lower_tensor_calls.h), become runs of elements.
Program flatten_buffers(const Program& program);

}  // namespace tw::codegen
