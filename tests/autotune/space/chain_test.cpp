// The sketch of products with row-wise chains around them, in the forms that people write them.
#include "autotune/space/points.h"
#include "schedule/attention_programs.h"
#include "te/math.h"
#include "te/reduce.h"

namespace tw::autotune {
namespace {

using Point = std::vector<Var>;
using schedule::AttentionForm;
using te::Tensor;

constexpr double kClose = 2e-5;

Tensor product(const Tensor& a, const Tensor& b, const std::string& name) {
  const ReduceAxis k = te::reduce_axis(a.shape()[1], "k");
  return te::compute({a.shape()[0], b.shape()[1]},
                     [&](const Point& p) -> te::Value {
                       return te::sum(te::multiply(a({p[0], k}), b({k, p[1]})), {k});
                     },
                     name, {"i", "j"});
}

Tensor placeholder(int n, int m, const std::string& name) {
  return te::placeholder({n, m}, kFloat32, name);
}

/// Query and key multiplied, then a form of softmax and product; `mask`: whether later keys are left out.
Program attention(int n, int m, int d, AttentionForm form, bool mask) {
  if (mask) return schedule::causal_attention(n, m, d);
  const Tensor scores = product(placeholder(n, d, "Q"), placeholder(d, m, "K"), "scores");
  return schedule::attend(n, m, d, form, [&](const te::Value& i, const te::Value& k) {
    return scores({i, k});
  });
}

TEST(ChainSketch, schedules_attention_in_every_form) {
  for (const AttentionForm form : schedule::kAttentionForms) {
    SCOPED_TRACE(static_cast<int>(form));
    expect_points("chain", attention(5, 7, 3, form, false), 10, kClose);
    expect_points("chain", attention(19, 33, 20, form, false), 4, kClose);
  }
}

TEST(ChainSketch, schedules_causal_attention_of_any_size) {
  for (const auto& [n, m, d] : std::vector<std::tuple<int, int, int>>{{1, 1, 1}, {7, 7, 3}, {18, 18, 16}})
    expect_points("chain", attention(n, m, d, AttentionForm::kBlocks, true), 10, kClose);
}

/// GELU, near enough, of a product; a second product; a bias.
Program two_layers(int n, int m, int h, int o) {
  const Tensor bias = te::placeholder({o}, kFloat32, "bias", true);
  const Tensor wide = product(placeholder(n, m, "X"), te::placeholder({m, h}, kFloat32, "W1", true), "wide");
  const Tensor bent = te::compute(
      {n, h},
      [&](const Point& p) -> te::Value {
        const Expr x = wide({p[0], p[1]});
        return te::multiply(x, te::sigmoid(te::multiply(1.702, x)));
      },
      "bent");
  const Tensor narrow = product(bent, te::placeholder({h, o}, kFloat32, "W2", true), "narrow");
  const auto element = [&](const Point& p) -> te::Value {
    return te::add(narrow({p[0], p[1]}), bias({p[1]}));
  };
  return te::first_program({te::compute({n, o}, element, "Y")});
}

TEST(ChainSketch, schedules_products_one_after_the_other) {
  expect_points("chain", two_layers(1, 1, 1, 1), 8, kClose);
  expect_points("chain", two_layers(5, 7, 37, 3), 12, kClose);
  expect_points("chain", two_layers(19, 16, 48, 32), 8, kClose);
}

/// (x - mean) * scale of rows x = A B + residual.
Program product_and_norm(int n, int m, int k) {
  const Tensor residual = placeholder(n, m, "R");
  const Tensor sums = product(placeholder(n, k, "A"), te::placeholder({k, m}, kFloat32, "B", true), "sums");
  const ReduceAxis j = te::reduce_axis(m, "j"), l = te::reduce_axis(m, "l");
  const Tensor x = te::compute(
      {n, m},
      [&](const Point& p) -> te::Value {
        return te::add(sums({p[0], p[1]}), residual({p[0], p[1]}));
      },
      "x");
  const Tensor mean = te::compute(
      {n},
      [&](const Point& p) -> te::Value {
        return te::divide(te::sum(x({p[0], j}), {j}), static_cast<double>(m));
      },
      "mean");
  const auto centred = [&](const te::Value& i, const te::Value& at) {
    return te::subtract(x({i, at}), mean({i}));
  };
  const Tensor spread = te::compute(
      {n},
      [&](const Point& p) -> te::Value {
        const Expr c = centred(p[0], l);
        return te::sum(te::multiply(c, c), {l});
      },
      "spread");
  const auto element = [&](const Point& p) -> te::Value {
    return te::multiply(centred(p[0], p[1]), te::rsqrt(te::add(spread({p[0]}), 1.0)));
  };
  return te::first_program({te::compute({n, m}, element, "Y")});
}

TEST(ChainSketch, schedules_a_product_with_residual_and_norm) {
  expect_points("chain", product_and_norm(1, 1, 1), 8, kClose);
  expect_points("chain", product_and_norm(5, 37, 3), 12, kClose);
  expect_points("chain", product_and_norm(18, 64, 16), 6, kClose);
}

TEST(ChainSketch, offers_products_where_their_rows_are_needed_and_in_nests_of_their_own) {
  const Workload workload = workload_of(attention(16, 16, 16, AttentionForm::kBlocks, false));
  const auto near = make_candidate(workload, *find_sketch("chain"), Choices());
  ASSERT_TRUE(near);
  Values apart;
  for (const Choices::Hole& hole : near->holes)
    if (hole.name.starts_with("product")) {
      EXPECT_EQ(hole.value, 1) << hole.name;
      apart[hole.name] = 0;
    }
  EXPECT_EQ(apart.size(), 2u);
  std::string why;
  const auto far = make_candidate(workload, *find_sketch("chain"), Choices(apart), &why);
  ASSERT_TRUE(far) << why;
  EXPECT_NE(near->structure, far->structure);
}

}  // namespace
}  // namespace tw::autotune
