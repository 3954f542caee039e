// erf.
//
// float32: x P(x² - 7) up to where the result rounds to 1. In the shifted variable the sum cancels little,
// and one polynomial takes half as long as two parts of which one is thrown away.
//
// float64: x + x P(x²) below 1, and 1 - e^-Q(|x|) above, where Q approximates -log erfc: what is subtracted
// is at most 0.16, so the errors of Q and of the exponential shrink.
#include "codegen/llvm/math/functions.h"
#include "codegen/llvm/math/scaling.h"

namespace tw::codegen::math {
namespace {

/// erf of a float 0 <= x <= 3.92: 1 and a little more at most.
Real in_one_part(Real x) {
  return x *
         polynomial(fma(x, x, -7), {0.37789538502693176, -0.026919053867459297, 0.0028474386781454086,
                                    -0.00032671380904503167, 3.7776499084429815e-05, -4.248316145094577e-06,
                                    4.5425886696648377e-07, -4.530411246150834e-08, 4.2445869041785045e-09,
                                    -3.8953873460201294e-10, 3.270878012884282e-11, -2.044935184727925e-12,
                                    1.1881614398953633e-13, -1.4098450902002516e-14, 1.3308973419997672e-15,
                                    -4.689333545549662e-17});
}

/// erf(x) / x - 1 as a function of x², for |x| < 1.
Real near_zero(Real z) {
  return polynomial(
      z, {0x1.06eba8214db68p-3, -0x1.812746b03799dp-2, 0x1.ce2f21a03f8bbp-4, -0x1.b82ce311a9915p-6,
          0x1.565bcceede84dp-8, -0x1.c02daeb7ef0d4p-11, 0x1.f9a296d123a27p-14, -0x1.f4c83121a5d2dp-17,
          0x1.b96b70466ed77p-20, -0x1.5b8d1c0c92908p-23, 0x1.d3e3021cbc333p-27, -0x1.a24fb62a13899p-31});
}

/// -log erfc(a) for a from 1 to where erf rounds to 1.
Real minus_log_of_rest(Real a) {
  return polynomial(
      a, {0x1.815c89a50f692p-23, 0x1.20dd56354dacfp+0, 0x1.45f42b210b7c3p-1, 0x1.a4da51cb4aecfp-4,
          -0x1.3893b381a4316p-6, -0x1.26135f98f6d16p-12, 0x1.cfb92beae4c6dp-10, -0x1.5024ca050312ap-11,
          0x1.77d5f351df844p-15, 0x1.272edde1f3233p-14, -0x1.79d72e97affc8p-15, 0x1.15166e7084115p-16,
          -0x1.226b63f32636ep-18, 0x1.c8b8a31e2cc55p-21, -0x1.0e016348a62e2p-23, 0x1.d456abd6ae818p-27,
          -0x1.1a0b7804607f1p-30, 0x1.a61091af71623p-35, -0x1.279fedb1918cdp-40});
}

}  // namespace

Real erf(Real x) {
  if (!x.is_double()) return copysign(at_most(in_one_part(at_most(abs(x), 3.92)), 1), x);
  // Below 1 the far value is not used: it only has to stay in range.
  Real a = abs(x), bounded = clamp(a, 0.5, 6);
  Real far = copysign(1.0 - exp_of_moderate(-minus_log_of_rest(bounded)), x);
  return select(a < 1.0, fma(x, near_zero(x * x), x), far);
}

}  // namespace tw::codegen::math
