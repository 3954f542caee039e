// The nest of a group of rows: rows for the threads, or tiles of them where rows are neighbours in memory,
// long sums in parts that threads share.
#pragma once

#include <string>

#include "autotune/space/rows_groups.h"

namespace tw::autotune {

/// Schedules a group whose leader stands in a nest of its own. Holes begin with `prefix`.
void schedule_row_group(Draft& d, const RowGroup& group, const std::string& prefix);

}  // namespace tw::autotune
