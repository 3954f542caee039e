// Rows of the database as records and runs, and back. The statements of a file stand here and in schema.cpp.
#pragma once

#include <functional>
#include <string>

#include "autotune/records/database.h"
#include "autotune/records/sqlite.h"

namespace tw::autotune {

/// Adds rows within a transaction of the caller.
class RowWriter {
 public:
  explicit RowWriter(Connection& db) : db_(db) {}
  /// The number of the row, which may have been there; `added` says.
  int64_t add(const Record& record, bool* added = nullptr);
  int64_t add(const Run& run, bool* added = nullptr);
  /// A second end of a run is passed over.
  void end_run(int64_t run, const std::string& ended, const std::string& outcome);
  void add_verdict(int64_t record, const std::string& status, const std::string& cause, double worst,
                   const std::string& created);

 private:
  void add_workload(const WorkloadKey& key);
  int64_t setting_of(const Setting& setting);
  int64_t trace_of(const std::string& trace);
  Connection& db_;
};

/// Conditions on the columns of `r` (records), `w` (their workloads) and `s` (their settings), with values
/// for the parameters: {"w.family = ?", {family}}.
struct Condition {
  std::string sql = "1";
  std::vector<std::string> values;
  void add(const std::string& condition, const std::string& value);
};

/// Calls f with the records of a view ("judged" or "best") that meet the condition, by number. 0: no limit.
void each_record(Connection& db, const std::string& view, const Condition& condition, int limit,
                 const std::function<void(Record)>& f);
std::vector<Run> runs_of(Connection& db);

}  // namespace tw::autotune
