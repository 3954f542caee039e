// sin and cos, right for every argument.
//
// The argument is reduced by multiples of pi/2 as Payne and Hanek do (1983): x = m 2^e with an integer m; of
// the bits of 2/pi only a window matters, since what stands before it gives multiples of four quadrants and
// what comes after it is too small. The window is three words wide and found by selects and shifts, so all
// lanes do the same whatever their size, and no argument is slow. x = (quadrant + F) pi/2 with F as a binary
// fraction of two words.
#include <limits>
#include <vector>

#include "codegen/llvm/math/functions.h"
#include "codegen/llvm/math/word_pairs.h"

namespace tw::codegen::math {
namespace {

/// The bits of 2/pi in words, after a word of 0.
std::vector<uint64_t> two_over_pi(bool is_double) {
  if (!is_double) {
    return {0, 0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab};
  }
  return {0,
          0xa2f9836e4e441529,
          0xfc2757d1f534ddc0,
          0xdb6295993c439041,
          0xfe5163abdebbc561,
          0xb7246e3a424dd2e0,
          0x06492eea09d1921c,
          0xfe1deb1cb129a73e,
          0xe88235f52ebb4484,
          0xe99c7026b45f7e41,
          0x3991d639835339f4,
          0x9c845f8bbdf9283b,
          0x1ff897ffde05980f,
          0xef2f118b5a0a6d1f,
          0x6d367ecf27cb09b7,
          0x4f463f669e5fea2d,
          0x7527bac7ebe5f17b,
          0x3d0739f78a5292ea,
          0x6bfb5fb11f8d5d08,
          0x56033046fc7b6bab};
}

/// words[index] to words[index + count - 1]. Where that runs past the end, some words.
std::vector<Int> select_words(const std::vector<uint64_t>& words, Int index, size_t count) {
  std::vector<Int> chosen;
  for (uint64_t word : words) chosen.push_back(index.like(word));
  size_t step = 1;
  while (step * 2 < words.size() - count + 1) step *= 2;
  for (; step > 0; step /= 2) {  // after it, `chosen` starts at the bits of the index from `step` on
    Mask stay = (index & step) == 0;
    std::vector<Int> next;
    for (size_t i = 0; i < count + step - 1 && i < chosen.size(); ++i)
      next.push_back(i + step < chosen.size() ? select(stay, chosen[i], chosen[i + step]) : chosen[i]);
    chosen = std::move(next);
  }
  return chosen;
}

/// The high word of (high, low) shifted left by `count`, below the width.
Int shift_pair_left(Int high, Int low, Int count) {
  llvm::Value* shifted = high.lanes->builder.CreateIntrinsic(llvm::Intrinsic::fshl, {high.value->getType()},
                                                             {high.value, low.value, count.value});
  return {high.lanes, shifted};
}

/// A signed word of which only the top 24 (32 bits) or 53 (64 bits) may be other than 0, exactly.
Real top_to_real(Int top) {
  if (top.bits() == 32) return to_real(top);
  // Halves as mantissas of 2^84 and 2^52: few targets convert 64 bits.
  Real high = as_real((top >> 32u) ^ 0x4530000080000000);
  Real low = as_real((top & 0xffffffff) | 0x4330000000000000);
  return (high - high.like(0x1p84 + 0x1p63 + 0x1p52)) + low;
}

/// a = quadrant pi/2 + rest (mod 2 pi) with |rest| <= pi/4 as a sum of two floats.
struct Reduced {
  Int quadrant;  // two bits count
  Pair rest;
};

Reduced reduce(Real a) {
  const bool is_double = a.is_double();
  const unsigned width = is_double ? 64 : 32, mantissa_bits = is_double ? 52 : 23;
  const unsigned low_bits = is_double ? 11 : 8;  // what a word has more than a significand
  const uint64_t implicit = uint64_t{1} << mantissa_bits;

  Int m = (a.bits() & (implicit - 1)) | implicit;
  // The bit of weight 2 in 2^e * 2/pi, counted from the first bit of the word 0 before 2/pi. It is at least 0
  // from pi/4 on; smaller arguments get nonsense here, and are their own rest in the end.
  Int first = (a.bits() >> mantissa_bits) - (is_double ? 1013 : 120);
  std::vector<Int> words = select_words(two_over_pi(is_double), first >> (is_double ? 6u : 5u), 4);
  Int shift = first & (width - 1);
  for (int i = 0; i < 3; ++i) words[i] = shift_pair_left(words[i], words[i + 1], shift);

  // m times the window, the top two words of what is below 4: quadrant and fraction.
  auto [middle_high, middle_low] = multiply_wide(m, words[1]);
  Int last = multiply_wide(m, words[2]).first;
  Int low = middle_low + last;
  Int carry = select(low < last, low.like(1), low.like(0));
  Int high = m * words[0] + middle_high + carry;

  Int quadrant = (high + (uint64_t{1} << (width - 3))) >> (width - 2);
  Int fraction = (high << 2u) | (low >> (width - 2));  // signed, of quarter circles
  low = low << 2u;
  const uint64_t low_mask = (uint64_t{1} << low_bits) - 1;
  const unsigned low_shift = is_double ? 39 : 16;  // so that its 50 or 24 bits fill a significand
  Int rest_bits = ((fraction & low_mask) << low_shift) | (low >> (width - low_shift));
  Real top = top_to_real(fraction & ~low_mask) * (is_double ? 0x1p-64 : 0x1p-32);
  Real rest = to_real(rest_bits) * (is_double ? 0x1p-103 : 0x1p-48);
  Pair half_pi = is_double ? Pair{a.like(1.5707963267948966), a.like(6.123233995736766e-17)}
                           : Pair{a.like(1.5707963705062866), a.like(-4.3711390001862426e-08)};
  // What is left of the word counts where the argument is close to a multiple of pi/2.
  Real last_bits =
      to_real(low & ((uint64_t{1} << (width - low_shift)) - 1)) * (is_double ? 0x1p-128 : 0x1p-64);
  Pair turns = fast_two_sum(top, rest);
  turns.low = turns.low + last_bits;
  Pair angle = multiply(turns, half_pi);

  Mask small = a < (is_double ? 0x1.921fb54442d18p-1 : 0x1.921fb4p-1);
  return {select(small, quadrant.like(0), quadrant),
          {select(small, a, angle.high), select(small, a.like(0), angle.low)}};
}

/// sin and cos of a pair within pi/4 of 0, as in FreeBSD's k_sin.c and k_cos.c.
Real sin_of_rest(Pair r) {
  Real z = r.high * r.high;
  Real tail = z.is_double()
                  ? polynomial(z, {-0x1.5555555555549p-3, 0x1.111111110f8a6p-7, -0x1.a01a019c16191p-13,
                                   0x1.71de357b1a509p-19, -0x1.ae5e689ce25e4p-26, 0x1.5d93a390c3dd2p-33})
                  : polynomial(z, {-0.16666655242443085, 0.008332191966474056, -0.00019518789486028254});
  return r.high + fma(r.high * z, tail, r.low);
}
Real cos_of_rest(Pair r) {
  Real z = r.high * r.high;
  Real tail = z.is_double()
                  ? polynomial(z, {0x1.555555555554cp-5, -0x1.6c16c16c1521fp-10, 0x1.a01a019cbf619p-16,
                                   -0x1.27e4f812b4a42p-22, 0x1.1ee9f1508c831p-29, -0x1.8fb12f83a4361p-37})
                  : polynomial(z, {0.04166664555668831, -0.00138873013202101, 2.4430670237052254e-05});
  Real half = 0.5 * z, first = 1.0 - half;
  return first + (((1.0 - first) - half) + (z * z * tail - r.high * r.low));
}

/// The sine or cosine but for its sign.
Real circular(const Reduced& reduced, bool sine) {
  Mask even = (reduced.quadrant & 1) == 0;
  Real s = sin_of_rest(reduced.rest), c = cos_of_rest(reduced.rest);
  return sine ? select(even, s, c) : select(even, c, s);
}

/// NaN for infinities and NaN.
Real finite_only(Real a, Real result) {
  return select(a < std::numeric_limits<double>::infinity(), result,
                std::numeric_limits<double>::quiet_NaN());
}

}  // namespace

Real sin(Real x) {
  Real a = abs(x);
  const unsigned width = x.is_double() ? 64 : 32;
  Reduced reduced = reduce(a);
  Int flip = (x.bits() ^ (reduced.quadrant << (width - 2))) & (uint64_t{1} << (width - 1));
  return finite_only(a, as_real(circular(reduced, true).bits() ^ flip));
}

Real cos(Real x) {
  Real a = abs(x);
  const unsigned width = x.is_double() ? 64 : 32;
  Reduced reduced = reduce(a);
  Int flip = ((reduced.quadrant + 1) << (width - 2)) & (uint64_t{1} << (width - 1));
  return finite_only(a, as_real(circular(reduced, false).bits() ^ flip));
}

}  // namespace tw::codegen::math
