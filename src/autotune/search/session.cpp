#include "autotune/search/session.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "autotune/records/key.h"
#include "autotune/search/quantile.h"
#include "schedule/rewrite.h"

namespace tw::autotune {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr double kMostDrift = 2;  // beyond that it is no drift of the machine

/// Whether the program computes its results in a way that may differ from the first program's, within a
/// bound.
bool uses_bounds(const Program& program) {
  const std::vector<schedule::AppliedRewrite> applied = schedule::applied_rewrites(program);
  return std::any_of(applied.begin(), applied.end(), [](const schedule::AppliedRewrite& rewrite) {
    return rewrite.error_factor > 0 || rewrite.error_per_term > 0;
  });
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
      start_(std::chrono::steady_clock::now()),
      roofline_(roofline_of(workload)),
      roof_seconds_(roofline_.seconds()),
      workbench_(Task{workload.program, options.target, options.sizes, options.cache, options.seed},
                 options.runner),
      adviser_(options, key_) {
  Run run;
  run.workload = key_;
  run.setting = setting_;
  run.label = options.label;
  run.script = options.script;
  run.command = options.command;
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
  else if (best() && ends_at_roof() && progress_.roof_fraction >= options_.roof_fraction)
    stopped_by_ = "roof";
  return !stopped_by_.empty();
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
  record.setting.bounded = uses_bounds(prospect.candidate.program);
  record.versions = options_.versions;
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

void Session::compile(const std::vector<const Prospect*>& prospects) {
  std::vector<const Candidate*> candidates;
  for (const Prospect* prospect : prospects) candidates.push_back(&prospect->candidate);
  progress_.structures += workbench_.compile(candidates, [&] { report("compiling"); });
}

std::vector<std::size_t> Session::runnable(const std::vector<Prospect>& prospects) {
  std::vector<const Prospect*> all;
  for (const Prospect& prospect : prospects) all.push_back(&prospect);
  compile(all);
  std::vector<std::size_t> runs;
  std::vector<Record> failed;
  for (std::size_t i = 0; i < prospects.size(); ++i) {
    const Workbench::Compiled& compiled = workbench_.of(prospects[i].candidate);
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
  return runs;
}

/// While it searches, a kernel takes the lower quartile of its samples; its record says their median.
double Session::weighted(const Measured& measured, double quantile) const {
  double sum = 0, weights = 0;
  for (std::size_t size = 0; size < measured.samples.size(); ++size) {
    const double weight = size < options_.weights.size() ? options_.weights[size] : 1.0;
    sum += weight * quantile_of(measured.samples[size], quantile);
    weights += weight;
  }
  return weights > 0 ? sum / weights : kNever;
}

std::vector<Measured> Session::measure(const std::vector<Prospect>& prospects,
                                       const std::vector<std::size_t>& runs, double* drift) {
  std::vector<Point> points;
  const auto incumbent = best() ? workbench_.point_of(best()->prospect.candidate) : std::nullopt;
  if (incumbent) points.push_back(*incumbent);
  for (const std::size_t i : runs) points.push_back(*workbench_.point_of(prospects[i].candidate));
  report("measuring");
  const double usual = best() ? best()->seconds : 0.01;
  MeasureOptions options;
  options.seconds = std::clamp(6 * usual, 0.004, 0.1);
  options.rounds = 2;
  std::vector<Measured> measured = workbench_.measure(points, options);
  *drift = 1;
  if (incumbent) {
    if (measured.front().status == Status::kOk)
      *drift = drift_since(weighted(measured.front(), kUndisturbed));
    measured.erase(measured.begin());
  }
  return measured;
}

/// The best kernel takes so many seconds now. What it usually takes is the median over its batches: an odd
/// one moves nothing for long.
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

/// Verifies a trial that is quicker than the best.
void Session::consider(std::size_t index, Record& record) {
  Trial& trial = trials_[index];
  if (trial.status != Status::kOk || (best() && trial.seconds >= best()->seconds)) return;
  report("verifying");
  const Verdict verdict = workbench_.verify(*workbench_.point_of(trial.prospect.candidate));
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
  const std::vector<std::size_t> runs = runnable(prospects);
  if (runs.empty()) return 0;
  double drift = 1;
  const std::vector<Measured> measured = measure(prospects, runs, &drift);
  // The quickest first: when it proves right, those behind it need no proof.
  std::vector<std::size_t> order(runs.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return weighted(measured[a], kUndisturbed) < weighted(measured[b], kUndisturbed);
  });
  for (const std::size_t i : order) take(std::move(prospects[runs[i]]), measured[i], drift);
  adviser_.learn();
  free_memory();
  report("thinking");
  return static_cast<int>(runs.size());
}

/// Makes a trial of a prospect and what was measured of it, and its record; the best, if it is.
void Session::take(Prospect prospect, const Measured& measured, double drift) {
  Record record = record_of(prospect);
  record.compile_seconds = workbench_.of(prospect.candidate).seconds;
  record.status = measured.status;
  record.cause = measured.cause;
  record.samples = measured.samples;
  Trial& trial = trials_.emplace_back();
  trial.prospect = std::move(prospect);
  trial.status = measured.status;
  if (measured.status == Status::kOk) {
    record.seconds = weighted(measured, kMedian);
    trial.seconds = weighted(measured, kUndisturbed) * drift;
  } else {
    fail(record, measured.status, measured.cause);
  }
  consider(trials_.size() - 1, record);
  if (roof_seconds_ > 0 && record.seconds < kNever) record.roof_fraction = roof_seconds_ / record.seconds;
  record.id = trial.record = database_.add(record);
  adviser_.add(trial.prospect.example, trial.seconds);
  if (trial.verified) set_best(trials_.size() - 1, record);
  ++progress_.trials;
}

void Session::free_memory() {
  std::map<uint64_t, double> seconds;
  for (const Trial& trial : trials_) {
    const auto [at, fresh] = seconds.emplace(trial.prospect.candidate.structure, trial.seconds);
    if (!fresh) at->second = std::min(at->second, trial.seconds);
  }
  workbench_.free_memory(seconds);
}

/// Of the final round: what was never verified is now.
bool Session::is_right(Trial& trial, const Point& point) {
  if (trial.verified) return true;
  report("verifying");
  const Verdict verdict = workbench_.verify(point);
  database_.add_verdict(trial.record, verdict);
  trial.verified = verdict.status == Status::kOk;
  if (trial.verified) return true;
  trial.status = verdict.status;
  trial.seconds = kNever;
  ++progress_.failures[to_string(verdict.status)];
  return false;
}

void Session::settle(int how_many) {
  const std::vector<const Trial*> chosen = quickest(how_many);
  std::vector<const Prospect*> prospects;
  for (const Trial* trial : chosen) prospects.push_back(&trial->prospect);
  compile(prospects);
  std::vector<Point> points;
  std::vector<std::size_t> right;
  for (const Trial* each : chosen) {
    const auto index = static_cast<std::size_t>(each - trials_.data());
    const auto point = workbench_.point_of(each->prospect.candidate);
    if (!point || !is_right(trials_[index], *point)) continue;
    points.push_back(*point);
    right.push_back(index);
  }
  if (points.empty()) return;
  report("comparing the best");
  MeasureOptions options;
  options.seconds = std::clamp(20 * trials_[right.front()].seconds, 0.03, 0.4);
  options.rounds = 5;
  options.give_up = 1e9;
  const std::vector<Measured> measured = workbench_.measure(points, options);
  ++round_;
  double least = kNever;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (measured[i].status != Status::kOk) continue;
    Trial& trial = trials_[right[i]];
    Record record = record_of(trial.prospect);
    record.samples = measured[i].samples;
    record.seconds = trial.seconds = weighted(measured[i], kMedian);
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
  result.notes = adviser_.notes();
  database_.end_run(run_, result.stopped_by);
  return result;
}

}  // namespace tw::autotune
