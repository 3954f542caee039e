// The sketch for convolutions by Winograd's filtering.
#include "autotune/space/points.h"
#include "schedule/convolutions.h"
#include "te/lower.h"
#include "te/math.h"
#include "te/reduce.h"

namespace tw::autotune {
namespace {

/// Y[n, y, x, f] of a padded image, and, if asked, relu(Y + bias + R).
Program convolution(int64_t n, int64_t y, int64_t x, int64_t c, int64_t f, bool epilogue) {
  const te::Tensor X = te::placeholder({n, y, x, c}, kFloat32, "X");
  const te::Tensor W = te::placeholder({3, 3, c, f}, kFloat32, "W", true);
  const te::Tensor padded = te::compute(
      {n, y + 2, x + 2, c},
      [&](const std::vector<Var>& p) -> te::Value {
        const Expr one(1), i = p[1], j = p[2];
        const Expr inside =
            logical_and(logical_and(le(one, i), le(i, Expr(y))), logical_and(le(one, j), le(j, Expr(x))));
        return te::where(inside, X({p[0], i - one, j - one, p[3]}), 0.0);
      },
      "padded");
  const ReduceAxis u = te::reduce_axis(3, "u"), v = te::reduce_axis(3, "v"), k = te::reduce_axis(c, "k");
  te::Tensor Y = te::compute(
      {n, y, x, f},
      [&](const std::vector<Var>& p) -> te::Value {
        return te::sum(
            te::multiply(padded({p[0], Expr(p[1]) + u.var, Expr(p[2]) + v.var, k}), W({u, v, k, p[3]})),
            {u, v, k});
      },
      "Y");
  if (epilogue) {
    const te::Tensor bias = te::placeholder({f}, kFloat32, "bias", true);
    const te::Tensor R = te::placeholder({n, y, x, f}, kFloat32, "R");
    Y = te::compute(
        {n, y, x, f},
        [&](const std::vector<Var>& p) -> te::Value {
          const std::vector<te::Value> at(p.begin(), p.end());
          return te::maximum(te::add(te::add(Y(at), bias({p[3]})), R(at)), 0.0);
        },
        "relu");
  }
  return te::first_program({Y});
}

TEST(WinogradSketch, schedules_convolutions) {
  expect_points("winograd", convolution(1, 7, 9, 5, 19, false), 6, 1e-3);
  expect_points("winograd", convolution(1, 8, 8, 16, 32, true), 6, 1e-3);
  expect_points("winograd", convolution(2, 5, 6, 3, 40, true), 6, 1e-3);
}

TEST(WinogradSketch, schedules_tiny_convolutions) {
  expect_points("winograd", convolution(1, 2, 3, 2, 3, false), 4, 1e-3);
  expect_points("winograd", convolution(2, 2, 2, 2, 2, true), 4, 1e-3);
}

TEST(WinogradSketch, applies_only_where_an_error_is_allowed) {
  Workload workload = workload_of(convolution(1, 8, 8, 16, 32, false));
  EXPECT_TRUE(find_sketch("winograd")->applies(workload));
  workload.bounded = false;
  EXPECT_FALSE(find_sketch("winograd")->applies(workload));
  schedule::Conv strided{.stride = 2, .nhwc = true};
  EXPECT_FALSE(find_sketch("winograd")->applies(workload_of(schedule::conv_program(strided))));
}

}  // namespace
}  // namespace tw::autotune
