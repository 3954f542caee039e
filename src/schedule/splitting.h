// How one loop becomes several: shared by split and tile.
#pragma once

#include <utility>
#include <vector>

#include "schedule/primitive.h"

namespace tw::schedule {

/// The loops that stand for one loop.
struct SplitPlan {
  std::vector<std::pair<Var, Expr>> loops;  // variables and extents, outermost first
  Expr position;                            // the turn of the old loop, over the new variables
  Expr condition;                           // of the turns that the old loop has; null: all of them
};

/// Plans the loops of the factors, at most one of which is None and takes what the others leave. Refuses
/// factors that are too few, and a loop that holds what must not run in turns beyond the old ones.
SplitPlan plan_split(const Step& step, const LoopPlace& place, const List& factors);

}  // namespace tw::schedule
