// Nests of blocks whose points are independent: vectors along what is contiguous, threads over the rest.
#pragma once

#include <string>
#include <vector>

#include "autotune/space/rows_steps.h"

namespace tw::autotune {

/// Schedules a block of independent points that stands in a nest of its own. What it reads and writes is
/// taken from the program as it is now, so blocks may have been inlined into it. Holes begin with `prefix`.
void schedule_points(Draft& d, int position, const std::string& prefix);

/// Inlines blocks of points into their readers where that is chosen; gives those that keep nests of their
/// own, the last one first.
std::vector<int> inline_points(Draft& d);

/// Whether results of so many bytes, made from others of so many, had better go past the caches.
bool exceeds_caches(const Draft& d, double bytes);

}  // namespace tw::autotune
