// Hints, notes and values of parameters.
#include <algorithm>

#include "ir/visit.h"
#include "schedule/judge/case.h"

namespace tw::schedule::judge {
namespace {

/// Whether what the block reads of the buffer is another part in another turn.
bool moves_with(const Block& block, const BufferNode& buffer, const For& loop) {
  for (const Region& region : block.reads)
    for (const Range& range : region.ranges)
      for (const BlockAxis& axis : block.axes)
        if (region.buffer.get() == &buffer && uses_var(axis.binding, loop.var) &&
            (uses_var(range.min, axis.var) || uses_var(range.extent, axis.var)))
          return true;
  return false;
}

Verdict judge_prefetch(const Case& c) {
  const auto block = c.block(0);
  const auto loop = c.loop(2);
  const auto distance = c.integer(3);
  if (!block || !loop || !distance || *distance < 1) return std::nullopt;
  const BufferNode* buffer = c.read(block->block(), 1);
  if (!buffer || buffer->scope != Scope::kGlobal) return std::nullopt;
  const std::vector<const For*> around = block->loops();
  if (std::find(around.begin(), around.end(), &loop->loop()) == around.end()) return std::nullopt;
  if (!moves_with(block->block(), *buffer, loop->loop())) return std::nullopt;
  if (is_int(loop->loop().extent, 1)) return std::nullopt;
  if (c.has(4)) {
    const auto over = c.loop(4);
    if (!over) return std::nullopt;
    const std::vector<const For*> outside = over->loops();
    if (std::find(outside.begin(), outside.end(), &loop->loop()) == outside.end()) return std::nullopt;
    if (over->loop().loop_kind == LoopKind::kVectorized) return std::nullopt;
  }
  return true;
}

Verdict judge_note(const Case& c) {
  if (!c.text(1) || c.text(1)->empty() || !c.has(2)) return std::nullopt;
  return c.block(0).has_value() || c.loop(0).has_value();
}

/// Each parameter named gets a value that it may have.
Verdict judge_specialise(const Case& c) {
  const auto* options = c.has(0) ? c.arg(0).get_if<List>() : nullptr;
  if (!options || options->empty()) return std::nullopt;
  for (const Value& option : *options) {
    const auto* pair = option.get_if<List>();
    const auto* name = pair && pair->size() == 2 ? (*pair)[0].get_if<std::string>() : nullptr;
    const auto* value = name ? (*pair)[1].get_if<int64_t>() : nullptr;
    if (!value) return std::nullopt;
    const auto& params = c.program->params;
    if (std::none_of(params.begin(), params.end(), [&](const Param& param) {
          return param.param_kind == ParamKind::kTunable && param.var->name.text == *name &&
                 *value >= param.var->min && *value <= param.var->max && *value % param.var->multiple_of == 0;
        }))
      return std::nullopt;
  }
  return true;
}

}  // namespace

Judges note_judges() {
  return {
      {"annotate", judge_note},
      {"pragma", judge_note},
      {"prefetch", judge_prefetch},
      {"specialise", judge_specialise},
  };
}

}  // namespace tw::schedule::judge
