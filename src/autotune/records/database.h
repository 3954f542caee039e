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
#include "autotune/records/key.h"
#include "autotune/space/sketch.h"

namespace tw::autotune {

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
  bool verified = false;                     // found right, and never wrong
  std::string contradicted;                  // why a later verdict calls it wrong
  double seconds = 0;        // the median, weighted over sizes; infinite where status is not ok
  double roof_fraction = 0;  // 0: unknown
  double predicted = 0;      // seconds that the model foretold; 0: none
  std::vector<float> features;
  double compile_seconds = 0;
  int64_t run = 0;  // the tuning run that it belongs to
  int round = 0;
  bool final_round = false;                     // measured in the last paired comparison
  std::string created;                          // "2026-01-31T12:00:00.000Z"; empty: now
  std::map<std::string, std::string> versions;  // schema, features, tilewright, llvm
  std::string source;                           // "": this database; else the shipped file that it comes from
};

/// A tuning run: what was asked for, so that it can be shown and resumed.
struct Run {
  int64_t id = 0;
  WorkloadKey workload;
  Setting setting;
  std::string label;    // what the user called it: "matmul M=1024 N=1024 K=1024"
  std::string script;   // where it is from: "ops.py:matmul"; may be empty
  std::string command;  // that does it again, as people write it; may be empty
  uint64_t seed = 0;
  std::string options;         // JSON
  std::string started, ended;  // `ended` is empty while it runs, or was killed
  std::string outcome;         // why it stopped
  bool operator==(const Run&) const = default;
};

struct Query {
  std::string workload;         // hash or a prefix of one; empty: any
  std::string target, machine;  // empty: any
  std::string cache;
  bool only_ok = false;
  bool only_verified = false;
  bool only_best = false;  // of each workload and setting
  int64_t run = 0;         // of this tuning run; 0: any
  int limit = 0;           // 0: none
};

/// One object may be used by several threads, and a file by several processes: writers take turns.
class Database {
 public:
  /// Opens or makes one. Errors, the file untouched: no database, another program's, one of a newer version,
  /// a damaged one, a folder that is not there, a file that cannot be written to. `read_only`: never writes,
  /// not even migrations; then nothing there is an error. ":memory:" is a database that is gone when it is
  /// closed.
  static Database open(const std::string& path, bool read_only = false);
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  const std::string& path() const;
  /// Each call is one transaction: when it returns, what was added survives the end of the process, however
  /// it comes; after `end_run` also the loss of power. Errors: a full disk, a read-only file; nothing is
  /// half-written. A round of records in one call costs little more than one.
  int64_t add_run(const Run& run);
  void end_run(int64_t run, const std::string& outcome);
  /// The record's number. A record that is there already (the same samples of the same point at the same
  /// time) is not added again.
  int64_t add(const Record& record);
  std::vector<int64_t> add(const std::vector<Record>& records);
  /// Marks a record as verified or as wrong: adds a row that says so. Wrong once is wrong for ever; a worker
  /// that was lost says nothing.
  void add_verdict(int64_t record, const Verdict& verdict);

  /// The quickest verified record, of final rounds first. Where bounded rewrites are allowed, exact ones
  /// compete with them.
  std::optional<Record> best(const WorkloadKey& key, const Setting& setting) const;
  /// The best records of the family at other sizes, on other machines or for other targets, nearest first:
  /// what a search begins with.
  std::vector<Record> neighbours(const WorkloadKey& key, const Setting& setting, int limit) const;
  /// In the order in which they were added.
  std::vector<Record> records(const Query& query) const;
  /// A value error if there is none of this number.
  Record record(int64_t id) const;
  std::vector<Run> runs() const;

  /// Adds what another database or a .jsonl file has and this one lacks. Gives how many records. Errors: a
  /// line that is no record, by its number; nothing is added then.
  int64_t merge(const std::string& other);
  /// A record a line, JSON, best ones only where asked for. Gives how many. What stands in the file is
  /// replaced.
  int64_t export_to(const std::string& jsonl, bool best_only) const;
  /// What `PRAGMA integrity_check` says: "ok".
  std::string check() const;

 private:
  struct State;
  explicit Database(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// One line of a .jsonl file (docs/records.md), and back; a value error says what is wrong with the line.
/// Numbers are rounded: what is read back is the record that the same line says.
std::string to_json_line(const Record& record, const Run* run = nullptr);
Record record_of_json(const std::string& line);
/// The tuning run that a line's record belongs to, if it says.
std::optional<Run> run_of_json(const std::string& line);

/// Records that come with Tilewright: the files of a folder and its subfolders, read when they are first
/// asked for. Lines that cannot be read are passed over.
class ShippedRecords {
 public:
  explicit ShippedRecords(std::string folder);
  /// Of this very machine and target only.
  std::optional<Record> best(const WorkloadKey& key, const Setting& setting) const;
  std::vector<Record> neighbours(const WorkloadKey& key, const Setting& setting, int limit) const;
  const std::vector<Record>& records() const;
  /// Which files and lines were passed over, and why.
  const std::vector<std::string>& notes() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace tw::autotune
