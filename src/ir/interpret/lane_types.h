// The C++ types of lanes, and how a value of each is kept in a 64-bit register and in memory.
//
// Integers are kept extended to 64 bits (uint64 as its bit pattern), bool as 0 or 1, float32 and float64 as
// their bits. float16 and bfloat16 are kept as the float32 of equal value, so that an operator computes in
// float and rounds its result.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>

#include "ir/scalar.h"
#include "support/error.h"

namespace tw::interpreter {

using Slot = uint64_t;

/// Tags of the two 16-bit formats.
struct Half {};
struct Brain {};

inline float half_to_float(uint16_t bits) {
  constexpr uint32_t kExponent = 0x7c00u << 13;
  uint32_t out = (bits & 0x7fffu) << 13;
  const uint32_t exponent = out & kExponent;
  out += (127u - 15u) << 23;
  if (exponent == kExponent) {
    out = (bits & 0x3ffu) ? 0x7fc00000u : 0x7f800000u;
  } else if (exponent == 0) {  // a subnormal: normalised by a subtraction that is exact
    out = std::bit_cast<uint32_t>(std::bit_cast<float>(out + (1u << 23)) - std::bit_cast<float>(113u << 23));
  }
  return std::bit_cast<float>(out | (bits & 0x8000u) << 16);
}

/// Rounded to nearest even, as Float16::from_double.
inline uint16_t float_to_half(float value) {
  uint32_t x = std::bit_cast<uint32_t>(value);
  const uint32_t sign = x & 0x80000000u;
  x ^= sign;
  uint32_t out;
  if (x >= 0x47800000u) {  // 65536 and more
    out = x > 0x7f800000u ? Float16::kQuietNaN : Float16::kInfinity;
  } else if (x < 0x38800000u) {  // subnormal: adding this aligns the mantissa, and the addition rounds
    constexpr uint32_t kMagic = ((127 - 15) + (23 - 10) + 1) << 23;
    out = std::bit_cast<uint32_t>(std::bit_cast<float>(x) + std::bit_cast<float>(kMagic)) - kMagic;
  } else {
    const uint32_t odd = (x >> 13) & 1;
    out = (x - ((127u - 15u) << 23) + 0xfffu + odd) >> 13;
  }
  return static_cast<uint16_t>(out | sign >> 16);
}

inline float brain_to_float(uint16_t bits) {
  const uint32_t out = uint32_t{bits} << 16;
  return std::bit_cast<float>((out & 0x7fffffffu) > 0x7f800000u ? (out & 0x80000000u) | 0x7fc00000u : out);
}

/// Rounded to nearest even, as BFloat16::from_double.
inline uint16_t float_to_brain(float value) {
  const uint32_t x = std::bit_cast<uint32_t>(value);
  if ((x & 0x7fffffffu) > 0x7f800000u)
    return static_cast<uint16_t>((x >> 16 & 0x8000u) | BFloat16::kQuietNaN);
  return static_cast<uint16_t>((x + 0x7fffu + (x >> 16 & 1)) >> 16);
}

/// How lanes of type T (or tagged T) compute, and how they lie in memory.
template <class T>
struct Lane {
  using Compute = T;
  using Memory = T;
  static T read(Slot slot) {
    if constexpr (std::same_as<T, float>) return std::bit_cast<float>(static_cast<uint32_t>(slot));
    if constexpr (std::same_as<T, double>) return std::bit_cast<double>(slot);
    if constexpr (std::integral<T>) return static_cast<T>(slot);
  }
  static Slot write(T value) {
    if constexpr (std::same_as<T, float>) return std::bit_cast<uint32_t>(value);
    if constexpr (std::same_as<T, double>) return std::bit_cast<uint64_t>(value);
    if constexpr (std::integral<T>) return static_cast<Slot>(static_cast<int64_t>(value));
  }
  static Slot from_memory(T value) { return write(value); }
  static T to_memory(Slot slot) { return read(slot); }
};

/// bool lies in memory as a byte; any byte but 0 is true.
template <>
struct Lane<bool> {
  using Compute = bool;
  using Memory = uint8_t;
  static bool read(Slot slot) { return slot != 0; }
  static Slot write(bool value) { return value; }
  static Slot from_memory(uint8_t value) { return value != 0; }
  static uint8_t to_memory(Slot slot) { return slot != 0; }
};

template <>
struct Lane<Half> {
  using Compute = float;
  using Memory = uint16_t;
  static float read(Slot slot) { return Lane<float>::read(slot); }
  static Slot write(float value) { return Lane<float>::write(half_to_float(float_to_half(value))); }
  static Slot from_memory(uint16_t value) { return Lane<float>::write(half_to_float(value)); }
  static uint16_t to_memory(Slot slot) { return float_to_half(read(slot)); }
};

template <>
struct Lane<Brain> {
  using Compute = float;
  using Memory = uint16_t;
  static float read(Slot slot) { return Lane<float>::read(slot); }
  static Slot write(float value) { return Lane<float>::write(brain_to_float(float_to_brain(value))); }
  static Slot from_memory(uint16_t value) { return Lane<float>::write(brain_to_float(value)); }
  static uint16_t to_memory(Slot slot) { return float_to_brain(read(slot)); }
};

// X(Name, tag) for every type of a lane in memory. Values of type index are int64 in registers.
#define TW_LANE_TYPES(X) \
  X(Bool, bool)          \
  X(I8, int8_t)          \
  X(I16, int16_t)        \
  X(I32, int32_t)        \
  X(I64, int64_t)        \
  X(U8, uint8_t)         \
  X(U16, uint16_t)       \
  X(U32, uint32_t)       \
  X(U64, uint64_t)       \
  X(F16, Half)           \
  X(BF16, Brain)         \
  X(F32, float)          \
  X(F64, double)

/// Calls f.operator()<tag>() for the tag of a type.
template <class F>
auto with_lane_type(DType type, F&& f) {
  switch (type.code) {
    case TypeCode::kBool: return f.template operator()<bool>();
    case TypeCode::kIndex: return f.template operator()<int64_t>();
    case TypeCode::kBFloat: return f.template operator()<Brain>();
    case TypeCode::kFloat:
      if (type.bits == 16) return f.template operator()<Half>();
      if (type.bits == 32) return f.template operator()<float>();
      return f.template operator()<double>();
    case TypeCode::kInt:
      switch (type.bits) {
        case 8: return f.template operator()<int8_t>();
        case 16: return f.template operator()<int16_t>();
        case 32: return f.template operator()<int32_t>();
        default: return f.template operator()<int64_t>();
      }
    case TypeCode::kUInt:
      switch (type.bits) {
        case 8: return f.template operator()<uint8_t>();
        case 16: return f.template operator()<uint16_t>();
        case 32: return f.template operator()<uint32_t>();
        default: return f.template operator()<uint64_t>();
      }
  }
  raise_internal("no lane type for {}", to_string(type));
}

}  // namespace tw::interpreter
