// Arithmetic on lanes, written as C++ expressions that emit LLVM instructions.
//
// Real, Int and Mask are handles of values of one shape: a scalar or a fixed vector. So
//
//     Real n = round_small(x * log2e).value;
//     return select(x < 0.0, x.like(0), fma(n, -ln2, x));
//
// emits a multiplication, two additions ... for every lane at once. A constant beside a handle takes its
// type. Every operation rounds exactly as IEEE 754 says: emit_math clears the builder's fast-math flags, and
// where a product and a sum may be fused the function says fma.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <utility>

#include <llvm/IR/IRBuilder.h>

#include "codegen/llvm/math.h"

namespace tw::codegen::math {

/// What operations are emitted into.
struct Lanes {
  llvm::IRBuilderBase& builder;
  const MathTarget& target;
};

/// A truth value a lane.
struct Mask {
  Lanes* lanes;
  llvm::Value* value;
};
Mask operator&(Mask a, Mask b);
Mask operator|(Mask a, Mask b);
Mask operator^(Mask a, Mask b);
Mask operator!(Mask a);

/// Integers without sign where it matters (>>, <) unless the name says otherwise; they wrap.
struct Int {
  Lanes* lanes;
  llvm::Value* value;
  unsigned bits() const { return value->getType()->getScalarSizeInBits(); }
  Int like(uint64_t constant) const;
};
Int operator+(Int a, Int b);
Int operator-(Int a, Int b);
Int operator*(Int a, Int b);
Int operator&(Int a, Int b);
Int operator|(Int a, Int b);
Int operator^(Int a, Int b);
Int operator<<(Int a, Int count);  // counts below the width only
Int operator>>(Int a, Int count);
inline Int operator+(Int a, uint64_t b) {
  return a + a.like(b);
}
inline Int operator-(Int a, uint64_t b) {
  return a - a.like(b);
}
inline Int operator&(Int a, uint64_t b) {
  return a & a.like(b);
}
inline Int operator|(Int a, uint64_t b) {
  return a | a.like(b);
}
inline Int operator^(Int a, uint64_t b) {
  return a ^ a.like(b);
}
inline Int operator<<(Int a, unsigned b) {
  return a << a.like(b);
}
inline Int operator>>(Int a, unsigned b) {
  return a >> a.like(b);
}
Int shift_right_signed(Int a, unsigned count);
Mask operator<(Int a, Int b);
Mask operator==(Int a, uint64_t b);
inline Mask operator<(Int a, uint64_t b) {
  return a < a.like(b);
}
Int select(Mask mask, Int yes, Int no);

/// The product of two words as (high word, low word).
std::pair<Int, Int> multiply_wide(Int a, Int b);

/// float or double.
struct Real {
  Lanes* lanes;
  llvm::Value* value;
  bool is_double() const { return value->getType()->getScalarType()->isDoubleTy(); }
  Real like(double constant) const;
  Int bits() const;            // the pattern
  Int word(uint64_t c) const;  // a constant of the pattern's type
};
Real operator+(Real a, Real b);
Real operator-(Real a, Real b);
Real operator*(Real a, Real b);
Real operator/(Real a, Real b);
Real operator-(Real a);
inline Real operator+(Real a, double b) {
  return a + a.like(b);
}
inline Real operator-(Real a, double b) {
  return a - a.like(b);
}
inline Real operator*(Real a, double b) {
  return a * a.like(b);
}
inline Real operator+(double a, Real b) {
  return b.like(a) + b;
}
inline Real operator-(double a, Real b) {
  return b.like(a) - b;
}
inline Real operator*(double a, Real b) {
  return b.like(a) * b;
}
inline Real operator/(double a, Real b) {
  return b.like(a) / b;
}

// Comparisons are false where an operand is NaN, but != and is_nan.
Mask operator<(Real a, Real b);
Mask operator<=(Real a, Real b);
Mask operator==(Real a, Real b);
inline Mask operator<(Real a, double b) {
  return a < a.like(b);
}
inline Mask operator<(double a, Real b) {
  return b.like(a) < b;
}
inline Mask operator<=(double a, Real b) {
  return b.like(a) <= b;
}
inline Mask operator==(Real a, double b) {
  return a == a.like(b);
}
Mask is_nan(Real a);
Real select(Mask mask, Real yes, Real no);
inline Real select(Mask mask, double yes, Real no) {
  return select(mask, no.like(yes), no);
}
inline Real select(Mask mask, Real yes, double no) {
  return select(mask, yes, yes.like(no));
}

/// a b + c: fused where the target can, with two roundings elsewhere.
Real fma(Real a, Real b, Real c);
inline Real fma(Real a, double b, Real c) {
  return fma(a, a.like(b), c);
}
inline Real fma(Real a, Real b, double c) {
  return fma(a, b, a.like(c));
}
inline Real fma(Real a, double b, double c) {
  return fma(a, a.like(b), a.like(c));
}
Real abs(Real a);
Real sqrt(Real a);
/// The magnitude of the first, the sign of the second.
Real copysign(Real magnitude, Real sign);
/// `x` between two constants; NaN stays NaN.
Real clamp(Real x, double low, double high);
Real at_most(Real x, double high);
Real at_least(Real x, double low);

/// The float whose pattern it is: float for 32 bits, double for 64.
Real as_real(Int pattern);
/// The value of a signed integer, exactly: below 2^24 in magnitude for 32 bits, below 2^51 for 64.
Real to_real(Int small);

/// c[0] + c[1] x + c[2] x² + ... by Horner's rule.
Real polynomial(Real x, std::initializer_list<double> coefficients);

/// The nearest integer, halves to even, of |x| < 2^22 (float) or 2^51 (double), and the integer itself in the
/// low bits of a pattern: its other bits are not 0.
struct Rounded {
  Real value;
  Int pattern;
};
Rounded round_small(Real x);
/// The same of a b; the pattern is that of the integer plus `bias`.
Rounded round_product(Real a, double b, double bias);

}  // namespace tw::codegen::math
