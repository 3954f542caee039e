// The reducers that everybody knows, made in one way so that they are recognised by structure.
#pragma once

#include <string_view>

#include "ir/program.h"

namespace tw {

/// sum, prod, max or min of numbers of a scalar type, all or any of bool; null for any other name or type.
/// Integer max and min start from the ends of the type, those of floats from -inf and inf.
Reducer known_reducer(std::string_view name, DType type);

}  // namespace tw
