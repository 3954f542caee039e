// Vectorised loops as vectors:
//
//   for v in vectorized(16):                       C[ramp(jo * 16, 1, 16) where m] =
//     if jo*16 + v < n:                    =>        C[ramp(jo * 16, 1, 16) where m] + broadcast(a, 16) * …
//       C[jo*16 + v] = C[jo*16 + v] + a * …        with m = ramp(jo * 16, 1, 16) < broadcast(n, 16)
//
// What is the same in all lanes stays scalar. Conditions that differ between lanes become predicates of loads
// and stores, so that a ragged end is one masked vector, not a loop.
#pragma once

#include "ir/program.h"

namespace tw::codegen {

/// The program without vectorised loops. A body that has no form in vectors (a loop whose number of turns, or
/// an allocation whose size, differs between lanes; a vectorised loop, a tensor intrinsic or an asynchronous
/// copy inside) keeps its order of execution in a serial loop: legal, as lanes are independent, and slow.
/// `notes` gets a line for each such loop, with the reason.
Program vectorize_loops(const Program& program, std::vector<std::string>& notes);

}  // namespace tw::codegen
