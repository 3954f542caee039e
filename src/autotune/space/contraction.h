// Sums of products: matrix products of any layout and batch, convolutions, with what is elementwise around
// them.
//
//   P[n, y, x, c] = inside ? X[n, y - 1, x - 1, c] : 0          a pass of its own, or conditions in the sum
//   S[n, y, x, o] += P[n, y + ky, x + kx, c] * W[ky, kx, c, o]  register tiles, blocks, panels
//   (contraction_nest.h) Y[n, y, x, o] = max(S[n, y, x, o] + bias[o], 0)             as the sums leave the
//   registers, or a pass
//
// What an axis is follows from the operands that have it (facts.h), so B and A may be transposed, rows may be
// several axes, and operands may be read through windows.
#pragma once

#include "autotune/space/facts.h"
#include "autotune/space/script.h"
#include "autotune/space/sketch.h"

namespace tw::autotune {

/// Schedules one sum of products, which stands in a nest of its own of a larger program, with threads and
/// all. `consumer` (empty: none) names a block that takes each result once, elementwise. True: it was
/// computed as the sums leave the registers; else it still stands in its nest. Names of holes begin with
/// `prefix`.
bool schedule_contraction(Script& s, const Workload& workload, const BlockFacts& facts, Choices& choose,
                          const std::string& prefix, const std::string& consumer = "");

/// Whether `schedule_contraction` takes the block.
bool is_contraction(const BlockFacts& facts);

}  // namespace tw::autotune
