// Rules about blocks.
#include "ir/text.h"
#include "ir/verify/verify_combine.h"
#include "ir/verify/verify_rules.h"
#include "ir/visit.h"
#include "support/error.h"

namespace tw::rules {

using fmt::format;

namespace {

/// Calls f on each variable of an expression that is in scope.
template <class F>
void each_var(const Expr& e, const Surroundings& around, F&& f) {
  for_each_node(e, [&](const Node* part) {
    const auto* var = as<Variable>(part);
    const auto found = around.vars.find(var);
    if (found != around.vars.end()) f(*var, found->second);
  });
}

}  // namespace

void closed_blocks(const Node& node, const Surroundings& around, Report& report) {
  if (const auto* block = as<Block>(&node))
    for (const BlockAxis& axis : block->axes)
      each_var(axis.extent, around, [&](const Variable& var, const VarInScope& where) {
        if (where.origin == Origin::kLoop || where.origin == Origin::kAxis)
          report(var, format("the extent of axis {} of block {} uses {}; it may use sizes only",
                             axis.var->name.text, block->name.text, var.name.text));
      });
  const auto found = around.vars.find(as<Variable>(&node));
  if (found == around.vars.end() || around.blocks.empty()) return;
  const auto& [origin, loop, blocks] = found->second;
  if (origin == Origin::kSize || origin == Origin::kLocal || blocks == static_cast<int>(around.blocks.size()))
    return;
  report(node, format("block {} uses {}, which is introduced around the block; bind an axis to it",
                      around.blocks.back()->name.text, as<Variable>(&node)->name.text));
}

void bindings(const Node& node, const Surroundings&, Report& report) {
  const auto* block = as<Block>(&node);
  if (!block) return;
  for (const BlockAxis& axis : block->axes)
    if (contains<Load>(axis.binding.get()))
      report(*axis.binding,
             format("the binding {} of axis {} reads memory", to_text(axis.binding), axis.var->name.text));
  if (block->predicate && contains<Load>(block->predicate.get()))
    report(*block->predicate, format("the predicate of block {} reads memory", block->name.text));
}

void regions(const Node& node, const Surroundings&, Report& report) {
  const auto* block = as<Block>(&node);
  if (!block) return;
  const auto lists = [](const std::vector<Region>& boxes, const Buffer& buffer) {
    return std::any_of(boxes.begin(), boxes.end(),
                       [&](const Region& box) { return box.buffer.same_as(buffer); });
  };
  std::unordered_set<const BufferNode*> own;  // allocated inside
  const auto reads = [&](const Node& place, const Buffer& buffer) {
    const bool combines = block->reducer && lists(block->writes, buffer);
    if (own.contains(buffer.get()) || combines || lists(block->reads, buffer)) return;
    report(place, format("block {} reads buffer {}, which its reads do not list", block->name.text,
                         buffer->name.text));
  };
  const auto writes = [&](const Node& place, const Buffer& buffer) {
    if (own.contains(buffer.get()) || lists(block->writes, buffer)) return;
    report(place, format("block {} writes buffer {}, which its writes do not list", block->name.text,
                         buffer->name.text));
  };
  const auto check = [&](const Node* part) {
    if (const auto* allocate = as<Allocate>(part)) own.insert(allocate->buffer.get());
    if (const auto* load = as<Load>(part)) reads(*load, load->buffer);
    if (const auto* store = as<Store>(part)) writes(*store, store->buffer);
    if (const auto* copy = as<AsyncCopy>(part)) reads(*copy, copy->from), writes(*copy, copy->to);
    if (const auto* call = as<TensorCall>(part))
      for (const Region& operand : call->operands)
        if (!lists(block->writes, operand.buffer)) reads(*call, operand.buffer);
  };
  for_each_node(block->init, check);
  for_each_node(block->body, check);
}

void init(const Node& node, const Surroundings&, Report& report) {
  const auto* block = as<Block>(&node);
  if (!block || (!block->init && !block->reducer)) return;
  for (const BlockAxis& axis : block->axes)
    if (axis.axis_kind == AxisKind::kReduction) return;
  report(node, format("block {} has {} but no reduction axis", block->name.text,
                      block->init ? "an init" : "a reducer"));
}

void reducer_body(const Node& node, const Surroundings&, Report& report) {
  const auto* block = as<Block>(&node);
  if (!block || !block->reducer) return;
  if (const std::string fault = combine_fault(*block->reducer, block->body); !fault.empty())
    report(*block->body, format("the body of block {} does not follow its reducer {}: {}", block->name.text,
                                block->reducer->name.text, fault));
}

void axis_order(const Node& node, const Surroundings& around, Report& report) {
  const auto* block = as<Block>(&node);
  if (!block) return;
  for (const BlockAxis& axis : block->axes) {
    if (axis.axis_kind != AxisKind::kOrdered) continue;
    each_var(axis.binding, around, [&](const Variable& var, const VarInScope& where) {
      if (!where.loop) return;
      const LoopKind kind = where.loop->loop_kind;
      if (kind != LoopKind::kSerial && kind != LoopKind::kUnrolled)
        report(*axis.binding,
               format("the ordered axis {} is bound to loop {} of kind `{}`; its points must run one "
                      "after the other",
                      axis.var->name.text, var.name.text, to_string(kind)));
    });
  }
}

}  // namespace tw::rules
