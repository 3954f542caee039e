// bind(i, "threadIdx.x"):   for i in 32: …     =>     for i in bind(threadIdx.x, 32): …
//
// The turns run at once, one for each value of a GPU index. They must be independent. One index is bound once
// on the way to any block, and thread indices stand inside block indices. Nests that share local memory give
// each element of it to one thread (thread_memory.h). That nests bound to one index have as many turns is not
// required: the smaller ones leave threads idle.
#include "schedule/loops.h"
#include "schedule/thread_memory.h"

namespace tw::schedule {
namespace {

void require_free_index(const Step& step, const For& other, GpuIndex index) {
  if (other.loop_kind != LoopKind::kBound) return;
  if (other.gpu_index == index)
    step.refuse(
        &other,
        "loop {} is bound to {} already, and one turn of it cannot have two values; take another index",
        other.var->name.text, to_string(index));
}

Outcome bind(const Step& step) {
  const LoopPlace place = step.loop(0);
  const For& loop = place.loop();
  const auto index = enum_from_text<GpuIndex>(step.text(1));
  if (!index)
    step.refuse(&loop, "there is no index '{}'; use blockIdx.x, .y, .z or threadIdx.x, .y, .z", step.text(1));
  require_serial(step, place);
  require_independent(step, place, "run at once on a GPU");
  for (const For* outer : place.loops()) {
    require_free_index(step, *outer, *index);
    if (outer->loop_kind == LoopKind::kBound && is_thread(outer->gpu_index) && !is_thread(*index))
      step.refuse(outer, "loop {} around it is bound to {}; block indices stand outside of thread indices",
                  outer->var->name.text, to_string(outer->gpu_index));
  }
  for_each_node(loop.body, [&](const Node* node) {
    const auto* inner = as<For>(node);
    if (!inner) return;
    require_free_index(step, *inner, *index);
    if (inner->loop_kind == LoopKind::kBound && !is_thread(inner->gpu_index) && is_thread(*index))
      step.refuse(inner, "loop {} inside is bound to {}; block indices stand outside of thread indices",
                  inner->var->name.text, to_string(inner->gpu_index));
  });
  for_each_node(loop.body, [&](const Node* node) {
    const auto* allocation = as<Allocate>(node);
    if (allocation && allocation->buffer->scope == Scope::kShared && is_thread(*index))
      step.refuse(allocation,
                  "shared buffer {} is allocated inside loop {}, and each thread would fill it anew; "
                  "allocate it around "
                  "the threads, or take 'local' with set_scope",
                  allocation->buffer->name.text, loop.var->name.text);
  });
  if (is_thread(*index)) require_own_memory(step, place, *index);
  return with_loop(step, place, [&](For& bound) {
    bound.loop_kind = LoopKind::kBound;
    bound.gpu_index = *index;
  });
}

const Registration registration{{
    .name = "bind",
    .summary = "Runs the turns of a loop as blocks or threads of a GPU.",
    .doc = "    for i in 32: ...     =>     for i in bind(threadIdx.x, 32): ...\n\n"
           "The turns must be independent. An index is bound once on the way to a block; thread indices "
           "stand inside block indices. Local memory belongs to one thread: of two nests that are bound to "
           "an index and share a local buffer, neither touches an element that the other writes in another "
           "thread.",
    .args = {{"loop", ArgKind::kLoop, "A serial loop with independent turns."},
             {"index", ArgKind::kText, "blockIdx.x, .y, .z, threadIdx.x, .y or .z."}},
    .example = R"(>>> s.bind(i, "blockIdx.x")
>>> s.bind(j, "threadIdx.x"))",
    .apply = bind,
}};

}  // namespace
}  // namespace tw::schedule
