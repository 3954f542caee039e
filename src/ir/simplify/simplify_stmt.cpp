// Programs with simpler expressions, without branches and loops that never run.
//
//   for i in 1: A[i] = 0        ->  A[0] = 0
//   for i in n:                 ->  for i in n:
//     if i < n: A[i] = i*1            A[i] = i
#include "ir/simplify.h"
#include "ir/simplify/simplify_expr.h"
#include "ir/visit.h"

namespace tw {
namespace {

bool is_nothing(const Stmt& s) {
  const auto* seq = as<Seq>(s);
  return !s || (seq && seq->stmts.empty());
}

/// A copy of a statement to change, and the handle that owns it.
template <class T>
struct Fresh {
  explicit Fresh(const T& original) : node(new T(original)), owner(node) {}
  T* node;
  Stmt owner;
};

class ProgramSimplifier : public Mutator {
 public:
  explicit ProgramSimplifier(const Context& context) : context_(context) {}

  Program simplify(const Program& p) {
    for (const Param& param : p->params) {
      if (param.var) context_.declare(param.var);
      if (!param.buffer) continue;
      for (const Expr& extent : param.buffer->shape)
        if (bounds(extent, context_).min < 0) context_.assume(Binary::make(BinaryOp::kLe, Expr(0), extent));
    }
    return Mutator::mutate(p);
  }

 protected:
  using Mutator::on;

#define TW_SIMPLIFY(Struct)              \
  Expr on(const Struct& node) override { \
    return expression(Expr(&node));      \
  }
  TW_EXPR_NODES(TW_SIMPLIFY)
#undef TW_SIMPLIFY

  Stmt on(const For& node) override {
    const Expr extent = mutate(node.extent);
    const auto count = as_int(extent);
    if (count && *count <= 0) return Seq::make({});
    if (count == 1 && node.loop_kind == LoopKind::kSerial && node.annotations.empty())
      return mutate(substitute(node.body, {{&*node.var, make_zero(node.var.dtype())}}));
    const ContextScope scope(context_);
    context_.bind(node.var, Expr(0), extent);
    const Stmt body = mutate(node.body);
    if (is_nothing(body)) return body;
    if (extent.same_as(node.extent) && body.same_as(node.body)) return Stmt(&node);
    Fresh<For> fresh(node);
    fresh.node->extent = extent;
    fresh.node->body = body;
    return fresh.owner;
  }

  /// The bindings and the predicate see the loop variables; the rest sees the axes, each in its range.
  Stmt on(const Block& node) override {
    Fresh<Block> fresh(node);
    bool changed = false;
    const auto replace = [&](auto& field) {
      if (!field) return;
      auto simpler = mutate(field);
      changed |= !simpler.same_as(field);
      field = std::move(simpler);
    };
    if (node.predicate) {
      replace(fresh.node->predicate);
      const auto value = as_int(fresh.node->predicate);
      if (value && *value == 0) return Seq::make({});
      if (value) {
        fresh.node->predicate = Expr();
        changed = true;
      }
    }
    for (BlockAxis& axis : fresh.node->axes) replace(axis.extent);
    {
      const ContextScope scope(context_);
      if (fresh.node->predicate) assume(fresh.node->predicate);
      for (BlockAxis& axis : fresh.node->axes) replace(axis.binding);
    }
    const ContextScope scope(context_);
    for (const BlockAxis& axis : fresh.node->axes) context_.bind(axis.var, Expr(0), axis.extent);
    for (auto* regions : {&fresh.node->reads, &fresh.node->writes})
      for (Region& region : *regions) {
        const Buffer buffer = mutate_buffer(region.buffer);
        changed |= !buffer.same_as(region.buffer);
        region.buffer = buffer;
        for (Range& range : region.ranges) {
          replace(range.min);
          replace(range.extent);
        }
      }
    replace(fresh.node->init);
    replace(fresh.node->body);
    return changed ? fresh.owner : Stmt(&node);
  }

  Stmt on(const If& node) override {
    const Expr cond = mutate(node.cond);
    if (const auto value = as_int(cond)) {
      if (*value) return mutate(node.then_body);
      return node.else_body ? mutate(node.else_body) : Seq::make({});
    }
    const Stmt then_body = under(cond, node.then_body);
    const Stmt else_body = node.else_body ? under(logical_not(cond), node.else_body) : Stmt();
    if (is_nothing(then_body) && is_nothing(else_body)) return Seq::make({});
    if (is_nothing(then_body)) return If::make(mutate(logical_not(cond)), else_body);
    const Stmt rest = is_nothing(else_body) ? Stmt() : else_body;
    if (cond.same_as(node.cond) && then_body.same_as(node.then_body) && rest.same_as(node.else_body))
      return Stmt(&node);
    return If::make(cond, then_body, rest);
  }

  /// What stands after an assertion runs only where it holds.
  Stmt on(const Seq& node) override {
    const ContextScope scope(context_);
    std::vector<Stmt> stmts;
    bool changed = false;
    for (const Stmt& stmt : node.stmts) {
      Stmt simpler = mutate(stmt);
      changed |= !simpler.same_as(stmt) || is_nothing(simpler);
      if (const auto* assertion = as<Assert>(simpler)) assume(assertion->cond);
      if (!is_nothing(simpler)) stmts.push_back(std::move(simpler));
    }
    return changed ? Seq::make(std::move(stmts)) : Stmt(&node);
  }

  Stmt on(const Assert& node) override {
    const Expr cond = mutate(node.cond);
    if (is_int(cond, 1)) return Seq::make({});
    return cond.same_as(node.cond) ? Stmt(&node) : Assert::make(cond, node.message, node.assert_kind);
  }

  Stmt on(const Let& node) override {
    const Expr value = mutate(node.value);
    const ContextScope scope(context_);
    if (value.dtype() == kIndex) assume(Binary::make(BinaryOp::kEq, node.var, value));
    const Stmt body = mutate(node.body);
    if (value.same_as(node.value) && body.same_as(node.body)) return Stmt(&node);
    return Let::make(node.var, value, body);
  }

  Stmt on(const Store& node) override {
    const Stmt simpler = Mutator::on(node);
    const auto& store = *as<Store>(simpler);
    const auto value = store.predicate ? as_int(store.predicate) : std::nullopt;
    if (!value) return simpler;
    if (*value == 0) return Seq::make({});
    int lanes = 1;
    for (const Expr& index : store.indices) lanes = std::max<int>(lanes, index.dtype().lanes);
    if (lanes != store.predicate.dtype().lanes) return simpler;
    Fresh<Store> fresh(store);
    fresh.node->predicate = Expr();
    return fresh.owner;
  }

 private:
  /// The whole expression at once; buffers that changed where they are introduced are replaced in it first.
  Expr expression(Expr e) {
    if (!buffers_.empty()) e = replace_buffers(e, buffers_);
    return tw::simplify(e, context_);
  }

  Stmt under(const Expr& condition, const Stmt& body) {
    const ContextScope scope(context_);
    assume(condition);
    return mutate(body);
  }

  /// Conditions on memory do not stay true while a program runs.
  void assume(const Expr& condition) {
    const auto* both = as<Binary>(condition);
    if (both && both->op == BinaryOp::kAnd) {
      assume(both->a);
      assume(both->b);
    } else if (!reads_memory(condition)) {
      context_.assume(condition);
    }
  }

  Context context_;
};

}  // namespace

Stmt simplify(const Stmt& s, const Context& context) {
  return ProgramSimplifier(context).mutate(s);
}

Program simplify(const Program& p) {
  return ProgramSimplifier(Context()).simplify(p);
}

}  // namespace tw
