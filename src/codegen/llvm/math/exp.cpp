// exp and sigmoid.
//
// x = n ln 2 + r with |r| <= ln 2 / 2; e^x = 2^n e^r, and e^r is a polynomial. ln 2 is subtracted in two
// parts (Cody and Waite 1980): without fused operations the first part is so short that n times it is exact.
#include "codegen/llvm/math/functions.h"
#include "codegen/llvm/math/scaling.h"

namespace tw::codegen::math {
namespace {

struct Reduced {
  Real rest, n;
  Int pattern;  // n + bias in the low bits
};

Reduced reduce(Real x, double bias) {
  Rounded n = round_product(x, 0x1.71547652b82fep+0, bias);
  double high = x.is_double() ? 0.6931471805598903 : 0.693145751953125;
  double low = x.is_double() ? 5.497923018708371e-14 : 1.4286068203094173e-06;
  if (x.lanes->target.has_fma) {
    high = x.is_double() ? 0.6931471805599453 : 0.6931471824645996;
    low = x.is_double() ? 2.3190468138462996e-17 : -1.904654299957768e-09;
  }
  return {fma(n.value, -low, fma(n.value, -high, x)), n.value, n.pattern};
}

/// e^r of |r| <= ln 2 / 2.
Real exp_of_rest(Real r) {
  if (!r.is_double()) {
    return polynomial(r, {1, 1, 0.4999999403953552, 0.16666516661643982, 0.04166810214519501,
                          0.008369196206331253, 0.0013839027378708124});
  }
  return polynomial(
      r, {1, 1, 0x1.000000000000ap-1, 0x1.5555555555507p-3, 0x1.55555555506b9p-5, 0x1.1111111124c6cp-7,
          0x1.6c16c184798c0p-10, 0x1.a01a013930d64p-13, 0x1.a0199952bbe95p-16, 0x1.71df060b7c6d9p-19,
          0x1.28ae0ce0d2cd8p-22, 0x1.adaecb9e59cf8p-26});
}

}  // namespace

Real exp(Real x) {
  // Beyond these bounds the result is 0 or infinity, which the scaling makes of the bounds themselves.
  x = x.is_double() ? clamp(x, -746, 710) : clamp(x, -104, 89);
  Reduced reduced = reduce(x, static_cast<double>(scale_bias(x)));
  if (scales_at_once(x)) return scale_at_once(exp_of_rest(reduced.rest), reduced.n);
  return scale(exp_of_rest(reduced.rest), reduced.pattern);
}

Real exp_of_moderate(Real x) {
  Reduced reduced = reduce(x, 0);
  if (scales_at_once(x)) return scale_at_once(exp_of_rest(reduced.rest), reduced.n);
  return exp_of_rest(reduced.rest) * power_of_two(x, reduced.pattern);  // NaN stays NaN
}

Real sigmoid(Real x) {
  // 1 / (1 + e^-x) = e^x / (1 + e^x): of the two the one whose exponential is at most 1.
  Real small = exp(-abs(x));
  return select(x < 0.0, small, 1.0) / (1.0 + small);
}

}  // namespace tw::codegen::math
