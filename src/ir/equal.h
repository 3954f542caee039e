// Structural equality and hash, derived from the node list.
//
// Both are blind to labels: two trees are equal when they differ only in the names of variables, buffers,
// blocks and reducers. The hash depends on the tree alone: it is the same on every platform and in every run.
#pragma once

#include <cstdint>

#include "ir/node.h"

namespace tw {

/// What it takes for variables and buffers that a tree uses but does not introduce to be equal.
enum class FreeNames {
  kSame,     // to be the same object
  kMatched,  // to stand in the same places, and to be of one type and shape
};

bool structural_equal(const Node* a, const Node* b, FreeNames free = FreeNames::kSame);
template <class T, class U>
bool structural_equal(const Ref<T>& a, const Ref<U>& b, FreeNames free = FreeNames::kSame) {
  return structural_equal(static_cast<const Node*>(a.get()), static_cast<const Node*>(b.get()), free);
}

struct Hash128 {
  uint64_t low = 0, high = 0;
  bool operator==(const Hash128&) const = default;
};

/// XXH3 (128 bits) over the tree; free names count by the places they stand in, as under FreeNames::kMatched.
Hash128 structural_hash(const Node* node);
template <class T>
Hash128 structural_hash(const Ref<T>& handle) {
  return structural_hash(static_cast<const Node*>(handle.get()));
}

}  // namespace tw
