// How many trials the learned models save: searches replayed on tables of what was measured before.
//
//   bench_tuning_replay TABLE.jsonl… [--batch 8] [--seeds 5] [--budget 0.5] [--only WORD]
//
// A table holds records as `autotune export` writes them, a line each, of searches by random choice
// (tune_kernels.py --model random), so that nothing but the sketches' own draws decides what is in it;
// records of one workload and setting are a task. Each search begins with the candidates that the analytic
// model likes best. Then random choice takes the rest in any order, while a model is taught after each batch
// and says what comes next. "warm" has learned from some of each other task of the tables beforehand.
//
// Equal quality: random choice measures a share of the table (--budget); how many trials has the model made
// when its best is as quick as what random choice has found by then? The figure is that number over those
// that random choice made. Random choice had found the same kernel before its budget was spent, though nobody
// could know that it would find no better one; "first" is when, and the second figure is over that. A task
// whose best of random choice is among the first batch in all seeds counts for neither: there the analytic
// model left nothing to learn.
//
// Seconds are lower quartiles of samples, as the search takes them.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "autotune/model/model.h"
#include "autotune/model/nest.h"
#include "autotune/records/database.h"
#include "autotune/search/quantile.h"
#include "support/error.h"

namespace tw::autotune {
namespace {

constexpr std::size_t kLeastTable = 40;  // candidates; smaller tasks say nothing
constexpr std::size_t kOfOthers = 64;    // of each other task, that a warm model has learned
constexpr std::size_t kSample = 48;      // that a cold model learns before its order is looked at

struct Task {
  std::string name;
  std::vector<Example> table;
};

struct Options {
  std::vector<std::string> tables;
  std::string only;  // tasks with this in their name
  std::size_t batch = 8;
  uint64_t seeds = 5;
  double budget = 0.5;
};

double seconds_of(const Record& record) {
  if (record.status != Status::kOk || record.samples.size() != 1) return record.seconds;
  return quantile_of(record.samples.front(), kUndisturbed);
}

std::vector<Task> read_tasks(const std::vector<std::string>& files) {
  std::map<std::string, Task> tasks;
  std::set<std::string> seen;  // one candidate is measured more than once
  for (const std::string& file : files) {
    std::ifstream lines(file);
    if (!lines) raise_value("{} cannot be read; name a file that `autotune export` wrote", file);
    for (std::string line; std::getline(lines, line);) {
      if (line.empty()) continue;
      const Record record = record_of_json(line);
      if (record.features.size() != feature_names().size()) continue;
      const std::string key = record.workload.hash + record.setting.target + record.setting.cache;
      std::string choice = key + record.sketch;
      for (const auto& [name, value] : record.choices) choice += fmt::format(" {}={}", name, value);
      if (!seen.insert(choice).second) continue;
      Task& task = tasks[key];
      const std::optional<Run> run = run_of_json(line);
      if (task.name.empty()) task.name = run ? run->label : record.workload.hash;
      Example example;
      example.features = record.features;
      example.analytic = analytic_seconds_of(record.features);
      example.seconds = seconds_of(record);
      task.table.push_back(std::move(example));
    }
  }
  std::vector<Task> found;
  for (auto& [key, task] : tasks) {
    if (task.table.size() < kLeastTable) continue;
    for (Example& each : task.table) each.task = found.size() + 1;
    found.push_back(std::move(task));
  }
  return found;
}

/// The best seconds after each trial of a search.
using Curve = std::vector<double>;
using NextBatch = std::function<std::vector<std::size_t>(const std::vector<std::size_t>& done,
                                                         std::vector<std::size_t> left)>;

Curve search(const Task& task, std::size_t batch, std::size_t most, const NextBatch& next) {
  std::vector<std::size_t> order(task.table.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return task.table[a].analytic < task.table[b].analytic;
  });
  std::vector<std::size_t> done,
      trial(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(std::min(batch, order.size())));
  Curve curve;
  double best = INFINITY;
  std::vector<bool> used(order.size());
  for (;;) {
    for (const std::size_t i : trial) {
      best = std::min(best, task.table[i].seconds);
      curve.push_back(best);
      used[i] = true;
      done.push_back(i);
    }
    std::vector<std::size_t> left;
    for (const std::size_t i : order)
      if (!used[i]) left.push_back(i);
    if (left.empty() || curve.size() >= most) return curve;
    trial = next(done, std::move(left));
    if (trial.empty()) return curve;
  }
}

Curve random_search(const Task& task, const Options& options, uint64_t seed) {
  std::mt19937_64 random(seed);
  return search(task, options.batch, task.table.size(), [&](const auto&, std::vector<std::size_t> left) {
    std::shuffle(left.begin(), left.end(), random);
    left.resize(std::min(left.size(), options.batch));
    return left;
  });
}

/// Ends when a quality is reached.
Curve model_search(const Task& task, const Options& options, Model& model, uint64_t seed, double quality) {
  std::mt19937_64 random(seed);
  std::size_t taught = 0;
  return search(
      task, options.batch, task.table.size(),
      [&](const std::vector<std::size_t>& done, std::vector<std::size_t> left) -> std::vector<std::size_t> {
        std::vector<Example> examples, candidates;
        for (; taught < done.size(); ++taught) examples.push_back(task.table[done[taught]]);
        const bool is_reached = std::any_of(examples.begin(), examples.end(),
                                            [&](const Example& each) { return each.seconds <= quality; });
        if (is_reached) return {};
        model.learn(examples);
        std::shuffle(left.begin(), left.end(), random);
        std::vector<std::size_t> chosen;
        for (const std::size_t i : left) candidates.push_back(task.table[i]);
        const std::vector<double> scores = model.score(candidates);
        std::vector<std::size_t> order(left.size());
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(),
                         [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
        for (std::size_t i = 0; i < std::min(order.size(), options.batch); ++i)
          chosen.push_back(left[order[i]]);
        return chosen;
      });
}

/// The trials until a quality is reached; all of them where it never is.
double trials_to(const Curve& curve, double seconds) {
  for (std::size_t i = 0; i < curve.size(); ++i)
    if (curve[i] <= seconds) return static_cast<double>(i + 1);
  return static_cast<double>(curve.size());
}

std::unique_ptr<Model> model_named(const std::string& name, uint64_t seed) {
  if (name == "builtin") return make_builtin_model(seed);
  if (name == "analytic") return make_analytic_model();
  return make_model(seed);
}

/// A few examples, without order.
std::vector<Example> sample_of(std::vector<Example> table, std::size_t most, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::shuffle(table.begin(), table.end(), random);
  if (table.size() > most) table.resize(most);
  return table;
}

/// What a warm model of a task has learned.
std::vector<Example> of_others(const std::vector<Task>& tasks, std::size_t at, uint64_t seed) {
  std::vector<Example> others;
  for (std::size_t i = 0; i < tasks.size(); ++i)
    if (i != at)
      for (Example& each : sample_of(tasks[i].table, kOfOthers, seed)) others.push_back(std::move(each));
  return others;
}

/// Spearman's correlation of scores with speeds: 1 for the right order.
double correlation(const std::vector<double>& scores, const std::vector<Example>& examples) {
  const auto ranks_of = [](const std::vector<double>& values) {
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
    std::vector<double> ranks(values.size());
    for (std::size_t i = 0; i < order.size(); ++i) ranks[order[i]] = static_cast<double>(i);
    return ranks;
  };
  std::vector<double> speeds;
  for (const Example& each : examples) speeds.push_back(1 / each.seconds);
  const std::vector<double> a = ranks_of(scores), b = ranks_of(speeds);
  const double middle = (static_cast<double>(a.size()) - 1) / 2;
  double both = 0, one = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    both += (a[i] - middle) * (b[i] - middle);
    one += (a[i] - middle) * (a[i] - middle);
  }
  return one > 0 ? both / one : 0;
}

/// Of candidates that the model has not seen: as the analytic model orders them, cold after a sample of the
/// task, warm before any of it.
void print_correlations(const std::vector<Task>& tasks, std::size_t at) {
  const std::vector<Example> shuffled = sample_of(tasks[at].table, tasks[at].table.size(), 1);
  const auto known = static_cast<std::ptrdiff_t>(std::min(kSample, shuffled.size() / 2));
  const std::vector<Example> unseen(shuffled.begin() + known, shuffled.end());
  const auto analytic = make_analytic_model(), cold = make_model(1), warm = make_model(1);
  cold->learn({shuffled.begin(), shuffled.begin() + known});
  warm->learn(of_others(tasks, at, 1));
  for (const auto* model : {&analytic, &cold, &warm})
    fmt::print(" {:5.2f}", correlation((*model)->score(unseen), unseen));
}

/// Means over seeds.
struct Found {
  double budget = 0;  // trials that random choice makes
  double first = 0;   // after which it had what it found in them
  double model = 0;   // of the model to the same
  bool by_seeds = true;
};

Found compare(const std::vector<Task>& tasks, std::size_t at, const std::string& name, bool warm,
              const Options& options) {
  Found found;
  const Task& task = tasks[at];
  const double share = 1 / static_cast<double>(options.seeds);
  for (uint64_t seed = 1; seed <= options.seeds; ++seed) {
    const auto model = model_named(name, seed);
    if (warm) model->learn(of_others(tasks, at, seed));
    const Curve random = random_search(task, options, seed);
    const auto budget = std::max<std::size_t>(
        1, static_cast<std::size_t>(options.budget * static_cast<double>(random.size())));
    const double quality = random[budget - 1], first = trials_to(random, quality);
    found.budget += share * static_cast<double>(budget);
    found.first += share * first;
    found.model += share * trials_to(model_search(task, options, *model, seed, quality), quality);
    found.by_seeds = found.by_seeds && first <= static_cast<double>(options.batch);
  }
  return found;
}

int run(const Options& options) {
  const std::vector<Task> tasks = read_tasks(options.tables);
  const std::vector<std::pair<std::string, bool>> ways = {
      {"learned", false}, {"learned", true}, {"builtin", false}, {"analytic", false}};
  fmt::print("{:40} {:>5}  order of unseen ones  {:>13}   trials of models\n", "", "", "random choice");
  fmt::print("{:40} {:>5} {:>5} {:>5} {:>5} {:>8} {:>6}", "task", "table", "analy", "cold", "warm", "trials",
             "first");
  for (const auto& [name, warm] : ways) fmt::print(" {:>13}", name + (warm ? ", warm" : ""));
  fmt::print("\n");
  std::vector<double> logs(ways.size()), first_logs(ways.size());
  double counted = 0;
  for (std::size_t at = 0; at < tasks.size(); ++at) {
    if (tasks[at].name.find(options.only) == std::string::npos) continue;
    fmt::print("{:40} {:5}", tasks[at].name, tasks[at].table.size());
    print_correlations(tasks, at);
    bool by_seeds = false;
    for (std::size_t way = 0; way < ways.size(); ++way) {
      const Found found = compare(tasks, at, ways[way].first, ways[way].second, options);
      if (way == 0) fmt::print(" {:8.0f} {:6.1f}", found.budget, found.first);
      fmt::print(" {:7.1f} {:4.0f}%", found.model, 100 * found.model / found.budget);
      std::fflush(stdout);
      by_seeds = found.by_seeds;
      if (by_seeds) continue;
      logs[way] += std::log(found.model / found.budget);
      first_logs[way] += std::log(found.model / found.first);
    }
    counted += by_seeds ? 0 : 1;
    fmt::print("{}\n", by_seeds ? "  (the analytic choice is as good: not counted)" : "");
  }
  const auto print_means = [&](const char* title, const std::vector<double>& of) {
    fmt::print("{:79}", title);
    for (const double total : of)
      fmt::print(" {:7} {:4.0f}%", "", 100 * std::exp(total / std::max(1.0, counted)));
    fmt::print("\n");
  };
  print_means("geometric mean, of the trials that random choice made", logs);
  print_means("geometric mean, of its trials to its first as quick one", first_logs);
  fmt::print("{:.0f} tasks counted, {} seeds, random choice measures {:.0f}% of a table; the bar is 33%\n",
             counted, options.seeds, 100 * options.budget);
  return 0;
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.rfind("--", 0) != 0) {
      options.tables.push_back(word);
      continue;
    }
    if (i + 1 == argc) raise_value("{} wants a value", word);
    if (word == "--only") {
      options.only = argv[++i];
      continue;
    }
    const double number = std::stod(argv[++i]);
    if (word == "--batch") {
      options.batch = static_cast<std::size_t>(number);
    } else if (word == "--seeds") {
      options.seeds = static_cast<uint64_t>(number);
    } else if (word == "--budget") {
      options.budget = number;
    } else {
      raise_value("{} is no option; there are --batch, --seeds, --budget and --only", word);
    }
  }
  if (options.tables.empty()) raise_value("no table is named: bench_tuning_replay TABLE.jsonl…");
  return options;
}

}  // namespace
}  // namespace tw::autotune

int main(int argc, char** argv) {
  try {
    return tw::autotune::run(tw::autotune::parse(argc, argv));
  } catch (const tw::UserError& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 2;
  }
}
