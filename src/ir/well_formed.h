// What every node must satisfy by itself, whatever stands around it: the types, ranks and counts of its
// operands.
//
// The one place that says so: `make` functions, the parser and `verify` all ask here.
#pragma once

#include <string>

#include "ir/program.h"

namespace tw {

/// What is wrong with a node: an operand missing, types that do not fit, a count or number out of range.
/// Empty when nothing is. Looks at the node and the types of its operands, not below them.
std::string node_fault(const Node& node);

}  // namespace tw
