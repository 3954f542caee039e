#include "autotune/search/adviser.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>

#include <fmt/format.h>

#include "autotune/model/nest.h"
#include "support/error.h"

namespace tw::autotune {
namespace {

uint64_t task_of(const WorkloadKey& key) {
  return std::hash<std::string>()(key.hash);
}

std::unique_ptr<Model> model_of(const TuneOptions& options, std::vector<std::string>& notes) {
  if (options.model == "analytic" || options.model == "random") return make_analytic_model();
  std::unique_ptr<Model> model =
      options.model == "builtin" ? make_builtin_model(options.seed) : make_model(options.seed);
  if (options.warm_model.empty()) return model;
  std::ifstream file(options.warm_model);
  if (!file) raise_value("model '{}' cannot be read", options.warm_model);
  try {
    model->load(std::string(std::istreambuf_iterator<char>(file), {}));
  } catch (const UserError& error) {
    notes.push_back(fmt::format("model '{}' is not used: {}", options.warm_model, error.what()));
  }
  return model;
}

}  // namespace

Adviser::Adviser(const TuneOptions& options, const WorkloadKey& key)
    : is_random_(options.model == "random"), task_(task_of(key)), model_(model_of(options, notes_)) {}

void Adviser::rank(std::vector<Prospect>& prospects) const {
  if (prospects.empty() || is_random_) return;
  std::vector<Example> examples;
  for (const Prospect& prospect : prospects) {
    examples.push_back(prospect.example);
    examples.back().task = task_;
  }
  const std::vector<double> scores = model_->score(examples);
  std::vector<std::size_t> order(prospects.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  std::vector<Prospect> sorted;
  for (const std::size_t i : order) sorted.push_back(std::move(prospects[i]));
  prospects = std::move(sorted);
}

void Adviser::add(Example example, double seconds) {
  example.seconds = seconds;
  example.task = task_;
  fresh_.push_back(std::move(example));
}

void Adviser::learn() {
  if (fresh_.empty()) return;
  model_->learn(fresh_);
  fresh_.clear();
  const std::string fault = model_->fault();
  if (!fault.empty() && std::find(notes_.begin(), notes_.end(), fault) == notes_.end())
    notes_.push_back(fault);
}

void Adviser::take_over(const std::vector<Record>& records) {
  for (const Record& record : records) {
    if (record.features.size() != feature_names().size()) continue;
    Example example;
    example.features = record.features;
    example.analytic = record.predicted;
    example.seconds = record.status == Status::kOk ? record.seconds : std::numeric_limits<double>::infinity();
    example.task = task_of(record.workload);
    fresh_.push_back(std::move(example));
  }
  learn();
}

}  // namespace tw::autotune
