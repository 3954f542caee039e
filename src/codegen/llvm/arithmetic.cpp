#include "codegen/llvm/arithmetic.h"

#include <llvm/IR/Intrinsics.h>

#include "support/error.h"

namespace tw::codegen {
namespace {

using llvm::Value;

/// The same number of lanes with another element.
llvm::Type* with_element(llvm::Type* like, llvm::Type* element) {
  if (auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(like))
    return llvm::FixedVectorType::get(element, vector->getNumElements());
  return element;
}

bool is_constant_not_nan(Value* value) {
  if (auto* vector = llvm::dyn_cast<llvm::Constant>(value)) {
    if (auto* splat = vector->getType()->isVectorTy() ? vector->getSplatValue() : vector)
      if (auto* number = llvm::dyn_cast<llvm::ConstantFP>(splat)) return !number->isNaN();
  }
  return false;
}

const llvm::APInt* constant_integer(Value* value) {
  auto* constant = llvm::dyn_cast<llvm::Constant>(value);
  if (!constant) return nullptr;
  if (constant->getType()->isVectorTy()) constant = constant->getSplatValue();
  auto* number = llvm::dyn_cast_or_null<llvm::ConstantInt>(constant);
  return number ? &number->getValue() : nullptr;
}

}  // namespace

Arithmetic::Arithmetic(llvm::IRBuilder<>& builder, const Target& target)
    : b_(builder), target_(target), math_target_(math_target(target)) {
  llvm::FastMathFlags flags;
  flags.setAllowContract(true);
  if (target.fast_math) flags.setFast();
  b_.setFastMathFlags(flags);
}

llvm::Type* Arithmetic::type_of(DType type) const {
  llvm::Type* element = type.is_bool()                       ? b_.getInt1Ty()
                        : type.is_float() && type.bits == 64 ? b_.getDoubleTy()
                        : type.is_float() && type.bits == 32
                            ? b_.getFloatTy()
                            : static_cast<llvm::Type*>(b_.getIntNTy(type.bits));
  return type.is_scalar() ? element : llvm::FixedVectorType::get(element, type.lanes);
}

llvm::Type* Arithmetic::memory_type_of(DType type) const {
  return type.is_bool() ? b_.getInt8Ty() : type_of(type.element());
}

Value* Arithmetic::constant(DType type, int64_t value) const {
  return llvm::ConstantInt::get(type_of(type), static_cast<uint64_t>(value), type.is_signed());
}

Value* Arithmetic::constant(DType type, double value) const {
  if (!type.is_half()) return llvm::ConstantFP::get(type_of(type), value);
  llvm::APFloat number(value);
  bool inexact = false;
  number.convert(type.is_bfloat() ? llvm::APFloat::BFloat() : llvm::APFloat::IEEEhalf(),
                 llvm::APFloat::rmNearestTiesToEven, &inexact);
  return llvm::ConstantInt::get(type_of(type), number.bitcastToAPInt());
}

Value* Arithmetic::splat(Value* value, int lanes) const {
  return lanes == 1 ? value : b_.CreateVectorSplat(lanes, value);
}

Value* Arithmetic::unary(UnaryOp op, DType type, Value* a) {
  if (op != UnaryOp::kNeg) return b_.CreateNot(a);
  if (type.is_half()) return b_.CreateXor(a, llvm::ConstantInt::get(a->getType(), 0x8000));
  if (type.is_float()) return b_.CreateFNeg(a);
  return type.is_index() ? b_.CreateNSWNeg(a) : b_.CreateNeg(a);
}

Value* Arithmetic::binary(BinaryOp op, DType type, Value* a, Value* b, bool not_negative) {
  if (type.is_half()) {
    Value* wide = float_binary(op, widen(type, a), widen(type, b));
    return is_comparison(op) ? wide : narrow(type, wide);
  }
  return type.is_float() ? float_binary(op, a, b) : integer_binary(op, type, a, b, not_negative);
}

Value* Arithmetic::float_binary(BinaryOp op, Value* a, Value* b) {
  switch (op) {
    case BinaryOp::kAdd: return b_.CreateFAdd(a, b);
    case BinaryOp::kSub: return b_.CreateFSub(a, b);
    case BinaryOp::kMul: return b_.CreateFMul(a, b);
    case BinaryOp::kDiv: return b_.CreateFDiv(a, b);
    case BinaryOp::kFloorDiv:
    case BinaryOp::kFloorMod: return float_division(op, a, b);
    case BinaryOp::kMin:
    case BinaryOp::kMax: return extreme(op, a, b);
    case BinaryOp::kEq: return b_.CreateFCmpOEQ(a, b);
    case BinaryOp::kNe: return b_.CreateFCmpUNE(a, b);
    case BinaryOp::kLt: return b_.CreateFCmpOLT(a, b);
    case BinaryOp::kLe: return b_.CreateFCmpOLE(a, b);
    default: raise_internal("operator {} of floats", info(op).text);
  }
}

/// min: b < a ? b : a, but NaN where one is NaN. The machine's own minimum gives one of its operands where
/// they do not compare, so one instruction does where one of both is a number for sure.
Value* Arithmetic::extreme(BinaryOp op, Value* a, Value* b) {
  const bool least = op == BinaryOp::kMin;
  if (!target_.fast_math && !is_constant_not_nan(b) && !target_.is_aarch64()) {
    // x86 makes three instructions of it, of two zeros it then gives the second operand: ours is the first.
    llvm::IRBuilder<>::FastMathFlagGuard guard(b_);
    llvm::FastMathFlags flags = b_.getFastMathFlags();
    flags.setNoSignedZeros();
    b_.setFastMathFlags(flags);
    return b_.CreateBinaryIntrinsic(least ? llvm::Intrinsic::minimum : llvm::Intrinsic::maximum, b, a);
  }
  Value* takes_b = least ? b_.CreateFCmpOLT(b, a) : b_.CreateFCmpOLT(a, b);
  Value* chosen = b_.CreateSelect(takes_b, b, a);
  if (target_.fast_math || is_constant_not_nan(b)) return chosen;
  return b_.CreateSelect(b_.CreateFCmpUNO(b, b), b, chosen);
}

/// Python's // and % (scalar.h has the same steps).
Value* Arithmetic::float_division(BinaryOp op, Value* a, Value* b) {
  llvm::IRBuilder<>::FastMathFlagGuard guard(b_);
  b_.clearFastMathFlags();
  llvm::Type* type = a->getType();
  Value* zero = llvm::ConstantFP::get(type, 0.0);
  Value* rest = b_.CreateFRem(a, b);
  Value* is_zero = b_.CreateFCmpOEQ(rest, zero);
  Value* opposite = b_.CreateXor(b_.CreateFCmpOLT(b, zero), b_.CreateFCmpOLT(rest, zero));
  if (op == BinaryOp::kFloorMod) {
    Value* adjusted = b_.CreateSelect(opposite, b_.CreateFAdd(rest, b), rest);
    return b_.CreateSelect(is_zero, b_.CreateBinaryIntrinsic(llvm::Intrinsic::copysign, zero, b), adjusted);
  }
  Value* whole = b_.CreateFDiv(a, b);
  Value* quotient = b_.CreateFDiv(b_.CreateFSub(a, rest), b);
  Value* one = llvm::ConstantFP::get(type, 1.0);
  Value* down = b_.CreateAnd(b_.CreateFCmpUNE(rest, zero), opposite);
  quotient = b_.CreateSelect(down, b_.CreateFSub(quotient, one), quotient);
  Value* floored = b_.CreateUnaryIntrinsic(llvm::Intrinsic::floor, quotient);
  Value* more = b_.CreateFCmpOGT(b_.CreateFSub(quotient, floored), llvm::ConstantFP::get(type, 0.5));
  Value* rounded = b_.CreateSelect(more, b_.CreateFAdd(floored, one), floored);
  Value* signed_zero = b_.CreateBinaryIntrinsic(llvm::Intrinsic::copysign, zero, whole);
  Value* result = b_.CreateSelect(b_.CreateFCmpOEQ(quotient, zero), signed_zero, rounded);
  return b_.CreateSelect(b_.CreateFCmpOEQ(b, zero), whole, result);
}

Value* Arithmetic::integer_binary(BinaryOp op, DType type, Value* a, Value* b, bool not_negative) {
  const bool is_index = type.is_index(), is_signed = type.is_signed();
  switch (op) {
    case BinaryOp::kAdd: return b_.CreateAdd(a, b, "", false, is_index);
    case BinaryOp::kSub: return b_.CreateSub(a, b, "", false, is_index);
    case BinaryOp::kMul: return b_.CreateMul(a, b, "", false, is_index);
    case BinaryOp::kFloorDiv:
    case BinaryOp::kFloorMod: return integer_division(op, type, a, b, not_negative);
    case BinaryOp::kMin:
      return b_.CreateBinaryIntrinsic(is_signed ? llvm::Intrinsic::smin : llvm::Intrinsic::umin, a, b);
    case BinaryOp::kMax:
      return b_.CreateBinaryIntrinsic(is_signed ? llvm::Intrinsic::smax : llvm::Intrinsic::umax, a, b);
    case BinaryOp::kEq: return b_.CreateICmpEQ(a, b);
    case BinaryOp::kNe: return b_.CreateICmpNE(a, b);
    case BinaryOp::kLt: return is_signed ? b_.CreateICmpSLT(a, b) : b_.CreateICmpULT(a, b);
    case BinaryOp::kLe: return is_signed ? b_.CreateICmpSLE(a, b) : b_.CreateICmpULE(a, b);
    case BinaryOp::kAnd:
    case BinaryOp::kBitAnd: return b_.CreateAnd(a, b);
    case BinaryOp::kOr:
    case BinaryOp::kBitOr: return b_.CreateOr(a, b);
    case BinaryOp::kBitXor: return b_.CreateXor(a, b);
    case BinaryOp::kShiftLeft:
    case BinaryOp::kShiftRight: return shift(op, type, a, b);
    case BinaryOp::kDiv: break;
  }
  raise_internal("operator {} of integers", info(op).text);
}

Value* Arithmetic::integer_division(BinaryOp op, DType type, Value* a, Value* b, bool not_negative) {
  const bool quotient_wanted = op == BinaryOp::kFloorDiv;
  llvm::Type* ty = a->getType();
  Value* zero = llvm::Constant::getNullValue(ty);
  const llvm::APInt* divisor = constant_integer(b);
  if (divisor && divisor->isStrictlyPositive() && divisor->isPowerOf2()) {
    if (!quotient_wanted) return b_.CreateAnd(a, llvm::ConstantInt::get(ty, *divisor - 1));
    Value* digits = llvm::ConstantInt::get(ty, divisor->logBase2());
    return type.is_signed() && !not_negative ? b_.CreateAShr(a, digits) : b_.CreateLShr(a, digits);
  }
  if (not_negative) return quotient_wanted ? b_.CreateUDiv(a, b) : b_.CreateURem(a, b);
  // Division by zero gives 0, and the least number divided by -1 wraps; the machine must meet neither.
  const bool plain = divisor && !divisor->isZero() && !divisor->isAllOnes();
  Value* one = llvm::ConstantInt::get(ty, 1);
  Value* by_zero = plain ? nullptr : b_.CreateICmpEQ(b, zero);
  if (!type.is_signed()) {
    Value* safe = plain ? b : b_.CreateSelect(by_zero, one, b);
    Value* result = quotient_wanted ? b_.CreateUDiv(a, safe) : b_.CreateURem(a, safe);
    return plain ? result : b_.CreateSelect(by_zero, zero, result);
  }
  Value* by_minus_one = plain ? nullptr : b_.CreateICmpEQ(b, llvm::Constant::getAllOnesValue(ty));
  Value* safe = plain ? b : b_.CreateSelect(b_.CreateOr(by_zero, by_minus_one), one, b);
  Value* quotient = b_.CreateSDiv(a, safe);
  Value* rest = b_.CreateSub(a, b_.CreateMul(quotient, safe));
  Value* floors = b_.CreateAnd(b_.CreateICmpNE(rest, zero), b_.CreateICmpSLT(b_.CreateXor(rest, safe), zero));
  Value* result = quotient_wanted ? b_.CreateSelect(floors, b_.CreateSub(quotient, one), quotient)
                                  : b_.CreateSelect(floors, b_.CreateAdd(rest, safe), rest);
  if (plain) return result;
  result = b_.CreateSelect(by_minus_one, quotient_wanted ? b_.CreateNeg(a) : zero, result);
  return b_.CreateSelect(by_zero, zero, result);
}

/// By at least the width: all bits gone, or all copies of the sign.
Value* Arithmetic::shift(BinaryOp op, DType type, Value* a, Value* b) {
  llvm::Type* ty = a->getType();
  Value* fits = b_.CreateICmpULT(b, llvm::ConstantInt::get(ty, type.bits));
  Value* safe = b_.CreateSelect(fits, b, llvm::Constant::getNullValue(ty));
  if (op == BinaryOp::kShiftLeft)
    return b_.CreateSelect(fits, b_.CreateShl(a, safe), llvm::Constant::getNullValue(ty));
  if (!type.is_signed())
    return b_.CreateSelect(fits, b_.CreateLShr(a, safe), llvm::Constant::getNullValue(ty));
  return b_.CreateAShr(a, b_.CreateSelect(fits, b, llvm::ConstantInt::get(ty, type.bits - 1)));
}

Value* Arithmetic::call(Intrinsic op, DType type, const std::vector<Value*>& args) {
  if (type.is_half()) {
    std::vector<Value*> halves;
    for (Value* arg : args) halves.push_back(as_half(type, arg));
    return as_bits(emit_math(b_, op, halves, math_target_));
  }
  if (type.is_float()) return emit_math(b_, op, args, math_target_);
  if (op == Intrinsic::kPow) return integer_power(type, args[0], args[1]);
  if (op == Intrinsic::kAbs && type.is_signed())
    return b_.CreateIntrinsic(llvm::Intrinsic::abs, {args[0]->getType()}, {args[0], b_.getFalse()});
  return args[0];
}

/// By squaring; wraps. A negative exponent gives the reciprocal truncated: 0 unless the base is 1 or -1.
Value* Arithmetic::integer_power(DType type, Value* a, Value* b) {
  llvm::Type* ty = a->getType();
  Value* zero = llvm::Constant::getNullValue(ty);
  Value* one = llvm::ConstantInt::get(ty, 1);
  const llvm::APInt* known = constant_integer(b);
  const int digits = known ? static_cast<int>(known->getActiveBits()) : type.bits;
  Value *base = a, *result = one;
  for (int digit = 0; digit < digits; ++digit) {
    Value* bit = b_.CreateICmpNE(b_.CreateAnd(b, llvm::ConstantInt::get(ty, uint64_t{1} << digit)), zero);
    result = b_.CreateSelect(bit, b_.CreateMul(result, base), result);
    base = b_.CreateMul(base, base);
  }
  if (!type.is_signed()) return result;
  Value* minus_one = llvm::Constant::getAllOnesValue(ty);
  Value* odd = b_.CreateICmpNE(b_.CreateAnd(b, one), zero);
  Value* reciprocal = b_.CreateSelect(
      b_.CreateICmpEQ(a, one), one,
      b_.CreateSelect(b_.CreateICmpEQ(a, minus_one), b_.CreateSelect(odd, minus_one, one), zero));
  return b_.CreateSelect(b_.CreateICmpSLT(b, zero), reciprocal, result);
}

Value* Arithmetic::cast(DType from, DType to, Value* value) {
  llvm::Type* type = type_of(to);
  if (from == to || (from.is_integer() && to.is_integer() && from.bits == to.bits)) return value;
  if (to.is_bool()) {
    if (from.is_half()) value = widen(from, value);
    llvm::Value* zero = llvm::Constant::getNullValue(value->getType());
    return from.is_float() ? b_.CreateFCmpUNE(value, zero) : b_.CreateICmpNE(value, zero);
  }
  if (to.is_half()) {
    if (from.is_half()) return narrow(to, widen(from, value));
    if (from.is_float()) return narrow(to, from.bits == 64 ? to_odd_float(value) : value);
    llvm::Type* wide = with_element(type, b_.getDoubleTy());
    if (from.bits == 64) {
      // More digits than a double has: the lowest ones become one that says whether any was set.
      llvm::Type* ty = value->getType();
      Value* low = b_.CreateAnd(value, llvm::ConstantInt::get(ty, 0x7ff));
      Value* sticky = b_.CreateSelect(b_.CreateICmpNE(low, llvm::Constant::getNullValue(ty)),
                                      llvm::ConstantInt::get(ty, 0x400), llvm::Constant::getNullValue(ty));
      Value* shorter = b_.CreateOr(b_.CreateSub(value, low), sticky);
      Value* large =
          from.is_signed()
              ? b_.CreateICmpUGE(b_.CreateAdd(value, llvm::ConstantInt::get(ty, uint64_t{1} << 52)),
                                 llvm::ConstantInt::get(ty, uint64_t{1} << 53))
              : b_.CreateICmpUGE(value, llvm::ConstantInt::get(ty, uint64_t{1} << 53));
      value = b_.CreateSelect(large, shorter, value);
    }
    const bool is_signed = from.is_signed() && !from.is_bool();
    return narrow(to, to_odd_float(is_signed ? b_.CreateSIToFP(value, wide) : b_.CreateUIToFP(value, wide)));
  }
  if (from.is_half()) {
    value = widen(from, value);
    from = kFloat32.with_lanes(from.lanes);
    if (from == to) return value;
  }
  if (from.is_float() && to.is_float()) return b_.CreateFPCast(value, type);
  if (from.is_float())
    return b_.CreateIntrinsic(to.is_signed() ? llvm::Intrinsic::fptosi_sat : llvm::Intrinsic::fptoui_sat,
                              {type, value->getType()}, {value});
  const bool is_signed = from.is_signed();
  if (to.is_float()) return is_signed ? b_.CreateSIToFP(value, type) : b_.CreateUIToFP(value, type);
  return b_.CreateIntCast(value, type, is_signed);
}

/// A double rounded to odd in float: what is rounded again, to fewer digits, is then rounded once in effect
/// (Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums: proved algorithms using rounding to
/// odd", IEEE Transactions on Computers, 2008).
Value* Arithmetic::to_odd_float(Value* wide) {
  llvm::IRBuilder<>::FastMathFlagGuard guard(b_);
  b_.clearFastMathFlags();
  llvm::Type* single = with_element(wide->getType(), b_.getFloatTy());
  llvm::Type* bits = with_element(wide->getType(), b_.getInt32Ty());
  Value* nearest = b_.CreateFPTrunc(wide, single);
  Value* back = b_.CreateFPExt(nearest, wide->getType());
  Value* one = llvm::ConstantInt::get(bits, 1);
  Value* pattern = b_.CreateBitCast(nearest, bits);
  // Towards zero, then the last digit set where something was lost.
  Value* magnitude = b_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, wide);
  Value* away = b_.CreateFCmpOGT(b_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, back), magnitude);
  Value* truncated = b_.CreateSelect(away, b_.CreateSub(pattern, one), pattern);
  Value* lost = b_.CreateFCmpONE(back, wide);
  return b_.CreateBitCast(b_.CreateSelect(lost, b_.CreateOr(truncated, one), pattern), single);
}

llvm::Type* Arithmetic::half_type(DType type, llvm::Type* like) {
  return with_element(like, type.is_bfloat() ? b_.getBFloatTy() : b_.getHalfTy());
}

Value* Arithmetic::as_half(DType type, Value* bits) {
  return b_.CreateBitCast(bits, half_type(type, bits->getType()));
}

Value* Arithmetic::as_bits(Value* half) {
  return b_.CreateBitCast(half, with_element(half->getType(), b_.getInt16Ty()));
}

Value* Arithmetic::widen(DType type, Value* half) {
  return half_to_float(b_, as_half(type, half), math_target_);
}

Value* Arithmetic::narrow(DType type, Value* wide) {
  return as_bits(float_to_half(b_, wide, half_type(type, wide->getType()), math_target_));
}

Value* Arithmetic::to_memory(DType type, Value* value) {
  return type.is_bool() ? b_.CreateZExt(value, with_element(value->getType(), b_.getInt8Ty())) : value;
}

Value* Arithmetic::from_memory(DType type, Value* value) {
  return type.is_bool() ? b_.CreateICmpNE(value, llvm::Constant::getNullValue(value->getType())) : value;
}

}  // namespace tw::codegen
