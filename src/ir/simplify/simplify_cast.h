// When a cast in a chain of casts can go.
#pragma once

#include "ir/dtype.h"

namespace tw {

/// Whether every value of `from` is a value of `to`. Of element types; index counts as int64.
bool keeps_every_value(DType from, DType to);

/// Whether a cast from `from` through `through` to `to` gives what the cast from `from` to `to` gives, for
/// all values.
bool inner_cast_drops(DType from, DType through, DType to);

}  // namespace tw
