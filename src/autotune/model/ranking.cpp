#include "autotune/model/ranking.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "autotune/model/nest.h"
#include "support/error.h"

namespace tw::autotune {
namespace {

bool has_worked(const Example& example) {
  return std::isfinite(example.seconds) && example.seconds > 0;
}

double finite_log(double seconds) {
  return std::log(std::clamp(std::isfinite(seconds) ? seconds : 1e3, 1e-12, 1e3));
}

}  // namespace

float margin_of(const Example& example) {
  return static_cast<float>(-finite_log(example.analytic));
}

std::vector<float> row_of(const Example& example) {
  std::vector<float> row = example.features;
  for (float& value : row)
    if (!std::isfinite(value)) value = 0;
  row.push_back(margin_of(example));
  return row;
}

TrainingSet training_set(const std::vector<Example>& examples) {
  TrainingSet set;
  for (std::size_t i = 0; i < examples.size(); ++i) set.order.push_back(i);
  std::stable_sort(set.order.begin(), set.order.end(),
                   [&](std::size_t a, std::size_t b) { return examples[a].task < examples[b].task; });
  std::map<uint64_t, double> best, quickest;  // by task: seconds, analytic margin
  for (const Example& example : examples) {
    if (const auto at = quickest.try_emplace(example.task, margin_of(example)).first; true)
      at->second = std::max<double>(at->second, margin_of(example));
    if (!has_worked(example)) continue;
    const auto at = best.try_emplace(example.task, example.seconds).first;
    at->second = std::min(at->second, example.seconds);
  }
  uint64_t task = 0;
  for (const std::size_t i : set.order) {
    const Example& example = examples[i];
    if (set.group_sizes.empty() || example.task != task) set.group_sizes.push_back(0);
    task = example.task;
    ++set.group_sizes.back();
    const std::vector<float> row = row_of(example);
    set.columns = std::max(set.columns, row.size());
    set.features.insert(set.features.end(), row.begin(), row.end());
    set.margins.push_back(margin_of(example) - static_cast<float>(quickest.at(task)));
    double speed = -kWorstSpeed;
    if (has_worked(example)) speed = std::max(-kWorstSpeed, std::log(best.at(task) / example.seconds));
    set.speeds.push_back(static_cast<float>(speed));
    set.relevance.push_back(static_cast<float>(std::round(31 * std::exp(speed))));
  }
  return set;
}

void Scale::fit(const std::vector<Example>& examples, const std::vector<double>& scores) {
  struct Sums {
    double count = 0, x = 0, y = 0, xx = 0, xy = 0;
  };
  std::map<uint64_t, Sums> sums;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    if (!has_worked(examples[i])) continue;
    Sums& of_task = sums[examples[i].task];
    const double x = scores[i], y = finite_log(examples[i].seconds);
    of_task.count += 1;
    of_task.x += x;
    of_task.y += y;
    of_task.xx += x * x;
    of_task.xy += x * y;
  }
  lines_.clear();
  for (const auto& [task, s] : sums) {
    const double mean_x = s.x / s.count, mean_y = s.y / s.count;
    const double spread = std::max(0.0, s.xx - s.count * mean_x * mean_x);
    const double slope = std::max(0.0, -(s.xy - s.count * mean_x * mean_y) / (spread + 0.1));
    lines_[task] = {mean_y + slope * mean_x, slope};
  }
}

double Scale::seconds(const Example& example, double score) const {
  const auto line = lines_.find(example.task);
  if (line == lines_.end()) return example.analytic;
  return std::exp(std::clamp(line->second.offset - line->second.slope * score, -30.0, 10.0));
}

std::vector<double> Scale::seconds(const std::vector<Example>& examples,
                                   const std::vector<double>& scores) const {
  std::vector<double> found;
  for (std::size_t i = 0; i < examples.size(); ++i) found.push_back(seconds(examples[i], scores[i]));
  return found;
}

nlohmann::json Scale::to_json() const {
  nlohmann::json json = nlohmann::json::array();
  for (const auto& [task, line] : lines_) json.push_back({task, line.offset, line.slope});
  return json;
}

void Scale::from_json(const nlohmann::json& json) {
  lines_.clear();
  for (const auto& line : json)
    lines_[line.at(0).get<uint64_t>()] = {line.at(1).get<double>(), line.at(2).get<double>()};
}

std::string model_text(const std::string& kind, nlohmann::json content) {
  return nlohmann::json{
      {"tilewright_model", kind}, {"features", kFeatureVersion}, {"content", std::move(content)}}
      .dump();
}

std::string model_kind(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("tilewright_model") || !json["tilewright_model"].is_string())
    raise_value(
        "this is no model file: a JSON object with the field \"tilewright_model\" is expected; "
        "\"save\" of a model writes one");
  return json["tilewright_model"].get<std::string>();
}

nlohmann::json model_content(const std::string& kind, const std::string& text) {
  if (const std::string found = model_kind(text); found != kind)
    raise_value("the model file is of the kind '{}', not '{}'; load it with a model of its own kind", found,
                kind);
  const auto json = nlohmann::json::parse(text);
  const int version = json.value("features", -1);
  if (version != kFeatureVersion)
    raise_value(
        "the model file is made for features of version {}, this Tilewright has version {}; train it "
        "again from records",
        version, kFeatureVersion);
  return json.value("content", nlohmann::json::object());
}

}  // namespace tw::autotune
