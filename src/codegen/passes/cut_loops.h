// Full tiles without conditions.
//
// A loop whose body is short is cut where its conditions begin and cease to hold:
//
//   for jo in (n + 15) // 16:                        for jo in n // 16:
//     for ji in vectorized(16):                        for ji in vectorized(16):
//       if jo*16 + ji < n:                  =>           C[jo*16 + ji] = …
//         C[jo*16 + ji] = …                          for jo in (n + 15) // 16 - n // 16:
//                                                      for ji in vectorized(16):
//                                                        if (n // 16 + jo)*16 + ji < n:
//                                                          C[(n // 16 + jo)*16 + ji] = …
//
// In a long body, such as a register tile with its loop over the reduction, the part that holds conditions
// gets a full form beside the general one. All conditions are decided at once, those of loops further out
// too, so that code grows by one copy, however many dimensions have ragged ends:
//
//   for jr in (n + 31) // 32:                        for jr in (n + 31) // 32:
//     for ir in (m + 13) // 14:                        for ir in (m + 13) // 14:
//       for k in p:                                      if ir*14 + 13 < m && jr*32 + 31 < n:
//         for ii in unrolled(14):                          for k in p: …
//           for ji in vectorized(32):       =>           else:
//             if ir*14 + ii < m && …:                      for k in p:
//               …                                            … as it was
//
// A condition belongs to the innermost serial or parallel loop that it uses; loops inside of that (unrolled,
// vectorised) are taken at their worst. Short loops (the taps of a window) count as inside of a longer loop
// around them.
#pragma once

#include "ir/program.h"

namespace tw::codegen {

/// The program with serial loops cut into at most three parts, in the old order of turns, or their bodies
/// (and those of parallel loops, which stay one region) with a choice between two forms. Cutting a loop adds
/// at most kCheapCopy statements, as written out, or one copy of the body of an innermost loop whose first
/// turn differs; a choice adds one copy of what it stands around. The whole program grows to at most three
/// times its statements and a few hundred: inner loops come first. Conditions that read memory, or use a
/// value that a Let below the loop binds, stay.
Program cut_loops(const Program& program);

/// So many statements are copied where that saves a test in each turn.
inline constexpr int kCheapCopy = 24;

}  // namespace tw::codegen
