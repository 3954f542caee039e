// How many trials the learned models save: searches replayed on tables of what was measured before.
//
//   bench_tuning_replay TABLE.jsonl… [--batch 8] [--seeds 5] [--budget 0.5]
//
// A table holds records as `autotune export` writes them, a line each; records of one workload and setting
// are a task. Each search begins with the candidates that the analytic model likes best. Then random choice
// takes the rest in any order, while a model is taught after each batch and says what comes next; one
// candidate of eight is drawn at random there too. "warm" has learned from the other tasks of the tables
// beforehand.
//
// The figure is the number of trials to equal quality: random choice has measured a share of the table
// (--budget); how many trials has the model made when its best is as quick as that? The bar is a third.
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
#include "support/error.h"

namespace tw::autotune {
namespace {

constexpr std::size_t kLeastTable = 40;  // candidates; smaller tasks say nothing

struct Task {
  std::string name;
  std::vector<Example> table;
};

struct Options {
  std::vector<std::string> tables;
  std::size_t batch = 8;
  uint64_t seeds = 5;
  double budget = 0.5;
};

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
      if (task.name.empty())
        task.name = fmt::format("{} {}", record.workload.hash.substr(0, 8), record.sketch);
      Example example;
      example.features = record.features;
      example.analytic = analytic_seconds_of(record.features);
      example.seconds = record.status == Status::kOk && record.seconds > 0 ? record.seconds : INFINITY;
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

Curve model_search(const Task& task, const Options& options, Model& model, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::size_t taught = 0;
  return search(
      task, options.batch, task.table.size(),
      [&](const std::vector<std::size_t>& done, std::vector<std::size_t> left) {
        std::vector<Example> examples, candidates;
        for (; taught < done.size(); ++taught) examples.push_back(task.table[done[taught]]);
        model.learn(examples);
        std::shuffle(left.begin(), left.end(), random);
        const std::size_t drawn = std::min(left.size(), std::max<std::size_t>(1, options.batch / 8));
        std::vector<std::size_t> chosen(left.end() - static_cast<std::ptrdiff_t>(drawn), left.end());
        left.resize(left.size() - drawn);
        for (const std::size_t i : left) candidates.push_back(task.table[i]);
        const std::vector<double> scores = model.score(candidates);
        std::vector<std::size_t> order(left.size());
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(),
                         [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
        for (std::size_t i = 0; i < order.size() && chosen.size() < options.batch; ++i)
          chosen.insert(chosen.begin(), left[order[i]]);
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

/// For each seed: trials of random choice to the quality of its budget, and those of a model to the same.
struct Found {
  double random = 0, model = 0;
  bool by_seeds = true;  // the analytic model's own choice was as good: nothing is left to learn
};

Found compare(const std::vector<Task>& tasks, std::size_t at, const std::string& name, bool warm,
              const Options& options) {
  Found found;
  const Task& task = tasks[at];
  for (uint64_t seed = 1; seed <= options.seeds; ++seed) {
    const auto model = model_named(name, seed);
    if (warm) {
      std::vector<Example> others;
      for (std::size_t i = 0; i < tasks.size(); ++i)
        if (i != at) others.insert(others.end(), tasks[i].table.begin(), tasks[i].table.end());
      model->learn(others);
    }
    const Curve random = random_search(task, options, seed);
    const auto budget = static_cast<std::size_t>(options.budget * static_cast<double>(random.size()));
    const double quality = random[std::max<std::size_t>(1, budget) - 1];
    const double by_random = trials_to(random, quality);
    found.random += by_random / static_cast<double>(options.seeds);
    found.model +=
        trials_to(model_search(task, options, *model, seed), quality) / static_cast<double>(options.seeds);
    found.by_seeds = found.by_seeds && by_random <= static_cast<double>(options.batch);
  }
  return found;
}

int run(const Options& options) {
  const std::vector<Task> tasks = read_tasks(options.tables);
  if (tasks.size() < 5)
    fmt::print("only {} tasks of {} candidates or more; the figure wants 5\n", tasks.size(), kLeastTable);
  const std::vector<std::pair<std::string, bool>> ways = {
      {"learned", false}, {"learned", true}, {"builtin", false}, {"analytic", false}};
  fmt::print("{:32} {:>6} {:>8}", "task", "table", "random");
  for (const auto& [name, warm] : ways) fmt::print(" {:>14}", name + (warm ? ", warm" : ""));
  fmt::print("\n");
  std::vector<double> logs(ways.size());
  double counted = 0;
  for (std::size_t at = 0; at < tasks.size(); ++at) {
    fmt::print("{:32} {:6}", tasks[at].name, tasks[at].table.size());
    bool by_seeds = false;
    for (std::size_t way = 0; way < ways.size(); ++way) {
      const Found found = compare(tasks, at, ways[way].first, ways[way].second, options);
      if (way == 0) fmt::print(" {:8.1f}", found.random);
      fmt::print(" {:7.1f} {:5.0f}%", found.model, 100 * found.model / found.random);
      by_seeds = found.by_seeds;
      if (!by_seeds) logs[way] += std::log(found.model / found.random);
    }
    counted += by_seeds ? 0 : 1;
    fmt::print("{}\n", by_seeds ? "  (the analytic choice is as good)" : "");
  }
  fmt::print("{:32} {:6} {:>8}", "geometric mean", "", "");
  for (const double total : logs)
    fmt::print(" {:7} {:5.0f}%", "", counted > 0 ? 100 * std::exp(total / counted) : 0);
  fmt::print("\ntrials to what random choice finds in {:.0f}% of the table, {} seeds; the bar is 33%\n",
             100 * options.budget, options.seeds);
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
    if (i + 1 == argc) raise_value("{} wants a number", word);
    const double number = std::stod(argv[++i]);
    if (word == "--batch") {
      options.batch = static_cast<std::size_t>(number);
    } else if (word == "--seeds") {
      options.seeds = static_cast<uint64_t>(number);
    } else if (word == "--budget") {
      options.budget = number;
    } else {
      raise_value("{} is no option; there are --batch, --seeds and --budget", word);
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
