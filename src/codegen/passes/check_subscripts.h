// Subscripts that data decide, checked before they are used:
//
//                                          assert 0 <= index(at[p]) && index(at[p]) < 3,
//   S[index(at[p])] = 1.0       =>                "subscript 0 of S, which the data give, is outside of its
//   …"
//                                          S[index(at[p])] = 1.0
//
// All other subscripts are in range because the program is right; these are right only as far as the data
// are. A kernel stops before it reads or writes outside of a buffer.
#pragma once

#include "ir/program.h"

namespace tw::codegen {

/// A program without blocks, with an assertion before each statement that accesses a buffer at a subscript
/// which reads memory, or uses a value from memory that a Let binds, or a loop whose extent does; none where
/// the subscript is known to be in range. A branch of a Select, an If or a predicate that is not taken is not
/// checked. Assertions that are the same in all turns of a loop stand before it.
Program check_subscripts(const Program& program);

}  // namespace tw::codegen
