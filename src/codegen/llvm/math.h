// Mathematical functions as vector code, generated in place.
//
// Accuracy: float32 at most 4 units in the last place over the whole range, special values as IEEE 754 and
// C's Annex F say (the sign of zero, infinities, NaN, subnormal results); float64 as each function states.
// float16 and bfloat16 go through float32 and round once. Nothing traps, nothing reads memory.
#pragma once

#include <span>

#include <llvm/IR/IRBuilder.h>

#include "codegen/target.h"
#include "ir/ops.h"

namespace tw::codegen {

/// What code may use. Without it accuracy is the same, speed is not.
struct MathTarget {
  bool has_fma = false;        // fused multiply-adds for the type
  bool has_scalef = false;     // AVX-512's scalef, for vectors of 128 bits too
  bool converts_half = false;  // half to float and back, as an instruction
};
MathTarget math_target(const Target& target);

/// op of operands of one LLVM type: half, bfloat, float or double, scalar or a fixed vector of any number of
/// lanes. Code goes to where the builder stands; no new basic blocks, no calls of functions outside.
llvm::Value* emit_math(llvm::IRBuilderBase& builder, Intrinsic op, std::span<llvm::Value* const> args,
                       const MathTarget& target);

/// half or bfloat, as LLVM has them, to float; and back, rounded to nearest even. NaN stays NaN: quiet.
/// `type`: half or bfloat, with the lanes of `wide`.
llvm::Value* half_to_float(llvm::IRBuilderBase& builder, llvm::Value* half, const MathTarget& target);
llvm::Value* float_to_half(llvm::IRBuilderBase& builder, llvm::Value* wide, llvm::Type* type,
                           const MathTarget& target);

}  // namespace tw::codegen
