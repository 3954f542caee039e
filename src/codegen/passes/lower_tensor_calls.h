// Calls of tensor intrinsics in the form that the machine takes.
//
//   call outer_f32_2x4(A[k*2:+2], …, C[0:+2, 0:+4])         let b0: float32x4 = B[ramp(…)]
//                                                    =>     for i in unrolled(2):
//                                                             C[broadcast(i, 4), ramp(0, 1, 4)] = …
//
// An implementation that is a program is put in the place of the call; one that is a machine instruction
// leaves the call to the code generator. Where the machine has no implementation, the loops of the meaning
// take the place.
#pragma once

#include <string>
#include <vector>

#include "codegen/pass.h"
#include "schedule/intrinsic.h"

namespace tw::codegen {

/// The first implementation of the intrinsic that the machine has: its target's name, all of its features.
/// Null: none.
const schedule::Implementation* implementation_on(const schedule::Intrinsic& intrinsic,
                                                  const std::string& target,
                                                  const std::vector<std::string>& features);

/// The program with implementations in place of calls. Calls that stay are instructions of the machine whose
/// operands lie without gaps, or in fragments. `notes` gets a line for each intrinsic that runs as loops.
Program lower_tensor_calls(const Program& program, const LowerOptions& options,
                           std::vector<std::string>& notes);

/// Where each element of a register lies: the number of the operand's element, row by row, for each of the
/// register's elements. For what one thread does alone.
std::vector<int64_t> elements_of_register(const schedule::Intrinsic& intrinsic,
                                          const schedule::RegisterOperand& operand, int64_t number);

}  // namespace tw::codegen
