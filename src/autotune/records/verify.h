// Records verified again: a new machine, compiler or version may change what a kernel computes.
#pragma once

#include <vector>

#include "autotune/records/database.h"

namespace tw::autotune {

/// Builds each record's kernel from the record alone, its workload's text and its trace (intrinsics that are
/// not declared here are declared as the trace says), and compares its results with the reference. Adds the
/// verdicts to the database and gives them in order. A record that no longer replays or compiles is not
/// called wrong: its verdict is kRefused, and not added. Errors: a record of another target or machine.
std::vector<Verdict> verify(Database& db, const std::vector<int64_t>& records, const RunnerOptions& options);

/// Whether kernels of a setting can be run and measured here: its target is this machine's, and its machine
/// this one.
bool is_of_this_machine(const Setting& setting);

}  // namespace tw::autotune
