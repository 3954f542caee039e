// Shares the nests of a schedule among threads.
#pragma once

#include "autotune/space/general_nest.h"

namespace tw::autotune {

/// Makes the outermost independent loops of each nest parallel, several as one where one has too few turns,
/// unless the nest is too little work. Loops that run in order are looked into where a turn is much work.
/// Nests that are parallel already stay as they are.
void share_threads(Script& s, const Workload& workload, Choices& choose);

}  // namespace tw::autotune
