#include "autotune/model/xgboost.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include <fmt/format.h>

#include "autotune/model/ranking.h"
#include "support/error.h"

namespace tw::autotune {
namespace {

using Library = std::shared_ptr<const XGBoostLibrary>;

/// A call of the library that failed.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void check(const Library& library, int status, const char* what) {
  if (status == 0) return;
  const char* message = library->last_error();
  std::string text = message ? message : "";
  text = text.substr(0, text.find('\n'));
  throw Failure(fmt::format("XGBoost: {} failed: {}", what, text.empty() ? "no reason is given" : text));
}

class Matrix {
 public:
  Matrix(Library library, const std::vector<float>& rows, std::size_t count, std::size_t columns)
      : library_(std::move(library)) {
    check(library_,
          library_->matrix_create(rows.data(), count, columns, std::numeric_limits<float>::quiet_NaN(),
                                  &handle_),
          "making a matrix");
  }
  ~Matrix() {
    if (handle_) library_->matrix_free(handle_);
  }
  Matrix(const Matrix&) = delete;
  Matrix& operator=(const Matrix&) = delete;

  void set(const char* field, const std::vector<float>& values) {
    check(library_, library_->matrix_set_floats(handle_, field, values.data(), values.size()), field);
  }
  void set(const char* field, const std::vector<uint32_t>& values) {
    check(library_, library_->matrix_set_numbers(handle_, field, values.data(), values.size()), field);
  }
  void* get() const { return handle_; }

 private:
  Library library_;
  void* handle_ = nullptr;
};

class Booster {
 public:
  Booster(Library library, const Matrix* matrix) : library_(std::move(library)) {
    void* const data = matrix ? matrix->get() : nullptr;
    check(library_, library_->booster_create(&data, matrix ? 1 : 0, &handle_), "making a model");
  }
  ~Booster() {
    if (handle_) library_->booster_free(handle_);
  }
  Booster(const Booster&) = delete;
  Booster& operator=(const Booster&) = delete;

  void set(const char* name, const std::string& value) {
    check(library_, library_->booster_set(handle_, name, value.c_str()), name);
  }
  void update(int iteration, const Matrix& matrix) {
    check(library_, library_->booster_update(handle_, iteration, matrix.get()), "learning");
  }
  /// Scores of the rows, their margins included.
  std::vector<float> predict(const Matrix& matrix, std::size_t rows) const {
    constexpr int kMargins = 1;
    uint64_t count = 0;
    const float* values = nullptr;
    check(library_, library_->booster_predict(handle_, matrix.get(), kMargins, 0, 0, &count, &values),
          "predicting");
    if (count != rows || !values)
      throw Failure(fmt::format("XGBoost: {} predictions for {} rows", count, rows));
    std::vector<float> found(values, values + count);
    for (const float value : found)
      if (!std::isfinite(value)) throw Failure("XGBoost: a prediction is not finite");
    return found;
  }
  std::string save() const {
    uint64_t size = 0;
    const char* bytes = nullptr;
    check(library_,
          library_->booster_save(handle_, R"({"format": "json", "raw_format": "json"})", &size, &bytes),
          "saving");
    return {bytes, bytes + size};
  }
  void load(const std::string& text) {
    check(library_, library_->booster_load(handle_, text.data(), text.size()), "loading");
  }

 private:
  Library library_;
  void* handle_ = nullptr;
};

class XGBoostModel : public Model {
 public:
  XGBoostModel(uint64_t seed, Library library) : seed_(seed), library_(std::move(library)) {}

  std::string name() const override { return "xgboost"; }
  std::string fault() const override { return fault_; }

  void learn(const std::vector<Example>& examples) override {
    examples_.insert(examples_.end(), examples.begin(), examples.end());
    if (examples_.size() < 4 || !fault_.empty()) return;
    try {
      grow();
      scale_.fit(examples_, score(examples_));
    } catch (const Failure& failure) {
      fault_ = failure.what();
    }
  }

  std::vector<double> score(const std::vector<Example>& candidates) const override {
    std::vector<float> margins;
    for (const Example& each : candidates) margins.push_back(kTrust * margin_of(each));
    if (!candidates.empty() && fault_.empty()) {
      try {
        const std::vector<float> rows = rows_of(candidates);
        for (const auto& booster : boosters_) margins = boosted(*booster, rows, margins);
      } catch (const Failure& failure) {
        fault_ = failure.what();
      }
    }
    return {margins.begin(), margins.end()};
  }

  std::vector<double> seconds(const std::vector<Example>& candidates) const override {
    return scale_.seconds(candidates, score(candidates));
  }

  std::string save() const override {
    nlohmann::json stages = nlohmann::json::array();
    try {
      for (const auto& booster : boosters_) stages.push_back(nlohmann::json::parse(booster->save()));
    } catch (const Failure& failure) {
      raise_unsupported("the model cannot be saved: {}", failure.what());
    }
    return model_text(name(), {{"stages", std::move(stages)}, {"scale", scale_.to_json()}});
  }

  void load(const std::string& text) override {
    const nlohmann::json content = model_content(name(), text);
    std::vector<std::shared_ptr<const Booster>> boosters;
    try {
      for (const auto& stage : content.at("stages")) {
        auto booster = std::make_shared<Booster>(library_, nullptr);
        booster->load(stage.dump());
        booster->set("nthread", "1");
        boosters.push_back(std::move(booster));
      }
      Scale scale;
      scale.from_json(content.at("scale"));
      scale_ = std::move(scale);
    } catch (const nlohmann::json::exception& damage) {
      raise_value("the model file is damaged: {}", damage.what());
    } catch (const Failure& failure) {
      raise_value("the model file is damaged: {}", failure.what());
    }
    boosters_ = std::move(boosters);
    warm_ = boosters_.size();
  }

 private:
  /// Differences of analytic log-seconds count so much against those of pairs that trees learn.
  static constexpr float kTrust = 2;
  static constexpr int kRounds = 60;

  static std::vector<float> rows_of(const std::vector<Example>& examples) {
    std::vector<float> rows;
    for (const Example& each : examples) {
      const std::vector<float> row = row_of(each);
      rows.insert(rows.end(), row.begin(), row.end());
    }
    return rows;
  }

  std::vector<float> boosted(const Booster& booster, const std::vector<float>& rows,
                             const std::vector<float>& margins) const {
    Matrix matrix(library_, rows, margins.size(), rows.size() / margins.size());
    matrix.set("base_margin", margins);
    return booster.predict(matrix, margins.size());
  }

  /// A booster on top of those that were loaded, from all examples.
  void grow() {
    const TrainingSet set = training_set(examples_);
    std::vector<float> margins(set.margins.size());
    for (std::size_t i = 0; i < margins.size(); ++i) margins[i] = kTrust * set.margins[i];
    for (std::size_t i = 0; i < warm_; ++i) margins = boosted(*boosters_[i], set.features, margins);
    Matrix matrix(library_, set.features, margins.size(), set.columns);
    matrix.set("label", set.relevance);
    matrix.set("group", set.group_sizes);
    matrix.set("base_margin", margins);
    auto booster = std::make_shared<Booster>(library_, &matrix);
    for (const auto& [name, value] : {std::pair<const char*, std::string>{"objective", "rank:pairwise"},
                                      {"booster", "gbtree"},
                                      {"tree_method", "exact"},
                                      {"eta", "0.15"},
                                      {"max_depth", "5"},
                                      {"min_child_weight", "0.1"},
                                      {"lambda", "1"},
                                      {"colsample_bytree", "0.5"},
                                      {"num_pairsample", "4"},
                                      {"nthread", "1"},
                                      {"verbosity", "0"},
                                      {"seed", std::to_string(seed_ & 0x7fffffff)}})
      booster->set(name, value);
    for (int round = 0; round < kRounds; ++round) booster->update(round, matrix);
    boosters_.resize(warm_);
    boosters_.push_back(std::move(booster));
  }

  uint64_t seed_;
  Library library_;
  std::vector<Example> examples_;
  std::vector<std::shared_ptr<const Booster>> boosters_;  // loaded ones, then the one that learns
  std::size_t warm_ = 0;                                  // how many were loaded
  Scale scale_;
  mutable std::string fault_;
};

}  // namespace

std::unique_ptr<Model> make_xgboost_model(uint64_t seed, std::shared_ptr<const XGBoostLibrary> library) {
  return std::make_unique<XGBoostModel>(seed, std::move(library));
}

std::unique_ptr<Model> make_xgboost_model(uint64_t seed, std::string* why) {
  std::shared_ptr<const XGBoostLibrary> library = installed_xgboost(why);
  return library ? make_xgboost_model(seed, std::move(library)) : nullptr;
}

}  // namespace tw::autotune
