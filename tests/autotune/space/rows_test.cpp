// Sketches of rows, elementwise blocks and movement: on every program of the corpus that they apply to, and
// on sizes that fit vectors, do not, or are one or none.
#include <gmock/gmock.h>

#include "autotune/space/points.h"
#include "ir/visit.h"
#include "schedule/corpus/programs.h"
#include "schedule/moving_programs.h"
#include "te/math.h"
#include "te/reduce.h"

namespace tw::autotune {
namespace {

using Point = std::vector<Var>;
using te::Tensor;

constexpr double kClose = 2e-5;

std::string fault_of(const schedule::CorpusCase& sample, const Sketch& sketch, Choices choices) {
  Workload workload = workload_of(sample.program, sample.sizes);
  std::string why;
  const auto candidate = make_candidate(workload, sketch, std::move(choices), &why);
  if (!candidate) return "no candidate: " + why;
  try {
    return difference(run_case(sample, candidate->program, candidate->parameters),
                      run_case(sample, sample.program));
  } catch (const std::exception& error) {
    return error.what();
  }
}

/// Names of the cases that a sketch applies to; each is checked at its preferred point and at ten others.
std::vector<std::string> cases_of(const std::string& name) {
  std::vector<std::string> names;
  const Sketch* sketch = find_sketch(name);
  for (const schedule::CorpusCase& sample : schedule::corpus()) {
    if (!sketch->applies(workload_of(sample.program, sample.sizes))) continue;
    names.push_back(sample.name);
    for (uint64_t seed = 0; seed <= 10; ++seed) {
      std::mt19937_64 random(seed);
      EXPECT_EQ(fault_of(sample, *sketch, Choices({}, seed ? &random : nullptr)), "")
          << sample.name << ", " << seed;
    }
  }
  return names;
}

TEST(RowSketch, computes_the_corpus) {
  EXPECT_THAT(cases_of("rows"),
              testing::IsSupersetOf({"softmax", "layer_norm", "rms_norm", "log_sum_exp", "argmax",
                                     "column_sums", "reductions", "symbolic_softmax"}));
}

TEST(ElementwiseSketch, computes_the_corpus) {
  EXPECT_THAT(cases_of("elementwise"),
              testing::IsSupersetOf({"add", "broadcast_row", "gelu", "activations"}));
}

TEST(MovementSketch, computes_the_corpus) {
  EXPECT_THAT(cases_of("movement"), testing::IsSupersetOf({"transpose", "pad", "gather"}));
}

TEST(RowSketch, schedules_softmax_of_any_size) {
  for (const auto& [n, m] :
       std::vector<std::pair<int, int>>{{1, 1}, {3, 7}, {2, 16}, {5, 129}, {1, 300}, {0, 4}})
    expect_points("rows", schedule::softmax_program(n, m), 8, kClose);
}

TEST(RowSketch, schedules_layer_norm_of_any_size) {
  for (const auto& [n, m] : std::vector<std::pair<int, int>>{{1, 1}, {3, 7}, {5, 65}, {17, 32}})
    expect_points("rows", schedule::layer_norm_program(n, m), 8, kClose);
}

/// X[i, k, j] summed over k: neighbours in memory are neighbouring results.
Program middle_sums(int n, int k, int m) {
  const Tensor x = te::placeholder({n, k, m}, kFloat32, "X");
  const ReduceAxis over = te::reduce_axis(k, "k");
  const auto element = [&](const Point& p) -> te::Value { return te::sum(x({p[0], over, p[1]}), {over}); };
  return te::first_program({te::compute({n, m}, element, "Y", {"i", "j"})});
}

TEST(RowSketch, schedules_sums_across_memory) {
  for (const auto& [n, k, m] :
       std::vector<std::tuple<int, int, int>>{{1, 1, 1}, {2, 9, 5}, {1, 70, 33}, {3, 4, 160}, {1, 300, 7}})
    expect_points("rows", middle_sums(n, k, m), 8);
}

/// The sum of all elements.
Program total_sum(int n, int m) {
  const Tensor x = te::placeholder({n, m}, kFloat32, "X");
  const ReduceAxis i = te::reduce_axis(n, "i"), j = te::reduce_axis(m, "j");
  const auto element = [&](const Point&) -> te::Value { return te::sum(x({i, j}), {i, j}); };
  return te::first_program({te::compute({}, element, "Y")});
}

TEST(RowSketch, schedules_sums_of_everything) {
  for (const auto& [n, m] : std::vector<std::pair<int, int>>{{1, 1}, {3, 7}, {40, 33}})
    expect_points("rows", total_sum(n, m), 8);
}

/// How many loops of a kind the preferred point has.
int loops_of_kind(const std::string& sketch, const Program& program, LoopKind kind) {
  const auto candidate = make_candidate(workload_of(program), *find_sketch(sketch), Choices());
  int count = 0;
  if (candidate)
    for_each_node(candidate->program->body, [&](const Node* node) {
      const auto* loop = as<For>(node);
      count += loop && loop->loop_kind == kind;
    });
  return count;
}

TEST(RowSketch, shares_a_long_sum_among_threads) {
  EXPECT_GT(loops_of_kind("rows", total_sum(2000, 1000), LoopKind::kParallel), 0);
  EXPECT_GT(loops_of_kind("rows", middle_sums(1, 100000, 64), LoopKind::kParallel), 0);
}

TEST(RowSketch, leaves_little_work_to_one_thread) {
  EXPECT_EQ(loops_of_kind("rows", schedule::softmax_program(4, 16), LoopKind::kParallel), 0);
  EXPECT_GT(loops_of_kind("rows", schedule::softmax_program(512, 1024), LoopKind::kParallel), 0);
}

/// X with its dimensions in another order.
Program permuted(const std::vector<int>& shape, const std::vector<int>& order) {
  std::vector<te::Value> in, out;
  for (const int extent : shape) in.emplace_back(extent);
  for (const int d : order) out.emplace_back(shape[static_cast<std::size_t>(d)]);
  const Tensor x = te::placeholder(in, kFloat32, "X");
  const auto element = [&](const Point& p) -> te::Value {
    std::vector<te::Value> at(shape.size(), te::Value(0));
    for (std::size_t d = 0; d < order.size(); ++d) at[static_cast<std::size_t>(order[d])] = Expr(p[d]);
    return x(at);
  };
  return te::first_program({te::compute(out, element, "Y")});
}

TEST(MovementSketch, schedules_any_permutation) {
  expect_points("movement", permuted({5, 7}, {1, 0}), 10);
  expect_points("movement", permuted({1, 9}, {1, 0}), 10);
  expect_points("movement", permuted({0, 4}, {1, 0}), 10);
  expect_points("movement", permuted({67, 33}, {1, 0}), 10);
  expect_points("movement", permuted({2, 5, 3, 19}, {0, 3, 1, 2}), 10);
  expect_points("movement", permuted({2, 19, 3, 5}, {0, 2, 3, 1}), 10);
  expect_points("movement", permuted({4, 3, 18}, {2, 1, 0}), 10);
}

/// Y = f(A + bias of a dimension), of rank 3, or of rank 0.
Program biased(const std::vector<int>& shape) {
  std::vector<te::Value> extents;
  for (const int extent : shape) extents.emplace_back(extent);
  const Tensor a = te::placeholder(extents, kFloat32, "A");
  const Tensor shifted = te::compute(
      extents,
      [&](const Point& p) -> te::Value {
        return te::add(a({p.begin(), p.end()}), 1.0);
      },
      "shifted");
  const auto element = [&](const Point& p) -> te::Value {
    const Expr x = shifted({p.begin(), p.end()});
    return te::multiply(x, x);
  };
  return te::first_program({te::compute(extents, element, "Y")});
}

TEST(ElementwiseSketch, schedules_any_rank_and_size) {
  for (const std::vector<int>& shape :
       std::vector<std::vector<int>>{{}, {1}, {17}, {3, 5}, {2, 3, 7}, {1, 1, 70}, {4, 0}, {2, 2, 3, 33}})
    expect_points("elementwise", biased(shape), 8);
}

}  // namespace
}  // namespace tw::autotune
