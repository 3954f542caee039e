// Dot products of short vectors in every lane: C[i] += sum over k of A[k] * B[i, k], with A in all lanes.
#pragma once

#include <string>

#include "schedule/intrinsic.h"

namespace tw::schedule {

/// What a machine multiplies and adds up in each lane.
struct LaneDot {
  DType a, b, c;       // operands are converted to c before they are multiplied
  int64_t depth = 1;   // products a lane
  int64_t lanes = 16;  // 4, 8 or 16: registers of 128, 256 or 512 bits
};

/// The meaning, and operands without gaps: B lane by lane, the products of a lane beside each other.
Intrinsic lane_dot(const LaneDot& dot);

/// The LLVM intrinsic `name`(accumulators, A, B) over registers of these LLVM types.
Implementation lane_dot_instruction(const LaneDot& dot, const std::string& name,
                                    const std::string& accumulators, const std::string& products,
                                    std::vector<std::string> features);

/// Raises a value error that says which numbers of lanes there are.
void require_lanes(const std::string& name, int64_t lanes);

}  // namespace tw::schedule
