// What functions of the core (runtime/core/kernel.h) return, as the errors of this project.
#pragma once

#include <cstdint>

namespace tw::runtime {

/// Nothing for TW_OK. For another status a user error of its kind, with the message that the core left on
/// this thread (tw_error).
void check_status(int32_t status);

}  // namespace tw::runtime
