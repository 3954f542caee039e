// What a trial costs beyond the kernel's own runs, on a float32 matrix product.
//
//   bench_trial_cost [--worker "python -m tilewright.worker"] [--size 1024] [--structures 20]
//
// structural: a candidate is scheduled, analysed, compiled and loaded: seconds until it could run.
// parameter:  a point of a structure that is there: seconds of its measurement that are not runs of the
// kernel.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "autotune/measure/runner.h"
#include "autotune/model/nest.h"
#include "autotune/search/explorer.h"
#include "codegen/target.h"
#include "support/error.h"
#include "te/lower.h"
#include "te/reduce.h"

namespace tw::autotune {
namespace {

struct Options {
  std::string worker = "python3 -m tilewright.worker";
  int64_t size = 1024;
  int structures = 20;
};

Program product(int64_t n) {
  const te::Tensor a = te::placeholder({n, n}, kFloat32, "A"), b = te::placeholder({n, n}, kFloat32, "B");
  const ReduceAxis k = te::reduce_axis(n, "k");
  const te::Tensor c = te::compute(
      {n, n},
      [&](const std::vector<Var>& i) {
        return te::sum(a({i[0], k.var}) * b({k.var, i[1]}), {k});
      },
      "C");
  return te::first_program({c});
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

std::vector<std::string> words(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> found;
  for (std::string word; stream >> word;) found.push_back(word);
  return found;
}

double since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void row(const char* what, const std::vector<double>& seconds) {
  fmt::print("{:<44}{:>10.2f} ms median{:>10.2f} ms at most, {} trials\n", what, 1e3 * median(seconds),
             1e3 * *std::max_element(seconds.begin(), seconds.end()), seconds.size());
}

int run(const Options& options) {
  Workload workload;
  workload.program = product(options.size);
  workload.machine = machine_of(codegen::parse_target("llvm"));
  Explorer explorer(workload, 0);
  RunnerOptions how;
  how.command = words(options.worker);
  Runner runner({workload.program, "llvm", {}, "hot", 0}, how);

  std::vector<double> scheduling, compiling, structural, parameter;
  for (const Prospect& warm : explorer.preferred()) runner.build({warm.candidate.program});
  for (int n = 0; n < options.structures; ++n) {
    const auto begin = std::chrono::steady_clock::now();
    const std::vector<Prospect> drawn = explorer.random(1);
    if (drawn.empty()) break;
    scheduling.push_back(since(begin));
    const Built built = runner.build({drawn.front().candidate.program}).front();
    if (built.status != Status::kOk) continue;
    compiling.push_back(built.seconds);
    structural.push_back(since(begin));
    runner.measure({{built.id, drawn.front().candidate.parameters}}, {.seconds = 0.02});
    for (const Prospect& point : explorer.parameter_points(drawn.front().candidate, 4)) {
      const auto measured = runner.measure({{built.id, point.candidate.parameters}}, {.seconds = 0.02});
      if (measured.front().status == Status::kOk) parameter.push_back(measured.front().overhead);
    }
    runner.forget(built.id);
  }
  fmt::print("float32 product of {0} x {0} x {0}\n", options.size);
  row("structural trial: schedule, analyse", scheduling);
  row("structural trial: compile, load", compiling);
  row("structural trial: all", structural);
  row("parameter trial, beyond the kernel's runs", parameter);
  return 0;
}

Options options_of(int count, char** given) {
  Options options;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string name = given[i], value = given[i + 1];
    if (name == "--worker")
      options.worker = value;
    else if (name == "--size")
      options.size = std::stoll(value);
    else if (name == "--structures")
      options.structures = std::stoi(value);
    else
      raise_value("there is no option {}; the options are --worker, --size, --structures", name);
  }
  return options;
}

}  // namespace
}  // namespace tw::autotune

int main(int count, char** given) {
  try {
    return tw::autotune::run(tw::autotune::options_of(count, given));
  } catch (const tw::UserError& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
