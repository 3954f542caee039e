// Rewriting statements with what is known where they stand: shared by the passes.
#pragma once

#include <unordered_set>

#include "ir/context.h"
#include "ir/visit.h"

namespace tw::codegen {

/// Buffers that a statement may write.
inline std::unordered_set<const BufferNode*> written_in(const Stmt& s) {
  std::unordered_set<const BufferNode*> written;
  for_each_node(s, [&](const Node* node) {
    if (const auto* store = as<Store>(node)) written.insert(store->buffer.get());
    if (const auto* copy = as<AsyncCopy>(node)) written.insert(copy->to.get());
    if (const auto* call = as<TensorCall>(node))
      for (const Region& box : call->operands) written.insert(box.buffer.get());
  });
  return written;
}

inline bool reads_any(const Expr& e, const std::unordered_set<const BufferNode*>& buffers) {
  return contains<Load>(e.get(), [&](const Load& load) { return buffers.contains(load.buffer.get()); });
}

/// A mutator that knows the ranges of the loops around and the conditions that hold, and keeps sequences flat
/// when a statement becomes several.
class ContextMutator : public Mutator {
 protected:
  using Mutator::on;

  Stmt on(const Seq& node) override {
    std::vector<Stmt> stmts;
    for (const Stmt& stmt : node.stmts) stmts.push_back(mutate(stmt));
    return Seq::make(std::move(stmts));
  }
  Stmt on(const For& node) override {
    const ContextScope scope(context_);
    context_.bind(node.var, 0, node.extent);
    return Stmt(rebuild(node));
  }
  Stmt on(const If& node) override {
    const Expr cond = mutate(node.cond);
    const Stmt then_body = under(node.cond, node.then_body);
    const Stmt else_body = node.else_body ? under(logical_not(node.cond), node.else_body) : Stmt();
    if (cond.same_as(node.cond) && then_body.same_as(node.then_body) && else_body.same_as(node.else_body))
      return Stmt(&node);
    return If::make(cond, then_body, else_body);
  }

  /// The statement rewritten where the condition holds: but for what it says of memory that the statement
  /// changes.
  Stmt under(const Expr& cond, const Stmt& body) {
    const ContextScope scope(context_);
    if (!contains<Load>(cond.get()) || !reads_any(cond, written_in(body))) context_.assume(cond);
    return mutate(body);
  }

  Context context_;
};

}  // namespace tw::codegen
