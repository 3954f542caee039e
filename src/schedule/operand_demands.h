// What an intrinsic needs of the memory that its operands lie in: checked, or brought about where the program
// owns the buffer.
#pragma once

#include <utility>
#include <vector>

#include "schedule/tensor_match.h"

namespace tw::schedule {

/// Buffers to be exchanged for others that fit: aligned ones, and fragments in place of local memory. Refuses
/// strides, scopes, places and lane maps that do not fit, with what would mend them.
std::vector<std::pair<Buffer, Buffer>> meet_demands(const Step& step, const Intrinsic& intrinsic,
                                                    const BlockTile& tile,
                                                    const std::vector<MatchedOperand>& operands);

}  // namespace tw::schedule
