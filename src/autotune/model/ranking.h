// What the learned models have in common: what they learn from, and how their scores become seconds.
//
// Both learn the residual of the analytic model: the margin of an example before any tree is the logarithm of
// the speed that the analytic model foretells, relative to the best of its task.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "autotune/model/model.h"

namespace tw::autotune {

/// Examples of one task after the other: what trees are grown on.
struct TrainingSet {
  std::vector<std::size_t> order;     // positions in the examples
  std::vector<uint32_t> group_sizes;  // of the tasks, in that order
  std::vector<float> features;        // row by row
  std::size_t columns = 0;
  std::vector<float> margins;    // of the analytic model
  std::vector<float> relevance;  // 0 (failed or far behind) to 31 (the best of its task)
  std::vector<float> speeds;     // logarithm of the fraction of the task's best speed; -kWorst at least
};
inline constexpr double kWorstSpeed = 4;  // e^-4 of the best counts as no speed at all
TrainingSet training_set(const std::vector<Example>& examples);

/// The features with the analytic prediction as the last one.
std::vector<float> row_of(const Example& example);
/// The margin that the analytic model gives: higher for quicker.
float margin_of(const Example& example);

/// Lines from scores to logarithms of seconds, one for each task.
class Scale {
 public:
  /// Fits each task's line to its examples; few examples give little slope.
  void fit(const std::vector<Example>& examples, const std::vector<double>& scores);
  /// Analytic seconds where the task is unknown.
  double seconds(const Example& example, double score) const;
  std::vector<double> seconds(const std::vector<Example>& examples, const std::vector<double>& scores) const;
  nlohmann::json to_json() const;
  void from_json(const nlohmann::json& json);

 private:
  struct Line {
    double offset = 0, slope = 0;  // log seconds = offset - slope * score
  };
  std::map<uint64_t, Line> lines_;
};

/// A model file: its kind and version around what the kind itself keeps. Reading raises a value error where
/// the text is no model, another kind's, or made for other features.
std::string model_text(const std::string& kind, nlohmann::json content);
nlohmann::json model_content(const std::string& kind, const std::string& text);
/// "xgboost", "builtin", …: of any model file.
std::string model_kind(const std::string& text);

}  // namespace tw::autotune
