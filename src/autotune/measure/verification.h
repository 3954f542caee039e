// Whether a candidate computes what the workload says.
//
// The reference is the first program in float64 (reference.h), run once for each set of sizes and kept. It is
// itself held against the interpreter at corners and sampled points of the outputs. A candidate runs on
// numbers drawn from N(0, 1), twice, with the arrays against either of their guard pages, and then on what
// normal numbers do not show (Draw::kNonFinite): ties, zeros, equal rows, large magnitudes, NaN, the ends of
// integers. Outputs are poisoned before each run, arrays that are read and written have their values again,
// and results are compared whole. Where float64 and the types of the workload disagree by more than rounding,
// as where a sum is rounded to an integer, either value is right.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "autotune/measure/expectation.h"
#include "autotune/measure/kernel.h"

namespace tw::autotune {

class Verifier {
 public:
  /// `arguments_at` gives the arrays of the task's sizes by their position.
  Verifier(Task task, codegen::Target target,
           std::function<std::shared_ptr<const Arguments>(std::size_t size)> arguments_at);

  /// `alive` is called now and then. Errors: an internal error when the reference itself is wrong.
  Verdict verify(Kernel& kernel, const Values& parameters, PreparedCache& cache, double run_seconds,
                 const std::function<void()>& alive);

 private:
  struct Run;
  Expectation& normal_at(std::size_t size);
  Expectation* edges_at(std::size_t size);
  Verdict verify_at(std::size_t size, const Run& run, const std::function<void()>& alive);
  Verdict run(const Run& run, const Arguments& arguments, Expectation& expected);

  Task task_;
  codegen::Target target_;
  std::function<std::shared_ptr<const Arguments>(std::size_t)> arguments_at_;
  std::vector<Values> sizes_;  // the task's, then ragged ones
  std::map<std::size_t, std::unique_ptr<Expectation>> normal_;
  std::map<std::size_t, std::unique_ptr<Expectation>> edges_;  // null: the workload has no results for them
};

/// Sizes to try beside those that are asked for, where a program has symbolic ones: the least, and those that
/// leave a rest in every tile.
std::vector<Values> ragged_sizes(const Program& program, const Values& sizes);

}  // namespace tw::autotune
