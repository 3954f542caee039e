/* Functions that machine code calls and glibc 2.17 has not: exported libraries bring them along. They round
 * to the nearest as the processor does by default, to even on ties. */

double roundeven(double x) {
  double size = __builtin_fabs(x);
  if (!(size < 0x1p52)) return x; /* whole already, infinite or NaN */
  return __builtin_copysign(size + 0x1p52 - 0x1p52, x);
}

float roundevenf(float x) {
  float size = __builtin_fabsf(x);
  if (!(size < 0x1p23f)) return x;
  return __builtin_copysignf(size + 0x1p23f - 0x1p23f, x);
}
