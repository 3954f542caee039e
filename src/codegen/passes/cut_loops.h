// Loops cut where their conditions begin and cease to hold:
//
//   for ir in (m + 13) // 14:                        for ir in m // 14:
//     for ii in unrolled(14):                          for ii in unrolled(14):
//       if ir*14 + ii < m:                  =>           C[ir*14 + ii] = …
//         C[ir*14 + ii] = …                          for ir in (m + 13) // 14 - m // 14:
//                                                      for ii in unrolled(14):
//                                                        if (m // 14 + ir)*14 + ii < m:
//                                                          C[(m // 14 + ir)*14 + ii] = …
//
// Full tiles run without conditions; what is left runs as it was. A condition belongs to the innermost serial
// or parallel loop that it uses; loops inside of that (unrolled, vectorised) are taken at their worst. Short
// loops (the taps of a window) count as inside of a longer loop around them.
#pragma once

#include "ir/program.h"

namespace tw::codegen {

/// The program with serial loops cut into at most three parts, in the old order of turns, and parallel ones
/// (which stay one region) with a choice between two bodies. Conditions that read memory, or use a value that
/// a Let below the loop binds, stay.
Program cut_loops(const Program& program);

}  // namespace tw::codegen
