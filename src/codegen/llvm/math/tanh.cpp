// tanh.
//
// From m = e^(2|x|) - 1 as m / (m + 2), or as 1 - 2 / (m + 2) where m is large and the first would double the
// error. m comes from 2^n and e^r - 1, so that small arguments lose nothing.
#include "codegen/llvm/math/functions.h"
#include "codegen/llvm/math/scaling.h"

namespace tw::codegen::math {
namespace {

/// e^r - 1 of |r| <= ln 2 / 2.
Real exp_less_one(Real r) {
  Real tail = r.is_double()
                  ? polynomial(r, {0.5, 0x1.5555555555559p-3, 0x1.555555555554cp-5, 0x1.111111110f651p-7,
                                   0x1.6c16c16c1b320p-10, 0x1.a01a01b006296p-13, 0x1.a01a018b49e9ep-16,
                                   0x1.71ddf8064827fp-19, 0x1.27e5196b2fd28p-22, 0x1.af5f3ff293276p-26,
                                   0x1.1f106eb9060c2p-29})
                  : polynomial(r, {0.4999999701976776, 0.16666541993618011, 0.041667528450489044,
                                   0.008366696536540985, 0.001386219053529203});
  return fma(r * r, tail, r);
}

}  // namespace

Real tanh(Real x) {
  const bool is_double = x.is_double();
  Real twice = at_most(abs(x), is_double ? 20 : 10) * 2.0;  // from there on the result rounds to 1
  Rounded n = round_product(twice, 0x1.71547652b82fep+0, 0);
  // ln 2 in two parts: n is so small that n times the first is exact.
  Real r = fma(n.value, is_double ? -0.6931471805598903 : -0.693145751953125, twice);
  r = fma(n.value, is_double ? -5.497923018708371e-14 : -1.4286068203094173e-06, r);
  Real power = power_of_two(x, n.pattern);
  Real m = fma(power, exp_less_one(r), power - 1.0);
  Mask large = 1.0 <= m;
  Real quotient = select(large, 2.0, m) / (m + 2.0);
  return copysign(select(large, 1.0 - quotient, quotient), x);
}

}  // namespace tw::codegen::math
