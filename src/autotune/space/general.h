// Schedules for what no other sketch knows: whole programs, or what another sketch leaves of one.
#pragma once

#include <vector>

#include "autotune/space/sketch.h"

namespace tw::autotune {

/// Puts values that are cheap to compute again into their readers.
void inline_cheap(Script& s, const Workload& workload, Choices& choose);

/// Schedules all blocks but those in `done`, from the last to the first, and gives the threads their shares
/// of all nests that are not shared yet.
void schedule_rest(Script& s, const Workload& workload, Choices& choose, const std::vector<BlockRef>& done);

}  // namespace tw::autotune
