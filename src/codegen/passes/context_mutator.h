// Rewriting statements with what is known where they stand: shared by the passes.
#pragma once

#include "ir/context.h"
#include "ir/visit.h"

namespace tw::codegen {

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

  /// The statement rewritten where the condition holds.
  Stmt under(const Expr& cond, const Stmt& body) {
    const ContextScope scope(context_);
    context_.assume(cond);
    return mutate(body);
  }

  Context context_;
};

}  // namespace tw::codegen
