// From an expression to the schedule that its best record says, or the reason why there is none.
//
// The user's database comes first, then the records that come with Tilewright. A record is used where the
// workload, the target and the machine are the same; other machines' records only tell a search where to
// begin. Of a program with symbolic sizes, records at any sizes serve.
#pragma once

#include <optional>
#include <string>

#include "autotune/records/database.h"

namespace tw::autotune {

struct Lookup {
  std::optional<Record> record;
  Program program;   // scheduled as the record says, parameters as it found them; null without a record
  std::string note;  // which record is used and where it is from, or why none is
};

/// `db` and `shipped` may be null. Of `setting`, cache state and sizes are preferences: another cache state's
/// record is better than none.
Lookup look_up(const Program& first, const Setting& setting, const Database* db,
               const ShippedRecords* shipped);

/// The program that a record's trace makes of the first program, with the record's parameters as defaults.
/// Errors: the trace does not replay, or lacks a parameter.
Program scheduled_as(const Record& record, const Program& first);

}  // namespace tw::autotune
