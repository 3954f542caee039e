// set_scope(T, "shared"):   alloc T: float32[n]     =>     alloc T: float32[n] shared
//
// Says where a buffer inside the program lies. Shared memory belongs to one GPU block, local memory to one
// thread: all who access the buffer must stand inside the same of those loops. Does not check that the buffer
// fits.
#include <algorithm>

#include "schedule/blocks.h"
#include "schedule/copies.h"

namespace tw::schedule {
namespace {

/// Whether each turn of the loop has memory of its own in this scope.
bool divides(Scope scope, const For& loop) {
  if (scope == Scope::kGlobal) return false;
  if (loop.loop_kind == LoopKind::kBound) return scope == Scope::kLocal || !is_thread(loop.gpu_index);
  return scope == Scope::kLocal && loop.loop_kind == LoopKind::kParallel;
}

bool accesses(const Block& block, const Buffer& buffer) {
  const auto is_it = [&](const Region& region) { return region.buffer.same_as(buffer); };
  return std::any_of(block.reads.begin(), block.reads.end(), is_it) ||
         std::any_of(block.writes.begin(), block.writes.end(), is_it);
}

/// A turn of a loop that has memory of its own sees nothing of what is done outside of it.
void require_visible(const Step& step, const Buffer& buffer, Scope scope) {
  std::vector<BlockPlace> users;
  for (BlockPlace& place : all_blocks(step.program()))
    if (accesses(place.block(), buffer)) users.push_back(std::move(place));
  for (const BlockPlace& user : users)
    for (const For* loop : user.loops()) {
      if (!divides(scope, *loop)) continue;
      for (const BlockPlace& other : users) {
        const std::vector<const For*> around = other.loops();
        if (std::find(around.begin(), around.end(), loop) == around.end())
          step.refuse(&other.block(),
                      "block {} accesses {} inside loop {} ({}), each turn of which has {} memory of its "
                      "own, and block {} "
                      "accesses it outside; move it into the loop with compute_at first",
                      user.block().name.text, buffer->name.text, loop->var->name.text,
                      to_string(loop->loop_kind), to_string(scope), other.block().name.text);
      }
    }
}

Outcome set_scope(const Step& step) {
  const Buffer buffer = step.buffer(0);
  const Scope scope = scope_argument(step, 1);
  if (is_parameter(step.program(), buffer))
    step.refuse(
        nullptr,
        "buffer {} is the caller's and lies in global memory; use cache_read or cache_write for a copy in {} "
        "memory",
        buffer->name.text, to_string(scope));
  if (buffer->lane_map)
    step.refuse(nullptr, "buffer {} is a fragment, laid out over the lanes of a warp; it cannot move",
                buffer->name.text);
  const Place allocation = allocation_of(step.program(), buffer);
  require_allocatable(step, allocation, scope);
  require_visible(step, buffer, scope);
  auto* node = new BufferNode(*buffer);
  const Buffer fresh(node);
  node->scope = scope;
  return {step.with_body(with_buffer(step.program()->body, buffer, fresh)), {}, {{buffer, fresh}}};
}

const Registration registration{{
    .name = "set_scope",
    .summary = "Says where a buffer lies.",
    .doc = "    alloc T: float32[n]     =>     alloc T: float32[n] shared\n\n"
           "The buffer is one that the program allocates. Shared memory belongs to one GPU block, local "
           "memory to one thread: "
           "all blocks that access the buffer stand inside the same of those loops. Whether it fits is not "
           "checked.",
    .args = {{"buffer", ArgKind::kBuffer, "A buffer that the program allocates."},
             {"scope", ArgKind::kText, "\"global\", \"shared\" or \"local\"."}},
    .example = R"py(>>> _ = s.cache_read(s.block("C"), "B", "global")
>>> s.set_scope("B_global", "local")
>>> "B_global: local" in str(s)
True)py",
    .apply = set_scope,
}};

}  // namespace
}  // namespace tw::schedule
