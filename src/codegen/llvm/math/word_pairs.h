// Arithmetic on pairs: a value as the unevaluated sum of two floats, the second below half a unit of the
// first.
//
// Dekker, "A floating-point technique for extending the available precision" (1971); Muller et al., Handbook
// of Floating-Point Arithmetic, 2nd ed., chapter 4. Exact where no operation overflows and no low part
// underflows.
#pragma once

#include "codegen/llvm/math/lanes.h"

namespace tw::codegen::math {

struct Pair {
  Real high, low;
};

/// a + b of any two.
inline Pair two_sum(Real a, Real b) {
  Real sum = a + b, from_b = sum - a;
  return {sum, (a - (sum - from_b)) + (b - from_b)};
}

/// a + b where a is 0 or its last bit is no less than that of b.
inline Pair fast_two_sum(Real a, Real b) {
  Real sum = a + b;
  return {sum, b - (sum - a)};
}

/// `a` as a sum of two halves of its significand, so that products of halves are exact (Veltkamp).
inline Pair halves(Real a) {
  Real scaled = a * (a.is_double() ? 0x1p27 + 1 : 0x1p12 + 1);
  Real high = scaled - (scaled - a);
  return {high, a - high};
}

/// a b.
inline Pair two_product(Real a, Real b) {
  Real product = a * b;
  if (a.lanes->target.has_fma) return {product, fma(a, b, -product)};
  Pair x = halves(a), y = halves(b);
  return {product, ((x.high * y.high - product) + x.high * y.low + x.low * y.high) + x.low * y.low};
}

/// The product of two pairs, to about twice the precision.
inline Pair multiply(Pair a, Pair b) {
  Pair product = two_product(a.high, b.high);
  Real cross = fma(a.high, b.low, a.low * b.high);
  return {product.high, product.low + cross};
}

}  // namespace tw::codegen::math
