// How fast the schedule of a blocked matrix multiplication applies: microseconds a step and in total, the
// median of many schedules, with constant tiles, with parametric ones, and on symbolic sizes.
//
// The schedule is the one of GotoBLAS (Goto and van de Geijn 2008): panels of A and B packed into the caches,
// a register tile of 14 by 32 inside.
#include <algorithm>
#include <chrono>
#include <cstring>

#include <fmt/core.h>

#include "ir/text.h"
#include "schedule/schedule.h"
#include "te/lower.h"
#include "te/math.h"
#include "te/reduce.h"

namespace tw::schedule {
namespace {

using Clock = std::chrono::steady_clock;

Program matmul(const te::Value& n, const te::Value& m, const te::Value& k) {
  const auto a = te::placeholder({n, k}, kFloat32, "A");
  const auto b = te::placeholder({k, m}, kFloat32, "B");
  const ReduceAxis kk = te::reduce_axis(k, "k");
  const auto c = te::compute({n, m},
                             [&](const std::vector<Var>& p) -> te::Value {
                               return te::sum(te::multiply(a({p[0], kk}), b({kk, p[1]})), {kk});
                             },
                             "C", {"i", "j"});
  return te::first_program({c}, std::nullopt, "matmul");
}

/// Applies steps and keeps the time that each took.
class TimedSchedule {
 public:
  explicit TimedSchedule(const Program& program) : schedule_(program) {}

  std::vector<Value> apply(const char* primitive, std::vector<Value> args) {
    const auto begin = Clock::now();
    std::vector<Value> results = schedule_.apply(primitive, std::move(args));
    const std::chrono::duration<double> time = Clock::now() - begin;
    steps.push_back({primitive, time.count()});
    return results;
  }
  /// The loops that `split` makes.
  List split(const Value& loop, List factors) {
    return *apply("split", {loop, std::move(factors)})[0].get_if<List>();
  }
  std::vector<Value> loops(const Value& block) {
    std::vector<Value> values;
    for (const LoopRef loop : schedule_.loops(*block.get_if<BlockRef>())) values.emplace_back(loop);
    return values;
  }
  Schedule& schedule() { return schedule_; }

  struct Timed {
    const char* primitive;
    double seconds;
  };
  std::vector<Timed> steps;

 private:
  Schedule schedule_;
};

/// Sizes of the blocks that stay in the caches: of rows, columns and the reduction.
struct Tiles {
  Value mc, nc, kc;
};

/// The steps, from the first program on.
void sgemm(TimedSchedule& s, const Tiles& tiles) {
  const Value c = s.schedule().block("C");
  const Value out = s.apply("cache_write", {c, "global"})[0];
  const auto ijk = s.loops(c);
  const List i = s.split(ijk[0], {{}, tiles.mc}), j = s.split(ijk[1], {{}, tiles.nc}),
             k = s.split(ijk[2], {{}, tiles.kc});
  const List ii = s.split(i[1], {{}, 14}), jj = s.split(j[1], {{}, 32});
  s.apply("reorder", {Value(List{j[0], k[0], i[0], jj[0], ii[0], k[1], ii[1], jj[1]})});

  const Value b_panel = s.apply("cache_read", {c, "B", "global"})[0];
  s.apply("compute_at", {b_panel, k[0]});
  const Value a_panel = s.apply("cache_read", {c, "A", "global"})[0];
  s.apply("compute_at", {a_panel, i[0]});
  const Value init = s.apply("decompose_reduction", {c, k[0]})[0];

  // The register tile.
  s.apply("unroll", {ii[1]});
  s.apply("vectorize", {jj[1]});
  const List k_parts = s.split(k[1], {{}, 4});
  s.apply("unroll", {k_parts[1]});
  s.apply("parallel", {i[0]});

  // Packing, and the init.
  const auto of_b = s.loops(b_panel);
  const List b_lanes = s.split(of_b[of_b.size() - 1], {{}, 32});
  s.apply("vectorize", {b_lanes[1]});
  s.apply("parallel", {of_b[of_b.size() - 2]});
  const auto of_a = s.loops(a_panel);
  const List a_rows = s.split(of_a[of_a.size() - 2], {{}, 14});
  s.apply("reorder", {Value(List{a_rows[0], of_a[of_a.size() - 1], a_rows[1]})});
  s.apply("unroll", {a_rows[1]});
  const auto of_init = s.loops(init);
  s.apply("parallel", {of_init[1]});
  s.apply("vectorize", {of_init[of_init.size() - 1]});
  s.apply("parallel", {s.loops(out)[0]});
  s.apply("annotate", {c, "microkernel", "14x32"});
}

double median(std::vector<double> times) {
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

struct Case {
  const char* name;
  Program program;
  Tiles tiles;
};

/// For each step, the median of its times over the runs.
std::vector<TimedSchedule::Timed> measure(const Case& c, int runs) {
  std::vector<TimedSchedule::Timed> steps;
  std::vector<std::vector<double>> times;
  for (int run = 0; run < runs; ++run) {
    TimedSchedule s(c.program);
    sgemm(s, c.tiles);
    times.resize(s.steps.size());
    for (std::size_t i = 0; i < s.steps.size(); ++i) times[i].push_back(s.steps[i].seconds);
    steps = s.steps;
  }
  for (std::size_t i = 0; i < steps.size(); ++i) steps[i].seconds = median(times[i]);
  return steps;
}

int run_benchmark(int runs, bool print_programs) {
  const Tiles constant{140, 512, 256};
  const Tiles parametric{Tunable{"mc", 14, 4096, 14}, Tunable{"nc", 32, 8192, 32}, Tunable{"kc", 8, 4096, 4}};
  const Var m = te::var("m", 1, 1 << 20), n = te::var("n", 1, 1 << 20), k = te::var("k", 1, 1 << 20);
  const Case cases[] = {
      {"constant", matmul(1024, 1024, 1024), constant},
      {"parametric", matmul(1024, 1024, 1024), parametric},
      {"symbolic", matmul(m, n, k), parametric},
  };
  std::vector<std::vector<TimedSchedule::Timed>> results;
  for (const Case& c : cases) {
    if (print_programs) {
      TimedSchedule s(c.program);
      sgemm(s, c.tiles);
      fmt::print("{}\n", to_text(s.schedule().program()));
    }
    measure(c, 1 + runs / 10);
    results.push_back(measure(c, runs));
  }

  fmt::print("{:<24}", "us a step");
  for (const Case& c : cases) fmt::print("{:>12}", c.name);
  fmt::print("\n");
  std::vector<double> totals(results.size());
  const std::size_t count = results[0].size();
  for (std::size_t step = 0; step < count; ++step) {
    fmt::print("{:>2} {:<21}", step + 1, results[0][step].primitive);
    for (std::size_t c = 0; c < results.size(); ++c) {
      fmt::print("{:>12.1f}", results[c][step].seconds * 1e6);
      totals[c] += results[c][step].seconds;
    }
    fmt::print("\n");
  }
  fmt::print("{:<24}", "all, ms");
  for (const double total : totals) fmt::print("{:>12.2f}", total * 1e3);
  fmt::print("\n{:<24}", "steps a second");
  for (const double total : totals) fmt::print("{:>12.0f}", static_cast<double>(count) / total);
  fmt::print("\n");
  return 0;
}

}  // namespace
}  // namespace tw::schedule

/// bench_schedule [runs] [--programs]
int main(int argc, char** argv) {
  int runs = 100;
  bool print_programs = false;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--programs") == 0)
      print_programs = true;
    else
      runs = std::max(1, std::atoi(argv[i]));
  }
  return tw::schedule::run_benchmark(runs, print_programs);
}
