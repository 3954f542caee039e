// Rules about what GPUs need.
#include "ir/equal.h"
#include "ir/text.h"
#include "ir/verify/verify_rules.h"
#include "ir/visit.h"
#include "support/error.h"

namespace tw::rules {

using fmt::format;

void lane_maps(const Node& node, const Surroundings&, Report& report) {
  const auto* buffer = as<BufferNode>(&node);
  if (!buffer || (buffer->scope == Scope::kFragment) == buffer->lane_map.has_value()) return;
  report(node, buffer->lane_map
                   ? format("buffer {} has a lane map but lies in {} memory; only fragments have one",
                            buffer->name.text, to_string(buffer->scope))
                   : format("fragment {} lacks a lane map", buffer->name.text));
}

void atomics(const Node& node, const Surroundings&, Report& report) {
  const auto* store = as<Store>(&node);
  if (!store || !store->atomic) return;
  const bool reads_itself = contains<Load>(store->value.get(), [&](const Load& load) {
    return load.buffer.same_as(store->buffer) &&
           std::equal(load.indices.begin(), load.indices.end(), store->indices.begin(), store->indices.end(),
                      [](const Expr& a, const Expr& b) { return structural_equal(a, b); });
  });
  if (!reads_itself)
    report(node,
           format("an atomic store to buffer {} does not read the element that it writes; a plain store does",
                  store->buffer->name.text));
}

void async_copies(const Node& node, const Surroundings&, Report& report) {
  const auto* copy = as<AsyncCopy>(&node);
  if (!copy || (copy->to->scope == Scope::kShared && copy->from->scope == Scope::kGlobal)) return;
  report(
      node,
      format(
          "an asynchronous copy goes from buffer {} in {} memory to buffer {} in {} memory; it needs to go "
          "from global to shared memory",
          copy->from->name.text, to_string(copy->from->scope), copy->to->name.text,
          to_string(copy->to->scope)));
}

namespace {

/// What is wrong with an operand of a tensor intrinsic; empty if nothing is.
std::string operand_fault(const Region& operand, const BufferNode& parameter) {
  if (operand.buffer->dtype != parameter.dtype)
    return format("has type {}; the intrinsic takes {}", to_string(operand.buffer->dtype),
                  to_string(parameter.dtype));
  if (is_run_of(operand, parameter)) return {};
  // Dimensions match from the left; a unit extent of the operand may be dropped.
  std::size_t next = 0;
  for (const Range& range : operand.ranges) {
    if (next < parameter.shape.size() && structural_equal(range.extent, parameter.shape[next])) {
      ++next;
    } else if (!is_int(range.extent, 1)) {
      next = parameter.shape.size() + 1;
      break;
    }
  }
  if (next == parameter.shape.size()) return {};
  std::string shape;
  for (const Expr& extent : parameter.shape) shape += (shape.empty() ? "" : ", ") + to_text(extent);
  return format("is {}; the intrinsic takes a box of [{}]", to_text(operand), shape);
}

}  // namespace

void tensor_calls(const Node& node, const Surroundings&, Report& report) {
  const auto* call = as<TensorCall>(&node);
  if (!call) return;
  const Program meaning = find_tensor_intrinsic(call->intrinsic);
  if (!meaning) return report(node, format("no tensor intrinsic '{}' is declared", call->intrinsic));
  if (meaning->params.size() != call->operands.size())
    return report(node, format("tensor intrinsic '{}' takes {} operands, not {}", call->intrinsic,
                               meaning->params.size(), call->operands.size()));
  for (std::size_t i = 0; i < call->operands.size(); ++i)
    if (const Buffer& parameter = meaning->params[i].buffer)
      if (const std::string fault = operand_fault(call->operands[i], *parameter); !fault.empty())
        report(node, format("operand {} of tensor intrinsic '{}' {}", i, call->intrinsic, fault));
}

}  // namespace tw::rules
