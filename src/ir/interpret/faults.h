// What an error of a running program says: what happened, where, and with which values.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ir/program.h"

namespace tw::interpreter {

/// The values of the variables in scope, outermost first.
using Values = std::vector<std::pair<std::string, int64_t>>;

/// `what`, the values, and the program with a mark below `node` (null: no mark) that says `note` (empty:
/// `what`).
std::string describe(const Program& program, const std::string& what, const std::string& note,
                     const Values& values, const Node* node);

/// "A[3, 4]".
std::string element_name(const std::string& buffer, const std::vector<int64_t>& subscripts);

}  // namespace tw::interpreter
