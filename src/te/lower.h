// The first loop program of tensor expressions: what they mean, in the plainest order.
//
//   program matmul(A: in float32[64, 32], B: in float32[32, 16], C: out float32[64, 16]):
//     for i in 64:
//       for j in 16:
//         for k in 32:
//           block C#0(vi: spatial(64) = i, vj: spatial(16) = j, vk: reduce(32) = k): …
//
// One block an operation, each in its own nest, in an order that depends on the structure alone; block ids
// count in that order. Around them the tensors in between are allocated. What gives more than one block:
// - A reduction inside a larger value is lifted into a block and a temporary of its own, over just the axes
// it
//   uses; equal ones once. If it stood in a branch of `where` and its reads are not provably in bounds, its
//   operand is guarded by the condition, so that only what the branch would have read is read. Axes that do
//   not begin at 0 are shifted.
// - pieces: a block a piece, into one buffer. Conditions on single axes (i < a, i == a, i % s == r) become
// loops over just
//   that part; others become an If in the block. Pieces that could not be decided are one block with an
//   Assert.
// - scatter: a copy of init, then the update: ordered axes for "set", else reduction axes with a reducer and
// no init.
// - scan: an ordered loop of time around a block a state. Reductions of the step are lifted into that loop,
// unless
//   they depend on no time.
// Blocks of reductions have init and reducer; where the reduction may be empty, the init is a block of its
// own, as a block that has no instance starts nothing. Where a reducer has several components, or uses an
// operand more than once, the operands are bound by Let, then the combined components by Let, and stored
// last.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ir/program.h"
#include "te/tensor.h"

namespace tw::te {

/// A placeholder, an output, or a symbolic dimension given as an int.
using ProgramArgument = std::variant<Tensor, Var>;

/// The program that computes the outputs. Arguments: the reachable placeholders in the order they were made,
/// then the sizes that no placeholder's shape shows directly (an extent that is the size alone), then the
/// outputs. `args` says otherwise: all placeholders, needed sizes, and outputs in any order; outputs not
/// listed follow. Errors: no output; an output twice; an output that is a placeholder (add a compute that
/// copies it); two arguments of one name; with `args`: a reachable placeholder or a size that is missing, an
/// argument twice, a tensor that is neither a placeholder nor an output.
Program first_program(const std::vector<Tensor>& outputs,
                      const std::optional<std::vector<ProgramArgument>>& args = std::nullopt,
                      const std::string& name = "main");

/// A tensor, and the buffer that stands for it in a program that is already there.
struct PlacedTensor {
  Tensor tensor;
  Buffer buffer;
};

/// The blocks that compute the outputs in the form and order of `first_program`, reading placeholders and
/// writing outputs where they are placed; the tensors in between are allocated around them. Blocks count from
/// 0. Shapes may use variables of that program. Faults: a reachable placeholder that is not placed; a buffer
/// whose type or rank is not the tensor's.
Stmt lower_onto(const std::vector<PlacedTensor>& inputs, const std::vector<PlacedTensor>& outputs);

/// For each argument in the order in which callers give them its position among the program's arguments
/// (Param::is_argument). These orders differ only where a buffer's shape uses a size that callers give after
/// it (2 * n, and no other shape shows n): a program introduces sizes before it uses them. The attribute
/// "argument_order" of the program then holds the positions.
std::vector<std::size_t> argument_order(const Program& program);

}  // namespace tw::te
