// Allocations no larger than what is touched.
//
// compute_at and its kin leave a buffer its full shape where they move its allocation inwards: subscripts in
// blocks are over the blocks' axes, which know no loop to count from. Once blocks are lowered, subscripts are
// over loops, and this makes of
//
//   for io in 16:                                  for io in 16:
//     allocate T: float32[64]                        allocate T: float32[6]
//     for i in 6:                            =>      for i in 6:
//       T[io*4 + i] = …                                T[i] = …
//     for ii in 4:                                   for ii in 4:
//       D[io*4 + ii] = T[io*4 + ii + 2]                D[io*4 + ii] = T[ii + 2]
#pragma once

#include "ir/program.h"

namespace tw::codegen {

/// A program without blocks, with each allocated buffer cut to the box that is touched while it lives:
/// subscripts count from the start of the box, extents are free of loop variables where a bound of them is.
/// Dimensions whose box is not known, or as large as they are, stay; so do buffers that asynchronous copies
/// or prefetches use, buffers with a layout of their own, and those in which a tensor intrinsic would no
/// longer find the strides that it needs.
Program compact_allocations(const Program& program);

}  // namespace tw::codegen
