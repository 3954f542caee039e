#include "autotune/measure/runner.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <mutex>
#include <thread>
#include <unordered_map>

#include <fmt/format.h>

#include "autotune/measure/link.h"
#include "ir/text.h"
#include "schedule/intrinsic_json.h"
#include "support/error.h"

namespace tw::autotune {
namespace {

using protocol::Json;
using std::chrono::steady_clock;

constexpr std::pair<Status, const char*> kStatusNames[] = {
    {Status::kOk, "ok"},
    {Status::kRefused, "refused"},
    {Status::kCompileTime, "compile_time"},
    {Status::kCompileCrash, "compile_crash"},
    {Status::kTimeout, "timeout"},
    {Status::kCrash, "crash"},
    {Status::kOutOfBounds, "out_of_bounds"},
    {Status::kFailed, "failed"},
    {Status::kWrong, "wrong"},
    {Status::kLost, "lost"},
};

// Beyond a worker's own limits: it keeps them itself, unless it hangs.
constexpr double kGrace = 5;
constexpr double kSecondsForReference = 300;

double seconds_since(steady_clock::time_point begin) {
  return std::chrono::duration<double>(steady_clock::now() - begin).count();
}

/// What the deaths that met one candidate make of it.
class Blame {
 public:
  /// Whether the candidate may be tried again. A worker that dies twice of one candidate, or once for a
  /// reason that is certain, is not asked a third time.
  bool may_go_on(const Death& death, Status as_crash) {
    ++deaths_;
    from_outside_ += death.is_from_outside;
    status_ = death.status == Status::kCrash ? as_crash : death.status;
    if (from_outside_ == deaths_) status_ = Status::kLost;
    cause_ = death.cause;
    return !death.is_certain && deaths_ < 2;
  }
  Status status() const { return status_; }
  const std::string& cause() const { return cause_; }

 private:
  int deaths_ = 0, from_outside_ = 0;
  Status status_ = Status::kOk;
  std::string cause_;
};

}  // namespace

const char* to_string(Status status) {
  for (const auto& [known, name] : kStatusNames)
    if (known == status) return name;
  raise_internal("a status of no name");
}

Status status_of(const std::string& text) {
  for (const auto& [status, name] : kStatusNames)
    if (text == name) return status;
  raise_value("there is no status '{}' of a measurement", text);
}

double Measured::median(std::size_t size) const {
  if (size >= samples.size() || samples[size].empty()) return std::numeric_limits<double>::infinity();
  std::vector<double> sorted = samples[size];
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  if (sorted.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(sorted.begin(), middle)) / 2;
}

struct Runner::State {
  State(Task task, RunnerOptions given) : options(std::move(given)) {
    if (task.sizes.empty()) task.sizes.push_back({});
    const Json setup = {{"request", "setup"},
                        {"task", protocol::to_json(task)},
                        {"limits", protocol::to_json(protocol::Limits{
                                       options.compile_seconds, options.run_seconds, options.memory_bytes})}};
    for (int i = 0; i < std::max(options.workers, 1); ++i) workers.emplace_back(options.command, setup);
  }

  Built build(int id, WorkerLink& worker);
  bool bring_to_measuring(int id, Measured& result);
  std::vector<Measured> measure(const std::vector<Point>& points, const MeasureOptions& how);
  Verdict verify(const Point& point);
  void count(const Death& death);
  struct Source {
    std::string program;
    schedule::Declarations intrinsics;  // that it calls
    Json objects;  // machine code, as the worker that compiled it sent it; null: none did
  };
  Source& source_of(int id);

  RunnerOptions options;
  std::vector<WorkerLink> workers;  // the first one measures; all compile
  std::unordered_map<int, Source> sources;
  int next_id = 0;
  std::map<std::string, int> deaths;
  std::mutex deaths_lock;
  std::mutex lock;  // compiling never overlaps measuring
};

void Runner::State::count(const Death& death) {
  const std::lock_guard hold(deaths_lock);
  ++deaths[death.is_from_outside ? "killed" : to_string(death.status)];
}

Runner::State::Source& Runner::State::source_of(int id) {
  const auto found = sources.find(id);
  if (found == sources.end()) raise_value("there is no machine code with number {}", id);
  return found->second;
}

Built Runner::State::build(int id, WorkerLink& worker) {
  Source& source = source_of(id);
  Json request = {
      {"request", "build"}, {"id", id}, {"program", source.program}, {"intrinsics", source.intrinsics}};
  if (!source.objects.is_null()) {
    request["request"] = "load";
    request["objects"] = source.objects;
  }
  const auto begin = steady_clock::now();
  const auto finished = [&](Built built) {
    built.id = id;
    built.seconds = seconds_since(begin);
    return built;
  };
  for (Blame blame;;) {
    Built built;
    const auto death = worker.ask(request, {options.compile_seconds + kGrace, Status::kCompileTime},
                                  {.reply = [&](const Json& reply) {
                                    built = protocol::built_of(reply);
                                    if (reply.contains("objects")) source.objects = reply["objects"];
                                  }});
    if (!death) {
      if (built.status == Status::kOk) worker.held().insert(id);
      return finished(std::move(built));
    }
    count(*death);
    if (!blame.may_go_on(*death, Status::kCompileCrash))
      return finished({.status = blame.status(), .cause = blame.cause()});
  }
}

/// Whether the measuring worker has the machine code now; `result` says why not.
bool Runner::State::bring_to_measuring(int id, Measured& result) {
  WorkerLink& worker = workers.front();
  if (worker.held().contains(id)) return true;
  const Built built = build(id, worker);
  result.status = built.status;
  result.cause = built.cause;
  return built.status == Status::kOk;
}

std::vector<Measured> Runner::State::measure(const std::vector<Point>& points, const MeasureOptions& how) {
  WorkerLink& worker = workers.front();
  std::vector<Measured> results(points.size());
  std::vector<Blame> blames(points.size());
  std::vector<std::size_t> open;  // points without a result
  for (std::size_t i = 0; i < points.size(); ++i) open.push_back(i);
  // A turn of a point has its own runs, for at most so long, and may begin with a long one.
  const double patience = (how.min_samples + 3) * options.run_seconds + 12 * how.seconds + kGrace;
  while (!open.empty()) {
    // Building again may kill the worker, which then has lost what it had: until it has all.
    const auto lacks = [&](std::size_t i) { return !worker.held().contains(points[i].id); };
    while (std::any_of(open.begin(), open.end(), lacks))
      std::erase_if(open, [&](std::size_t i) { return !bring_to_measuring(points[i].id, results[i]); });
    if (open.empty()) break;
    Json list = Json::array();
    for (const std::size_t i : open) list.push_back(protocol::to_json(points[i]));
    const Json request = {{"request", "measure"}, {"points", list}, {"options", protocol::to_json(how)}};
    std::size_t busy_with = 0;
    const auto begin = steady_clock::now();
    const auto hear = [&](int at) {
      busy_with = std::min(static_cast<std::size_t>(std::max(at, 0)), open.size() - 1);
    };
    const auto read = [&](const Json& reply) {
      const double beyond = seconds_since(begin) - reply.at("kernel_seconds").get<double>();
      std::vector<Measured> measured;
      for (const Json& one : reply.at("measured")) measured.push_back(protocol::measured_of(one));
      if (measured.size() != open.size()) throw protocol::Garbled("another number of measurements");
      for (std::size_t n = 0; n < open.size(); ++n) {
        results[open[n]] = std::move(measured[n]);
        results[open[n]].overhead = beyond / static_cast<double>(open.size());
      }
    };
    const auto death = worker.ask(request, {patience, Status::kTimeout}, {.reply = read, .at = hear});
    if (!death) break;
    count(*death);
    const std::size_t blamed = open[busy_with];
    if (blames[blamed].may_go_on(*death, Status::kCrash)) continue;
    results[blamed].status = blames[blamed].status();
    results[blamed].cause = blames[blamed].cause();
    std::erase(open, blamed);
  }
  return results;
}

Verdict Runner::State::verify(const Point& point) {
  for (Blame blame;;) {
    Measured built;
    if (!bring_to_measuring(point.id, built)) return {built.status, built.cause};
    const Json request = {{"request", "verify"}, {"point", protocol::to_json(point)}};
    // Signs of life come between its runs. One of them is the reference, which has no limit of its own.
    Verdict verdict;
    const auto death =
        workers.front().ask(request, {kSecondsForReference + options.run_seconds, Status::kTimeout},
                            {.reply = [&](const Json& reply) { verdict = protocol::verdict_of(reply); }});
    if (!death) return verdict;
    count(*death);
    if (!blame.may_go_on(*death, Status::kCrash)) return {blame.status(), blame.cause()};
  }
}

Runner::Runner(Task task, RunnerOptions options)
    : state_(std::make_unique<State>(std::move(task), std::move(options))) {}

Runner::~Runner() = default;

std::vector<Built> Runner::build(const std::vector<Program>& programs) {
  const std::lock_guard hold(state_->lock);
  std::vector<int> ids;
  for (const Program& program : programs) {
    ids.push_back(state_->next_id++);
    state_->sources[ids.back()] = {to_text(program), schedule::declarations_in(program), nullptr};
  }
  std::vector<Built> results(programs.size());
  const std::size_t count = std::min(state_->workers.size(), std::max<std::size_t>(programs.size(), 1));
  std::vector<std::exception_ptr> faults(count);
  std::atomic<std::size_t> next{0};
  const auto share = [&](std::size_t w) {
    try {
      for (std::size_t i = next++; i < ids.size(); i = next++)
        results[i] = state_->build(ids[i], state_->workers[w]);
    } catch (...) {
      faults[w] = std::current_exception();
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t w = 1; w < count; ++w) threads.emplace_back(share, w);
  share(0);
  for (std::thread& thread : threads) thread.join();
  for (const std::exception_ptr& fault : faults)
    if (fault) std::rethrow_exception(fault);
  return results;
}

std::vector<Measured> Runner::measure(const std::vector<Point>& points, const MeasureOptions& options) {
  const std::lock_guard hold(state_->lock);
  for (const Point& point : points) state_->source_of(point.id);
  return state_->measure(points, options);
}

Verdict Runner::verify(const Point& point) {
  const std::lock_guard hold(state_->lock);
  state_->source_of(point.id);
  return state_->verify(point);
}

void Runner::forget(int id) {
  const std::lock_guard hold(state_->lock);
  state_->sources.erase(id);
  for (WorkerLink& worker : state_->workers) {
    if (worker.held().erase(id) == 0) continue;
    const auto death = worker.ask({{"request", "forget"}, {"id", id}}, {kGrace});
    if (death) state_->count(*death);
  }
}

const std::map<std::string, int>& Runner::deaths() const {
  return state_->deaths;
}

}  // namespace tw::autotune
