#include "codegen/llvm/math.h"

#include "codegen/llvm/math/formats.h"
#include "codegen/llvm/math/functions.h"
#include "support/error.h"

namespace tw::codegen {
namespace {

using math::Int;
using math::Lanes;
using math::Real;

Real function_of(Intrinsic op, Real x, std::span<const Real> args) {
  switch (op) {
    case Intrinsic::kExp: return math::exp(x);
    case Intrinsic::kLog: return math::log(x);
    case Intrinsic::kSqrt: return math::sqrt(x);
    case Intrinsic::kRsqrt: return 1.0 / math::sqrt(x);
    case Intrinsic::kTanh: return math::tanh(x);
    case Intrinsic::kErf: return math::erf(x);
    case Intrinsic::kSigmoid: return math::sigmoid(x);
    case Intrinsic::kSin: return math::sin(x);
    case Intrinsic::kCos: return math::cos(x);
    case Intrinsic::kPow: return math::pow(x, args[1]);
    case Intrinsic::kAbs: return math::abs(x);
    case Intrinsic::kFloor: return math::floor(x);
    case Intrinsic::kCeil: return math::ceil(x);
    case Intrinsic::kRound: return math::round_half_to_even(x);
  }
  raise_internal("an intrinsic that is not in the list");
}

/// Sums and products that cancel exactly are what the accuracy rests on: while this lives, nothing may be
/// reassociated or fused.
struct StrictFloats {
  explicit StrictFloats(llvm::IRBuilderBase& builder) : kept(builder) { builder.clearFastMathFlags(); }
  llvm::IRBuilderBase::FastMathFlagGuard kept;
};

}  // namespace

MathTarget math_target(const Target& target) {
  return {
      .has_fma = target.has_feature("fma") || target.has_feature("avx512f") || target.is_aarch64(),
      .has_scalef = target.has_feature("avx512f") && target.has_feature("avx512vl"),
      .converts_half = target.has_feature("f16c") || target.has_feature("avx512f") || target.is_aarch64()};
}

llvm::Value* emit_math(llvm::IRBuilderBase& builder, Intrinsic op, std::span<llvm::Value* const> args,
                       const MathTarget& target) {
  const StrictFloats strict(builder);
  Lanes lanes{builder, target};
  llvm::Type* type = args[0]->getType();
  const bool is_narrow = type->getScalarSizeInBits() == 16;
  std::vector<Real> operands;
  for (llvm::Value* arg : args)
    operands.push_back(is_narrow ? math::from_half_precision(lanes, arg) : Real{&lanes, arg});
  Real result = function_of(op, operands[0], operands);
  return is_narrow ? math::to_half_precision(result, type) : result.value;
}

llvm::Value* half_to_float(llvm::IRBuilderBase& builder, llvm::Value* half, const MathTarget& target) {
  const StrictFloats strict(builder);
  Lanes lanes{builder, target};
  return math::from_half_precision(lanes, half).value;
}

llvm::Value* float_to_half(llvm::IRBuilderBase& builder, llvm::Value* wide, llvm::Type* type,
                           const MathTarget& target) {
  const StrictFloats strict(builder);
  Lanes lanes{builder, target};
  return math::to_half_precision({&lanes, wide}, type);
}

}  // namespace tw::codegen
