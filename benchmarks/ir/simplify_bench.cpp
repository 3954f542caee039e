// How fast `simplify` and `prove` are on the index expressions of schedules: microseconds an expression,
// nodes a second.
#include <chrono>

#include <fmt/core.h>

#include "ir/simplify.h"
#include "ir/text.h"
#include "ir/visit.h"

namespace tw {
namespace {

struct Case {
  const char* what;
  const char* text;
};

constexpr Case kCases[] = {
    {"already simple", "io*mc + ii"},
    {"sum to order", "ii + io*mc + 4 - 2"},
    {"tile bounds check", "io*mc + ii < (M + mc - 1)//mc*mc"},
    {"undecided tail", "io*mc + ii < M"},
    {"quotient of a tile", "(io*mc + ii)//mc*mc + (io*mc + ii)%mc"},
    {"constant tile", "((jo*32 + ji)*14 + k)//14//32"},
    {"fused loops", "f//8*8 + f%8//4*4 + f%4"},
    {"convolution window",
     "select(0 <= jo*32 + ji + k - 1 && jo*32 + ji + k - 1 < 56, jo*32 + ji + k - 1, 0)"},
    {"clipped extent", "min(mc, M - io*mc)"},
    {"packed address", "((io*(mc//14) + ii//14)*K + k)*14 + ii%14"},
};

int64_t count_nodes(const Expr& e) {
  int64_t count = 0;
  for_each_node(e, [&](const Node*) { ++count; });
  return count;
}

/// Seconds of one call, the best of a few rounds.
template <class F>
double seconds(F&& f) {
  double best = 1e9;
  for (int round = 0; round < 5; ++round) {
    constexpr int kCalls = 2000;
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < kCalls; ++i) f();
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    best = std::min(best, time.count() / kCalls);
  }
  return best;
}

int main_of_benchmark() {
  Names names;
  Context context;
  const auto size = [&](const char* name) { names.vars[name] = Variable::make(name, kIndex, 1, 4096); };
  for (const char* name : {"M", "K", "mc"}) size(name);
  const auto loop = [&](const char* name, const char* extent) {
    names.vars[name] = Var(name);
    context.bind(names.vars[name], Expr(0), parse_expr(extent, names));
  };
  loop("io", "(M + mc - 1)//mc");
  loop("ii", "mc");
  loop("jo", "2");
  loop("ji", "32");
  loop("k", "3");
  loop("f", "64");

  fmt::print("{:<22} {:>6} {:>10} {:>12}   {}\n", "simplify", "nodes", "us", "Mnodes/s", "becomes");
  double total = 0;
  int64_t nodes = 0;
  for (const Case& c : kCases) {
    const Expr e = parse_expr(c.text, names);
    const int64_t count = count_nodes(e);
    const double time = seconds([&] { simplify(e, context); });
    total += time;
    nodes += count;
    fmt::print("{:<22} {:>6} {:>10.2f} {:>12.2f}   {}\n", c.what, count, time * 1e6,
               static_cast<double>(count) / time / 1e6, to_text(simplify(e, context)));
  }
  fmt::print("{:<22} {:>6} {:>10.2f} {:>12.2f}\n", "all", nodes, total * 1e6,
             static_cast<double>(nodes) / total / 1e6);

  // A sum of a few hundred nodes.
  Expr large = names.vars["io"];
  for (int i = 0; i < 60; ++i)
    large = large + names.vars["ii"] * Expr(i % 5 + 1) - floordiv(names.vars["f"] + Expr(i), Expr(8 + i % 3));
  const double time = seconds([&] { simplify(large, context); });
  fmt::print("{:<22} {:>6} {:>10.2f} {:>12.2f}\n", "large sum", count_nodes(large), time * 1e6,
             static_cast<double>(count_nodes(large)) / time / 1e6);
  return 0;
}

}  // namespace
}  // namespace tw

int main() {
  return tw::main_of_benchmark();
}
