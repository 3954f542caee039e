// Sums of products of several factors, computed a factor at a time where that is less work.
#pragma once

#include "autotune/space/general_nest.h"

namespace tw::autotune {

/// Sums along one axis first where the factors that do not use it can wait (rewrite factor_out). Preferred
/// for long axes where it spares a good part of the operations.
void factor_sums(Script& s, const Workload& workload, Choices& choose);

}  // namespace tw::autotune
