// The sketch for any program, on the whole corpus: every choice gives a program, and it computes what the
// first one does.
#include <gmock/gmock.h>

#include "autotune/space/points.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "schedule/corpus/programs.h"
#include "te/math.h"
#include "te/reduce.h"
#include "te/scan.h"

namespace tw::autotune {
namespace {

using schedule::CorpusCase;
using testing::HasSubstr;

Workload workload_of_case(const CorpusCase& sample) {
  Workload workload{sample.program, machine_of(codegen::parse_target("llvm -threads=2")), false, {}};
  workload.sizes = sample.sizes;
  return workload;
}

std::string fault_of(const CorpusCase& sample, const Workload& workload, Choices choices) {
  std::string why;
  const auto candidate = make_candidate(workload, *find_sketch("general"), std::move(choices), &why);
  if (!candidate) return "no candidate: " + why;
  std::string wrong;
  try {
    wrong = difference(run_case(sample, candidate->program, candidate->parameters),
                       run_case(sample, sample.program));
  } catch (const std::exception& error) {
    wrong = error.what();
  }
  return wrong.empty() ? wrong
                       : wrong + "\n" + candidate->trace.to_json() + "\n" + to_text(candidate->program);
}

TEST(GeneralSketch, schedules_every_program_of_the_corpus) {
  for (const CorpusCase& sample : schedule::corpus()) {
    SCOPED_TRACE(sample.name);
    EXPECT_EQ(fault_of(sample, workload_of_case(sample), Choices()), "");
  }
}

TEST(GeneralSketch, every_choice_computes_the_same) {
  for (const CorpusCase& sample : schedule::corpus()) {
    const Workload workload = workload_of_case(sample);
    for (uint64_t seed = 0; seed < 20; ++seed) {
      SCOPED_TRACE(sample.name + " " + std::to_string(seed));
      std::mt19937_64 random(seed);
      const std::string fault = fault_of(sample, workload, Choices({}, &random));
      EXPECT_EQ(fault, "");
      if (!fault.empty()) break;
    }
  }
}

/// The program at the point that the sketch prefers.
std::string preferred(const Program& program) {
  std::string why;
  const auto candidate = make_candidate(workload_of(program), *find_sketch("general"), Choices(), &why);
  return candidate ? to_text(candidate->program) : why;
}

/// D[x, y] = the sum over u and v of T[x, u, v] C[v, y] B[u, y].
Program three_factors(int x, int y, int u, int v) {
  const auto t = te::placeholder({x, u, v}, kFloat32, "T"), b = te::placeholder({u, y}, kFloat32, "B"),
             c = te::placeholder({v, y}, kFloat32, "C");
  const ReduceAxis uu = te::reduce_axis(u, "u"), vv = te::reduce_axis(v, "v");
  const auto d = te::compute({x, y},
                             [&](const std::vector<Var>& p) -> te::Value {
                               const Expr first = te::multiply(t({p[0], uu, vv}), c({vv, p[1]}));
                               return te::sum(te::multiply(first, b({uu, p[1]})), {uu, vv});
                             },
                             "D", {"x", "y"});
  return te::first_program({d}, std::nullopt, "three_factors");
}

TEST(GeneralSketch, multiplies_by_common_factors_after_a_long_sum) {
  EXPECT_THAT(preferred(three_factors(6, 17, 5, 19)), HasSubstr("factor_out(axis=1)"));
  EXPECT_THAT(preferred(three_factors(6, 17, 5, 3)), testing::Not(HasSubstr("factor_out")));
  expect_points("general", three_factors(5, 17, 3, 19));
  expect_points("general", three_factors(2, 3, 18, 4));
}

/// F[i, d] = the sum over j of (P[j, 0] - P[i, 0])^2 (P[j, d] - P[i, d]).
Program pairs(int n) {
  const auto p = te::placeholder({n, 3}, kFloat32, "P");
  const ReduceAxis j = te::reduce_axis(n, "j");
  const auto f = te::compute({n, 3},
                             [&](const std::vector<Var>& at) -> te::Value {
                               const Expr first = te::subtract(p({j, 0}), p({at[0], 0})),
                                          away = te::subtract(p({j, at[1]}), p({at[0], at[1]}));
                               return te::sum(te::multiply(te::multiply(first, first), away), {j});
                             },
                             "F", {"i", "d"});
  return te::first_program({f}, std::nullopt, "pairs");
}

TEST(GeneralSketch, copies_what_is_read_in_steps) {
  EXPECT_THAT(preferred(pairs(80)), HasSubstr("allocate P_global: float32[3, 80]"));
  EXPECT_THAT(preferred(pairs(15)), testing::Not(HasSubstr("P_global")));  // shorter than a vector
  expect_points("general", pairs(70), 6);
}

TEST(GeneralSketch, keeps_lanes_of_sums_in_neighbours) {
  EXPECT_THAT(preferred(pairs(80)), HasSubstr("allocate F_local: local float32[3, 80]"));
}

TEST(GeneralSketch, shares_the_columns_of_a_recurrence_once) {
  const auto x = te::placeholder({400, 320}, kFloat32, "x"),
             first = te::placeholder({320}, kFloat32, "first");
  const auto step = [&](const std::vector<te::Tensor>& h, const Var& t,
                        const std::vector<Var>& i) -> std::vector<te::Value> {
    return {te::add(h[0]({t - 1, i[0]}), x({t, i[0]}))};
  };
  const std::string text =
      preferred(te::first_program(te::scan({first}, step, 400, "H"), std::nullopt, "recurrence"));
  ASSERT_THAT(text, HasSubstr("ordered for"));
  EXPECT_LT(text.find("in parallel("), text.find("ordered for"));
}

TEST(GeneralSketch, writes_out_windows) {
  const auto x = te::placeholder({3, 40}, kFloat32, "X");
  const ReduceAxis q = te::reduce_axis(3, "q");
  const auto at = te::compute({3, 38},
                              [&](const std::vector<Var>& p) -> te::Value {
                                return te::argmax(x({p[0], p[1] + q.var}), {q});
                              },
                              "at", {"i", "j"});
  const Program program = te::first_program({at}, std::nullopt, "places");
  EXPECT_THAT(preferred(program), HasSubstr("for q in unrolled(3)"));
  expect_points("general", program);
}

}  // namespace
}  // namespace tw::autotune
