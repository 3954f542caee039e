#include "codegen/passes/flatten_buffers.h"

#include <unordered_map>

#include "codegen/passes/context_mutator.h"
#include "ir/simplify.h"

namespace tw::codegen {
namespace {

/// How many elements lie between the first and the last, both included; 0 of an empty buffer.
Expr span_of(const BufferNode& buffer) {
  Expr product(1), last(0);
  for (const Expr& extent : buffer.shape) product = product * extent;
  if (buffer.strides.empty()) return simplify(product);
  for (std::size_t d = 0; d < buffer.shape.size(); ++d)
    last = last + (buffer.shape[d] - 1) * buffer.strides[d];
  return simplify(select(gt(product, 0), last + 1, 0));
}

class FlattenBuffers : public ContextMutator {
 public:
  Buffer flat(const Buffer& buffer) {
    if (buffer->lane_map) return buffer;
    auto& known = flat_[buffer.get()];
    if (!known) {
      auto* copy = new BufferNode(*buffer);
      known = Buffer(copy);
      copy->shape = {span_of(*buffer)};
      copy->strides.clear();
    }
    return known;
  }

 protected:
  using ContextMutator::on;
  Buffer mutate_buffer(const Buffer& buffer) override { return flat(buffer); }
  Buffer mutate_definition(const Buffer& buffer) override { return flat(buffer); }

  Expr on(const Load& node) override {
    const Expr predicate = node.predicate ? mutate(node.predicate) : Expr();
    return Load::make(flat(node.buffer), position(node.buffer, node.indices), predicate);
  }
  Stmt on(const Store& node) override {
    auto* copy = new Store(node);
    const Stmt owner(copy);
    copy->indices = position(node.buffer, node.indices);
    copy->value = mutate(node.value);
    if (node.predicate) copy->predicate = mutate(node.predicate);
    copy->buffer = flat(node.buffer);
    return owner;
  }
  Stmt on(const Prefetch& node) override {
    return Prefetch::make(flat(node.buffer), position(node.buffer, node.indices), node.write, node.locality);
  }
  Stmt on(const AsyncCopy& node) override {
    return AsyncCopy::make(flat(node.to), position(node.to, node.to_indices), flat(node.from),
                           position(node.from, node.from_indices), node.count);
  }
  Stmt on(const TensorCall& node) override {
    std::vector<Region> runs;
    for (const Region& box : node.operands) {
      std::vector<Expr> begin;
      Expr elements(1);
      for (const Range& range : box.ranges) {
        begin.push_back(range.min);
        elements = elements * range.extent;
      }
      if (box.buffer->lane_map)
        runs.push_back(box);
      else
        runs.push_back({flat(box.buffer), {{position(box.buffer, begin).front(), simplify(elements)}}});
    }
    return TensorCall::make(node.intrinsic, std::move(runs));
  }

 private:
  std::vector<Expr> position(const Buffer& buffer, const std::vector<Expr>& indices) {
    std::vector<Expr> own;
    for (const Expr& index : indices) own.push_back(mutate(index));
    if (buffer->lane_map) return own;
    const std::vector<Expr> strides = strides_of(*buffer);
    int lanes = 1;
    for (const Expr& index : own) lanes = std::max<int>(lanes, index.dtype().lanes);
    // What is the same in all lanes is added up first, so that a row stays a ramp.
    Expr scalar(0), vector;
    for (std::size_t d = 0; d < own.size(); ++d) {
      if (own[d].dtype().is_scalar()) {
        scalar = scalar + own[d] * strides[d];
        continue;
      }
      const Expr part = times(own[d], strides[d]);
      vector = vector ? vector + part : part;
    }
    scalar = simplify(scalar, context_);
    if (!vector) return {scalar};
    if (const auto* ramp = as<Ramp>(vector))
      return {Ramp::make(simplify(ramp->base + scalar, context_), ramp->stride, lanes)};
    return {is_int(scalar, 0) ? vector : vector + Broadcast::make(scalar, lanes)};
  }

  static Expr times(const Expr& index, const Expr& stride) {
    if (is_int(stride, 1)) return index;
    if (const auto* ramp = as<Ramp>(index))
      return Ramp::make(ramp->base * stride, ramp->stride * stride, index.dtype().lanes);
    return index * Broadcast::make(stride, index.dtype().lanes);
  }

  std::unordered_map<const BufferNode*, Buffer> flat_;
};

}  // namespace

Program flatten_buffers(const Program& program) {
  FlattenBuffers flatten;
  std::vector<Param> params;
  for (Param param : program->params) {
    if (param.is_buffer()) param.buffer = BufferDef(flatten.flat(param.buffer));
    if (param.param_kind == ParamKind::kShape) param.param_kind = ParamKind::kSize;
    params.push_back(std::move(param));
  }
  Attrs attrs = program->attrs;
  attrs.erase("argument_order");  // of the arguments that it had
  return ProgramNode::make(program->name, std::move(params), flatten.mutate(program->body), std::move(attrs));
}

}  // namespace tw::codegen
