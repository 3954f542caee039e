// Unrolled loops as their turns one after the other:
//
//   for u in unrolled(2): A[u] = x     =>     A[0] = x
//                                             A[1] = x
#pragma once

#include "ir/program.h"

namespace tw::codegen {

/// The program without unrolled loops. Errors: one whose number of turns is no constant (a value error that
/// names it).
Program unroll_loops(const Program& program);

}  // namespace tw::codegen
