#include "schedule/judge/case.h"

#include <algorithm>

#include "ir/visit.h"

namespace tw::schedule::judge {

std::optional<BlockPlace> Case::block(std::size_t i) const {
  const auto* ref = has(i) ? arg(i).get_if<BlockRef>() : nullptr;
  const std::vector<BlockRef> refs = schedule.blocks();
  const std::vector<BlockPlace> places = all_blocks(program, Blocks::kOpened);
  for (std::size_t b = 0; ref && b < refs.size(); ++b)
    if (refs[b] == *ref) return places[b];
  return std::nullopt;
}

std::optional<LoopPlace> Case::loop_of(const Value& value) const {
  const auto* ref = value.get_if<LoopRef>();
  if (!ref) return std::nullopt;
  const std::vector<BlockPlace> places = all_blocks(program, Blocks::kOpened);
  const std::vector<BlockRef> refs = schedule.blocks();
  for (std::size_t b = 0; b < refs.size(); ++b) {
    const std::vector<LoopRef> handles = schedule.loops(refs[b]);
    const std::vector<const For*> loops = places[b].loops();
    for (std::size_t l = 0; l < handles.size(); ++l)
      if (handles[l] == *ref) return find_loop(program, loops[l]->var);
  }
  return std::nullopt;
}

std::optional<std::vector<LoopPlace>> Case::loops(std::size_t i) const {
  const auto* list = has(i) ? arg(i).get_if<List>() : nullptr;
  if (!list || list->empty()) return std::nullopt;
  std::vector<LoopPlace> places;
  for (const Value& value : *list) {
    const auto place = loop_of(value);
    if (!place) return std::nullopt;
    places.push_back(*place);
  }
  return places;
}

std::optional<int64_t> Case::integer(std::size_t i) const {
  const auto* value = has(i) ? arg(i).get_if<int64_t>() : nullptr;
  return value ? std::optional<int64_t>(*value) : std::nullopt;
}

const BufferNode* Case::buffer(std::size_t i) const {
  const auto* ref = has(i) ? arg(i).get_if<BufferRef>() : nullptr;
  if (!ref) return nullptr;
  for (const Buffer& buffer : named_buffers(program))
    if (schedule.buffer(buffer->name) == *ref) return buffer.get();
  return nullptr;
}

const BufferNode* Case::read(const Block& block, std::size_t i) const {
  const auto position = integer(i);
  std::vector<const BufferNode*> distinct;
  for (const Region& region : block.reads)
    if (std::find(distinct.begin(), distinct.end(), region.buffer.get()) == distinct.end())
      distinct.push_back(region.buffer.get());
  if (!position || *position < 0 || *position >= static_cast<int64_t>(distinct.size())) return nullptr;
  return distinct[static_cast<std::size_t>(*position)];
}

bool is_serial(const For& loop) {
  return loop.loop_kind == LoopKind::kSerial;
}
bool all_serial(const std::vector<const For*>& loops) {
  return std::all_of(loops.begin(), loops.end(), [](const For* loop) { return is_serial(*loop); });
}
bool writes(const Block& block, const BufferNode* buffer) {
  return std::any_of(block.writes.begin(), block.writes.end(),
                     [&](const Region& region) { return region.buffer.get() == buffer; });
}
bool reads(const Block& block, const BufferNode* buffer) {
  return std::any_of(block.reads.begin(), block.reads.end(),
                     [&](const Region& region) { return region.buffer.get() == buffer; });
}
bool has_only_writer(const Program& program, const Block& block) {
  for (const BlockPlace& other : all_blocks(program, Blocks::kOpened))
    for (const Region& region : block.writes)
      if (&other.block() != &block && writes(other.block(), region.buffer.get())) return false;
  return true;
}
bool is_allocated(const Program& program, const BufferNode* buffer) {
  return contains<Allocate>(program->body.get(), [&](const Allocate& a) { return a.buffer.get() == buffer; });
}
bool has_axis(const Block& block, AxisKind kind) {
  return std::any_of(block.axes.begin(), block.axes.end(),
                     [&](const BlockAxis& axis) { return axis.axis_kind == kind; });
}
bool drives(const Block& block, const For& loop, AxisKind kind) {
  return std::any_of(block.axes.begin(), block.axes.end(), [&](const BlockAxis& axis) {
    return axis.axis_kind == kind && uses_var(axis.binding, loop.var);
  });
}

}  // namespace tw::schedule::judge
