// Copies of what is read again and again in steps: neighbours for the lanes of vectors.
//
//   for i, j: … P[j, 0] … P[j, 1] … P[j, 2] …      =>      P_global = P transposed
//                                                          for i, j: … P_global[0, j] …
#pragma once

#include <string>

#include "autotune/space/general_nest.h"

namespace tw::autotune {

/// Gives the block copies of the buffers that no long loop of it runs along, and that are small beside what
/// is computed with them. Holes begin with `prefix`. Gives the blocks that copy.
std::vector<BlockRef> pack_reads(Script& s, const Workload& workload, BlockRef block,
                                 const std::string& prefix, Choices& choose);

/// Makes lanes neighbours in a local buffer that the nest of the view writes: those of its loop `vector`.
void neighbours_in_lanes(Script& s, const Workload& workload, const NestView& view, int vector);

}  // namespace tw::autotune
