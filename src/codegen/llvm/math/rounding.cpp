// floor, ceil and round to even.
//
// Targets with fused multiply-adds have instructions for these. Elsewhere they would become calls of libm, so
// there they are made of the rounding of additions: 2^52 (2^23) has no bits behind the point.
#include <llvm/IR/Intrinsics.h>

#include "codegen/llvm/math/functions.h"

namespace tw::codegen::math {
namespace {

Real instruction(llvm::Intrinsic::ID id, Real x) {
  return {x.lanes, x.lanes->builder.CreateUnaryIntrinsic(id, x.value)};
}

Real rounded_by_addition(Real x) {
  const double whole = x.is_double() ? 0x1p52 : 0x1p23;
  Real a = abs(x);
  return select(a < whole, copysign((a + whole) - whole, x), x);
}

}  // namespace

Real round_half_to_even(Real x) {
  return x.lanes->target.has_fma ? instruction(llvm::Intrinsic::roundeven, x) : rounded_by_addition(x);
}

Real floor(Real x) {
  if (x.lanes->target.has_fma) return instruction(llvm::Intrinsic::floor, x);
  Real nearest = rounded_by_addition(x);
  return copysign(select(x < nearest, nearest - 1.0, nearest), x);
}

Real ceil(Real x) {
  if (x.lanes->target.has_fma) return instruction(llvm::Intrinsic::ceil, x);
  Real nearest = rounded_by_addition(x);
  return copysign(select(nearest < x, nearest + 1.0, nearest), x);
}

}  // namespace tw::codegen::math
