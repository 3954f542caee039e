// Where candidates become machine code, once for each structure, and run: the compiled ones and the workers
// that hold them.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "autotune/measure/runner.h"
#include "autotune/search/explorer.h"

namespace tw::autotune {

class Workbench {
 public:
  /// What became of a structure.
  struct Compiled {
    int id = -1;  // its machine code; -1: there is none, or no longer
    Status status = Status::kOk;
    std::string cause;
    double seconds = 0;  // that it took
  };

  Workbench(Task task, RunnerOptions options) : runner_(std::move(task), std::move(options)) {}

  /// Compiles the structures that have no machine code. `begin` is called before, if there are any. Gives how
  /// many there were.
  int64_t compile(const std::vector<const Candidate*>& candidates, const std::function<void()>& begin);
  /// Of a candidate that `compile` was given.
  const Compiled& of(const Candidate& candidate) const { return compiled_.at(candidate.structure); }
  /// Nothing where there is no machine code.
  std::optional<Point> point_of(const Candidate& candidate) const;
  std::vector<Measured> measure(const std::vector<Point>& points, const MeasureOptions& options) {
    return runner_.measure(points, options);
  }
  Verdict verify(const Point& point) { return runner_.verify(point); }
  /// Workers keep the code of the quickest structures, by their seconds; the rest is made again when needed.
  void free_memory(const std::map<uint64_t, double>& seconds);

 private:
  Runner runner_;
  std::map<uint64_t, Compiled> compiled_;
};

}  // namespace tw::autotune
