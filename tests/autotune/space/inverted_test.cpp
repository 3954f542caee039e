// The sketch for inverted residual blocks.
#include "autotune/space/points.h"
#include "te/lower.h"
#include "te/math.h"
#include "te/reduce.h"

namespace tw::autotune {
namespace {

struct Shape {
  int64_t n = 1, h = 5, w = 7, c = 3, e = 20, o = 9, stride = 1;
  bool clipped = true, residual = false;
};

/// An image widened, filtered with zeros around it, narrowed; clipped at 6 after each of the first two.
Program inverted_program(const Shape& p) {
  const int64_t ho = (p.h - 1) / p.stride + 1, wo = (p.w - 1) / p.stride + 1;
  const te::Tensor X = te::placeholder({p.n, p.h, p.w, p.c}, kFloat32, "X");
  const te::Tensor W1 = te::placeholder({p.c, p.e}, kFloat32, "W1", true),
                   W2 = te::placeholder({3, 3, p.e}, kFloat32, "W2", true),
                   W3 = te::placeholder({p.e, p.o}, kFloat32, "W3", true);
  const auto all = [](const std::vector<Var>& v) { return std::vector<te::Value>(v.begin(), v.end()); };
  const auto clip = [&](const te::Tensor& t, const std::string& name) {
    if (!p.clipped) return t;
    return te::compute(
        std::vector<te::Value>(t.shape().begin(), t.shape().end()),
        [&](const std::vector<Var>& v) -> te::Value { return te::minimum(te::maximum(t(all(v)), 0.0), 6.0); },
        name);
  };
  const ReduceAxis c = te::reduce_axis(p.c, "c"), e = te::reduce_axis(p.e, "e"), u = te::reduce_axis(3, "u"),
                   v = te::reduce_axis(3, "v");
  const te::Tensor wide =
      clip(te::compute(
               {p.n, p.h, p.w, p.e},
               [&](const std::vector<Var>& i) -> te::Value {
                 return te::sum(te::multiply(X({i[0], i[1], i[2], c}), W1({c, i[3]})), {c});
               },
               "wide"),
           "wide6");
  const te::Tensor padded = te::compute(
      {p.n, p.h + 2, p.w + 2, p.e},
      [&](const std::vector<Var>& i) -> te::Value {
        const Expr one(1), y = i[1], x = i[2];
        const Expr inside =
            logical_and(logical_and(le(one, y), le(y, Expr(p.h))), logical_and(le(one, x), le(x, Expr(p.w))));
        return te::where(inside, wide({i[0], y - one, x - one, i[3]}), 0.0);
      },
      "padded");
  const te::Tensor deep =
      clip(te::compute(
               {p.n, ho, wo, p.e},
               [&](const std::vector<Var>& i) -> te::Value {
                 const Expr y = Expr(i[1]) * Expr(p.stride) + u.var, x = Expr(i[2]) * Expr(p.stride) + v.var;
                 return te::sum(te::multiply(padded({i[0], y, x, i[3]}), W2({u, v, i[3]})), {u, v});
               },
               "deep"),
           "deep6");
  te::Tensor Y = te::compute(
      {p.n, ho, wo, p.o},
      [&](const std::vector<Var>& i) -> te::Value {
        return te::sum(te::multiply(deep({i[0], i[1], i[2], e}), W3({e, i[3]})), {e});
      },
      "Y");
  if (p.residual) {
    const te::Tensor R = te::placeholder({p.n, ho, wo, p.o}, kFloat32, "R");
    Y = te::compute(
        {p.n, ho, wo, p.o},
        [&](const std::vector<Var>& i) -> te::Value { return te::add(Y(all(i)), R(all(i))); }, "out");
  }
  return te::first_program({Y});
}

TEST(InvertedSketch, schedules_blocks_of_all_kinds) {
  expect_points("inverted", inverted_program({}), 8);
  expect_points("inverted", inverted_program({.stride = 2}), 8);
  expect_points("inverted",
                inverted_program({.n = 2, .h = 4, .w = 4, .c = 8, .e = 32, .o = 16, .residual = true}), 8);
  expect_points("inverted", inverted_program({.h = 3, .w = 6, .e = 16, .clipped = false}), 8);
}

TEST(InvertedSketch, schedules_tiny_blocks) {
  expect_points("inverted", inverted_program({.h = 2, .w = 2, .c = 2, .e = 2, .o = 2}), 4);
  expect_points("inverted", inverted_program({.h = 2, .w = 9, .c = 2, .e = 17, .o = 3}), 4);
}

}  // namespace
}  // namespace tw::autotune
