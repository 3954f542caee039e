// Whether the body of a block is what its reducer says.
#pragma once

#include <string>

#include "ir/program.h"

namespace tw {

/// What keeps a body from being: each component of the written elements becomes
/// reducer.combine(the elements before, some sources). Looks through Lets and the order of operands of
/// commutative operators; a body that is neither a store nor a sequence of stores (a loop nest, a tensor
/// call) is not looked at. Empty when nothing does.
std::string combine_fault(const ReducerNode& reducer, const Stmt& body);

}  // namespace tw
