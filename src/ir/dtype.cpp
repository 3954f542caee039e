#include "ir/dtype.h"

#include <charconv>

#include "support/error.h"

namespace tw {

std::string to_string(DType type) {
  std::string name;
  switch (type.code) {
    case TypeCode::kBool: name = "bool"; break;
    case TypeCode::kIndex: name = "index"; break;
    case TypeCode::kInt: name = "int" + std::to_string(type.bits); break;
    case TypeCode::kUInt: name = "uint" + std::to_string(type.bits); break;
    case TypeCode::kFloat: name = "float" + std::to_string(type.bits); break;
    case TypeCode::kBFloat: name = "bfloat" + std::to_string(type.bits); break;
  }
  return type.lanes == 1 ? name : name + "x" + std::to_string(type.lanes);
}

std::optional<DType> dtype_from_string(std::string_view text) {
  for (DType type : kScalarTypes) {
    const std::string name = to_string(type);
    if (text == name) return type;
    if (text.size() > name.size() + 1 && text.starts_with(name) && text[name.size()] == 'x') {
      const std::string_view digits = text.substr(name.size() + 1);
      int lanes = 0;
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), lanes);
      if (error == std::errc() && end == digits.data() + digits.size() && lanes > 1 && lanes <= UINT16_MAX)
        return type.with_lanes(lanes);
    }
  }
  return std::nullopt;
}

DType parse_dtype(std::string_view text) {
  if (const auto type = dtype_from_string(text)) return *type;
  std::string known;
  for (DType type : kScalarTypes)
    if (!type.is_index()) known += (known.empty() ? "" : ", ") + to_string(type);
  raise_type("unknown dtype '{}'; use one of {}", text, known);
}

std::string literal_suffix(DType type) {
  switch (type.code) {
    case TypeCode::kInt: return "i" + std::to_string(type.bits);
    case TypeCode::kUInt: return "u" + std::to_string(type.bits);
    case TypeCode::kFloat: return "f" + std::to_string(type.bits);
    case TypeCode::kBFloat: return "bf" + std::to_string(type.bits);
    case TypeCode::kBool:
    case TypeCode::kIndex: return "";
  }
  return "";
}

int64_t int_min_of(DType type) {
  if (type.is_uint() || type.is_bool()) return 0;
  return type.bits == 64 ? INT64_MIN : -(int64_t{1} << (type.bits - 1));
}

int64_t int_max_of(DType type) {
  if (type.is_bool()) return 1;
  if (type.is_uint()) return type.bits == 64 ? -1 : (int64_t{1} << type.bits) - 1;
  return type.bits == 64 ? INT64_MAX : (int64_t{1} << (type.bits - 1)) - 1;
}

}  // namespace tw
