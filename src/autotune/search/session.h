// One tuning run: what has been compiled and measured, which is best, and the records of it.
//
// Machines drift, so every batch of measurements has the best candidate so far among it, and times are taken
// relative to its own. A candidate becomes the best only when its results have been verified.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "autotune/search/adviser.h"
#include "autotune/search/explorer.h"
#include "autotune/search/roof.h"
#include "autotune/search/tune.h"
#include "autotune/search/workbench.h"

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
  /// Measures the best few beside each other, several rounds, and settles which is best.
  void settle(int how_many);

  const Trial* best() const { return best_ < 0 ? nullptr : &trials_[static_cast<std::size_t>(best_)]; }
  /// The quickest trials, best first.
  std::vector<const Trial*> quickest(int most) const;
  Adviser& adviser() { return adviser_; }

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
  void compile(const std::vector<const Prospect*>& prospects);
  /// Those of the prospects that have machine code, by number; the others become records of failures.
  std::vector<std::size_t> runnable(const std::vector<Prospect>& prospects);
  /// Beside the best so far. `drift`: by how much the machine is quicker than it usually was.
  std::vector<Measured> measure(const std::vector<Prospect>& prospects, const std::vector<std::size_t>& runs,
                                double* drift);
  void take(Prospect prospect, const Measured& measured, double drift);
  /// Rewrites may pass below the roof.
  bool ends_at_roof() const { return roofline_.is_sharp && !options_.bounded; }
  /// Over sizes, of a quantile of the samples.
  double weighted(const Measured& measured, double quantile) const;
  double drift_since(double now);
  void show_best();
  void consider(std::size_t trial, Record& record);
  bool is_right(Trial& trial, const Point& point);
  Record record_of(const Prospect& prospect) const;
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
  std::chrono::steady_clock::time_point start_;
  Roofline roofline_;        // measured before there are workers
  double roof_seconds_ = 0;  // no kernel is quicker; 0: unknown
  Workbench workbench_;
  Adviser adviser_;
  std::vector<Trial> trials_;
  int64_t best_ = -1;
  std::vector<double> best_runs_;  // seconds of the best kernel in each batch that it was measured in
  std::optional<Record> best_record_;
  Progress progress_;
  std::string stopped_by_;
  std::vector<std::pair<double, double>> curve_;
};

}  // namespace tw::autotune
