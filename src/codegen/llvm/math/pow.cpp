// pow.
//
// |x|^y = 2^(y log2 |x|). An error of the exponent is multiplied by up to 1024 ln 2 (float: 128 ln 2) in the
// result, so the logarithm needs more than the precision of the type: float computes in double, double in
// pairs of doubles. Signs and the cases of C's Annex F.10.4.4 are put round that.
#include <limits>

#include "codegen/llvm/math/formats.h"
#include "codegen/llvm/math/functions.h"
#include "codegen/llvm/math/scaling.h"
#include "codegen/llvm/math/word_pairs.h"

namespace tw::codegen::math {
namespace {

/// Beyond it every power of a number other than 1 is 0 or infinity.
constexpr double kGreatestExponent = 0x1p65;

/// a^y of positive a, through double.
Real power_of_float(Real a, Real y) {
  y = clamp(to_double(y), -kGreatestExponent, kGreatestExponent);
  auto [z, k] = split(to_double(a), 0x3fe5555555555556, false);  // z from 2/3 to 4/3
  Real r = z - 1.0;
  Real log2 = fma(
      r,
      polynomial(r, {0x1.71547652bc272p+0, -0x1.71547652bcbaep-1, 0x1.ec709d8de4145p-2, -0x1.71547625ea17fp-2,
                     0x1.2776e303a5829p-2, -0x1.ec70d2e1c8cc5p-3, 0x1.a60ae73d2f2cfp-3, -0x1.71491d4bf1e7ap-3,
                     0x1.4985d1a0a285fp-3, -0x1.2898cf34ba9bep-3, 0x1.f9d49acf699ddp-4, -0x1.cf483fd12296bp-4,
                     0x1.43134301443e4p-3, -0x1.2c8fb073ad74ap-3}),
      k);
  Real exponent = clamp(y * log2, -160, 140);
  Rounded n = round_small(exponent);
  Real power =
      polynomial(exponent - n.value, {1, 0x1.62e42fef7a670p-1, 0x1.ebfbdff8912e9p-3, 0x1.c6b08de64d777p-5,
                                      0x1.3b2ab67388d67p-7, 0x1.5d8738a405cddp-10, 0x1.4309c70182383p-13,
                                      0x1.00e3051a47498p-16, 0x1.62ac33842e6dcp-20});
  return to_float(scale_normal(power, n.pattern));  // rounds once, subnormal results too
}

/// log2 of positive a, to 2^-65 of itself.
Pair log2_of_double(Real a) {
  auto [z, k] = split(a, 0x3fe6a09e667f3bcd, true);  // z from sqrt(1/2) to sqrt(2)
  // s = (z - 1) / (z + 1): a quotient and what it leaves.
  Real f = z - 1.0;
  Pair g = two_sum(z, z.like(1));
  Real inverse = 1.0 / g.high, quotient = f * inverse;
  Pair back = two_product(quotient, g.high);
  Real left = ((f - back.high) - back.low) - quotient * g.low;
  Pair s{quotient, left * inverse};

  // log z = 2 s + s³ (2/3 + s² Q(s²)), in pairs but for Q.
  Pair w = multiply(s, s);
  Real tail = w.high * polynomial(w.high, {0x1.9999999999996p-2, 0x1.2492492492f4cp-2, 0x1.c71c71c597572p-3,
                                           0x1.745d1828f4e89p-3, 0x1.3b1364e163839p-3, 0x1.11206c00b9fa7p-3,
                                           0x1.de3ddd0bdfabap-4, 0x1.eac2e62520ec6p-4});
  Pair factor = fast_two_sum(z.like(0.6666666666666666), tail);
  factor.low = factor.low + 3.700743415417188e-17;
  Pair cubic = multiply(multiply(s, w), factor);
  Pair log = fast_two_sum(s.high * 2.0, cubic.high);
  log.low = log.low + (s.low * 2.0 + cubic.low);

  Pair log2 = multiply(log, {z.like(1.4426950408889634), z.like(2.0355273740931033e-17)});
  Pair sum = fast_two_sum(k, log2.high);
  return fast_two_sum(sum.high, sum.low + log2.low);
}

Real power_of_double(Real a, Real y) {
  y = clamp(y, -kGreatestExponent, kGreatestExponent);
  Pair log2 = log2_of_double(a);
  Pair product = two_product(y, log2.high);
  Real bounded = clamp(product.high, -1080, 1030);
  Real low = select(bounded == product.high, product.low + y * log2.low, 0.0);

  Rounded n = round_small(bounded);
  Pair f = two_sum(bounded - n.value, low);
  Pair r = multiply(f, {a.like(0.6931471805599453), a.like(2.3190468138462996e-17)});  // 2^f = e^r
  Real tail = polynomial(
      r.high, {0x1.000000000000ap-1, 0x1.5555555555507p-3, 0x1.55555555506b9p-5, 0x1.1111111124c6cp-7,
               0x1.6c16c184798c0p-10, 0x1.a01a013930d64p-13, 0x1.a0199952bbe95p-16, 0x1.71df060b7c6d9p-19,
               0x1.28ae0ce0d2cd8p-22, 0x1.adaecb9e59cf8p-26});
  Real power = 1.0 + (r.high + fma(r.high * r.high, tail, fma(r.low, r.high, r.low)));
  return scale(power, n.pattern + scale_bias(a));
}

}  // namespace

Real pow(Real x, Real y) {
  const double infinity = std::numeric_limits<double>::infinity();
  Real a = abs(x);
  Mask zero = a == 0.0, infinite = a == infinity;
  Real result = x.is_double() ? power_of_double(a, y) : power_of_float(a, y);
  // 0 and infinity: one of them again, by the sign of y.
  result = select(zero | infinite, select((y < 0.0) ^ zero, x.like(0), x.like(infinity)), result);

  Real half = y * 0.5;
  Mask integer = round_half_to_even(y) == y;
  Mask odd = integer & !(round_half_to_even(half) == half);
  const uint64_t sign = uint64_t{1} << (x.is_double() ? 63 : 31);
  Int flip = select(odd, x.bits() & sign, x.word(0));
  result = as_real(result.bits() ^ flip);

  Mask invalid = (x < 0.0) & (a < infinity) & !integer;
  result = select(invalid | is_nan(x) | is_nan(y), std::numeric_limits<double>::quiet_NaN(), result);
  return select((x == 1.0) | (y == 0.0), 1.0, result);
}

}  // namespace tw::codegen::math
