#include "ir/visit.h"

#include <array>
#include <tuple>
#include <unordered_set>

#include "support/error.h"

namespace tw {

const char* kind_name(Kind kind) {
  switch (kind) {
#define TW_CASE(Struct) \
  case Kind::k##Struct: return #Struct;
    TW_ALL_NODES(TW_CASE)
#undef TW_CASE
  }
  return "?";
}

void Visitor::visit(const Node* node) {
  if (!node) return;
  switch (node->kind) {
#define TW_CASE(Struct) \
  case Kind::k##Struct: return on(static_cast<const Struct&>(*node));
    TW_ALL_NODES(TW_CASE)
#undef TW_CASE
  }
}

#define TW_ON(Struct)                    \
  void Visitor::on(const Struct& node) { \
    walk(node);                          \
  }
TW_ALL_NODES(TW_ON)
#undef TW_ON

Expr Mutator::mutate(const Expr& e) {
  switch (e->kind) {
#define TW_CASE(Struct) \
  case Kind::k##Struct: return on(static_cast<const Struct&>(*e));
    TW_EXPR_NODES(TW_CASE)
#undef TW_CASE
    default: raise_internal("{} is not an expression", kind_name(e->kind));
  }
}

Stmt Mutator::mutate(const Stmt& s) {
  switch (s->kind) {
#define TW_CASE(Struct) \
  case Kind::k##Struct: return on(static_cast<const Struct&>(*s));
    TW_STMT_NODES(TW_CASE)
#undef TW_CASE
    default: raise_internal("{} is not a statement", kind_name(s->kind));
  }
}

Program Mutator::mutate(const Program& p) {
  return rebuild(*p);
}

namespace {

template <class T>
constexpr bool kHasPlainOperands =
    !std::same_as<T, Load> && !std::same_as<T, Call> && !std::same_as<T, Reduce>;

/// What rebuild gives, of nodes whose operands are plain fields: these are rewritten before anything is
/// copied, as most do not change.
template <class T>
Expr with_operands_rewritten(Mutator& mutator, const T& node) {
  std::array<Expr, std::tuple_size_v<decltype(node.fields())>> operands;
  bool changed = false;
  std::size_t at = 0;
  const auto rewrite = [&](const auto& field) {
    if constexpr (std::same_as<std::remove_cvref_t<decltype(field)>, Expr>) {
      operands[at] = field ? mutator.mutate(field) : Expr();
      changed |= !operands[at].same_as(field);
    }
    ++at;
  };
  std::apply([&](const auto&... fields) { (rewrite(fields), ...); }, node.fields());
  if (!changed) return Expr(&node);
  auto* copy = new T(node);
  const Expr owner(copy);
  at = 0;
  const auto put = [&](auto& field) {
    if constexpr (std::same_as<std::remove_cvref_t<decltype(field)>, Expr>) field = std::move(operands[at]);
    ++at;
  };
  std::apply([&](auto&... fields) { (put(fields), ...); }, copy->fields());
  refresh_dtype(*copy);
  return owner;
}

}  // namespace

#define TW_ON(Struct)                                                                     \
  Expr Mutator::on(const Struct& node) {                                                  \
    if constexpr (kHasPlainOperands<Struct>) return with_operands_rewritten(*this, node); \
    return Expr(rebuild(node).get());                                                     \
  }
TW_EXPR_NODES(TW_ON)
#undef TW_ON
#define TW_ON(Struct)                    \
  Stmt Mutator::on(const Struct& node) { \
    return Stmt(rebuild(node).get());    \
  }
TW_STMT_NODES(TW_ON)
#undef TW_ON

Buffer Mutator::mutate_buffer(const Buffer& buffer) {
  const auto found = buffers_.find(buffer.get());
  return found == buffers_.end() ? buffer : found->second;
}

Buffer Mutator::mutate_definition(const Buffer& buffer) {
  Buffer fresh = rebuild(*buffer);
  if (!fresh.same_as(buffer)) buffers_[buffer.get()] = fresh;
  return fresh;
}

namespace {

class Substitution : public Mutator {
 public:
  explicit Substitution(const VarMap& values) : values_(values) {}

 protected:
  using Mutator::on;
  Expr on(const Variable& node) override {
    const auto found = values_.find(&node);
    return found == values_.end() ? Expr(&node) : found->second;
  }

 private:
  const VarMap& values_;
};

class BufferReplacement : public Mutator {
 public:
  explicit BufferReplacement(const BufferMap& buffers) : buffers_to_(buffers) {}
  Buffer mutate_buffer(const Buffer& buffer) override {
    const auto found = buffers_to_.find(buffer.get());
    return found == buffers_to_.end() ? Mutator::mutate_buffer(buffer) : found->second;
  }

 private:
  const BufferMap& buffers_to_;
};

/// Makes a fresh object of everything that a tree introduces.
class Renewal : public Mutator {
 public:
  Program renew(const Program& p) {
    collect(p.get());
    return replace_definitions(*p);
  }
  Stmt renew(const Stmt& s) {
    collect(s.get());
    return mutate(s);
  }
  Buffer mutate_definition(const Buffer& buffer) override {
    Buffer fresh = replace_definitions(*buffer);
    buffers_[buffer.get()] = fresh;
    return fresh;
  }

 protected:
  using Mutator::on;
  Expr on(const Variable& node) override {
    const auto found = fresh_.find(&node);
    return found == fresh_.end() ? Expr(&node) : Expr(found->second);
  }
#define TW_RENEW(Struct)                          \
  Stmt on(const Struct& node) override {          \
    return Stmt(replace_definitions(node).get()); \
  }
  TW_RENEW(For)
  TW_RENEW(Block)
  TW_RENEW(Let)
#undef TW_RENEW
  Expr on(const Reduce& node) override {
    return Expr(replace_definitions(node).get());
  }

 private:
  void collect(const Node* root) {
    for_each_node(root, [this](const Node* node) { collect_one(node); });
  }
  void collect_one(const Node* node) {
    switch (node->kind) {
#define TW_CASE(Struct) \
  case Kind::k##Struct: return collect_definitions(static_cast<const Struct&>(*node));
      TW_ALL_NODES(TW_CASE)
#undef TW_CASE
    }
  }
  template <class T>
  void collect_definitions(const T& node) {
    for_each_leaf(node, [this](const auto& leaf) {
      if constexpr (std::same_as<std::remove_cvref_t<decltype(leaf)>, VarDef>)
        if (leaf) {
          Var& fresh = fresh_[static_cast<const Variable*>(leaf.get())];
          if (!fresh) fresh = Var(new Variable(*leaf));
        }
    });
  }
  template <class T>
  Ref<T> replace_definitions(const T& node) {
    T* copy = new T(*rebuild(node));
    Ref<T> owner(copy);
    for_each_leaf(*copy, [this](auto& leaf) {
      if constexpr (std::same_as<std::remove_cvref_t<decltype(leaf)>, VarDef>)
        if (leaf) leaf = fresh_.at(static_cast<const Variable*>(leaf.get()));
    });
    return owner;
  }
  std::unordered_map<const Variable*, Var> fresh_;
};

class NodeWalk : public Visitor {
 public:
  explicit NodeWalk(const std::function<void(const Node*)>& f) : f_(f) {}

 protected:
#define TW_ON(Struct)                    \
  void on(const Struct& node) override { \
    f_(&node);                           \
    walk(node);                          \
  }
  TW_ALL_NODES(TW_ON)
#undef TW_ON

 private:
  const std::function<void(const Node*)>& f_;
};

/// Collects variables used and variables introduced: each variable is introduced at most once in a tree.
std::vector<Var> free_vars_of(const Node* root) {
  std::vector<Var> used;
  std::unordered_set<const Variable*> met, introduced;
  for_each_node(root, [&](const Node* node) {
    if (const auto* var = as<Variable>(node))
      if (met.insert(var).second) used.emplace_back(var);
    switch (node->kind) {
#define TW_CASE(Struct)                                                        \
  case Kind::k##Struct:                                                        \
    for_each_leaf(static_cast<const Struct&>(*node), [&](const auto& leaf) {   \
      if constexpr (std::same_as<std::remove_cvref_t<decltype(leaf)>, VarDef>) \
        introduced.insert(static_cast<const Variable*>(leaf.get()));           \
    });                                                                        \
    break;
      TW_ALL_NODES(TW_CASE)
#undef TW_CASE
    }
  });
  std::erase_if(used, [&](const Var& var) { return introduced.contains(&*var); });
  return used;
}

template <class T>
bool uses(const T& root, const Var& var) {
  return contains<Variable>(root.get(), [&](const Variable& v) { return &v == var.get(); });
}

}  // namespace

Expr substitute(const Expr& e, const VarMap& values) {
  return Substitution(values).mutate(e);
}
Stmt substitute(const Stmt& s, const VarMap& values) {
  return Substitution(values).mutate(s);
}
Program substitute(const Program& p, const VarMap& values) {
  return Substitution(values).mutate(p);
}

Expr replace_buffers(const Expr& e, const BufferMap& buffers) {
  return BufferReplacement(buffers).mutate(e);
}
Stmt replace_buffers(const Stmt& s, const BufferMap& buffers) {
  return BufferReplacement(buffers).mutate(s);
}

Stmt with_fresh_names(const Stmt& s) {
  return Renewal().renew(s);
}
Program with_fresh_names(const Program& p) {
  return Renewal().renew(p);
}

void for_each_node(const Node* root, const std::function<void(const Node*)>& f) {
  NodeWalk(f).visit(root);
}

bool uses_var(const Expr& e, const Var& var) {
  return uses(e, var);
}
bool uses_var(const Stmt& s, const Var& var) {
  return uses(s, var);
}

std::vector<Var> free_vars(const Expr& e) {
  return free_vars_of(e.get());
}
std::vector<Var> free_vars(const Stmt& s) {
  return free_vars_of(s.get());
}

}  // namespace tw
