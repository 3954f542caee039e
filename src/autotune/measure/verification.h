// Whether a candidate computes what the workload says.
//
// The reference is the first program in float64 (reference.h), run once for each set of sizes and kept. It is
// itself held against the interpreter at corners and sampled points of the outputs. A candidate runs twice,
// with the arrays against either of their guard pages, on poisoned outputs, which are compared whole. Where
// float64 and the types of the workload disagree by more than rounding, as where a sum is rounded to an
// integer, either value is right.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "autotune/measure/kernel.h"
#include "runtime/array.h"

namespace tw::autotune {

/// The arguments at some sizes, with the results that the program has for them.
class Expectation {
 public:
  Expectation(const Program& first, const codegen::Target& target,
              std::shared_ptr<const Arguments> arguments);

  const Arguments& arguments() const { return *arguments_; }
  /// Of an output: float64, or its own type where that is no float.
  const runtime::Array& wide(std::size_t output) const { return wide_[output]; }
  /// In its own type; computed when it is first asked for.
  const runtime::Array& narrow(std::size_t output);
  /// The root of the mean square of an output's finite elements; at least the least normal number.
  double typical(std::size_t output) const { return typical_[output]; }

 private:
  std::vector<runtime::Array> run(const Program& program) const;

  Program first_;
  codegen::Target target_;
  std::shared_ptr<const Arguments> arguments_;
  std::vector<runtime::Array> wide_, narrow_;
  std::vector<double> typical_;
};

class Verifier {
 public:
  /// `arguments_at` gives the arrays of the task's sizes by their position.
  Verifier(Task task, codegen::Target target,
           std::function<std::shared_ptr<const Arguments>(std::size_t size)> arguments_at);

  /// `alive` is called now and then. Errors: an internal error when the reference itself is wrong.
  Verdict verify(Kernel& kernel, const Values& parameters, PreparedCache& cache, double run_seconds,
                 const std::function<void()>& alive);

 private:
  Expectation& at(std::size_t size);
  void check_reference(Expectation& expected);
  Verdict run(Kernel& kernel, const Values& parameters, const Arguments& arguments, Expectation& expected,
              double run_seconds);

  Task task_;
  codegen::Target target_;
  std::function<std::shared_ptr<const Arguments>(std::size_t)> arguments_at_;
  std::vector<Values> sizes_;  // the task's, then ragged ones
  std::map<std::size_t, std::unique_ptr<Expectation>> expected_;
};

/// Sizes to try beside those that are asked for, where a program has symbolic ones: the least, and those that
/// leave a rest in every tile.
std::vector<Values> ragged_sizes(const Program& program, const Values& sizes);

}  // namespace tw::autotune
