#include "ir/equal.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "ir/visit.h"
#include "support/error.h"

namespace tw {
namespace {

/// The bits of a number; all NaN are one.
uint64_t bits_of(double value) {
  return std::bit_cast<uint64_t>(std::isnan(value) ? std::numeric_limits<double>::quiet_NaN() : value);
}

/// Compares two trees in step, keeping a one-to-one map between their names.
class Comparison {
 public:
  explicit Comparison(FreeNames free) : free_(free) {}

  bool nodes(const Node* a, const Node* b) {
    if (!a || !b) return a == b;
    if (a->kind != b->kind) return false;
    if (a->kind == Kind::kVariable)
      return variables(static_cast<const Variable*>(a), static_cast<const Variable*>(b));
    switch (a->kind) {
#define TW_CASE(Struct) \
  case Kind::k##Struct: return fields(static_cast<const Struct&>(*a), static_cast<const Struct&>(*b));
      TW_ALL_NODES(TW_CASE)
#undef TW_CASE
    }
    return false;
  }

 private:
  template <class T>
  bool fields(const T& a, const T& b) {
    return std::apply(
        [&](const auto&... x) {
          return std::apply([&](const auto&... y) { return (field(x, y) && ...); }, b.fields());
        },
        a.fields());
  }

  template <class T>
  bool field(const T& a, const T& b) {
    if constexpr (detail::is_vector<T>::value) {
      if (a.size() != b.size()) return false;
      for (std::size_t i = 0; i < a.size(); ++i)
        if (!field(a[i], b[i])) return false;
      return true;
    } else if constexpr (detail::is_optional<T>::value) {
      return a.has_value() == b.has_value() && (!a || field(*a, *b));
    } else if constexpr (detail::HasFields<T>) {
      return fields(a, b);
    } else if constexpr (std::same_as<T, VarDef>) {
      return (!a && !b) || (a && b && introduce(variables_, &*a, &*b) && traits(*a, *b));
    } else if constexpr (std::same_as<T, BufferDef>) {
      return (!a && !b) || (a && b && introduce(buffers_, a.get(), b.get()) && fields(*a, *b));
    } else if constexpr (std::same_as<T, Buffer>) {
      return buffers(a.get(), b.get());
    } else if constexpr (std::derived_from<T, Ref<ExprNode>> || std::derived_from<T, Ref<StmtNode>> ||
                         std::same_as<T, Reducer> || std::same_as<T, Program>) {
      return nodes(a.get(), b.get());
    } else if constexpr (std::same_as<T, Label> || std::same_as<T, BlockId>) {
      return true;
    } else if constexpr (std::same_as<T, double>) {
      return bits_of(a) == bits_of(b);
    } else if constexpr (std::same_as<T, AttrValue>) {
      return a.index() == b.index() &&
             std::visit(
                 [&](const auto& x) { return field(x, std::get<std::remove_cvref_t<decltype(x)>>(b)); }, a);
    } else if constexpr (std::same_as<T, Attrs>) {
      return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](const auto& x, const auto& y) {
        return x.first == y.first && field(x.second, y.second);
      });
    } else {
      return a == b;
    }
  }

  template <class T>
  struct NameMap {
    std::unordered_map<const T*, const T*> forward, backward;
  };

  template <class T>
  static bool introduce(NameMap<T>& map, const T* a, const T* b) {
    map.forward[a] = b;
    map.backward[b] = a;
    return true;
  }

  /// Whether the names match, by an earlier pairing or, if none is there, by the rule for free names.
  template <class T, class Alike>
  bool names(NameMap<T>& map, const T* a, const T* b, Alike alike) {
    const auto forward = map.forward.find(a);
    const auto backward = map.backward.find(b);
    if (forward != map.forward.end() || backward != map.backward.end())
      return forward != map.forward.end() && backward != map.backward.end() && forward->second == b &&
             backward->second == a;
    if (free_ == FreeNames::kSame) return a == b;
    introduce(map, a, b);
    return a == b || alike();
  }

  static bool traits(const Variable& a, const Variable& b) {
    return a.dtype == b.dtype && a.min == b.min && a.max == b.max && a.multiple_of == b.multiple_of;
  }
  bool variables(const Variable* a, const Variable* b) {
    return names(variables_, a, b, [&] { return traits(*a, *b); });
  }
  bool buffers(const BufferNode* a, const BufferNode* b) {
    if (!a || !b) return a == b;
    return names(buffers_, a, b, [&] { return fields(*a, *b); });
  }

  FreeNames free_;
  NameMap<Variable> variables_;
  NameMap<BufferNode> buffers_;
};

/// Feeds a tree to XXH3 as a sequence of little-endian words; names are numbered as they are met.
class Hashing {
 public:
  Hashing() { XXH3_128bits_reset(&state_); }

  void node(const Node* n) {
    if (!n) return word(0);
    word(static_cast<uint64_t>(n->kind) + 1);
    if (const auto* var = as<Variable>(n)) return variable(*var);
    switch (n->kind) {
#define TW_CASE(Struct) \
  case Kind::k##Struct: return fields(static_cast<const Struct&>(*n));
      TW_ALL_NODES(TW_CASE)
#undef TW_CASE
    }
  }

  Hash128 digest() {
    const XXH128_hash_t hash = XXH3_128bits_digest(&state_);
    return {hash.low64, hash.high64};
  }

 private:
  template <class T>
  void fields(const T& part) {
    std::apply([&](const auto&... x) { (field(x), ...); }, part.fields());
  }

  template <class T>
  void field(const T& x) {
    if constexpr (detail::is_vector<T>::value) {
      word(x.size());
      for (const auto& element : x) field(element);
    } else if constexpr (detail::is_optional<T>::value) {
      word(x.has_value());
      if (x) field(*x);
    } else if constexpr (detail::HasFields<T>) {
      fields(x);
    } else if constexpr (std::same_as<T, VarDef>) {
      if (x) variables_.erase(&*x);  // introduced again, it is another name
      node(x.get());
    } else if constexpr (std::same_as<T, BufferDef>) {
      if (x) buffers_.erase(x.get());
      buffer(x.get());
    } else if constexpr (std::same_as<T, Buffer>) {
      buffer(x.get());
    } else if constexpr (std::derived_from<T, Ref<ExprNode>> || std::derived_from<T, Ref<StmtNode>> ||
                         std::same_as<T, Reducer> || std::same_as<T, Program>) {
      node(x.get());
    } else if constexpr (std::same_as<T, Label> || std::same_as<T, BlockId>) {
      // blind
    } else if constexpr (std::same_as<T, double>) {
      word(bits_of(x));
    } else if constexpr (std::same_as<T, std::string>) {
      text(x);
    } else if constexpr (std::same_as<T, DType>) {
      word(static_cast<uint64_t>(x.code) | static_cast<uint64_t>(x.bits) << 8 |
           static_cast<uint64_t>(x.lanes) << 16);
    } else if constexpr (std::same_as<T, AttrValue>) {
      word(x.index());
      std::visit([&](const auto& value) { field(value); }, x);
    } else if constexpr (std::same_as<T, Attrs>) {
      word(x.size());
      for (const auto& [key, value] : x) text(key), field(value);
    } else {
      word(static_cast<uint64_t>(x));
    }
  }

  void variable(const Variable& v) {
    const auto [at, fresh] = variables_.try_emplace(&v, next_variable_);
    word(at->second);
    if (!fresh) return;
    ++next_variable_;
    field(v.dtype), field(v.min), field(v.max), field(v.multiple_of);
  }

  void buffer(const BufferNode* b) {
    if (!b) return word(0);
    const auto [at, fresh] = buffers_.try_emplace(b, next_buffer_);
    word(at->second + 1);
    if (!fresh) return;
    ++next_buffer_;
    fields(*b);
  }

  void word(uint64_t value) {
    unsigned char bytes[8];
    for (int i = 0; i < 8; ++i) bytes[i] = static_cast<unsigned char>(value >> (8 * i));
    XXH3_128bits_update(&state_, bytes, sizeof bytes);
  }
  void text(const std::string& s) {
    word(s.size());
    XXH3_128bits_update(&state_, s.data(), s.size());
  }

  XXH3_state_t state_;
  std::unordered_map<const Variable*, uint64_t> variables_;
  std::unordered_map<const BufferNode*, uint64_t> buffers_;
  uint64_t next_variable_ = 0, next_buffer_ = 0;
};

}  // namespace

bool structural_equal(const Node* a, const Node* b, FreeNames free) {
  if (a == b) return true;
  return Comparison(free).nodes(a, b);
}

Hash128 structural_hash(const Node* node) {
  Hashing hashing;
  hashing.node(node);
  return hashing.digest();
}

}  // namespace tw
