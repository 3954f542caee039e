// What declaring an intrinsic makes of its expression, and checks of its data.
#pragma once

#include "schedule/intrinsic.h"

namespace tw::schedule {

/// Fills in meaning and pattern, and demands where none were given. Raises what `declare_intrinsic` says.
void complete_intrinsic(Intrinsic& intrinsic);

}  // namespace tw::schedule
