// Taking floats apart into significand and exponent and putting them together.
#pragma once

#include "codegen/llvm/math/lanes.h"

namespace tw::codegen::math {

/// A positive finite x as significand * 2^exponent, the significand from `low_pattern` (a pattern) on up to
/// twice that. Anything else gives some value.
struct Split {
  Real significand, exponent;
};
Split split(Real x, uint64_t low_pattern, bool subnormals);

/// What `pattern` of scale must have been increased by: exponents stay positive then.
uint64_t scale_bias(Real like);

/// x * 2^n of x in [1/2, 2], rounded once, to 0 or infinity where it must, for n from -1100 to 1100 (float:
/// from -200 to 200). `pattern` is n + scale_bias in its low 9 (float) or 12 bits; the others do not matter.
Real scale(Real x, Int pattern);

/// Whether the target multiplies lanes of this shape by powers of two in one
/// instruction for each register.
bool scales_at_once(Real x);
/// x * 2^n rounded once, for every integer n: where scales_at_once.
Real scale_at_once(Real x, Real n);

/// x * 2^n of finite x where the result and 2^n are normal; the low 9 or 12 bits of `pattern` are n.
Real scale_normal(Real x, Int pattern);

/// 2^n, for the same.
Real power_of_two(Real like, Int pattern);

/// e^x where neither it nor its significand over- or underflows: |x| < 87 (float) or 708 (double).
Real exp_of_moderate(Real x);

}  // namespace tw::codegen::math
