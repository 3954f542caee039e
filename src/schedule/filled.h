// Which buffers hold something in each of their elements: copies and padded blocks may read elements that the
// program did not read before, and none may be one that nobody wrote.
#pragma once

#include "schedule/blocks.h"

namespace tw::schedule {

/// Whether the caller gives what the buffer holds.
bool is_given(const Program& program, const Buffer& buffer);

/// Whether each element of the buffer holds something when the statement at the place begins to run: it is
/// given, or a block that stands before, in loops of its own, stores at plain axes through all of it. False:
/// not proved.
bool is_filled_before(const Program& program, const Place& at, const Buffer& buffer);

}  // namespace tw::schedule
