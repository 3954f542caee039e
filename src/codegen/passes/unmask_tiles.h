// Register tiles without masks:
//
//   allocate T: float32[32]                                 allocate T: float32[32]
//     T[ramp(0, 1, 16) where m] = 0                           T[ramp(0, 1, 16)] = 0
//     for k in p:                                             for k in p:
//       T[ramp(0, 1, 16) where m] =               =>            T[ramp(0, 1, 16)] =
//           T[ramp(0, 1, 16) where m] + …                           T[ramp(0, 1, 16)] + …
//     C[ramp(j, 1, 16) where m] =                             C[ramp(j, 1, 16) where m] =
//         T[ramp(0, 1, 16) where m]                               T[ramp(0, 1, 16)]
//
// Lanes that the mask leaves out are lanes that nobody looks at: they may hold anything. Without masks the
// tile stays in registers; loads and stores through a mask would keep it in memory.
#pragma once

#include "ir/program.h"

namespace tw::codegen {

/// A flat program with masks left out where each access to an allocated buffer is at a constant position and
/// all accesses to one part of it have one mask, the same as long as the buffer lives. A buffer that ends
/// inside a vector grows to the end of it.
Program unmask_tiles(const Program& program);

}  // namespace tw::codegen
