#include "autotune/search/session.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>

#include "autotune/model/nest.h"
#include "autotune/records/key.h"
#include "autotune/search/roof.h"
#include "support/error.h"

namespace tw::autotune {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr std::size_t kMostModules = 48;  // that workers hold
constexpr double kMostDrift = 2;          // beyond that it is no drift of the machine

uint64_t task_of(const WorkloadKey& key) {
  return std::hash<std::string>()(key.hash);
}

std::unique_ptr<Model> model_of(const TuneOptions& options, std::vector<std::string>* notes) {
  if (options.model == "analytic" || options.model == "random") return make_analytic_model();
  std::unique_ptr<Model> model =
      options.model == "builtin" ? make_builtin_model(options.seed) : make_model(options.seed);
  if (options.warm_model.empty()) return model;
  std::ifstream file(options.warm_model);
  if (!file) raise_value("model '{}' cannot be read", options.warm_model);
  try {
    model->load(std::string(std::istreambuf_iterator<char>(file), {}));
  } catch (const UserError& error) {
    notes->push_back(fmt::format("model '{}' is not used: {}", options.warm_model, error.what()));
  }
  return model;
}

}  // namespace

Session::Session(const Workload& workload, const TuneOptions& options, Database& database,
                 const std::function<bool(const Progress&)>& on_progress)
    : workload_(workload),
      options_(options),
      database_(database),
      on_progress_(on_progress),
      key_(key_of(workload.program)),
      setting_(setting_for(workload.program, workload.machine.target, options.cache, options.bounded,
                           options.sizes)),
      start_(std::chrono::steady_clock::now()) {
  Run run;
  run.workload = key_;
  run.setting = setting_;
  run.label = options.label;
  run.script = options.script;
  run.seed = options.seed;
  run.options = nlohmann::json{{"trials", options.trials},
                               {"seconds", options.seconds},
                               {"roof_fraction", options.roof_fraction},
                               {"least_gain", options.least_gain},
                               {"weights", options.weights},
                               {"model", options.model}}
                    .dump();
  run_ = database_.add_run(run);
  progress_.best_seconds = kNever;
  const Roofline roofline = roofline_of(workload);
  roof_seconds_ = roofline.seconds();
  ends_at_roof_ = roofline.is_sharp && !options.bounded;  // rewrites may pass below it
  runner_ = std::make_unique<Runner>(
      Task{workload.program, options.target, options.sizes, options.cache, options.seed}, options.runner);
  model_ = model_of(options, &notes_);
}

double Session::elapsed() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

double Session::remaining() const {
  return options_.seconds > 0 ? options_.seconds - elapsed() : kNever;
}

void Session::report(const char* doing) {
  progress_.doing = doing;
  progress_.seconds = elapsed();
  if (on_progress_ && !on_progress_(progress_) && stopped_by_.empty()) stopped_by_ = "interrupted";
}

bool Session::finished() {
  if (!stopped_by_.empty()) return true;
  if (remaining() <= 0)
    stopped_by_ = "seconds";
  else if (options_.trials > 0 && progress_.trials >= options_.trials)
    stopped_by_ = "trials";
  else if (best() && ends_at_roof_ && progress_.roof_fraction >= options_.roof_fraction)
    stopped_by_ = "roof";
  return !stopped_by_.empty();
}

void Session::rank(std::vector<Prospect>& prospects) const {
  if (prospects.empty() || options_.model == "random") return;
  std::vector<Example> examples;
  for (const Prospect& prospect : prospects) {
    examples.push_back(prospect.example);
    examples.back().task = task_of(key_);
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

std::vector<const Trial*> Session::quickest(int most) const {
  std::vector<const Trial*> found;
  for (const Trial& trial : trials_)
    if (trial.status == Status::kOk && trial.seconds < kNever) found.push_back(&trial);
  std::stable_sort(found.begin(), found.end(),
                   [](const Trial* a, const Trial* b) { return a->seconds < b->seconds; });
  if (static_cast<int>(found.size()) > most) found.resize(static_cast<std::size_t>(most));
  return found;
}

Record Session::record_of(const Prospect& prospect) const {
  Record record;
  record.workload = key_;
  record.setting = setting_;
  record.sketch = prospect.candidate.sketch;
  record.choices = prospect.candidate.values();
  record.trace = prospect.candidate.trace.to_json();
  record.parameters = prospect.candidate.parameters;
  record.features = prospect.example.features;
  record.predicted = prospect.example.analytic;
  record.seconds = kNever;
  record.run = run_;
  record.round = round_;
  return record;
}

void Session::fail(Record& record, Status status, const std::string& cause) {
  record.status = status;
  record.cause = cause;
  record.seconds = kNever;
  record.verified = false;
  ++progress_.failures[to_string(status)];
}

void Session::compile(const std::vector<Prospect>& prospects) {
  std::vector<Program> programs;
  std::vector<uint64_t> structures;
  for (const Prospect& prospect : prospects) {
    const uint64_t structure = prospect.candidate.structure;
    const auto known = compiled_.find(structure);
    if (known != compiled_.end() && (known->second.id >= 0 || known->second.status != Status::kOk)) continue;
    if (std::find(structures.begin(), structures.end(), structure) != structures.end()) continue;
    programs.push_back(prospect.candidate.program);
    structures.push_back(structure);
  }
  if (programs.empty()) return;
  report("compiling");
  const std::vector<Built> built = runner_->build(programs);
  for (std::size_t i = 0; i < built.size(); ++i)
    compiled_[structures[i]] = {built[i].status == Status::kOk ? built[i].id : -1, built[i].status,
                                built[i].cause, built[i].seconds};
  progress_.structures += static_cast<int64_t>(built.size());
}

double Session::weighted(const Measured& measured) const {
  double sum = 0, weights = 0;
  for (std::size_t size = 0; size < measured.samples.size(); ++size) {
    const double weight = size < options_.weights.size() ? options_.weights[size] : 1.0;
    sum += weight * measured.median(size);
    weights += weight;
  }
  return weights > 0 ? sum / weights : kNever;
}

std::vector<Measured> Session::measure(const std::vector<Prospect>& prospects,
                                       const std::vector<std::size_t>& runs, double* drift) {
  std::vector<Point> points;
  const bool paired = best() && compiled_[best()->prospect.candidate.structure].id >= 0;
  if (paired) {
    const Candidate& incumbent = best()->prospect.candidate;
    points.push_back({compiled_[incumbent.structure].id, incumbent.parameters});
  }
  for (const std::size_t i : runs) {
    const Candidate& candidate = prospects[i].candidate;
    points.push_back({compiled_[candidate.structure].id, candidate.parameters});
  }
  report("measuring");
  const double usual = best() ? best()->seconds : 0.01;
  MeasureOptions options;
  options.seconds = std::clamp(6 * usual, 0.004, 0.1);
  options.rounds = 2;
  std::vector<Measured> measured = runner_->measure(points, options);
  *drift = 1;
  if (paired) {
    if (measured.front().status == Status::kOk) *drift = drift_since(weighted(measured.front()));
    measured.erase(measured.begin());
  }
  return measured;
}

/// By how much the machine is quicker than it usually was for the best kernel, which takes so many seconds
/// now. What the best kernel usually takes is the median over its batches: an odd one moves nothing for long.
double Session::drift_since(double now) {
  if (!(now > 0 && now < kNever)) return 1;
  best_runs_.push_back(now);
  std::vector<double> runs = best_runs_;
  const auto middle = runs.begin() + static_cast<std::ptrdiff_t>(runs.size() / 2);
  std::nth_element(runs.begin(), middle, runs.end());
  trials_[static_cast<std::size_t>(best_)].seconds = *middle;
  show_best();
  return std::clamp(*middle / now, 1 / kMostDrift, kMostDrift);
}

void Session::show_best() {
  progress_.best_seconds = best()->seconds;
  progress_.roof_fraction = roof_seconds_ / best()->seconds;
}

void Session::set_best(std::size_t trial, const Record& record) {
  best_ = static_cast<int64_t>(trial);
  best_record_ = record;
  best_runs_ = {trials_[trial].seconds};
  show_best();
  curve_.emplace_back(elapsed(), trials_[trial].seconds);
}

/// Verifies a trial that is quicker than the best; makes it the best when it is right.
void Session::consider(std::size_t index, Record& record) {
  Trial& trial = trials_[index];
  if (trial.status != Status::kOk || (best() && trial.seconds >= best()->seconds)) return;
  report("verifying");
  const Candidate& candidate = trial.prospect.candidate;
  const Verdict verdict = runner_->verify({compiled_[candidate.structure].id, candidate.parameters});
  if (verdict.status != Status::kOk) {
    fail(record, verdict.status, verdict.cause);
    trial.status = verdict.status;
    trial.seconds = kNever;
    return;
  }
  trial.verified = record.verified = true;
}

int Session::try_all(std::vector<Prospect> prospects) {
  if (prospects.empty()) return 0;
  ++round_;
  compile(prospects);
  std::vector<std::size_t> runs;
  std::vector<Record> failed;
  for (std::size_t i = 0; i < prospects.size(); ++i) {
    const Compiled& compiled = compiled_[prospects[i].candidate.structure];
    if (compiled.status == Status::kOk) {
      runs.push_back(i);
      continue;
    }
    Record record = record_of(prospects[i]);
    record.compile_seconds = compiled.seconds;
    fail(record, compiled.status, compiled.cause);
    failed.push_back(std::move(record));
  }
  if (!failed.empty()) database_.add(failed);
  if (runs.empty()) return 0;
  double drift = 1;
  const std::vector<Measured> measured = measure(prospects, runs, &drift);
  // The quickest first: when it proves right, those behind it need no proof.
  std::vector<std::size_t> order(runs.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return weighted(measured[a]) < weighted(measured[b]);
  });
  for (const std::size_t i : order) {
    Record record = record_of(prospects[runs[i]]);
    record.compile_seconds = compiled_[prospects[runs[i]].candidate.structure].seconds;
    record.status = measured[i].status;
    record.cause = measured[i].cause;
    record.samples = measured[i].samples;
    trials_.push_back({std::move(prospects[runs[i]]), measured[i].status, false, kNever, 0});
    Trial& trial = trials_.back();
    if (measured[i].status == Status::kOk) {
      record.seconds = weighted(measured[i]);
      trial.seconds = record.seconds * drift;
    } else {
      fail(record, measured[i].status, measured[i].cause);
    }
    consider(trials_.size() - 1, record);
    if (roof_seconds_ > 0 && record.seconds < kNever) record.roof_fraction = roof_seconds_ / record.seconds;
    record.id = trial.record = database_.add(record);
    Example example = trial.prospect.example;
    example.seconds = trial.seconds;
    example.task = task_of(key_);
    examples_.push_back(std::move(example));
    if (trial.verified) set_best(trials_.size() - 1, record);
    ++progress_.trials;
  }
  learn();
  free_memory();
  report("thinking");
  return static_cast<int>(runs.size());
}

void Session::learn() {
  if (examples_.size() == learned_) return;
  model_->learn({examples_.begin() + static_cast<std::ptrdiff_t>(learned_), examples_.end()});
  learned_ = examples_.size();
  const std::string fault = model_->fault();
  if (!fault.empty() && std::find(notes_.begin(), notes_.end(), fault) == notes_.end())
    notes_.push_back(fault);
}

/// Workers keep the code of the quickest.
void Session::free_memory() {
  std::size_t held = 0;
  for (const auto& [structure, compiled] : compiled_) held += compiled.id >= 0;
  if (held <= kMostModules) return;
  std::map<uint64_t, double> quickest_of;
  for (const Trial& trial : trials_) {
    auto [at, fresh] = quickest_of.emplace(trial.prospect.candidate.structure, trial.seconds);
    if (!fresh) at->second = std::min(at->second, trial.seconds);
  }
  std::vector<std::pair<double, uint64_t>> order;
  for (const auto& [structure, compiled] : compiled_)
    if (compiled.id >= 0)
      order.emplace_back(quickest_of.count(structure) ? quickest_of[structure] : kNever, structure);
  std::sort(order.begin(), order.end());
  for (std::size_t i = kMostModules / 2; i < order.size(); ++i) {
    Compiled& compiled = compiled_[order[i].second];
    runner_->forget(compiled.id);
    compiled.id = -1;
  }
}

void Session::take_over(const std::vector<Record>& records) {
  for (const Record& record : records) {
    if (record.features.size() != feature_names().size()) continue;
    Example example;
    example.features = record.features;
    example.analytic = record.predicted;
    example.seconds = record.status == Status::kOk ? record.seconds : kNever;
    example.task = task_of(record.workload);
    examples_.push_back(std::move(example));
  }
  learn();
}

void Session::settle(int how_many) {
  std::vector<std::size_t> chosen;
  for (const Trial* trial : quickest(how_many))
    chosen.push_back(static_cast<std::size_t>(trial - trials_.data()));
  std::vector<Prospect> prospects;
  for (const std::size_t i : chosen) prospects.push_back(trials_[i].prospect);
  compile(prospects);
  std::vector<Point> points;
  std::vector<std::size_t> right;
  for (const std::size_t i : chosen) {
    Trial& trial = trials_[i];
    const Candidate& candidate = trial.prospect.candidate;
    const Point point{compiled_[candidate.structure].id, candidate.parameters};
    if (point.id < 0) continue;
    if (!trial.verified) {
      report("verifying");
      const Verdict verdict = runner_->verify(point);
      database_.add_verdict(trial.record, verdict);
      trial.verified = verdict.status == Status::kOk;
      if (!trial.verified) {
        trial.status = verdict.status;
        trial.seconds = kNever;
        ++progress_.failures[to_string(verdict.status)];
        continue;
      }
    }
    points.push_back(point);
    right.push_back(i);
  }
  if (points.empty()) return;
  report("comparing the best");
  MeasureOptions options;
  options.seconds = std::clamp(20 * trials_[right.front()].seconds, 0.03, 0.4);
  options.rounds = 5;
  options.give_up = 1e9;
  const std::vector<Measured> measured = runner_->measure(points, options);
  ++round_;
  double least = kNever;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (measured[i].status != Status::kOk) continue;
    Trial& trial = trials_[right[i]];
    Record record = record_of(trial.prospect);
    record.samples = measured[i].samples;
    record.seconds = trial.seconds = weighted(measured[i]);
    record.verified = record.final_round = true;
    if (roof_seconds_ > 0) record.roof_fraction = roof_seconds_ / record.seconds;
    record.id = database_.add(record);
    if (trial.seconds >= least) continue;
    least = trial.seconds;
    set_best(right[i], record);
  }
}

TuneResult Session::result() {
  TuneResult result;
  result.best = best_record_;
  progress_.seconds = elapsed();
  result.progress = progress_;
  result.stopped_by = stopped_by_.empty() ? "space" : stopped_by_;
  result.run = run_;
  result.curve = curve_;
  result.notes = notes_;
  database_.end_run(run_, result.stopped_by);
  return result;
}

}  // namespace tw::autotune
