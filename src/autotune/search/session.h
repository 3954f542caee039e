// One tuning run: what has been compiled and measured, which is best, and the records of it.
//
// Machines drift, so every batch of measurements has the best candidate so far among it, and times are taken
// relative to its own. A candidate becomes the best only when its results have been verified.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "autotune/model/model.h"
#include "autotune/search/explorer.h"
#include "autotune/search/tune.h"

namespace tw::autotune {

/// A candidate that has been tried.
struct Trial {
  Prospect prospect;
  Status status = Status::kOk;
  bool verified = false;
  double seconds = 0;  // weighted over sizes, corrected for drift of the machine; infinite where it failed
  int64_t record = 0;
};

class Session {
 public:
  Session(const Workload& workload, const TuneOptions& options, Database& database,
          const std::function<bool(const Progress&)>& on_progress);

  /// Compiles what is new, measures, verifies what would be best, writes records, tells the model. Gives how
  /// many of the prospects were measured.
  int try_all(std::vector<Prospect> prospects);
  /// Takes over trials that a database knows from earlier runs: nothing is measured again for the model.
  void take_over(const std::vector<Record>& records);
  /// Measures the best few beside each other, several rounds, and settles which is best.
  void settle(int how_many);

  const Trial* best() const { return best_ < 0 ? nullptr : &trials_[static_cast<std::size_t>(best_)]; }
  /// The quickest trials, best first.
  std::vector<const Trial*> quickest(int most) const;
  /// Orders prospects by what the model expects, best first.
  void rank(std::vector<Prospect>& prospects) const;

  double elapsed() const;
  /// Whether a limit is met or the caller wants to stop; says which in `stopped_by`.
  bool finished();
  void stop(const char* why) {
    if (stopped_by_.empty()) stopped_by_ = why;
  }
  /// Seconds until the limit; infinite without one.
  double remaining() const;
  void report(const char* doing);
  TuneResult result();
  int64_t trials() const { return progress_.trials; }
  std::optional<Record> best_record() const { return best_record_; }

 private:
  struct Compiled {
    int id = -1;
    Status status = Status::kOk;
    std::string cause;
    double seconds = 0;
  };
  void compile(const std::vector<Prospect>& prospects);
  std::vector<Measured> measure(const std::vector<Prospect>& prospects, const std::vector<std::size_t>& runs,
                                double* drift);
  double weighted(const Measured& measured) const;
  double drift_since(double now);
  void show_best();
  void consider(std::size_t trial, Record& record);
  Record record_of(const Prospect& prospect) const;
  void learn();
  void fail(Record& record, Status status, const std::string& cause);
  void set_best(std::size_t trial, const Record& record);
  void free_memory();

  const Workload& workload_;
  const TuneOptions& options_;
  Database& database_;
  const std::function<bool(const Progress&)>& on_progress_;
  WorkloadKey key_;
  Setting setting_;
  int64_t run_ = 0;
  int round_ = 0;
  double roof_seconds_ = 0;  // no kernel is quicker; 0: unknown
  bool ends_at_roof_ = false;
  std::unique_ptr<Runner> runner_;
  std::unique_ptr<Model> model_;
  std::map<uint64_t, Compiled> compiled_;
  std::vector<Trial> trials_;
  std::vector<Example> examples_;
  std::size_t learned_ = 0;  // examples that the model knows
  int64_t best_ = -1;
  std::vector<double> best_runs_;  // seconds of the best kernel in each batch that it was measured in
  std::optional<Record> best_record_;
  Progress progress_;
  std::string stopped_by_;
  std::vector<std::pair<double, double>> curve_;
  std::vector<std::string> notes_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace tw::autotune
