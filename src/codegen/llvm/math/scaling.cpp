#include "codegen/llvm/math/scaling.h"

#include <algorithm>
#include <vector>

#include <llvm/IR/IntrinsicsX86.h>

namespace tw::codegen::math {
namespace {

unsigned significand_bits(Real x) {
  return x.is_double() ? 52 : 23;
}

/// The pattern of 1: the exponent's bias in its place.
uint64_t one_pattern(Real x) {
  return x.is_double() ? 0x3ff0000000000000 : 0x3f800000;
}

uint64_t exponent_mask(Real x) {
  return x.is_double() ? 0xfff0000000000000 : 0xff800000;
}

}  // namespace

Split split(Real x, uint64_t low_pattern, bool subnormals) {
  const unsigned bits = significand_bits(x);
  Real correction = x.like(0);
  if (subnormals) {
    Mask tiny = x < (x.is_double() ? 0x1p-1022 : 0x1p-126);
    x = select(tiny, x * (x.is_double() ? 0x1p52 : 0x1p23), x);
    correction = select(tiny, x.like(-static_cast<double>(bits)), 0.0);
  }
  Int above = x.bits() - low_pattern;
  Int exponent = shift_right_signed(above, bits);
  Real significand = as_real(x.bits() - (above & exponent_mask(x)));
  Real value = to_real(exponent);
  return {significand, subnormals ? value + correction : value};
}

uint64_t scale_bias(Real like) {
  return like.is_double() ? 2046 : 254;
}

Real scale(Real x, Int pattern) {
  // 2^n as a product of two normal powers of nearly equal exponents. The first product is exact.
  const unsigned bits = significand_bits(x);
  Int first = (pattern << (bits - 1)) & exponent_mask(x);
  Int second = (pattern << bits) - first;
  return x * as_real(first) * as_real(second);
}

namespace {

/// The instruction that multiplies lanes of this shape by powers of two; none where there is no such.
llvm::Intrinsic::ID scaling_instruction(Real x) {
  const auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(x.value->getType());
  if (!vector || !x.lanes->target.has_scalef) return llvm::Intrinsic::not_intrinsic;
  switch (vector->getNumElements() * (x.is_double() ? 64 : 32)) {
    case 128:
      return x.is_double() ? llvm::Intrinsic::x86_avx512_mask_scalef_pd_128
                           : llvm::Intrinsic::x86_avx512_mask_scalef_ps_128;
    case 256:
      return x.is_double() ? llvm::Intrinsic::x86_avx512_mask_scalef_pd_256
                           : llvm::Intrinsic::x86_avx512_mask_scalef_ps_256;
    case 512:
      return x.is_double() ? llvm::Intrinsic::x86_avx512_mask_scalef_pd_512
                           : llvm::Intrinsic::x86_avx512_mask_scalef_ps_512;
    default: return llvm::Intrinsic::not_intrinsic;
  }
}

}  // namespace

bool scales_at_once(Real x) {
  return scaling_instruction(x) != llvm::Intrinsic::not_intrinsic;
}

Real scale_at_once(Real x, Real n) {
  llvm::IRBuilderBase& at = x.lanes->builder;
  auto* shape = llvm::cast<llvm::FixedVectorType>(x.value->getType());
  const unsigned lanes = shape->getNumElements();
  llvm::Value* all = llvm::Constant::getAllOnesValue(at.getIntNTy(std::max(lanes, 8U)));
  std::vector<llvm::Value*> args = {x.value, n.value, x.value, all};
  constexpr uint32_t kCurrentRounding = 4;
  if (lanes * (x.is_double() ? 64 : 32) == 512) args.push_back(at.getInt32(kCurrentRounding));
  return {x.lanes, at.CreateIntrinsic(scaling_instruction(x), {}, args)};
}

Real scale_normal(Real x, Int pattern) {
  return as_real(x.bits() + (pattern << significand_bits(x)));
}

Real power_of_two(Real like, Int pattern) {
  return as_real((pattern << significand_bits(like)) + one_pattern(like));
}

}  // namespace tw::codegen::math
