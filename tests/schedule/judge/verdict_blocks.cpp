// Blocks that go, become others, or part.
#include <algorithm>
#include <set>

#include "ir/equal.h"
#include "ir/visit.h"
#include "schedule/judge/case.h"
#include "schedule/judge/relations.h"

namespace tw::schedule::judge {
namespace {

// Blocks that go.

const Store* plain_store(const Block& block) {
  const auto* store = as<Store>(block.body);
  if (!store || store->predicate || block.init || block.reducer) return nullptr;
  for (const BlockAxis& axis : block.axes)
    if (axis.axis_kind != AxisKind::kSpatial) return nullptr;
  return store;
}

/// Whether the subscripts are axes of the block, each once, and no axis of more than one point is missing.
bool is_indexed_by_axes(const Block& block, const std::vector<Expr>& indices, const Buffer& buffer) {
  std::set<const Node*> used;
  for (std::size_t d = 0; d < indices.size(); ++d) {
    if (is_int(indices[d], 0) && is_int(buffer->shape[d], 1)) continue;
    if (!as<Variable>(indices[d]) || !used.insert(indices[d].get()).second) return false;
  }
  return std::all_of(block.axes.begin(), block.axes.end(), [&](const BlockAxis& axis) {
    return used.contains(axis.var.get()) || is_int(axis.extent, 1);
  });
}

Verdict judge_compute_inline(const Case& c) {
  const auto block = c.block(0);
  if (!block) return std::nullopt;
  const Store* store = plain_store(block->block());
  if (!store || !is_allocated(c.program, store->buffer.get()) ||
      !is_indexed_by_axes(block->block(), store->indices, store->buffer) ||
      contains<Load>(store->value.get(), [&](const Load& l) { return l.buffer.same_as(store->buffer); }))
    return std::nullopt;
  for (const BlockPlace& other : all_blocks(c.program))
    if (&other.block() != &block->block() && writes(other.block(), store->buffer.get())) return std::nullopt;
  const Reading reading = read_program(c.program, c.values);
  if (!reading.unknown.empty()) return std::nullopt;
  // Illegal where an input is written between a run of the block and a reader; legal where none is written
  // after the first run of the block.
  std::set<const BufferNode*> inputs;
  for (const Touch& t : reading.touches)
    if (t.block == &block->block() && !t.write) inputs.insert(t.buffer);
  const Relation runs = reading.times([&](const Touch& t) { return t.block == &block->block() && t.write; });
  const Relation changes =
      reading.times([&](const Touch& t) { return t.write && inputs.contains(t.buffer); });
  isl_union_map* later = isl_union_map_lex_lt_union_map(runs.copy(), changes.copy());
  const bool unchanged = isl_union_map_is_empty(later);
  isl_union_map_free(later);
  return unchanged ? Verdict(true) : std::nullopt;
}

/// The block as the last touch of what others computed: one element read for one written.
Verdict judge_reverse_compute_inline(const Case& c) {
  const auto place = c.block(0);
  const Store* store = place ? plain_store(place->block()) : nullptr;
  if (!store || is_allocated(c.program, store->buffer.get())) return std::nullopt;
  const Block& block = place->block();
  std::vector<const Load*> inner;  // reads of what the program computes
  bool plain =
      !contains<Load>(block.body.get(), [&](const Load& l) { return l.buffer.same_as(store->buffer); });
  for_each_node(store->value, [&](const Node* node) {
    const auto* load = as<Load>(node);
    if (!load) return;
    const std::vector<BlockPlace> all = all_blocks(c.program, Blocks::kOpened);
    if (std::any_of(all.begin(), all.end(),
                    [&](const BlockPlace& p) { return writes(p.block(), load->buffer.get()); }))
      inner.push_back(load);
  });
  if (!plain || inner.empty()) return std::nullopt;
  const Load& first = *inner.front();
  for (const Load* load : inner)
    if (!structural_equal(Expr(load), Expr(&first))) return std::nullopt;
  if (!is_allocated(c.program, first.buffer.get()) ||
      !is_indexed_by_axes(block, first.indices, first.buffer) ||
      !is_indexed_by_axes(block, store->indices, store->buffer))
    return std::nullopt;
  for (std::size_t d = 0; d < first.indices.size(); ++d)
    for (const BlockAxis& axis : block.axes)
      if (first.indices[d].same_as(axis.var) && !structural_equal(axis.extent, first.buffer->shape[d]))
        return std::nullopt;
  for (const BlockPlace& other : all_blocks(c.program, Blocks::kOpened)) {
    if (&other.block() == &block) continue;
    if (reads(other.block(), first.buffer.get()) || reads(other.block(), store->buffer.get()) ||
        writes(other.block(), store->buffer.get()))
      return std::nullopt;
    if (!writes(other.block(), first.buffer.get())) continue;
    const Store* made = plain_store(other.block());
    if (!made || !is_indexed_by_axes(other.block(), made->indices, made->buffer)) return std::nullopt;
    const Reading reading = read_program(c.program, c.values);
    const Relation runs =
        reading.elements([&](const Touch& t) { return t.block == &other.block() && t.write; });
    if (!reading.unknown.empty() || !runs.is_injective()) return std::nullopt;  // computes elements again
  }
  return true;
}

/// A nest that becomes one block.
Verdict judge_blockize(const Case& c) {
  const auto place = c.loop(0);
  if (!place) return std::nullopt;
  for (const StmtNode* around : place->around)
    if (around->kind == Kind::kBlock) return std::nullopt;
  if (contains<For>(place->node, [](const For& loop) { return loop.loop_kind == LoopKind::kBound; }))
    return std::nullopt;
  for (const For* outer : place->loops()) {
    if (!as_int(outer->extent)) return std::nullopt;
    for (const Block* block : blocks_below(place->node))
      if (block->init && drives(*block, *outer, AxisKind::kReduction)) return std::nullopt;
  }
  return true;
}

// Reductions.

Verdict judge_decompose_reduction(const Case& c) {
  const auto block = c.block(0);
  const auto loop = c.loop(1);
  if (!block || !loop || !block->block().init || !all_serial(block->loops())) return std::nullopt;
  const std::vector<const For*> around = block->loops();
  const auto at = std::find(around.begin(), around.end(), &loop->loop());
  if (at == around.end()) return std::nullopt;
  // In a turn of an ordered loop the elements are set again only where they are other ones: allocated there.
  const auto keeps_elements = [&](const For* turns) {
    const auto inside = std::find(block->around.begin(), block->around.end(), turns);
    return std::any_of(block->block().writes.begin(), block->block().writes.end(), [&](const Region& region) {
      return std::none_of(inside, block->around.end(), [&](const StmtNode* node) {
        const auto* allocate = as<Allocate>(static_cast<const Node*>(node));
        return allocate && allocate->buffer.same_as(region.buffer);
      });
    });
  };
  for (auto outer = around.begin(); outer != at; ++outer)
    if (drives(block->block(), **outer, AxisKind::kReduction) ||
        (drives(block->block(), **outer, AxisKind::kOrdered) && keeps_elements(*outer)))
      return false;
  for (auto inner = at; inner != around.end(); ++inner)
    if (drives(block->block(), **inner, AxisKind::kReduction) &&
        (drives(block->block(), **inner, AxisKind::kSpatial) ||
         drives(block->block(), **inner, AxisKind::kOrdered)))
      return std::nullopt;  // fused: which turns begin a reduction is no product of loops
  for (std::size_t i = 0; i < block->around.size(); ++i) {
    const auto* allocate = as<Allocate>(static_cast<const Node*>(block->around[i]));
    if (allocate && writes(block->block(), allocate->buffer.get()))
      for (std::size_t k = 0; k < i; ++k)
        if (block->around[k] == loop->node) return false;  // lives inside of the loop
    if (block->around[i]->kind == Kind::kIf) return std::nullopt;
  }
  // Others that touch the elements below the loop would see them changed too early.
  for (const Block* other : blocks_below(loop->node))
    for (const Region& region : block->block().writes)
      if (other != &block->block() &&
          (reads(*other, region.buffer.get()) || writes(*other, region.buffer.get())))
        return std::nullopt;
  return true;
}

Verdict judge_rfactor(const Case& c) {
  const auto loop = c.loop(0);
  const auto axis = c.integer(1);
  if (!loop || !axis || !is_serial(loop->loop()) || !all_serial(loop->loops())) return std::nullopt;
  const Block* reduction = nullptr;
  for (const Block* block : blocks_below(loop->node)) {
    if (!drives(*block, loop->loop(), AxisKind::kReduction)) continue;
    if (reduction) return std::nullopt;
    reduction = block;
  }
  if (!reduction || !reduction->reducer || !reduction->init || has_axis(*reduction, AxisKind::kOrdered))
    return std::nullopt;
  const BlockPlace place = find_block(c.program, reduction->id.value);
  for (const For* around : place.loops())
    if (drives(*reduction, *around, AxisKind::kReduction) && drives(*reduction, *around, AxisKind::kSpatial))
      return std::nullopt;
  for (const For* around : place.loops())
    for (const For* outer : place.loops())
      if (uses_var(around->extent, outer->var)) return std::nullopt;
  std::size_t rank = 0, stores = 0;
  bool known = true;
  for_each_node(reduction->body, [&](const Node* node) {
    const auto* store = as<Store>(node);
    if (!store) return;
    ++stores;
    rank = store->indices.size();
    for (const Expr& index : store->indices) {
      known = known && !contains<Load>(index.get());
      for (const BlockAxis& a : reduction->axes)
        known = known && (a.axis_kind == AxisKind::kSpatial || !uses_var(index, a.var));
    }
  });
  const auto most = static_cast<int64_t>(rank);
  if (!known || stores != reduction->reducer->results.size() || *axis < -most - 1 || *axis > most)
    return std::nullopt;
  // Something else in the loops that uses the result would find partial ones.
  const StmtNode* outermost = nullptr;
  for (const For* around : place.loops())
    if (!outermost && drives(*reduction, *around, AxisKind::kReduction)) outermost = around;
  for (const Block* other : blocks_below(outermost))
    for (const Region& region : reduction->writes)
      if (other != reduction && (reads(*other, region.buffer.get()) || writes(*other, region.buffer.get())))
        return std::nullopt;
  return true;
}

}  // namespace

Judges block_judges() {
  return {
      {"blockize", judge_blockize},
      {"compute_inline", judge_compute_inline},
      {"decompose_reduction", judge_decompose_reduction},
      {"reverse_compute_inline", judge_reverse_compute_inline},
      {"rfactor", judge_rfactor},
  };
}

}  // namespace tw::schedule::judge
