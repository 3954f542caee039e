// The learned model: ranks candidates of a task by features, corrects the analytic model.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace tw::autotune {

/// What was measured of one candidate.
struct Example {
  std::vector<float> features;
  double analytic = 0;  // seconds that the analytic model says
  double seconds = 0;   // measured; infinite for a failure
  uint64_t task = 0;    // examples are compared within a task only
};

class Model {
 public:
  virtual ~Model() = default;
  virtual std::string name() const = 0;
  /// Learns from all examples so far, those given before included. Throws nothing: a model that cannot learn
  /// keeps what it had, and says so in `fault`.
  virtual void learn(const std::vector<Example>& examples) = 0;
  /// The higher the better; comparable within a task. Before anything was learned: by the analytic model.
  virtual std::vector<double> score(const std::vector<Example>& candidates) const = 0;
  /// Seconds that it expects (a scale fitted to the task's examples); analytic ones before that.
  virtual std::vector<double> seconds(const std::vector<Example>& candidates) const = 0;
  /// What went wrong, once; empty: nothing.
  virtual std::string fault() const { return {}; }
  virtual std::string save() const = 0;            // a text (JSON) with the feature version
  virtual void load(const std::string& text) = 0;  // a value error for another version
};

/// XGBoost by its C library (opened at run time; pairwise ranking within tasks, the target being the fraction
/// of the task's best speed); the built-in model where the library is not there or fails half-way.
std::unique_ptr<Model> make_model(uint64_t seed);
/// Boosted regression trees of our own, plain and small.
std::unique_ptr<Model> make_builtin_model(uint64_t seed);
/// Null where the library cannot be opened; `why` says why.
std::unique_ptr<Model> make_xgboost_model(uint64_t seed, std::string* why = nullptr);
/// The analytic model alone: what learning is compared with.
std::unique_ptr<Model> make_analytic_model();

}  // namespace tw::autotune
