#include "codegen/passes/compact_allocations.h"

#include <algorithm>

#include "codegen/passes/context_mutator.h"
#include "ir/analysis/accesses.h"
#include "ir/simplify.h"
#include "schedule/intrinsic.h"
#include "schedule/spans.h"
#include "support/error.h"

namespace tw::codegen {
namespace {

using schedule::Span;
using schedule::touched_box;

/// Subscripts of one buffer count from the start of its box.
class Shift : public ContextMutator {
 public:
  Shift(const Buffer& old, const Buffer& fresh, const std::vector<Expr>& starts, const Context& context)
      : old_(old), fresh_(fresh), starts_(starts) {
    context_ = context;
  }

 protected:
  using ContextMutator::on;
  Expr on(const Load& node) override {
    const Expr rewritten(rebuild(node));
    const auto& load = *as<Load>(rewritten);
    return load.buffer.same_as(old_) ? Load::make(fresh_, shifted(load.indices), load.predicate) : rewritten;
  }
  Stmt on(const Store& node) override {
    const Stmt rewritten(rebuild(node));
    const auto& store = *as<Store>(rewritten);
    if (!store.buffer.same_as(old_)) return rewritten;
    auto* copy = new Store(store);
    copy->buffer = fresh_;
    copy->indices = shifted(store.indices);
    return Stmt(copy);
  }
  Stmt on(const TensorCall& node) override {
    std::vector<Region> operands = as<TensorCall>(Stmt(rebuild(node)))->operands;
    for (Region& box : operands) {
      if (!box.buffer.same_as(old_)) continue;
      box.buffer = fresh_;
      for (std::size_t d = 0; d < box.ranges.size(); ++d)
        if (starts_[d]) box.ranges[d].min = simplify(box.ranges[d].min - starts_[d], context_);
    }
    return TensorCall::make(node.intrinsic, std::move(operands));
  }

 private:
  std::vector<Expr> shifted(std::vector<Expr> indices) const {
    for (std::size_t d = 0; d < indices.size(); ++d)
      if (starts_[d]) indices[d] = simplify(indices[d] - starts_[d], context_);
    return indices;
  }
  Buffer old_, fresh_;
  const std::vector<Expr>& starts_;
};

class Compaction : public ContextMutator {
 protected:
  using ContextMutator::on;
  Stmt on(const Block& node) override { raise_internal("block {} is not lowered yet", node.name.text); }
  Stmt on(const Allocate& node) override {
    const Stmt inner(rebuild(node));
    const auto& allocate = *as<Allocate>(inner);
    return compacted(allocate, inner);
  }

 private:
  Stmt compacted(const Allocate& allocate, const Stmt& as_it_is) {
    const Buffer& buffer = allocate.buffer;
    if (!buffer->strides.empty() || buffer->lane_map) return as_it_is;
    const std::vector<Access> accesses = collect_accesses(allocate.body);
    std::vector<const Access*> uses;
    for (const Access& access : accesses) {
      if (!access.buffer.same_as(buffer)) continue;
      const bool plain = access.node->kind == Kind::kLoad || access.node->kind == Kind::kStore ||
                         access.node->kind == Kind::kTensorCall;
      if (!plain || uses_local(access, allocate.body)) return as_it_is;
      uses.push_back(&access);
    }
    const bool prefetched =
        contains<Prefetch>(allocate.body.get(), [&](const Prefetch& p) { return p.buffer.same_as(buffer); });
    if (uses.empty() || prefetched) return as_it_is;
    const std::vector<Span> box = touched_box(uses, 0, context_);
    auto* copy = new BufferNode(*buffer);
    const Buffer fresh(copy);
    std::vector<Expr> starts(box.size());
    bool changed = false;
    for (std::size_t d = 0; d < box.size(); ++d) {
      if (!box[d]) continue;
      const Expr extent = fixed(box[d].extent);
      if (prove(ge(extent, buffer->shape[d]), context_)) continue;
      copy->shape[d] = extent;
      starts[d] = box[d].min;
      changed = true;
    }
    if (!changed || !suits_intrinsics(allocate.body, buffer, copy->shape)) return as_it_is;
    return Allocate::make(fresh, Shift(buffer, fresh, starts, context_).mutate(allocate.body));
  }

  /// Whether tensor intrinsics find the strides that they need in a buffer of that shape.
  bool suits_intrinsics(const Stmt& body, const Buffer& buffer, const std::vector<Expr>& shape) const {
    bool suits = true;
    for_each_node(body, [&](const Node* node) {
      const auto* call = as<TensorCall>(node);
      const schedule::Intrinsic* intrinsic = call ? schedule::find_intrinsic(call->intrinsic) : nullptr;
      for (std::size_t i = 0; call && i < call->operands.size(); ++i) {
        if (!call->operands[i].buffer.same_as(buffer)) continue;
        suits = suits && intrinsic && suits_operand(*intrinsic, i, call->operands[i], shape);
      }
    });
    return suits;
  }

  bool suits_operand(const schedule::Intrinsic& intrinsic, std::size_t number, const Region& box,
                     const std::vector<Expr>& shape) const {
    const schedule::OperandDemand& demand = intrinsic.operands[number];
    const auto dimension_of = dimensions_of_box(box, *intrinsic.pattern.operands[number]);
    if (!dimension_of || demand.alignment > box.buffer->dtype.bytes()) return false;
    Expr stride(1);
    for (std::size_t d = shape.size(); d-- > 0; stride = stride * shape[d]) {
      const int p = (*dimension_of)[d];
      if (p < 0 || demand.strides.empty() || is_int(box.ranges[d].extent, 1)) continue;
      const schedule::StrideDemand& wanted = demand.strides[static_cast<std::size_t>(p)];
      const Expr fits = wanted.exactly ? eq(stride, Expr(wanted.exactly))
                                       : eq(floormod(stride, Expr(wanted.multiple_of)), 0);
      if (!prove(fits, context_)) return false;
    }
    return true;
  }

  /// A subscript may use a value that a Let below the allocation binds: where it ends is not known outside.
  static bool uses_local(const Access& access, const Stmt& body) {
    bool local = false;
    for_each_node(body, [&](const Node* node) {
      const auto* let = as<Let>(node);
      for (std::size_t d = 0; let && d < access.box.size(); ++d)
        local = local || uses_var(access.box[d].min, let->var);
    });
    return local;
  }

  /// The extent, or the greatest it can be in any turn of the loops around.
  Expr fixed(const Expr& extent) const {
    std::vector<Var> loops;
    for (const Context::BoundVar& range : context_.ranges())
      if (uses_var(extent, range.var)) loops.push_back(range.var);
    if (loops.empty()) return at_least_0(extent);
    const auto ends = symbolic_bounds(extent, loops, context_);
    return at_least_0(ends ? ends->max : extent);
  }

  Expr at_least_0(const Expr& extent) const {
    return prove(ge(extent, 0), context_) ? extent : max(extent, 0);
  }
};

}  // namespace

Program compact_allocations(const Program& program) {
  return Compaction().mutate(program);
}

}  // namespace tw::codegen
