// What is legal in a program at each stage, as a table.
#pragma once

#include <string>
#include <vector>

#include "ir/program.h"

namespace tw {

/// How far a program has been lowered. A later stage forbids what has been lowered and allows what replaces
/// it.
enum class Stage {
  kSchedule,  // blocks under loops of every kind: what schedules rewrite
  kLowered,   // no blocks: loops, stores, conditions, barriers, asynchronous copies
  kFlat,      // buffers of one dimension, vectors in place of vectorised loops: what a code generator takes
};
const char* to_string(Stage stage);

struct Violation {
  std::string rule;     // name of the row of the table
  std::string message;  // what was found against what is required
  const Node* node;     // where
};

/// Every rule that the program breaks at the stage, in the order met.
std::vector<Violation> find_violations(const Program& program, Stage stage);

/// Raises a value error that shows the first violation in the printed program.
void verify(const Program& program, Stage stage);

}  // namespace tw
