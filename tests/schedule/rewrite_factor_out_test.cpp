// The rewrite factor_out: factors that a sum along one axis does not need are multiplied after it.
#include <gmock/gmock.h>

#include "schedule/fixtures.h"
#include "schedule/rewrite.h"
#include "te/math.h"
#include "te/reduce.h"

namespace tw::schedule {
namespace {

using testing::HasSubstr;

List rewrite(Schedule& s, const std::string& block, int axis) {
  const List option{Value("axis"), Value(axis)};
  return *s.apply("rewrite", {s.block(block), "factor_out", Value(List{Value(option)})})[0].get_if<List>();
}

/// D[x, y] = the sum over u and v of T[x, u, v] C[v, y] B[u, y].
Program three_factors(const te::Value& x, const te::Value& y, const te::Value& u, const te::Value& v,
                      DType type = kFloat32) {
  const auto t = te::placeholder({x, u, v}, type, "T"), b = te::placeholder({u, y}, type, "B"),
             c = te::placeholder({v, y}, type, "C");
  const ReduceAxis uu = te::reduce_axis(u, "u"), vv = te::reduce_axis(v, "v");
  const auto d = te::compute({x, y},
                             [&](const std::vector<Var>& p) -> te::Value {
                               const Expr first = te::multiply(t({p[0], uu, vv}), c({vv, p[1]}));
                               return te::sum(te::multiply(first, b({uu, p[1]})), {uu, vv});
                             },
                             "D", {"x", "y"});
  return te::first_program({d}, std::nullopt, "three_factors");
}

TEST(FactorOut, sums_along_either_axis_first) {
  for (const int axis : {0, 1})
    for (const int v : {1, 6}) {
      Schedule s(three_factors(3, 4, 5, v));
      EXPECT_EQ(rewrite(s, "D", axis).size(), 2U);
      EXPECT_EQ(applied_rewrites(s.program()).back().error_factor, 0);
      expect_same_meaning(s);
    }
}

TEST(FactorOut, takes_empty_sums_symbolic_sizes_and_every_type) {
  const Var x = te::var("x"), v = te::var("v");
  for (const DType type : {kFloat16, kFloat32, kFloat64, kInt32}) {
    Schedule s(three_factors(x, 4, 5, v, type));
    rewrite(s, type == kFloat16 ? "D_sum" : "D", 1);
    for (const int64_t steps : {0, 7}) expect_same_meaning(s, {{"x", 3}, {"v", steps}});
  }
}

TEST(FactorOut, sums_over_the_axes_that_the_factors_use) {
  Schedule s(three_factors(3, 4, 5, 6));
  rewrite(s, "D", 1);
  EXPECT_THAT(text_of(s), HasSubstr("allocate D_inner: float32[5, 3, 4]"));
  EXPECT_THAT(text_of(s), HasSubstr("D_inner[vu, vx, vy] + T[vx, vu, vv] * C[vv, vy]"));
}

/// out[i, j] = the sum over k of value.
template <class F>
Program one_axis(F&& value) {
  const auto a = te::placeholder({5, 7}, kFloat32, "A"), b = te::placeholder({4}, kFloat32, "B");
  const ReduceAxis k = te::reduce_axis(7, "k");
  const auto out = te::compute({5, 4},
                               [&](const std::vector<Var>& p) -> te::Value {
                                 return value(a({p[0], k}), b({p[1]}), te::Axes{k});
                               },
                               "out", {"i", "j"});
  return te::first_program({out}, std::nullopt, "one_axis");
}

TEST(FactorOut, multiplies_the_only_sum_by_what_is_left) {
  Schedule s(one_axis(
      [](const Expr& a, const Expr& b, const te::Axes& k) { return te::sum(te::multiply(a, b), k); }));
  rewrite(s, "out", 0);
  EXPECT_THAT(text_of(s), HasSubstr("allocate out_inner: float32[5]"));
  expect_same_meaning(s);
}

TEST(FactorOut, refuses_what_has_no_common_factor) {
  const auto refused = [](const Program& program, const std::string& block, int axis) {
    Schedule s(program);
    return error_of([&] { rewrite(s, block, axis); });
  };
  const auto sum = [](const Expr& a, const Expr&, const te::Axes& k) { return te::sum(a, k); };
  EXPECT_THAT(refused(one_axis(sum), "out", 0), HasSubstr("nothing can be multiplied after the sum"));
  EXPECT_THAT(refused(one_axis(sum), "out", 1), HasSubstr("axis must be from 0 to 0, and is 1"));
  const auto most = [](const Expr& a, const Expr& b, const te::Axes& k) {
    return te::max(te::multiply(a, b), k);
  };
  EXPECT_THAT(refused(one_axis(most), "out", 0), HasSubstr("does not reduce with sum"));
}

}  // namespace
}  // namespace tw::schedule
