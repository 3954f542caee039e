// Constants prepared beforehand: a program cut into what depends on constants only, and the rest.
//
//   program f(W: const, A: in, C: out):              program f_prepare(W: in, W_packed: out):
//     allocate W_packed                                W_packed[…] = W[…]
//       W_packed[…] = W[…]                    =>     program f(A: in, W_packed: const, C: out):
//       C[…] = A[…] * W_packed[…]                      C[…] = A[…] * W_packed[…]
#pragma once

#include <optional>

#include "ir/program.h"

namespace tw::codegen {

struct PreparedPrograms {
  Program prepare;  // inputs: the constants that it needs; outputs: what the run reads in their place
  Program run;      // the prepared buffers stand as constants where the first constant stood
};

/// Nothing when no allocation of the program is filled from constants alone, at a place where no parameter of
/// the schedule or size that callers may change decides its shape.
std::optional<PreparedPrograms> split_constants(const Program& program);

}  // namespace tw::codegen
