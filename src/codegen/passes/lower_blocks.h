// Blocks as the statements that they stand for:
//
//   for i in 4:                                            for i in 4:
//     for k in 8:                                            for k in 8:
//       block C(vi = i, vk = k) where i < n:          =>       if i < n:
//         init: C[vi] = 0                                        if k == 0:
//         C[vi] = C[vi] + A[vi, vk]                                C[i] = 0
//                                                                C[i] = C[i] + A[i, k]
#pragma once

#include "ir/program.h"

namespace tw::codegen {

/// The note of a loop, pragma(loop, "streaming_stores", 1), whose stores are to pass the caches by. The loop
/// is lowered into an Attr statement of that key, which outlives the loop where that is written out.
inline constexpr const char* kStreamingStores = "streaming_stores";

/// The program without blocks. A reduction starts in the instance whose reduction axes are all 0, or where
/// they begin in the life of the buffer that it goes to, which is the first to run: bindings that are no sums
/// of digits of loops with factors of at least 0 are an unsupported error that names the block
/// (decompose_reduction gives such a block an init of its own).
Program lower_blocks(const Program& program);

}  // namespace tw::codegen
