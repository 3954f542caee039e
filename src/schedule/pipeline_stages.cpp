#include "schedule/pipeline_stages.h"

#include <algorithm>

#include "schedule/blocks.h"

namespace tw::schedule {
namespace {

constexpr const char* kStageNote = "pipeline_stage";

bool holds(const std::vector<Buffer>& buffers, const Buffer& buffer) {
  return std::any_of(buffers.begin(), buffers.end(), [&](const Buffer& b) { return b.same_as(buffer); });
}

/// Whether the part fills buffers for later parts, out of what the loop does not change.
bool runs_ahead(const std::vector<Part>& parts, std::size_t number, const std::vector<Buffer>& own) {
  const Part& part = parts[number];
  bool writes = false;
  for (const Access* access : part.accesses) {
    const Buffer& buffer = access->buffer;
    const auto somewhere = [&](std::size_t first, bool write) {
      return std::any_of(parts.begin() + static_cast<std::ptrdiff_t>(first), parts.end(),
                         [&](const Part& p) { return touches(p, buffer, write); });
    };
    if (access->write) {
      writes = true;
      if (!holds(own, buffer) || !somewhere(number + 1, false)) return false;
    } else if (!touches(part, buffer, true) && somewhere(0, true)) {
      return false;
    }
  }
  return writes;
}

/// The stage that notes on the part's blocks say; nothing when there is no note.
std::optional<int64_t> noted_stage(const Step& step, const Part& part, int64_t stages) {
  std::optional<int64_t> stage;
  for (const Block* block : blocks_below(part.stmt.get())) {
    const auto note = block->annotations.find(kStageNote);
    if (note == block->annotations.end()) continue;
    const auto* number = std::get_if<int64_t>(&note->second);
    if (!number || *number < 0 || *number >= stages)
      step.refuse(block, "the note {} of block {} is no stage from 0 to {}", kStageNote, block->name.text,
                  stages - 1);
    if (stage && *stage != *number)
      step.refuse(block, "block {} is noted for stage {}, and another block of its statement for stage {}",
                  block->name.text, *number, *stage);
    stage = *number;
  }
  return stage;
}

}  // namespace

bool touches(const Part& part, const Buffer& buffer, bool write) {
  return std::any_of(part.accesses.begin(), part.accesses.end(), [&](const Access* access) {
    return access->write == write && access->buffer.same_as(buffer);
  });
}

void choose_stages(const Step& step, std::vector<Part>& parts, const std::vector<Buffer>& own,
                   int64_t stages) {
  for (std::size_t i = 0; i < parts.size(); ++i)
    parts[i].stage = noted_stage(step, parts[i], stages).value_or(runs_ahead(parts, i, own) ? 0 : stages - 1);
}

}  // namespace tw::schedule
