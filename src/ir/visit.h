// Walking and rewriting programs, derived from the node list and each node's fields.
//
// A Visitor or Mutator overrides `on` for the kinds it cares about (with `using Visitor::on;` so that the
// others stay visible) and calls `walk` or `rebuild` there to go on below. Expressions are shared, so a node
// may be met many times.
#pragma once

#include <concepts>
#include <functional>
#include <optional>
#include <type_traits>
#include <unordered_map>

#include "ir/program.h"

namespace tw {

namespace detail {
template <class T>
struct is_vector : std::false_type {};
template <class T>
struct is_vector<std::vector<T>> : std::true_type {};
template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};
template <class T>
concept HasFields = requires(T& t) {
  t.fields();
};
}  // namespace detail

/// Calls f on each leaf of a field: the elements of vectors and optionals and the fields of parts, in order.
/// Leaves are handles (Expr, Stmt, VarDef, Buffer, BufferDef, Reducer, Program) and plain values.
template <class F, class Field>
void for_each_leaf(Field& field, F&& f) {
  using T = std::remove_const_t<Field>;
  if constexpr (detail::is_vector<T>::value) {
    for (auto& element : field) for_each_leaf(element, f);
  } else if constexpr (detail::is_optional<T>::value) {
    if (field) for_each_leaf(*field, f);
  } else if constexpr (detail::HasFields<T>) {
    std::apply([&](auto&... parts) { (for_each_leaf(parts, f), ...); }, field.fields());
  } else {
    f(field);
  }
}

/// Visits every node below a node, depth first, in the order of the fields.
class Visitor {
 public:
  virtual ~Visitor() = default;
  void visit(const Node* node);  // null: nothing
  template <class T>
  void visit(const Ref<T>& handle) {
    visit(static_cast<const Node*>(handle.get()));
  }

 protected:
#define TW_ON(Struct) virtual void on(const Struct& node);
  TW_ALL_NODES(TW_ON)
#undef TW_ON
  /// Visits what the node holds: expressions, statements, and the buffers it introduces (not those it uses).
  template <class T>
  void walk(const T& node) {
    for_each_leaf(node, [this](const auto& leaf) { this->walk_leaf(leaf); });
  }

 private:
  template <class T>
  void walk_leaf(const T& leaf) {
    if constexpr (std::derived_from<T, Ref<ExprNode>> && !std::same_as<T, VarDef>) visit(leaf.get());
    if constexpr (std::derived_from<T, Ref<StmtNode>> || std::same_as<T, BufferDef>) visit(leaf.get());
  }
};

/// Rewrites a tree from below. What does not change stays the same object. A buffer whose extents change is
/// replaced where it is introduced and wherever it is used.
class Mutator {
 public:
  virtual ~Mutator() = default;
  Expr mutate(const Expr& e);
  Stmt mutate(const Stmt& s);
  Program mutate(const Program& p);
  /// What stands for a buffer that is used: itself unless its definition was rewritten. Override to rename.
  virtual Buffer mutate_buffer(const Buffer& buffer);
  /// What stands for a buffer that is introduced.
  virtual Buffer mutate_definition(const Buffer& buffer);

 protected:
#define TW_ON(Struct) virtual Expr on(const Struct& node);
  TW_EXPR_NODES(TW_ON)
#undef TW_ON
#define TW_ON(Struct) virtual Stmt on(const Struct& node);
  TW_STMT_NODES(TW_ON)
#undef TW_ON
  /// The node with its children rewritten; the node itself when none changed. Types follow the new operands.
  template <class T>
  Ref<T> rebuild(const T& node);
  std::unordered_map<const BufferNode*, Buffer> buffers_;  // replacements of introduced buffers

 private:
  template <class T>
  bool rewrite_leaf(T& leaf);
};

template <class T>
bool Mutator::rewrite_leaf(T& leaf) {
  [[maybe_unused]] auto replace = [](auto& old, auto fresh) {
    if (fresh.get() == old.get()) return false;
    old = std::move(fresh);
    return true;
  };
  if constexpr (std::same_as<T, Expr> || std::same_as<T, Stmt>) {
    return leaf && replace(leaf, mutate(leaf));
  } else if constexpr (std::same_as<T, Buffer>) {
    return leaf && replace(leaf, mutate_buffer(leaf));
  } else if constexpr (std::same_as<T, BufferDef>) {
    return leaf && replace(leaf, BufferDef(mutate_definition(leaf)));
  } else {
    return false;
  }
}

/// The type that an expression node has from its operands.
template <class T>
void refresh_dtype(T& node) {
  if constexpr (requires { node.infer_dtype(); }) node.dtype = node.infer_dtype();
}

template <class T>
Ref<T> Mutator::rebuild(const T& node) {
  T* copy = new T(node);
  Ref<T> owner(copy);
  bool changed = false;
  for_each_leaf(*copy, [&](auto& leaf) { changed |= rewrite_leaf(leaf); });
  if (!changed) return Ref<T>(&node);
  refresh_dtype(*copy);
  return owner;
}

using VarMap = std::unordered_map<const Variable*, Expr>;

/// The expression or statement with variables replaced by values of their type. Sizes inside buffer shapes
/// too where the buffer is introduced below.
Expr substitute(const Expr& e, const VarMap& values);
Stmt substitute(const Stmt& s, const VarMap& values);
Program substitute(const Program& p, const VarMap& values);

/// The same tree with every use of these buffers replaced.
using BufferMap = std::unordered_map<const BufferNode*, Buffer>;
Expr replace_buffers(const Expr& e, const BufferMap& buffers);
Stmt replace_buffers(const Stmt& s, const BufferMap& buffers);

/// A copy whose variables and buffers (those introduced inside) are fresh objects.
Stmt with_fresh_names(const Stmt& s);
Program with_fresh_names(const Program& p);

/// Calls f on every node below (each as often as it is met), parents first.
void for_each_node(const Node* root, const std::function<void(const Node*)>& f);
template <class T>
void for_each_node(const Ref<T>& root, const std::function<void(const Node*)>& f) {
  for_each_node(static_cast<const Node*>(root.get()), f);
}

/// Whether any node below is a T for which the test holds.
template <class T>
bool contains(
    const Node* root, const std::function<bool(const T&)>& test = [](const T&) { return true; }) {
  bool found = false;
  for_each_node(root, [&](const Node* node) {
    if (const T* match = as<T>(node)) found = found || test(*match);
  });
  return found;
}

bool uses_var(const Expr& e, const Var& var);
bool uses_var(const Stmt& s, const Var& var);

/// Variables used but not introduced below, in the order they are met. Extents of buffers count where the
/// buffer is introduced.
std::vector<Var> free_vars(const Expr& e);
std::vector<Var> free_vars(const Stmt& s);

}  // namespace tw
