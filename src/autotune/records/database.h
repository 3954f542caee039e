// Tuning records in SQLite: every measurement is a row that is never changed, the best is a view.
//
//   Database db = Database::open("tuning.db");
//   db.add(record);
//   if (const auto best = db.best(key)) …
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "autotune/measure/runner.h"
#include "autotune/space/sketch.h"

namespace tw::autotune {

/// What a record is of: everything that changes the result is in its text, nothing else. Hashes are 16
/// hexadecimal digits.
struct WorkloadKey {
  std::string text;  // of the first program with canonical names: equal for expressions that differ in names
  std::string hash;  // of `text`
  std::string family;          // hash of `text` without the sizes: neighbours have the same
  std::vector<int64_t> sizes;  // that were left out for `family`, in order
};
WorkloadKey key_of(const Program& first);

/// What measurements are comparable within: the resolved target, the hardware, the cache state, the rewrites
/// allowed, the sizes at which it runs.
struct Setting {
  std::string target;   // codegen::Target::to_string()
  std::string machine;  // runtime::Machine::fingerprint()
  std::string cache = "hot";
  bool bounded = false;
  std::vector<Values> sizes;
};

/// A measurement.
struct Record {
  int64_t id = 0;  // given by the database
  WorkloadKey workload;
  Setting setting;
  std::string sketch;
  Values choices;     // of the holes
  std::string trace;  // JSON
  Values parameters;
  Status status = Status::kOk;
  std::string cause;
  std::vector<std::vector<double>> samples;  // seconds, [size][sample]
  bool verified = false;
  double seconds = 0;        // the median, weighted over sizes; infinite where status is not ok
  double roof_fraction = 0;  // 0: unknown
  double predicted = 0;      // seconds that the model foretold; 0: none
  std::vector<float> features;
  double compile_seconds = 0;
  int64_t run = 0;  // the tuning run that it belongs to
  int round = 0;
  bool final_round = false;                     // measured in the last paired comparison
  std::string created;                          // "2026-01-31T12:00:00Z"
  std::map<std::string, std::string> versions;  // schema, features, tilewright, llvm
  std::string source;                           // "": this database; else the shipped file that it comes from
};

/// A tuning run: what was asked for, so that it can be shown and resumed.
struct Run {
  int64_t id = 0;
  WorkloadKey workload;
  Setting setting;
  std::string label;   // what the user called it: "matmul M=1024 N=1024 K=1024"
  std::string script;  // where it is from: "ops.py:matmul"; may be empty
  uint64_t seed = 0;
  std::string options;         // JSON
  std::string started, ended;  // `ended` is empty while it runs, or was killed
  std::string outcome;         // why it stopped
};

struct Query {
  std::string workload;         // hash or a prefix of one; empty: any
  std::string target, machine;  // empty: any
  std::string cache;
  bool only_ok = false;
  bool only_verified = false;
  int limit = 0;
};

class Database {
 public:
  /// Opens or makes one. Errors, the file untouched: no database, one of a newer version, a damaged one, a
  /// folder that is not there. `read_only`: never writes, not even migrations.
  static Database open(const std::string& path, bool read_only = false);
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  const std::string& path() const;
  /// Each call is one transaction: when it returns, the record survives whatever happens. Errors: a full
  /// disk, a read-only file; nothing is half-written.
  int64_t add_run(const Run& run);
  void end_run(int64_t run, const std::string& outcome);
  int64_t add(const Record& record);
  void add(const std::vector<Record>& records);
  /// Marks a record as verified or as wrong: adds a row that says so.
  void add_verdict(int64_t record, const Verdict& verdict);

  /// The quickest verified record, of final rounds first.
  std::optional<Record> best(const WorkloadKey& key, const Setting& setting) const;
  /// Verified records of the family at other sizes, nearest first.
  std::vector<Record> neighbours(const WorkloadKey& key, const Setting& setting, int limit) const;
  std::vector<Record> records(const Query& query) const;
  std::vector<Run> runs() const;

  /// Adds what another database or a .jsonl file has and this one lacks. Gives how many rows.
  int64_t merge(const std::string& other);
  /// A record a line, JSON, best ones only where asked for.
  void export_to(const std::string& jsonl, bool best_only) const;
  /// What `PRAGMA integrity_check` says: "ok".
  std::string check() const;

 private:
  struct State;
  explicit Database(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// One line of a .jsonl file, and back; a value error says what is wrong with the line.
std::string to_json_line(const Record& record);
Record record_of_json(const std::string& line);

/// Records that come with Tilewright: the files of a folder, read when they are first asked for.
class ShippedRecords {
 public:
  explicit ShippedRecords(std::string folder);
  std::optional<Record> best(const WorkloadKey& key, const Setting& setting) const;
  std::vector<Record> neighbours(const WorkloadKey& key, const Setting& setting, int limit) const;

 private:
  std::string folder_;
  mutable std::shared_ptr<std::vector<Record>> records_;
};

}  // namespace tw::autotune
