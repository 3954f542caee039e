// The built-in learned model: boosted regression trees on how far a candidate's speed is from what the
// analytic model makes of it, within its task.
#include <nlohmann/json.hpp>

#include "autotune/model/ranking.h"
#include "autotune/model/trees.h"
#include "support/error.h"

namespace tw::autotune {
namespace {

class BuiltinModel : public Model {
 public:
  explicit BuiltinModel(uint64_t seed) : seed_(seed) {}

  std::string name() const override { return "builtin"; }

  void learn(const std::vector<Example>& examples) override {
    examples_.insert(examples_.end(), examples.begin(), examples.end());
    if (examples_.size() < 4) return;
    const TrainingSet set = training_set(examples_);
    std::vector<float> targets(set.speeds.size());
    center(set, targets);
    for (std::size_t i = 0; i < targets.size(); ++i)
      targets[i] -= static_cast<float>(warm_.predict(row_of(examples_[set.order[i]])));
    trees_ = BoostedTrees::fit(set.features, set.columns, targets, {.seed = seed_});
    scale_.fit(examples_, score(examples_));
  }

  std::vector<double> score(const std::vector<Example>& candidates) const override {
    std::vector<double> scores;
    for (const Example& each : candidates) {
      const std::vector<float> row = row_of(each);
      scores.push_back(kTrust * margin_of(each) + warm_.predict(row) + trees_.predict(row));
    }
    return scores;
  }

  std::vector<double> seconds(const std::vector<Example>& candidates) const override {
    return scale_.seconds(candidates, score(candidates));
  }

  std::string save() const override {
    nlohmann::json trees = warm_.to_json();  // a sum of trees: all in one list
    for (auto& tree : trees_.to_json()) trees.push_back(std::move(tree));
    return model_text(name(), {{"trees", std::move(trees)}, {"scale", scale_.to_json()}});
  }

  void load(const std::string& text) override {
    const nlohmann::json content = model_content(name(), text);
    try {
      BoostedTrees trees = BoostedTrees::from_json(content.at("trees"));
      Scale scale;
      scale.from_json(content.at("scale"));
      warm_ = std::move(trees);
      trees_ = {};
      scale_ = std::move(scale);
    } catch (const nlohmann::json::exception& damage) {
      raise_value("the model file is damaged: {}", damage.what());
    }
  }

 private:
  /// How much of the analytic model's differences is believed before anything is learned.
  static constexpr float kTrust = 1;

  /// Targets are residuals around the mean of each task: tasks are never compared with each other.
  static void center(const TrainingSet& set, std::vector<float>& targets) {
    std::size_t begin = 0;
    for (const uint32_t size : set.group_sizes) {
      double mean = 0;
      for (std::size_t i = begin; i < begin + size; ++i) {
        targets[i] = set.speeds[i] - kTrust * set.margins[i];
        mean += targets[i] / size;
      }
      for (std::size_t i = begin; i < begin + size; ++i) targets[i] -= static_cast<float>(mean);
      begin += size;
    }
  }

  uint64_t seed_;
  std::vector<Example> examples_;
  BoostedTrees warm_, trees_;  // loaded; learned on top of that
  Scale scale_;
};

}  // namespace

std::unique_ptr<Model> make_builtin_model(uint64_t seed) {
  return std::make_unique<BuiltinModel>(seed);
}

}  // namespace tw::autotune
