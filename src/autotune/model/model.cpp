// The analytic model as a model, and the learned one with something behind it.
#include "autotune/model/model.h"

#include <nlohmann/json.hpp>

#include "autotune/model/ranking.h"
#include "autotune/model/xgboost.h"
#include "support/error.h"

namespace tw::autotune {
namespace {

class AnalyticModel : public Model {
 public:
  std::string name() const override { return "analytic"; }
  void learn(const std::vector<Example>&) override {}
  std::vector<double> score(const std::vector<Example>& candidates) const override {
    std::vector<double> scores;
    for (const Example& each : candidates) scores.push_back(margin_of(each));
    return scores;
  }
  std::vector<double> seconds(const std::vector<Example>& candidates) const override {
    std::vector<double> found;
    for (const Example& each : candidates) found.push_back(each.analytic);
    return found;
  }
  std::string save() const override { return model_text(name(), nlohmann::json::object()); }
  void load(const std::string& text) override { model_content(name(), text); }
};

class FallbackModel : public Model {
 public:
  FallbackModel(std::unique_ptr<Model> first, std::string fault, uint64_t seed)
      : first_(std::move(first)), second_(make_builtin_model(seed)), fault_(std::move(fault)) {}

  std::string name() const override { return active().name(); }
  std::string fault() const override { return fault_; }

  void learn(const std::vector<Example>& examples) override {
    examples_.insert(examples_.end(), examples.begin(), examples.end());
    if (first_) first_->learn(examples);
    if (first_ && has_failed()) {
      give_up();
    } else if (!first_) {
      second_->learn(examples);
    }
  }
  std::vector<double> score(const std::vector<Example>& candidates) const override {
    return asked([&](const Model& model) { return model.score(candidates); });
  }
  std::vector<double> seconds(const std::vector<Example>& candidates) const override {
    return asked([&](const Model& model) { return model.seconds(candidates); });
  }
  std::string save() const override { return active().save(); }

  /// Takes a file of either kind.
  void load(const std::string& text) override {
    if (model_kind(text) != second_->name()) {
      if (!first_) raise_value("the model file needs XGBoost, which is not used: {}", fault_);
      first_->load(text);
      return;
    }
    second_->load(text);
    second_->learn(examples_);
    first_.reset();
  }

 private:
  const Model& active() const { return first_ ? *first_ : *second_; }
  bool has_failed() const { return !first_->fault().empty(); }

  void give_up() const {
    fault_ = first_->fault() + "; the built-in model goes on";
    first_.reset();
    second_->learn(examples_);
  }

  template <class F>
  std::vector<double> asked(const F& ask) const {
    std::vector<double> answer = ask(active());
    if (!first_ || !has_failed()) return answer;
    give_up();
    return ask(active());
  }

  mutable std::unique_ptr<Model> first_, second_;  // null: given up
  std::vector<Example> examples_;
  mutable std::string fault_;
};

}  // namespace

std::unique_ptr<Model> make_analytic_model() {
  return std::make_unique<AnalyticModel>();
}

std::unique_ptr<Model> with_fallback(std::unique_ptr<Model> first, uint64_t seed) {
  return std::make_unique<FallbackModel>(std::move(first), "", seed);
}

std::unique_ptr<Model> make_model(uint64_t seed) {
  std::string why;
  if (auto first = make_xgboost_model(seed, &why)) return with_fallback(std::move(first), seed);
  return std::make_unique<FallbackModel>(
      nullptr, "XGBoost cannot be used: " + why + "; the built-in model serves", seed);
}

}  // namespace tw::autotune
