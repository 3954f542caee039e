// Element types of arrays: the codes of core/kernel.h with their names, sizes, and DLPack's codes.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "runtime/core/kernel.h"
#include "runtime/dlpack.h"

namespace tw::runtime {

struct ElementType {
  int32_t code;  // TW_BOOL, …
  std::string_view name;
  int64_t bytes;
  DLDataType dlpack;
};

inline constexpr ElementType kElementTypes[] = {
    {TW_BOOL, "bool", 1, {kDLBool, 8, 1}},
    {TW_INT8, "int8", 1, {kDLInt, 8, 1}},
    {TW_INT16, "int16", 2, {kDLInt, 16, 1}},
    {TW_INT32, "int32", 4, {kDLInt, 32, 1}},
    {TW_INT64, "int64", 8, {kDLInt, 64, 1}},
    {TW_UINT8, "uint8", 1, {kDLUInt, 8, 1}},
    {TW_UINT16, "uint16", 2, {kDLUInt, 16, 1}},
    {TW_UINT32, "uint32", 4, {kDLUInt, 32, 1}},
    {TW_UINT64, "uint64", 8, {kDLUInt, 64, 1}},
    {TW_FLOAT16, "float16", 2, {kDLFloat, 16, 1}},
    {TW_BFLOAT16, "bfloat16", 2, {kDLBfloat, 16, 1}},
    {TW_FLOAT32, "float32", 4, {kDLFloat, 32, 1}},
    {TW_FLOAT64, "float64", 8, {kDLFloat, 64, 1}},
};

/// The type of a code, which must be one of the table.
constexpr const ElementType& element_type(int32_t code) {
  return kElementTypes[code];
}

/// The type of a name; nothing if no type has it.
constexpr std::optional<ElementType> element_type_named(std::string_view name) {
  for (const ElementType& type : kElementTypes)
    if (type.name == name) return type;
  return std::nullopt;
}

}  // namespace tw::runtime
