// Which record is better, and which is nearer: the order of `best` and of `neighbours`, wherever records are
// kept.
#pragma once

#include <vector>

#include "autotune/records/database.h"

namespace tw::autotune {

/// Of final rounds first, then the quicker, then the older.
bool is_better(const Record& a, const Record& b);

/// Whether a record's measurements hold in a setting: the same target, machine, cache state and sizes, and no
/// rewrites that the setting does not allow.
bool holds_in(const Record& record, const Setting& setting);

/// How far a record is from a workload of its family: the distance of the sizes, in octaves, and one more
/// each for another machine, another target, other symbolic sizes.
double distance(const Record& record, const WorkloadKey& key, const Setting& setting);

/// The nearest ones; those that `best` would give are no neighbours.
std::vector<Record> nearest(std::vector<Record> records, const WorkloadKey& key, const Setting& setting,
                            int limit);

}  // namespace tw::autotune
