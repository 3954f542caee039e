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

constexpr unsigned kMostBits = 512;

unsigned bits_of(llvm::Type* type) {
  const auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(type);
  return vector ? vector->getNumElements() * type->getScalarSizeInBits() : 0;
}

llvm::Intrinsic::ID scaling_instruction(bool is_double, unsigned bits) {
  switch (bits) {
    case 128:
      return is_double ? llvm::Intrinsic::x86_avx512_mask_scalef_pd_128
                       : llvm::Intrinsic::x86_avx512_mask_scalef_ps_128;
    case 256:
      return is_double ? llvm::Intrinsic::x86_avx512_mask_scalef_pd_256
                       : llvm::Intrinsic::x86_avx512_mask_scalef_ps_256;
    case 512:
      return is_double ? llvm::Intrinsic::x86_avx512_mask_scalef_pd_512
                       : llvm::Intrinsic::x86_avx512_mask_scalef_ps_512;
    default: return llvm::Intrinsic::not_intrinsic;
  }
}

}  // namespace

bool scales_at_once(Real x) {
  const unsigned bits = bits_of(x.value->getType());
  if (!x.lanes->target.has_scalef || bits == 0) return false;
  return bits % kMostBits == 0 || scaling_instruction(x.is_double(), bits) != llvm::Intrinsic::not_intrinsic;
}

Real scale_at_once(Real x, Real n) {
  llvm::IRBuilderBase& at = x.lanes->builder;
  const unsigned bits = std::min(bits_of(x.value->getType()), kMostBits);
  const unsigned lanes = bits / (x.is_double() ? 64 : 32);
  llvm::Value* all = llvm::Constant::getAllOnesValue(at.getIntNTy(std::max(lanes, 8U)));
  const auto scaled = [&](llvm::Value* value, llvm::Value* by) {
    std::vector<llvm::Value*> args = {value, by, value, all};
    constexpr uint32_t kCurrentRounding = 4;
    if (bits == kMostBits) args.push_back(at.getInt32(kCurrentRounding));
    return at.CreateIntrinsic(scaling_instruction(x.is_double(), bits), {}, args);
  };
  const unsigned parts = bits_of(x.value->getType()) / bits;
  if (parts == 1) return {x.lanes, scaled(x.value, n.value)};
  auto* part = llvm::FixedVectorType::get(x.value->getType()->getScalarType(), lanes);
  llvm::Value* result = llvm::PoisonValue::get(x.value->getType());
  for (unsigned i = 0; i < parts; ++i) {
    llvm::Value* position = at.getInt64(uint64_t{i} * lanes);
    llvm::Value* of_part = scaled(at.CreateExtractVector(part, x.value, position),
                                  at.CreateExtractVector(part, n.value, position));
    result = at.CreateInsertVector(x.value->getType(), result, of_part, position);
  }
  return {x.lanes, result};
}

Real scale_normal(Real x, Int pattern) {
  return as_real(x.bits() + (pattern << significand_bits(x)));
}

Real power_of_two(Real like, Int pattern) {
  return as_real((pattern << significand_bits(like)) + one_pattern(like));
}

}  // namespace tw::codegen::math
