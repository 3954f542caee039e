// A tile of rows of a group's leader with everything that its rows need: products, row-wise chains between
// them, the leader.
#pragma once

#include <string>

#include "autotune/space/rows_groups.h"

namespace tw::autotune {

/// Schedules a group that has products among its blocks. Holes begin with `prefix`.
void schedule_tile_group(Draft& d, const Ties& ties, const RowGroup& group, const std::string& prefix);

}  // namespace tw::autotune
