// Element types of buffers and expressions, scalar or vector.
//
// `index` is the type of loop variables, sizes and subscripts: 64-bit integers that are promised not to
// overflow, so that index arithmetic may be rearranged freely. Data of type int64 wraps like every other
// integer. A value of type index that becomes data is cast to int64 first; the interpreter reports an index
// that overflows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tw {

enum class TypeCode : uint8_t { kBool, kInt, kUInt, kIndex, kFloat, kBFloat };

struct DType {
  TypeCode code = TypeCode::kFloat;
  uint8_t bits = 32;   // of one lane; bool has 8, as it is stored
  uint16_t lanes = 1;  // at least 1

  constexpr bool operator==(const DType&) const = default;

  constexpr bool is_bool() const { return code == TypeCode::kBool; }
  constexpr bool is_int() const { return code == TypeCode::kInt; }
  constexpr bool is_uint() const { return code == TypeCode::kUInt; }
  constexpr bool is_index() const { return code == TypeCode::kIndex; }
  constexpr bool is_signed() const { return is_int() || is_index(); }
  constexpr bool is_integer() const { return is_int() || is_uint() || is_index(); }
  constexpr bool is_bfloat() const { return code == TypeCode::kBFloat; }
  constexpr bool is_float() const { return code == TypeCode::kFloat || is_bfloat(); }
  constexpr bool is_scalar() const { return lanes == 1; }
  constexpr bool is_half() const { return is_float() && bits == 16; }  // float16 or bfloat16
  constexpr int bytes() const { return bits / 8; }                     // of one lane
  constexpr DType element() const { return {code, bits, 1}; }
  constexpr DType with_lanes(int n) const { return {code, bits, static_cast<uint16_t>(n)}; }
};

inline constexpr DType kBool{TypeCode::kBool, 8};
inline constexpr DType kInt8{TypeCode::kInt, 8};
inline constexpr DType kInt16{TypeCode::kInt, 16};
inline constexpr DType kInt32{TypeCode::kInt, 32};
inline constexpr DType kInt64{TypeCode::kInt, 64};
inline constexpr DType kUInt8{TypeCode::kUInt, 8};
inline constexpr DType kUInt16{TypeCode::kUInt, 16};
inline constexpr DType kUInt32{TypeCode::kUInt, 32};
inline constexpr DType kUInt64{TypeCode::kUInt, 64};
inline constexpr DType kIndex{TypeCode::kIndex, 64};
inline constexpr DType kFloat16{TypeCode::kFloat, 16};
inline constexpr DType kBFloat16{TypeCode::kBFloat, 16};
inline constexpr DType kFloat32{TypeCode::kFloat, 32};
inline constexpr DType kFloat64{TypeCode::kFloat, 64};

/// Every scalar type, `index` included, in the order above.
inline constexpr DType kScalarTypes[] = {kBool,   kInt8,   kInt16, kInt32,   kInt64,    kUInt8,   kUInt16,
                                         kUInt32, kUInt64, kIndex, kFloat16, kBFloat16, kFloat32, kFloat64};

/// "float32", "bool", "index", "int8x16" (lanes after an x).
std::string to_string(DType type);

/// The inverse of `to_string`; nothing if `text` names no type.
std::optional<DType> dtype_from_string(std::string_view text);

/// The inverse of `to_string`; raises a type error that lists the types when `text` names none.
DType parse_dtype(std::string_view text);

/// Short suffix of literals in program text: "f32", "bf16", "i8", "u64"; empty for bool and index.
std::string literal_suffix(DType type);

/// Smallest and largest value of an integer type (index: int64's; uint64's largest is given as -1, its bit
/// pattern).
int64_t int_min_of(DType type);
int64_t int_max_of(DType type);

}  // namespace tw
