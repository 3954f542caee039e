// Operators of the language as LLVM instructions, on scalars and vectors.
//
// Types of values: bool is i1 (i8 in memory), integers iN, index i64, float32 and float64 as they are.
// float16 and bfloat16 are carried as their 16 bits and computed in float, one rounding an operator: so every
// CPU gives the same results.
#pragma once

#include <llvm/IR/IRBuilder.h>

#include "codegen/llvm/math.h"
#include "codegen/target.h"
#include "ir/dtype.h"
#include "ir/ops.h"

namespace tw::codegen {

class Arithmetic {
 public:
  Arithmetic(llvm::IRBuilder<>& builder, const Target& target);

  /// The type of values, lanes included; and of one element in memory.
  llvm::Type* type_of(DType type) const;
  llvm::Type* memory_type_of(DType type) const;

  llvm::Value* constant(DType type, int64_t value) const;
  llvm::Value* constant(DType type, double value) const;
  llvm::Value* splat(llvm::Value* value, int lanes) const;

  llvm::Value* unary(UnaryOp op, DType type, llvm::Value* a);
  /// `type`: of the operands. `not_negative`: both are known to be at least 0, and b at least 1.
  llvm::Value* binary(BinaryOp op, DType type, llvm::Value* a, llvm::Value* b, bool not_negative = false);
  llvm::Value* call(Intrinsic op, DType type, const std::vector<llvm::Value*>& args);
  llvm::Value* cast(DType from, DType to, llvm::Value* value);

  /// float16 and bfloat16 as float, and back with one rounding to nearest even.
  llvm::Value* widen(DType type, llvm::Value* half);
  llvm::Value* narrow(DType type, llvm::Value* wide);

  /// The value as it stands in memory, and back.
  llvm::Value* to_memory(DType type, llvm::Value* value);
  llvm::Value* from_memory(DType type, llvm::Value* value);

 private:
  llvm::Value* float_binary(BinaryOp op, llvm::Value* a, llvm::Value* b);
  llvm::Value* integer_binary(BinaryOp op, DType type, llvm::Value* a, llvm::Value* b, bool not_negative);
  llvm::Value* integer_division(BinaryOp op, DType type, llvm::Value* a, llvm::Value* b, bool not_negative);
  llvm::Value* float_division(BinaryOp op, llvm::Value* a, llvm::Value* b);
  llvm::Value* shift(BinaryOp op, DType type, llvm::Value* a, llvm::Value* b);
  llvm::Value* extreme(BinaryOp op, llvm::Value* a, llvm::Value* b);
  llvm::Value* integer_power(DType type, llvm::Value* a, llvm::Value* b);
  llvm::Value* to_odd_float(llvm::Value* wide);
  /// LLVM's own type of float16 or bfloat16, with the lanes of another; the 16 bits of a value as that, and
  /// back.
  llvm::Type* half_type(DType type, llvm::Type* like);
  llvm::Value* as_half(DType type, llvm::Value* bits);
  llvm::Value* as_bits(llvm::Value* half);

  llvm::IRBuilder<>& b_;
  const Target& target_;
  const MathTarget math_target_;
};

}  // namespace tw::codegen
