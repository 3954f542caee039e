// Conditions that are the same in all turns of loops that are written out or become vectors, before these:
//
//   for i in unrolled(14):                            if p == 0:
//     for j in vectorized(16):                          for i in unrolled(14):
//       if p == 0:                          =>            for j in vectorized(16):
//         C[i, j] = 0                                       C[i, j] = 0
//       C[i, j] = C[i, j] + T[i, j]                         C[i, j] = C[i, j] + T[i, j]
//                                                     else:
//                                                       for i in unrolled(14): …
//
// A code generator sees no loop there any more, and would test in every turn.
#pragma once

#include "ir/program.h"

namespace tw::codegen {

/// The program with comparisons of index values, in conditions of statements, moved out of nests of unrolled
/// and vectorised loops that do not change them. A nest is written at most three times.
Program hoist_conditions(const Program& program);

}  // namespace tw::codegen
