// Rules about what a stage forbids.
#include "ir/verify/verify_rules.h"
#include "support/error.h"

namespace tw::rules {

using fmt::format;

void no_reductions(const Node& node, const Surroundings&, Report& report) {
  if (node.kind == Kind::kReduce) report(node, "a reduction stands in a loop program; make a block of it");
}

void no_blocks(const Node& node, const Surroundings&, Report& report) {
  if (const auto* block = as<Block>(&node))
    report(node, format("block {} is left in a lowered program", block->name.text));
}

void no_vectors(const Node& node, const Surroundings&, Report& report) {
  const bool is_expr = node.kind <= Kind::kReduce;  // expressions come first in the list
  if (!is_expr) return;
  const DType type = static_cast<const ExprNode&>(node).dtype;
  if (!type.is_scalar())
    report(node, format("a value of type {} stands in a program that is not lowered yet", to_string(type)));
}

void no_vector_loops(const Node& node, const Surroundings&, Report& report) {
  const auto* loop = as<For>(&node);
  if (loop && loop->loop_kind == LoopKind::kVectorized)
    report(node, format("loop {} is vectorized; replace it by vectors", loop->var->name.text));
}

void flat_buffers(const Node& node, const Surroundings&, Report& report) {
  const auto* buffer = as<BufferNode>(&node);
  if (!buffer || (buffer->rank() == 1 && buffer->strides.empty())) return;
  report(node, format("buffer {} has {} dimensions{}; it needs one, without strides", buffer->name.text,
                      buffer->rank(), buffer->strides.empty() ? "" : " with strides"));
}

}  // namespace tw::rules
