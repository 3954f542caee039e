// A program under a schedule, with what its text does not say at a glance.
//
//   program chain(n: shape in [0, 64], A: in float32[n, 8], B: out float32[n, 8]):
//     # A: global, n * 32 bytes
//     # B: global, n * 32 bytes
//     for i_0 in parallel((n + 3) // 4):  # parallel, (n + 3) // 4 turns
//       allocate T: local float32[4, 8]   # local, 128 bytes
//       for i_1 in unrolled(4):           # unrolled, 4 turns
#pragma once

#include <string>

#include "ir/program.h"

namespace tw::schedule {

/// The text of the program with comments: of each loop its kind, unless serial, and its number of turns; of
/// each buffer where it lies and how many bytes it takes. Sizes stand as formulas; what depends on parameters
/// is also given for their defaults. An allocation of which less is live at a time than it has elements says
/// how much that is: as much it takes once blocks are lowered.
std::string show_text(const Program& program);

}  // namespace tw::schedule
