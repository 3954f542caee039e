// What a workload's results are for one set of arguments.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "autotune/measure/arguments.h"
#include "autotune/measure/reference.h"
#include "codegen/target.h"
#include "runtime/array.h"

namespace tw::autotune {

/// The arguments at some sizes, with the results that the program has for them.
class Expectation {
 public:
  /// Errors: a value error where the program itself fails, as when a subscript that data give is out of
  /// range.
  Expectation(const Program& first, const codegen::Target& target,
              std::shared_ptr<const Arguments> arguments);

  const Arguments& arguments() const { return *arguments_; }
  /// Of an output: float64, or its own type where that is no float.
  const runtime::Array& wide(std::size_t output) const { return wide_[output]; }
  /// The root of the mean square of an output's elements that its type can hold; at least the least normal
  /// number.
  double typical(std::size_t output) const { return typical_[output]; }
  /// Whether an output has more elements that are NaN than others: what else is wrong would not show.
  bool is_mostly_nan() const;

  /// Whether an element may be what `data` holds at its index: it is near the float64 result, or near the
  /// result in the workload's own types; or, at the edges, no further from them than the two are from each
  /// other when the last bits of the inputs change, since there sums cancel to nothing and quotients of
  /// nothing are taken.
  bool accepts(std::size_t output, const void* data, int64_t index, const Tolerance& tolerance);
  /// Holds the reference against the interpreter, as long as that is quick. An internal error when they
  /// differ.
  void check();

 private:
  std::vector<runtime::Array> run(const Program& program, const Arguments& arguments) const;
  /// How far apart both results are in the row of an element for nudged inputs, which are round numbers no
  /// more; infinite where nudging ends or begins what is finite.
  double rounding(std::size_t output, int64_t index);

  Program first_;
  codegen::Target target_;
  std::shared_ptr<const Arguments> arguments_;
  std::vector<runtime::Array> wide_, narrow_;                // the latter when it is first needed
  std::vector<runtime::Array> wide_nudged_, narrow_nudged_;  // these too
  std::vector<double> typical_;
};

}  // namespace tw::autotune
