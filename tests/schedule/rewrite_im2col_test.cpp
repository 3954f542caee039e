// The rewrite of convolutions to matrix products, against the direct sum.
#include <gmock/gmock.h>

#include "ir/text.h"
#include "schedule/convolutions.h"
#include "schedule/rewrite.h"
#include "te/math.h"
#include "te/reduce.h"

namespace tw::schedule {
namespace {

using testing::HasSubstr;

TEST(Im2col, computes_what_the_direct_sum_does) {
  for (const Conv& conv : all_kinds()) expect_same_meaning(rewritten(conv_program(conv), "im2col"));
}

TEST(Im2col, with_strides_dilation_groups_and_any_kernel) {
  expect_same_meaning(rewritten(conv_program({.stride = 2}), "im2col"));
  expect_same_meaning(
      rewritten(conv_program({.stride = 3, .nhwc = true, .padding = Padding::kWhere}), "im2col"));
  expect_same_meaning(rewritten(conv_program({.dilation = 2, .padding = Padding::kBuffer}), "im2col"));
  expect_same_meaning(rewritten(conv_program({.groups = 3}), "im2col"));
  expect_same_meaning(rewritten(conv_program({.n = 2, .groups = 2, .nhwc = true}), "im2col"));
  expect_same_meaning(rewritten(conv_program({.kernel = 5, .stride = 2, .dilation = 2}), "im2col"));
}

TEST(Im2col, of_groups_gathers_each_group_once) {
  Schedule s = rewritten(conv_program({.f = 4, .groups = 3}), "im2col");
  EXPECT_THAT(text_of(s), HasSubstr("data_patches: float32[3, 35, 27]"));
  EXPECT_THAT(text_of(s), HasSubstr("weight_matrix: float32[3, 27, 4]"));
  expect_same_meaning(s);
}

TEST(Im2col, after_split_k_guards_both_operands) {
  for (const int64_t parts : {2, 16}) {
    Schedule s(conv_program({.padding = Padding::kBuffer}));
    s.apply("rewrite", {s.block("conv"), "split_k", Value(List{Value(List{"parts", parts})})});
    s.apply("rewrite", {s.block("conv_parts"), "im2col", List{}});
    expect_same_meaning(s);
  }
}

TEST(Im2col, after_the_sum_was_set_apart) {
  Schedule s(conv_program({}));
  s.apply("decompose_reduction", {s.block("conv"), loops_of(s, "conv")[4]});
  s.apply("rewrite", {s.block("conv"), "im2col", List{}});
  EXPECT_THAT(text_of(s), testing::Not(HasSubstr("conv_init")));
  expect_same_meaning(s);
}

TEST(Im2col, after_the_loops_were_split_fused_and_run_in_parallel) {
  Schedule s(conv_program({.n = 2, .padding = Padding::kBuffer}));
  const auto loops = loops_of(s, "conv");
  const List y = *s.apply("split", {loops[2], Value(List{{}, Tunable{"t", 1, 64}})}).front().get_if<List>();
  const List x = *s.apply("split", {loops[3], Value(List{{}, 4})}).front().get_if<List>();
  s.apply("reorder", {Value(List{y[0], loops[4], y[1]})});
  const auto outer = s.apply("fuse", {Value(List{loops[0], loops[1]})});
  s.apply("parallel", {outer[0]});
  s.apply("compute_inline", {s.block("padded")});
  s.apply("rewrite", {s.block("conv"), "im2col", List{}});
  for (const int64_t t : {1, 3, 64}) expect_same_meaning(s, {{"t", t}});
}

TEST(Im2col, of_symbolic_sizes_and_sizes_of_zero) {
  const Conv conv{.n = te::var("n"),
                  .y = te::var("y"),
                  .x = te::var("x"),
                  .c = te::var("c"),
                  .f = te::var("f"),
                  .padding = Padding::kBuffer};
  const Schedule s = rewritten(conv_program(conv), "im2col");
  for (const auto& [n, y, x, c, f] : std::vector<std::array<int64_t, 5>>{
           {1, 5, 7, 3, 2}, {2, 3, 2, 1, 5}, {0, 3, 3, 1, 1}, {1, 3, 3, 0, 2}})
    expect_same_meaning(s, {{"n", n}, {"y", y}, {"x", x}, {"c", c}, {"f", f}});
}

TEST(Im2col, gathers_in_the_type_of_memory) {
  for (const DType dtype : {kFloat16, kBFloat16}) {
    const Schedule s = rewritten(conv_program({.dtype = dtype}), "im2col");
    EXPECT_THAT(text_of(s), HasSubstr("data_patches: " + to_string(dtype)));
    expect_same_meaning(s);
  }
  expect_same_meaning(rewritten(conv_program({.dtype = kInt32}), "im2col"));
}

TEST(Im2col, of_one_dimension_reads_and_writes_matrices_in_place) {
  const auto data = te::placeholder({9}, kFloat32, "data");
  const auto weight = te::placeholder({3, 4}, kFloat32, "weight");
  const ReduceAxis k = te::reduce_axis(3, "k");
  const auto conv = te::compute({7, 4},
                                [&](const std::vector<Var>& p) -> te::Value {
                                  return te::sum(te::multiply(data({p[0] + k.var}), weight({k, p[1]})), {k});
                                },
                                "conv", {"x", "f"});
  Schedule s(te::first_program({conv}));
  const auto made = s.apply("rewrite", {s.block("conv"), "im2col", List{}});
  EXPECT_EQ(made.front().get_if<List>()->size(), 2U);
  expect_same_meaning(s);
}

TEST(Im2col, is_followed_by_the_schedule_of_a_matrix_product) {
  Schedule s = rewritten(
      conv_program({.y = 9, .x = 7, .c = 5, .f = 17, .nhwc = true, .padding = Padding::kWhere}), "im2col");
  const auto loops = loops_of(s, "conv_product");
  const auto split = [&](const Value& loop, Value factor) {
    return *s.apply("split", {loop, Value(List{{}, std::move(factor)})}).front().get_if<List>();
  };
  const List ib = split(loops[0], Tunable{"mc", 14, 1 << 20, 14}), j = split(loops[1], 8);
  const List i = split(ib[1], 14);
  s.apply("reorder", {Value(List{ib[0], j[0], i[0], loops[2], i[1], j[1]})});
  s.apply("vectorize", {j[1]});
  s.apply("unroll", {i[1]});
  s.apply("compute_at", {s.block("data_patches"), ib[0]});
  s.apply("compute_inline", {s.block("weight_matrix")});
  for (const int64_t mc : {14, 28, 140}) expect_same_meaning(s, {{"mc", mc}});
}

TEST(Im2col, refuses_what_is_no_convolution) {
  EXPECT_THAT(refusal(matmul_program(5, 7, 3), "im2col", 0, "C"),
              HasSubstr("it is a matrix product already"));
  EXPECT_THAT(refusal(chain_program(5, 7), "im2col", 0, "scaled"), HasSubstr("block scaled is no reduction"));
}

TEST(Im2col, declares_no_error) {
  const auto applied = applied_rewrites(rewritten(conv_program({}), "im2col").program());
  ASSERT_EQ(applied.size(), 1U);
  EXPECT_EQ(applied[0].error_factor, 0);
  EXPECT_EQ(applied[0].error_per_term, 0);
}

}  // namespace
}  // namespace tw::schedule
