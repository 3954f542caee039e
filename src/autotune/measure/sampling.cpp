#include "autotune/measure/sampling.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "autotune/measure/fault.h"
#include "runtime/core/call.h"

namespace tw::autotune {
namespace {

using std::chrono::steady_clock;

constexpr double kShortest = 20e-6;  // seconds of a sample: shorter runs are timed in batches
constexpr double kShortFirst = 1e-3;
constexpr double kSliceOfTime = 0.05;  // what another process takes of a run at most, with room to spare
constexpr int kMostSamples = 10000;

class Sampler {
 public:
  Sampler(Subject& trial, const SamplingOptions& options)
      : trial_(trial), options_(options), turns_(trial.calls.size()), first_(trial.calls.size()) {
    trial_.result.samples.resize(trial.calls.size());
  }

  bool is_open() const { return trial_.result.status == Status::kOk && !trial_.result.dropped; }

  /// One run for each size, with all checks; seconds of each are remembered.
  void run_first() {
    for (std::size_t size = 0; size < trial_.calls.size() && is_open(); ++size) {
      const fault::TimeLimit limit(options_.run_seconds, Status::kTimeout);
      if (trial_.calls[size].is_in_place()) trial_.calls[size].refresh();
      const auto begin = steady_clock::now();
      const int32_t code = trial_.calls[size].run_checked();
      first_[size] = std::chrono::duration<double>(steady_clock::now() - begin).count();
      spent_ += first_[size];
      if (code != TW_OK) fail();
      // Of a short run the first says little.
      for (int again = 0; again < 2 && first_[size] < kShortFirst && is_open(); ++again)
        first_[size] = std::min(first_[size], batch(size, 1));
    }
  }

  /// The first runs once more: that something else ran meanwhile makes no kernel slow.
  void run_again() {
    for (std::size_t size = 0; size < trial_.calls.size() && is_open(); ++size) {
      const int runs = first_[size] < kSliceOfTime ? 2 : 1;
      const fault::TimeLimit limit(runs * options_.run_seconds, Status::kTimeout);
      for (int again = 0; again < runs && is_open(); ++again)
        first_[size] = std::min(first_[size], batch(size, 1));
    }
  }
  /// Whether what its first runs took may be time that another process had.
  bool may_be_disturbed() const {
    return !has_samples() && *std::max_element(first_.begin(), first_.end()) < kSliceOfTime;
  }
  bool has_samples() const { return !trial_.result.samples.front().empty(); }

  /// A share of the samples, after a run that brings its data back to the caches.
  void take_samples(double seconds, int min_samples) {
    const double each = seconds / static_cast<double>(trial_.calls.size());
    for (std::size_t size = 0; size < trial_.calls.size() && is_open(); ++size)
      sample(size, each, min_samples);
  }

  /// Of a run at each size, as far as is known: the lower quartile, since a round may have been disturbed.
  double seconds(std::size_t size) const {
    std::vector<double> samples = trial_.result.samples[size];
    if (samples.empty()) return first_[size];
    const auto quartile = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 4);
    std::nth_element(samples.begin(), quartile, samples.end());
    return *quartile;
  }

  void drop() {
    trial_.result.dropped = true;
    for (std::size_t size = 0; size < first_.size(); ++size)
      if (trial_.result.samples[size].empty()) trial_.result.samples[size].push_back(first_[size]);
  }

  double spent() const { return spent_; }

 private:
  void fail() {
    trial_.result.status = Status::kFailed;
    trial_.result.cause = tw_error();
  }

  /// Seconds of a batch of runs, all together.
  double batch(std::size_t size, int64_t runs) {
    const BoundCall& call = trial_.calls[size];
    const runtime::Rotation* rotation = trial_.rotations.empty() ? nullptr : trial_.rotations[size].get();
    int32_t code = TW_OK;
    const auto time = [&](int64_t count) {
      const auto begin = steady_clock::now();
      for (int64_t i = 0; i < count && code == TW_OK; ++i)
        code = rotation ? call.run(rotation->buffers(turns_[size]++)) : call.run();
      return std::chrono::duration<double>(steady_clock::now() - begin).count();
    };
    double seconds = 0;
    if (call.is_in_place()) {
      for (int64_t i = 0; i < runs && code == TW_OK; ++i) {
        call.refresh();
        seconds += time(1);
      }
    } else {
      seconds = time(runs);
    }
    spent_ += seconds;
    if (code != TW_OK) fail();
    return seconds;
  }

  void sample(std::size_t size, double seconds, int min_samples) {
    std::vector<double>& samples = trial_.result.samples[size];
    // A run has ended within its limit before; all of the turn together has a multiple of it.
    const fault::TimeLimit limit((min_samples + 2) * options_.run_seconds + 10 * seconds, Status::kTimeout);
    double one = batch(size, 1);  // warms up
    int64_t runs = 1;
    // Runs that take less than a sample are counted until they do: the first ones tell too much of them.
    for (int tries = 0; one < kShortest && tries < 8 && is_open(); ++tries) {
      const double total = batch(size, runs);
      if (total >= kShortest) break;
      runs = std::max(runs + 1, static_cast<int64_t>(std::ceil(1.2 * kShortest * static_cast<double>(runs) /
                                                               std::max(total, 1e-8))));
      one = total / static_cast<double>(runs);
    }
    double total = 0;
    for (int n = 0; n < kMostSamples && is_open(); ++n) {
      if (n > 0 && (n >= min_samples ? total >= seconds : total >= 10 * seconds)) break;
      const double spent = batch(size, runs);
      total += spent;
      samples.push_back(spent / static_cast<double>(runs));
    }
  }

  Subject& trial_;
  const SamplingOptions& options_;
  std::vector<int64_t> turns_;
  std::vector<double> first_;
  double spent_ = 0;
};

/// How many times slower than the best trial at each size, on average over the sizes.
double slowness(const Sampler& sampler, const std::vector<double>& best) {
  double sum = 0;
  for (std::size_t size = 0; size < best.size(); ++size) sum += sampler.seconds(size) / best[size];
  return sum / static_cast<double>(best.size());
}

std::vector<double> best_of(const std::vector<Sampler>& samplers, std::size_t sizes) {
  std::vector<double> best(sizes, std::numeric_limits<double>::infinity());
  for (const Sampler& sampler : samplers)
    if (sampler.is_open())
      for (std::size_t size = 0; size < sizes; ++size)
        best[size] = std::min(best[size], sampler.seconds(size));
  return best;
}

}  // namespace

double take_turns(std::vector<Subject>& trials, const SamplingOptions& options,
                  const std::function<void(std::size_t)>& at) {
  std::vector<Sampler> samplers;
  samplers.reserve(trials.size());
  for (Subject& trial : trials) samplers.emplace_back(trial, options);
  std::size_t sizes = 0;
  for (std::size_t i = 0; i < samplers.size(); ++i) {
    if (!samplers[i].is_open()) continue;
    at(i);
    samplers[i].run_first();
    sizes = trials[i].calls.size();
  }
  // A first run is slower than others: it brings pages and caches. Twice as much says that it is not that.
  const auto drop_losers = [&](double factor) {
    const std::vector<double> best = best_of(samplers, sizes);
    const double most = factor * options.measure.give_up;
    for (std::size_t i = 0; i < samplers.size(); ++i) {
      Sampler& sampler = samplers[i];
      if (!sampler.is_open() || slowness(sampler, best) <= most) continue;
      if (sampler.may_be_disturbed() || (!sampler.has_samples() && slowness(sampler, best) < 2 * most)) {
        at(i);
        sampler.run_again();
      }
      if (sampler.is_open() && slowness(sampler, best) > most) sampler.drop();
    }
  };
  drop_losers(2);
  const int rounds = std::max(options.measure.rounds, 1);
  const double seconds = options.measure.seconds / rounds;
  const int min_samples = (options.measure.min_samples + rounds - 1) / rounds;
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < samplers.size(); ++i) {
      if (!samplers[i].is_open()) continue;
      at(i);
      samplers[i].take_samples(seconds, std::max(min_samples, 1));
    }
    if (round + 1 < rounds) drop_losers(1);
  }
  double spent = 0;
  for (const Sampler& sampler : samplers) spent += sampler.spent();
  return spent;
}

}  // namespace tw::autotune
