// The search: from a workload to its best record, within bounds of trials, seconds and gain.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "autotune/measure/runner.h"
#include "autotune/records/database.h"
#include "autotune/space/sketch.h"

namespace tw::autotune {

struct TuneOptions {
  std::string target = "llvm";
  int64_t trials = 0;           // 0: no limit
  double seconds = 60;          // 0: no limit; one of the two is given
  double roof_fraction = 0.97;  // good enough
  double least_gain = 0.01;     // expected of another round
  uint64_t seed = 0;
  std::string cache = "hot";
  bool bounded = false;
  std::vector<Values> sizes;  // of symbolic dimensions, with weights below
  std::vector<double> weights;
  std::string model = "learned";  // "learned", "builtin", "analytic", "random": how candidates are ranked
  std::string warm_model;         // a model file to start from
  RunnerOptions runner;
  std::string label, script, command;           // of the run (records/database.h)
  std::map<std::string, std::string> versions;  // of what measures: "tilewright", "llvm"
};

/// How far a search is.
struct Progress {
  int64_t trials = 0;       // points measured
  int64_t structures = 0;   // compiled
  double seconds = 0;       // since the start
  double best_seconds = 0;  // of the kernel; infinite: none yet
  double roof_fraction = 0;
  std::map<std::string, int64_t> failures;  // cause -> count
  std::string doing;                        // "compiling", "measuring", …
};

struct TuneResult {
  std::optional<Record> best;
  Progress progress;
  std::string stopped_by;  // "seconds", "trials", "roof", "gain", "interrupted", "space"
  int64_t run = 0;
  std::vector<std::pair<double, double>> curve;  // (seconds since the start, best seconds so far)
  std::vector<std::string> notes;                // "XGBoost …: the built-in model goes on"
};

/// Tunes an expression's first program. Records go to `db` as they are made. `on_progress` is called several
/// times a second; when it gives false the search stops and keeps all that it has. `shipped` may be null.
/// Errors: no candidate works at all; what Database and Runner raise.
TuneResult tune(const Program& first, const TuneOptions& options, Database& db,
                const ShippedRecords* shipped = nullptr,
                const std::function<bool(const Progress&)>& on_progress = {});

}  // namespace tw::autotune
