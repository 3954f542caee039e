// The threads that all functions of this process share.
#pragma once

#include "runtime/core/call.h"

namespace tw::runtime {

/// As many threads as this process may use, opened at the first call and kept until the process ends.
/// Errors: no memory.
tw_pool* shared_pool();

}  // namespace tw::runtime
