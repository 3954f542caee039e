// The list of node kinds and the handles to them.
//
// A program is a tree of immutable nodes shared by reference. Every kind is named once, here; its struct
// (expr.h, stmt.h, program.h) names its fields once, with TW_FIELDS. The visitor, the mutator (visit.h),
// structural equality and hash (equal.h) derive from those two lists; the printer and the parser have one
// case a kind and do not compile when one is missing. To add a node: docs/adding_a_node.md.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "ir/dtype.h"
#include "support/ref.h"

// X(struct) for every expression.
#define TW_EXPR_NODES(X) \
  X(IntImm)              \
  X(FloatImm)            \
  X(Variable)            \
  X(Unary)               \
  X(Binary)              \
  X(Select)              \
  X(Cast)                \
  X(Load)                \
  X(Call)                \
  X(Ramp)                \
  X(Broadcast)           \
  X(Reduce)

// X(struct) for every statement.
#define TW_STMT_NODES(X) \
  X(For)                 \
  X(Block)               \
  X(Store)               \
  X(If)                  \
  X(Let)                 \
  X(Allocate)            \
  X(Seq)                 \
  X(Assert)              \
  X(Attr)                \
  X(Prefetch)            \
  X(Barrier)             \
  X(AsyncCopy)           \
  X(AsyncCommit)         \
  X(AsyncWait)           \
  X(TensorCall)

// X(struct) for what expressions and statements refer to.
#define TW_DECL_NODES(X) \
  X(BufferNode)          \
  X(ReducerNode)         \
  X(ProgramNode)

#define TW_ALL_NODES(X) TW_EXPR_NODES(X) TW_STMT_NODES(X) TW_DECL_NODES(X)

// Declares the fields of a node or of a part of one, in the order they are visited, compared, hashed and
// rebuilt. What introduces a variable or a buffer (VarDef, BufferDef) stands before what uses it.
#define TW_FIELDS(...)            \
  auto fields() {                 \
    return std::tie(__VA_ARGS__); \
  }                               \
  auto fields() const {           \
    return std::tie(__VA_ARGS__); \
  }

namespace tw {

enum class Kind : uint8_t {
#define TW_KIND(Struct) k##Struct,
  TW_ALL_NODES(TW_KIND)
#undef TW_KIND
};

#define TW_FORWARD(Struct) struct Struct;
TW_ALL_NODES(TW_FORWARD)
#undef TW_FORWARD

/// Base of every node.
struct Node : RefCounted {
  explicit Node(Kind k) : kind(k) {}
  const Kind kind;
};

/// Base of every expression: a value of type `dtype`, with no effect.
struct ExprNode : Node {
  ExprNode(Kind k, DType type) : Node(k), dtype(type) {}
  DType dtype;
};

/// Base of every statement.
struct StmtNode : Node {
  using Node::Node;
};

/// A nullable handle to an expression. An integer converts to a constant of type index.
class Expr : public Ref<ExprNode> {
 public:
  using Ref::Ref;
  Expr() = default;
  Expr(int value);
  Expr(int64_t value);
  DType dtype() const { return get()->dtype; }
};

/// A nullable handle to a statement.
class Stmt : public Ref<StmtNode> {
 public:
  using Ref::Ref;
  Stmt() = default;
};

/// A handle to a variable; is an `Expr` of its value. Two variables are the same when they are one object.
class Var : public Expr {
 public:
  Var() = default;
  explicit Var(const Variable* node);
  /// A fresh variable.
  explicit Var(std::string name, DType type = kIndex);
  const Variable* operator->() const;
  const Variable& operator*() const { return *operator->(); }
};

/// A variable where it is introduced: its scope is what follows in the node.
struct VarDef : Var {
  using Var::Var;
  VarDef() = default;
  VarDef(const Var& var) : Var(var) {}
};

/// A handle to a buffer. Two buffers are the same when they are one object.
using Buffer = Ref<BufferNode>;

/// A buffer where it is introduced.
struct BufferDef : Buffer {
  using Buffer::Buffer;
  BufferDef() = default;
  BufferDef(const Buffer& buffer) : Buffer(buffer) {}
};

using Reducer = Ref<ReducerNode>;
using Program = Ref<ProgramNode>;

/// A name or number meant for people: carried and printed, but blind to equality and hash.
struct Label {
  Label() = default;
  Label(std::string t) : text(std::move(t)) {}
  Label(const char* t) : text(t) {}
  operator const std::string&() const { return text; }
  std::string text;
};

/// The canonical number of a block within its program: carried and printed, but blind to equality and hash.
struct BlockId {
  int64_t value = -1;
};

/// A plain annotation value, and annotations sorted by key.
using AttrValue = std::variant<int64_t, double, std::string>;
using Attrs = std::map<std::string, AttrValue>;

/// The node as a `T` when it is one, else null.
template <class T>
const T* as(const Node* node) {
  return node && node->kind == T::kKind ? static_cast<const T*>(node) : nullptr;
}
template <class T, class Base>
const T* as(const Ref<Base>& handle) {
  return as<T>(static_cast<const Node*>(handle.get()));
}

/// "For", "Binary", …: for messages.
const char* kind_name(Kind kind);

}  // namespace tw
