#include "codegen/llvm/math/formats.h"

namespace tw::codegen::math {
namespace {

llvm::Type* with_scalar(llvm::Type* type, llvm::Type* scalar) {
  return type->getWithNewType(scalar);
}

/// 5 bits of exponent become 8 by a multiplication, which makes subnormal numbers normal too.
Real half_to_float(Int word) {
  Int magnitude = word & 0x7fff;
  Int pattern = magnitude << 13u;
  Int finite = (as_real(pattern) * 0x1p112).bits();
  Int scaled = select(magnitude < 0x7c00, finite, pattern | 0x7f800000);
  return as_real(scaled | ((word & 0x8000) << 16u));
}

Int float_to_half(Real x) {
  Int magnitude = x.bits() & 0x7fffffff;
  // Below the normal numbers of half the sum with 1/2 rounds at the right bit.
  Int subnormal = (as_real(magnitude) + 0.5).bits() - 0x3f000000;
  Int odd = (magnitude >> 13u) & 1;
  Int normal = (magnitude + odd - ((uint64_t{112} << 23) - 0xfff)) >> 13u;  // carries into infinity
  Int special = select(magnitude < 0x7f800001, magnitude.like(0x7c00), magnitude.like(0x7e00));
  Int result = select(magnitude < 0x38800000, subnormal, normal);
  result = select(magnitude < 0x47800000, result, special);
  return result | ((x.bits() >> 16u) & 0x8000);
}

Int float_to_bfloat(Real x) {
  Int odd = (x.bits() >> 16u) & 1;
  Int rounded = (x.bits() + odd + 0x7fff) >> 16u;
  return select(is_nan(x), (x.bits() >> 16u) | 0x40, rounded);
}

}  // namespace

Real to_double(Real x) {
  llvm::IRBuilderBase& at = x.lanes->builder;
  return {x.lanes, at.CreateFPExt(x.value, with_scalar(x.value->getType(), at.getDoubleTy()))};
}
Real to_float(Real x) {
  llvm::IRBuilderBase& at = x.lanes->builder;
  return {x.lanes, at.CreateFPTrunc(x.value, with_scalar(x.value->getType(), at.getFloatTy()))};
}

Real from_half_precision(Lanes& lanes, llvm::Value* value) {
  llvm::IRBuilderBase& at = lanes.builder;
  llvm::Type* type = value->getType();
  if (type->getScalarType()->isHalfTy() && lanes.target.converts_half)
    return {&lanes, at.CreateFPExt(value, with_scalar(type, at.getFloatTy()))};
  llvm::Value* word = at.CreateZExt(at.CreateBitCast(value, with_scalar(type, at.getInt16Ty())),
                                    with_scalar(type, at.getInt32Ty()));
  Int pattern{&lanes, word};
  return type->getScalarType()->isHalfTy() ? half_to_float(pattern) : as_real(pattern << 16u);
}

llvm::Value* to_half_precision(Real x, llvm::Type* type) {
  llvm::IRBuilderBase& at = x.lanes->builder;
  const bool is_half = type->getScalarType()->isHalfTy();
  if (is_half && x.lanes->target.converts_half) return at.CreateFPTrunc(x.value, type);
  Int word = is_half ? float_to_half(x) : float_to_bfloat(x);
  return at.CreateBitCast(at.CreateTrunc(word.value, with_scalar(type, at.getInt16Ty())), type);
}

}  // namespace tw::codegen::math
