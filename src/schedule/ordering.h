// The order of loops that stand directly in each other, and when it may change: shared by reorder and tile.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "schedule/primitive.h"

namespace tw::schedule {

/// The loops from the outermost to the innermost of those named, with what stands between them. Refuses loops
/// that are named twice, and a nest in which something else stands between.
std::vector<const For*> require_chain(const Step& step, const std::vector<LoopPlace>& named);

/// Why loops must not change places: the loop that stands against it.
struct OrderFault {
  const For* loop;
  std::string reason;
};

/// Whether a chain of loops of the program may stand in another order: extents must find the variables that
/// they use, a loop that carries a dependence keeps inside itself all that was inside but loops that are
/// independent where they come to stand, turns that run at once must not meet in what they combine into,
/// loops over blocks of a GPU stay around loops over threads, and lanes inside of both. Nothing: it may.
std::optional<OrderFault> order_fault(const Program& program, const std::vector<const For*>& before,
                                      const std::vector<const For*>& after);

/// The loops around the body, outermost first.
Stmt in_order(const std::vector<const For*>& loops, Stmt body);

}  // namespace tw::schedule
