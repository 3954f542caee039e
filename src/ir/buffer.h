// Buffers: what loads and stores refer to.
#pragma once

#include <optional>
#include <string_view>

#include "ir/node.h"

// Declares an enumeration from a list of X(Name, text), with its text in both directions.
#define TW_DECLARE_ENUM(Enum, LIST)                  \
  enum class Enum : uint8_t { LIST(TW_ENUMERATOR) }; \
  const char* to_string(Enum value);                 \
  std::optional<Enum> parse_enum(std::string_view text, Enum*); /* tag pointer */
#define TW_ENUMERATOR(Name, text) k##Name,

namespace tw {

// X(Name, text): where a buffer lives, and who sees it.
#define TW_SCOPES(X)                                                        \
  X(Global, "global")     /* memory; everyone */                            \
  X(Shared, "shared")     /* one GPU block */                               \
  X(Local, "local")       /* one thread; on a CPU registers or its stack */ \
  X(Fragment, "fragment") /* registers spread over a warp by a lane map */

TW_DECLARE_ENUM(Scope, TW_SCOPES)

/// The value whose text this is.
template <class Enum>
std::optional<Enum> enum_from_text(std::string_view text) {
  return parse_enum(text, static_cast<Enum*>(nullptr));
}

/// Where element `coords` of a fragment lives: in register `slot` of lane `lane` of the warp. Injective.
struct LaneMap {
  std::vector<VarDef> coords;
  Expr lane, slot;
  TW_FIELDS(coords, lane, slot)
};

/// A dense or strided array of scalars. Extents have type index and are at least 0; rank 0 is one element.
struct BufferNode : Node {
  static constexpr Kind kKind = Kind::kBufferNode;
  BufferNode() : Node(kKind) {}
  static Buffer make(std::string name, DType dtype, std::vector<Expr> shape, Scope scope = Scope::kGlobal);
  int rank() const { return static_cast<int>(shape.size()); }
  Label name;
  DType dtype;
  std::vector<Expr> shape;
  std::vector<Expr> strides;  // in elements; empty: row-major without gaps
  Scope scope = Scope::kGlobal;
  int64_t alignment = 0;  // of the first element, in bytes; 0: that of the type
  std::optional<LaneMap> lane_map;
  TW_FIELDS(name, dtype, shape, strides, scope, alignment, lane_map)
};

/// Elements from one point of each dimension to the next: `strides`, or those of rows without gaps.
std::vector<Expr> strides_of(const BufferNode& buffer);

}  // namespace tw
