// Which statements of a loop run ahead of the others, and by how many turns.
#pragma once

#include <optional>
#include <vector>

#include "ir/analysis/accesses.h"
#include "schedule/primitive.h"

namespace tw::schedule {

/// A statement of the loop's body.
struct Part {
  Stmt stmt;
  int64_t stage = 0;
  std::vector<const Access*> accesses;
};

/// Whether the part reads, or writes, some of the buffer.
bool touches(const Part& part, const Buffer& buffer, bool write);

/// Sets the stage of each part. Stage 0 are those that fill buffers for later parts out of what the loop does
/// not change, the others are the last stage, unless a note `pipeline_stage` on a block says otherwise.
/// `own`: the buffers that live in one turn. Refuses notes that are no stages, or not of one mind in a
/// statement.
void choose_stages(const Step& step, std::vector<Part>& parts, const std::vector<Buffer>& own,
                   int64_t stages);

}  // namespace tw::schedule
