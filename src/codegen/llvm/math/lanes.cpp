#include "codegen/llvm/math/lanes.h"

#include <llvm/IR/Constants.h>
#include <llvm/IR/Intrinsics.h>

namespace tw::codegen::math {
namespace {

/// A type of `scalar` with as many lanes as `shape`.
llvm::Type* shaped(llvm::Type* scalar, llvm::Type* shape) {
  if (auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(shape))
    return llvm::FixedVectorType::get(scalar, vector->getNumElements());
  return scalar;
}

llvm::IRBuilderBase& builder(Real a) {
  return a.lanes->builder;
}
llvm::IRBuilderBase& builder(Int a) {
  return a.lanes->builder;
}

/// 1.5 times 2 to the number of bits behind the point: adding it rounds to an integer, which the low bits
/// show.
double rounding_constant(Real x) {
  return x.is_double() ? 0x1.8p52 : 0x1.8p23f;
}

}  // namespace

Mask operator&(Mask a, Mask b) {
  return {a.lanes, a.lanes->builder.CreateAnd(a.value, b.value)};
}
Mask operator|(Mask a, Mask b) {
  return {a.lanes, a.lanes->builder.CreateOr(a.value, b.value)};
}
Mask operator^(Mask a, Mask b) {
  return {a.lanes, a.lanes->builder.CreateXor(a.value, b.value)};
}
Mask operator!(Mask a) {
  return {a.lanes, a.lanes->builder.CreateNot(a.value)};
}

Int Int::like(uint64_t constant) const {
  const uint64_t kept = bits() == 64 ? constant : constant & ((uint64_t{1} << bits()) - 1);
  return {lanes, llvm::ConstantInt::get(value->getType(), kept)};
}
Int operator+(Int a, Int b) {
  return {a.lanes, builder(a).CreateAdd(a.value, b.value)};
}
Int operator-(Int a, Int b) {
  return {a.lanes, builder(a).CreateSub(a.value, b.value)};
}
Int operator*(Int a, Int b) {
  return {a.lanes, builder(a).CreateMul(a.value, b.value)};
}
Int operator&(Int a, Int b) {
  return {a.lanes, builder(a).CreateAnd(a.value, b.value)};
}
Int operator|(Int a, Int b) {
  return {a.lanes, builder(a).CreateOr(a.value, b.value)};
}
Int operator^(Int a, Int b) {
  return {a.lanes, builder(a).CreateXor(a.value, b.value)};
}
Int operator<<(Int a, Int count) {
  return {a.lanes, builder(a).CreateShl(a.value, count.value)};
}
Int operator>>(Int a, Int count) {
  return {a.lanes, builder(a).CreateLShr(a.value, count.value)};
}
Int shift_right_signed(Int a, unsigned count) {
  return {a.lanes, builder(a).CreateAShr(a.value, a.like(count).value)};
}
Mask operator<(Int a, Int b) {
  return {a.lanes, builder(a).CreateICmpULT(a.value, b.value)};
}
Mask operator==(Int a, uint64_t b) {
  return {a.lanes, builder(a).CreateICmpEQ(a.value, a.like(b).value)};
}
Int select(Mask mask, Int yes, Int no) {
  return {yes.lanes, builder(yes).CreateSelect(mask.value, yes.value, no.value)};
}

std::pair<Int, Int> multiply_wide(Int a, Int b) {
  llvm::IRBuilderBase& at = builder(a);
  if (a.bits() == 32) {
    llvm::Type* narrow = a.value->getType();
    llvm::Type* wide = shaped(at.getInt64Ty(), narrow);
    llvm::Value* product = at.CreateMul(at.CreateZExt(a.value, wide), at.CreateZExt(b.value, wide));
    llvm::Value* high = at.CreateTrunc(at.CreateLShr(product, llvm::ConstantInt::get(wide, 32)), narrow);
    return {{a.lanes, high}, {a.lanes, at.CreateTrunc(product, narrow)}};
  }
  // Four products of halves, which are 32 bits each (Warren, Hacker's Delight, section 8-2).
  const uint64_t low_half = 0xffffffff;
  Int a0 = a & low_half, a1 = a >> 32u, b0 = b & low_half, b1 = b >> 32u;
  Int low = a0 * b0;
  Int middle = a1 * b0 + (low >> 32u);
  Int cross = a0 * b1 + (middle & low_half);
  return {a1 * b1 + (middle >> 32u) + (cross >> 32u), (cross << 32u) | (low & low_half)};
}

Real Real::like(double constant) const {
  return {lanes, llvm::ConstantFP::get(value->getType(), constant)};
}
Int Real::bits() const {
  llvm::IRBuilderBase& at = lanes->builder;
  llvm::Type* word = is_double() ? at.getInt64Ty() : at.getInt32Ty();
  return {lanes, at.CreateBitCast(value, shaped(word, value->getType()))};
}
Int Real::word(uint64_t c) const {
  return bits().like(c);
}
Real operator+(Real a, Real b) {
  return {a.lanes, builder(a).CreateFAdd(a.value, b.value)};
}
Real operator-(Real a, Real b) {
  return {a.lanes, builder(a).CreateFSub(a.value, b.value)};
}
Real operator*(Real a, Real b) {
  return {a.lanes, builder(a).CreateFMul(a.value, b.value)};
}
Real operator/(Real a, Real b) {
  return {a.lanes, builder(a).CreateFDiv(a.value, b.value)};
}
Real operator-(Real a) {
  return {a.lanes, builder(a).CreateFNeg(a.value)};
}
Mask operator<(Real a, Real b) {
  return {a.lanes, builder(a).CreateFCmpOLT(a.value, b.value)};
}
Mask operator<=(Real a, Real b) {
  return {a.lanes, builder(a).CreateFCmpOLE(a.value, b.value)};
}
Mask operator==(Real a, Real b) {
  return {a.lanes, builder(a).CreateFCmpOEQ(a.value, b.value)};
}
Mask is_nan(Real a) {
  return {a.lanes, builder(a).CreateFCmpUNO(a.value, a.value)};
}
Real select(Mask mask, Real yes, Real no) {
  return {yes.lanes, builder(yes).CreateSelect(mask.value, yes.value, no.value)};
}

Real fma(Real a, Real b, Real c) {
  if (!a.lanes->target.has_fma) return a * b + c;
  llvm::Type* type = a.value->getType();
  return {a.lanes, builder(a).CreateIntrinsic(llvm::Intrinsic::fma, {type}, {a.value, b.value, c.value})};
}
Real abs(Real a) {
  return {a.lanes, builder(a).CreateUnaryIntrinsic(llvm::Intrinsic::fabs, a.value)};
}
Real sqrt(Real a) {
  return {a.lanes, builder(a).CreateUnaryIntrinsic(llvm::Intrinsic::sqrt, a.value)};
}
Real copysign(Real magnitude, Real sign) {
  return {sign.lanes,
          builder(sign).CreateBinaryIntrinsic(llvm::Intrinsic::copysign, magnitude.value, sign.value)};
}
// The order of the operands is that of the instructions minps and maxps, which give the second for NaN.
Real at_most(Real x, double high) {
  return select(high < x, high, x);
}
Real at_least(Real x, double low) {
  return select(x < low, low, x);
}
Real clamp(Real x, double low, double high) {
  return at_least(at_most(x, high), low);
}

Real as_real(Int pattern) {
  llvm::IRBuilderBase& at = builder(pattern);
  llvm::Type* real = pattern.bits() == 64 ? at.getDoubleTy() : at.getFloatTy();
  return {pattern.lanes, at.CreateBitCast(pattern.value, shaped(real, pattern.value->getType()))};
}
Real to_real(Int small) {
  if (small.bits() == 64) {
    // Few targets convert 64 bits: the sum with 1.5 * 2^52 as an integer is the sum as a double.
    return as_real(small + 0x4338000000000000) - 0x1.8p52;
  }
  llvm::IRBuilderBase& at = builder(small);
  return {small.lanes, at.CreateSIToFP(small.value, shaped(at.getFloatTy(), small.value->getType()))};
}

Real polynomial(Real x, std::initializer_list<double> coefficients) {
  const double* c = coefficients.end();
  Real sum = x.like(*--c);
  while (c != coefficients.begin()) sum = fma(sum, x, *--c);
  return sum;
}

Rounded round_small(Real x) {
  const double magic = rounding_constant(x);
  Real sum = x + magic;
  return {sum - magic, sum.bits()};
}
Rounded round_product(Real a, double b, double bias) {
  const double magic = rounding_constant(a) + bias;
  Real sum = fma(a, b, magic);
  return {sum - magic, sum.bits()};
}

}  // namespace tw::codegen::math
