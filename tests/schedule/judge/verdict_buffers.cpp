// New buffers beside old ones, and other places and layouts of buffers.
#include <algorithm>

#include "ir/equal.h"
#include "ir/visit.h"
#include "schedule/blocks.h"
#include "schedule/judge/case.h"

namespace tw::schedule::judge {
namespace {

bool is_plain_scope(const std::string* scope) {
  return scope && (*scope == "global" || *scope == "shared" || *scope == "local");
}

bool is_serial_program(const Program& program) {
  return !contains<For>(program->body.get(), [](const For& loop) {
    return loop.loop_kind != LoopKind::kSerial && loop.loop_kind != LoopKind::kUnrolled;
  });
}

Verdict judge_cache_read(const Case& c) {
  const auto block = c.block(0);
  const BufferNode* buffer = block ? c.read(block->block(), 1) : nullptr;
  if (!buffer || !is_plain_scope(c.text(2)) || !is_serial_program(c.program)) return std::nullopt;
  if (writes(block->block(), buffer)) return false;
  return true;
}

Verdict judge_cache_write(const Case& c) {
  const auto block = c.block(0);
  if (!block || !is_plain_scope(c.text(1)) || !is_serial_program(c.program)) return std::nullopt;
  const Block& node = block->block();
  std::vector<const BufferNode*> outputs;
  for (const Region& region : node.writes)
    if (std::find(outputs.begin(), outputs.end(), region.buffer.get()) == outputs.end())
      outputs.push_back(region.buffer.get());
  const auto position = c.integer(2);
  if (c.has(2)) {
    if (!position || *position < 0 || *position >= static_cast<int64_t>(outputs.size())) return std::nullopt;
    outputs = {outputs[static_cast<std::size_t>(*position)]};
  }
  if (has_axis(node, AxisKind::kOrdered)) return false;
  if (has_axis(node, AxisKind::kReduction) && !node.init)
    return has_only_writer(c.program, node) ? Verdict(false) : std::nullopt;
  for (const BufferNode* output : outputs)
    if (reads(node, output)) return false;
  bool known = true;
  for_each_node(node.body, [&](const Node* inner) {
    const auto* store = as<Store>(inner);
    if (!store) return;
    for (const Expr& index : store->indices) {
      known = known && !contains<Load>(index.get());
      for (const BlockAxis& axis : node.axes)
        known = known && (axis.axis_kind == AxisKind::kSpatial || !uses_var(index, axis.var));
    }
    if (store->predicate) known = known && !contains<Load>(store->predicate.get());
  });
  if (!known) return false;
  // Another block that uses the output within a reduction leaves no place behind it.
  for (const For* loop : block->loops()) {
    if (!drives(node, *loop, AxisKind::kReduction)) continue;
    for (const Block* other : blocks_below(loop))
      for (const BufferNode* output : outputs)
        if (other != &node && (reads(*other, output) || writes(*other, output))) return std::nullopt;
  }
  return true;
}

Verdict judge_set_scope(const Case& c) {
  const BufferNode* buffer = c.buffer(0);
  if (!buffer || !is_plain_scope(c.text(1)) || !is_serial_program(c.program)) return std::nullopt;
  return is_allocated(c.program, buffer);
}

Verdict judge_storage_align(const Case& c) {
  const BufferNode* buffer = c.buffer(0);
  const auto dim = c.integer(1), factor = c.integer(2);
  const int64_t offset = c.integer(3).value_or(0);
  if (!buffer || !dim || !factor || (c.has(3) && !c.integer(3))) return std::nullopt;
  if (*dim < -buffer->rank() || *dim >= buffer->rank() || *factor < 1 || offset < 0 || offset >= *factor)
    return std::nullopt;
  return is_allocated(c.program, buffer);
}

Verdict judge_transform_layout(const Case& c) {
  const BufferNode* buffer = c.buffer(0);
  const auto* map = c.text(1);
  if (!buffer || !map || map->find('+') != std::string::npos || map->find('(') != 0 ||
      (c.has(2) && c.text(2)))
    return std::nullopt;
  if (!buffer->strides.empty()) return std::nullopt;
  // Permutations and splits, as random calls make them, are one to one onto their box.
  if (static_cast<int>(IndexMap::parse(*map).from.size()) != buffer->rank()) return std::nullopt;
  return is_allocated(c.program, buffer);
}

/// Whether the axis runs through a serial loop of its own, which holds nothing else.
bool has_own_loop(const BlockPlace& place, const BlockAxis& axis) {
  for (const For* loop : place.loops())
    if (axis.binding.same_as(loop->var))
      return is_serial(*loop) && !loop->ordered && structural_equal(loop->extent, axis.extent) &&
             blocks_below(loop).size() == 1;
  return false;
}

// What a domain gains is written to elements that nobody reads, so rounding is legal wherever it can be done.
Verdict judge_pad(const Case& c) {
  const auto place = c.block(0);
  const auto* multiples = c.has(1) ? c.arg(1).get_if<List>() : nullptr;
  if (!place || !multiples || multiples->size() > place->block().axes.size()) return std::nullopt;
  const Block& block = place->block();
  const Store* store = only_store(block);
  const bool updates = has_axis(block, AxisKind::kReduction) && !block.init;
  if (!store || block.predicate || updates || has_axis(block, AxisKind::kOrdered)) return std::nullopt;
  for (std::size_t a = 0; a < multiples->size(); ++a) {
    const BlockAxis& axis = block.axes[a];
    if (!has_own_loop(*place, axis)) return std::nullopt;
    for (const For* loop : place->loops())
      if (uses_var(loop->extent, Var(as<Variable>(axis.binding)))) return std::nullopt;
    if (axis.axis_kind != AxisKind::kSpatial) continue;
    const auto uses = [&](const Expr& index) { return uses_var(index, axis.var); };
    const auto found = std::find_if(store->indices.begin(), store->indices.end(), uses);
    if (std::count_if(store->indices.begin(), store->indices.end(), uses) != 1 || !found->same_as(axis.var) ||
        !structural_equal(axis.extent,
                          store->buffer->shape[static_cast<std::size_t>(found - store->indices.begin())]))
      return std::nullopt;
  }
  const BufferNode* buffer = store->buffer.get();
  const bool hinted =
      contains<Prefetch>(c.program->body.get(), [&](const Prefetch& p) { return p.buffer.get() == buffer; });
  if (!buffer->strides.empty() || buffer->lane_map || hinted || reads(block, buffer)) return std::nullopt;
  if (!has_only_writer(c.program, block)) return std::nullopt;
  return is_allocated(c.program, buffer) ? Verdict(true) : std::nullopt;
}

}  // namespace

Judges buffer_judges() {
  return {
      {"cache_read", judge_cache_read},
      {"cache_write", judge_cache_write},
      {"pad", judge_pad},
      {"set_scope", judge_set_scope},
      {"storage_align", judge_storage_align},
      {"transform_layout", judge_transform_layout},
  };
}

}  // namespace tw::schedule::judge
