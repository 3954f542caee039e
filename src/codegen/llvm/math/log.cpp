// log.
//
// x = 2^k z with z around 1; log x = k ln 2 + log z. In float log z is a polynomial of z - 1; in double it
// goes through s = (z - 1) / (z + 1), as in FreeBSD's e_log.c: log z = f - f²/2 + s (f²/2 + R(s²)), f = z
// - 1.
#include <limits>

#include "codegen/llvm/math/functions.h"
#include "codegen/llvm/math/scaling.h"

namespace tw::codegen::math {
namespace {

Real log_of_positive(Real x) {
  if (!x.is_double()) {
    auto [z, k] = split(x, 0x3f2aaaab, true);  // z from 2/3 to 4/3
    Real r = z - 1.0;
    Real tail = polynomial(
        r, {-0.5, 0.3333320617675781, -0.24999888241291046, 0.20010846853256226, -0.16676399111747742,
            0.13999764621257782, -0.12240538001060486, 0.14011065661907196, -0.1264917403459549});
    // k times the first part of ln 2 is exact.
    return fma(k, 0.693145751953125, r + fma(r * r, tail, k * 1.4286068203094173e-06));
  }
  auto [z, k] = split(x, 0x3fe6a09e667f3bcd, true);  // z from sqrt(1/2) to sqrt(2)
  Real f = z - 1.0;
  Real s = f / (f + 2.0), w = s * s, half_square = 0.5 * f * f;
  Real rest = w * polynomial(w, {0x1.5555555555592p-1, 0x1.999999997ff08p-2, 0x1.24924941e2f00p-2,
                                 0x1.c71c52129813ap-3, 0x1.74663d5a25ee8p-3, 0x1.39a1dc3c86832p-3,
                                 0x1.2f0446e4eca90p-3});
  Real low = fma(s, half_square + rest, k * 5.497923018708371e-14);
  return fma(k, 0.6931471805598903, f - (half_square - low));
}

}  // namespace

Real log(Real x) {
  const double infinity = std::numeric_limits<double>::infinity();
  // Infinity gives itself, zero -infinity, negative numbers and NaN give NaN.
  Real special = select(x == 0.0, -infinity, x.like(std::numeric_limits<double>::quiet_NaN()));
  special = select(x == infinity, x, special);
  return select((0.0 < x) & (x < infinity), log_of_positive(x), special);
}

}  // namespace tw::codegen::math
