// The rewrite reciprocals: one division where several points share a divisor.
#include <gmock/gmock.h>

#include "ir/text.h"
#include "schedule/fixtures.h"
#include "schedule/moving_programs.h"
#include "schedule/rewrite.h"
#include "te/math.h"
#include "te/reduce.h"

namespace tw::schedule {
namespace {

using testing::HasSubstr;

List rewrite(Schedule& s, const std::string& block) {
  return *s.apply("rewrite", {s.block(block), "reciprocals", Value(List{})})[0].get_if<List>();
}

using Pointwise =
    std::function<te::Value(const te::Tensor& x, const te::Tensor& total, const std::vector<Var>& point)>;

/// out[i, j] = value(x, total) with total[i] = the sum of |x[i, j]| over j, plus 1.
Program scaled_program(const te::Value& n, const te::Value& m, const Pointwise& value,
                       DType type = kFloat32) {
  const auto x = te::placeholder({n, m}, type, "x");
  const ReduceAxis j = te::reduce_axis(m, "j");
  const auto total = te::compute({n},
                                 [&](const std::vector<Var>& p) -> te::Value {
                                   return te::sum(te::abs(x({p[0], j})), {j});
                                 },
                                 "total", {"i"});
  const auto out =
      te::compute({n, m}, [&](const std::vector<Var>& p) { return value(x, total, p); }, "out", {"i", "j"});
  return te::first_program({out}, std::nullopt, "scaled");
}

te::Value quotient(const te::Tensor& x, const te::Tensor& total, const std::vector<Var>& p) {
  return te::divide(x({p[0], p[1]}), te::add(total({p[0]}), 1.0F));
}

double error_factor(const Schedule& s) {
  return applied_rewrites(s.program()).back().error_factor;
}

TEST(Reciprocals, takes_odd_unit_and_no_sizes) {
  for (const int n : {0, 1, 5})
    for (const int m : {0, 1, 7, 32}) {
      Schedule s(scaled_program(n, m, quotient));
      EXPECT_EQ(rewrite(s, "out").size(), 2U);
      EXPECT_EQ(error_factor(s), 2);
      expect_close_meaning(s, {}, 1e-6);
    }
}

TEST(Reciprocals, takes_symbolic_sizes_and_every_float) {
  const Var n = te::var("n"), m = te::var("m");
  for (const DType type : {kFloat32, kFloat64}) {
    Schedule s(scaled_program(n, m, quotient, type));
    rewrite(s, "out");
    for (const int64_t rows : {0, 3}) expect_close_meaning(s, {{"n", rows}, {"m", 5}}, 1e-6);
  }
}

TEST(Reciprocals, divides_once_a_row) {
  Schedule s(scaled_program(4, 8, quotient));
  rewrite(s, "out");
  EXPECT_THAT(text_of(s), HasSubstr("out_reciprocal[vi_1] = 1.0f32 / (total[vi_1] + 1.0f32)"));
  EXPECT_THAT(text_of(s), HasSubstr("x[vi_2, vj_1] * out_reciprocal[vi_2]"));
}

TEST(Reciprocals, shares_equal_divisors_and_counts_their_errors) {
  Schedule s(
      scaled_program(4, 8, [](const te::Tensor& x, const te::Tensor& total, const std::vector<Var>& p) {
        const Expr sum = te::add(total({p[0]}), 1.0F), value = x({p[0], p[1]});
        return te::Value(te::add(te::multiply(te::divide(value, sum), te::divide(2.0F, sum)), value));
      }));
  EXPECT_EQ(rewrite(s, "out").size(), 2U);
  EXPECT_EQ(error_factor(s), 4);
  expect_close_meaning(s, {}, 1e-6);
}

TEST(Reciprocals, takes_a_divisor_that_all_points_share) {
  Schedule s(
      scaled_program(4, 8, [](const te::Tensor& x, const te::Tensor& total, const std::vector<Var>& p) {
        return te::Value(te::divide(x({p[0], p[1]}), te::add(total({0}), 1.0F)));
      }));
  rewrite(s, "out");
  expect_close_meaning(s, {}, 1e-6);
}

TEST(Reciprocals, leaves_quotients_whose_errors_would_grow) {
  Schedule s(
      scaled_program(4, 8, [](const te::Tensor& x, const te::Tensor& total, const std::vector<Var>& p) {
        const Expr share = te::divide(x({p[0], p[1]}), te::add(total({p[0]}), 1.0F));
        return te::Value(te::add(te::exp(share), share));
      }));
  rewrite(s, "out");
  EXPECT_THAT(text_of(s), HasSubstr("exp(x[vi_2, vj_1] / (total[vi_2] + 1.0f32))"));
  EXPECT_EQ(error_factor(s), 2);
  expect_close_meaning(s, {}, 1e-6);
}

TEST(Reciprocals, is_a_step_of_a_softmax) {
  for (const int columns : {1, 16, 37}) {
    Schedule s(softmax_program(5, columns));
    rewrite(s, "softmax");
    expect_close_meaning(s, {}, 1e-6);
  }
}

TEST(Reciprocals, refuses_where_nothing_is_shared) {
  const auto refused = [](const Pointwise& value) {
    Schedule s(scaled_program(4, 8, value));
    return error_of([&] { rewrite(s, "out"); });
  };
  EXPECT_THAT(refused([](const te::Tensor& x, const te::Tensor&, const std::vector<Var>& p) {
                return te::Value(te::divide(1.0F, x({p[0], p[1]})));
              }),
              HasSubstr("block out divides by nothing that several of its points share"));
  EXPECT_THAT(refused([](const te::Tensor& x, const te::Tensor&, const std::vector<Var>& p) {
                return te::Value(te::divide(x({p[0], p[1]}), 3.0F));
              }),
              HasSubstr("read from a buffer"));
  Schedule s(scaled_program(4, 8, quotient));
  EXPECT_THAT(error_of([&] { rewrite(s, "total"); }),
              HasSubstr("stores one value at each point of its axes"));
}

}  // namespace
}  // namespace tw::schedule
