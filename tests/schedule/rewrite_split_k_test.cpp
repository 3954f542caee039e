// The rewrite split_k: pieces of a reduction apart.
#include <gmock/gmock.h>

#include "ir/text.h"
#include "schedule/fixtures.h"
#include "schedule/moving_programs.h"
#include "schedule/rewrite.h"
#include "te/math.h"
#include "te/reduce.h"
#include "te/scatter.h"

namespace tw::schedule {
namespace {

using testing::HasSubstr;
using testing::Not;

List options(const Value& parts, int axis = 0) {
  List list;
  if (axis) list.push_back(List{"axis", axis});
  list.push_back(List{"parts", parts});
  return list;
}

List rewrite(Schedule& s, const Value& block, const Value& parts, int axis = 0) {
  return *s.apply("rewrite", {block, "split_k", Value(options(parts, axis))})[0].get_if<List>();
}

using Combine = std::function<Expr(const Expr&, const te::Axes&)>;

/// out[i] = combine of A[i, k, l] over k and l.
Program reduction_program(const te::Value& n, const te::Value& k, const te::Value& l,
                          const Combine& combine) {
  const auto a = te::placeholder({n, k, l}, kFloat32, "A");
  const ReduceAxis kk = te::reduce_axis(k, "k"), ll = te::reduce_axis(l, "l");
  const auto out = te::compute({n},
                               [&](const std::vector<Var>& p) -> te::Value {
                                 return combine(a({p[0], kk, ll}), {kk, ll});
                               },
                               "out", {"i"});
  return te::first_program({out}, std::nullopt, "reduction");
}

TEST(SplitK, takes_odd_prime_and_unit_sizes) {
  for (const int k : {1, 2, 7, 16, 31})
    for (const int parts : {1, 3, 4, 40}) {
      Schedule s(matmul_program(5, 3, k));
      EXPECT_EQ(rewrite(s, s.block("C"), parts).size(), 2U);
      expect_same_meaning(s);
    }
}

TEST(SplitK, takes_pieces_that_follow_each_other) {
  Schedule s(matmul_program(5, 3, 16));
  rewrite(s, s.block("C"), 4);
  EXPECT_THAT(text_of(s), HasSubstr("A[vi, vp * 4 + vk] * B[vp * 4 + vk, vj]"));
  EXPECT_THAT(text_of(s), Not(HasSubstr("select")));
  EXPECT_EQ(applied_rewrites(s.program()).back().error_factor, 0);
}

TEST(SplitK, takes_symbolic_sizes_empty_ones_among_them) {
  const Var n = te::var("n"), k = te::var("k");
  Schedule s(matmul_program(n, 4, k));
  rewrite(s, s.block("C"), 4);
  for (const int64_t rows : {0, 1, 5})
    for (const int64_t columns : {0, 1, 3, 8, 13}) expect_same_meaning(s, {{"n", rows}, {"k", columns}});
}

TEST(SplitK, takes_a_parameter_that_divides_or_not) {
  const Var k = te::var("k", 1, 100);
  Schedule s(matmul_program(3, 4, k));
  rewrite(s, s.block("C"), Tunable{"parts", 1, 64});
  for (const int64_t columns : {1, 7, 12, 31})
    for (const int64_t parts : {1, 3, 4, 12, 64}) expect_same_meaning(s, {{"k", columns}, {"parts", parts}});
}

TEST(SplitK, takes_any_reducer_and_axis) {
  const std::vector<Combine> reducers = {
      [](const Expr& x, const te::Axes& axes) { return te::sum(x, axes); },
      [](const Expr& x, const te::Axes& axes) { return te::max(x, axes); },
      [](const Expr& x, const te::Axes& axes) { return te::min(x, axes); },
      [](const Expr& x, const te::Axes& axes) { return te::prod(te::multiply(te::less(x, 0), 2.0F), axes); },
      [](const Expr& x, const te::Axes& axes) {
        return te::astype(te::any(te::less(x, -7), axes), kFloat32);
      },
      [](const Expr& x, const te::Axes& axes) { return te::astype(te::argmax(x, axes), kFloat32); }};
  for (const Combine& reducer : reducers)
    for (const int axis : {0, 1})
      for (const int parts : {2, 3}) {
        Schedule s(reduction_program(4, 7, 5, reducer));
        rewrite(s, s.blocks()[0], parts, axis);
        expect_same_meaning(s);
      }
}

TEST(SplitK, takes_contractions_with_windows) {
  for (const int axis : {0, 1, 2}) {
    const auto data = te::placeholder({3, 9, 9}, kFloat32, "data");
    const auto weight = te::placeholder({4, 3, 3, 3}, kFloat32, "weight");
    const ReduceAxis c = te::reduce_axis(3, "c"), y = te::reduce_axis(3, "y"), x = te::reduce_axis(3, "x");
    const auto conv = te::compute(
        {4, 7, 7},
        [&](const std::vector<Var>& p) -> te::Value {
          return te::sum(te::multiply(data({c, te::add(p[1], y), te::add(p[2], x)}), weight({p[0], c, y, x})),
                         {c, y, x});
        },
        "conv");
    Schedule s(te::first_program({conv}));
    rewrite(s, s.block("conv"), 2, axis);
    expect_same_meaning(s);
  }
}

TEST(SplitK, computes_parts_at_once_or_where_they_are_combined) {
  for (const int k : {8, 13}) {
    Schedule s(matmul_program(6, 5, k));
    const List blocks = rewrite(s, s.block("C"), 3);
    s.apply("parallel", {loops_of(s, "C_parts")[0]});
    expect_same_meaning(s);
    Schedule t(matmul_program(6, 5, k));
    rewrite(t, t.block("C"), 3);
    const auto loops = loops_of(t, "C");
    t.apply("reorder", {Value(List{loops[2], loops[0], loops[1]})});
    t.apply("compute_at", {t.block("C_parts"), loops_of(t, "C")[0]});
    expect_same_meaning(t);
  }
}

TEST(SplitK, splits_a_part_again) {
  Schedule s(matmul_program(5, 3, 24));
  const List blocks = rewrite(s, s.block("C"), 4);
  rewrite(s, blocks[0], 2);
  expect_same_meaning(s);
  const std::vector<AppliedRewrite> applied = applied_rewrites(s.program());
  ASSERT_EQ(applied.size(), 2U);
  EXPECT_EQ(applied[0].call, "split_k(parts=4)");
}

TEST(SplitK, works_behind_a_producer_and_before_a_reader) {
  for (const int m : {6, 7}) {
    Schedule s(dense_program(5, 4, m));
    rewrite(s, s.block("product"), 3);
    expect_same_meaning(s);
  }
}

TEST(SplitK, refuses_what_is_no_reduction_into_whole_buffers) {
  Schedule chain(chain_program(5, 7));
  EXPECT_THAT(error_of([&] { rewrite(chain, chain.block("scaled"), 2); }),
              HasSubstr("block scaled is no reduction; split_k takes a reduction into whole buffers"));
  Schedule s(matmul_program(5, 3, 8));
  const std::string before = text_of(s);
  EXPECT_THAT(error_of([&] { rewrite(s, s.block("C"), 2, 1); }),
              HasSubstr("block C has 1 reduction axis; axis must be from 0 to 0, and is 1"));
  EXPECT_THAT(error_of([&] {
                s.apply("rewrite", {s.block("C"), "split_k", Value(List{})});
              }),
              HasSubstr("parts"));
  EXPECT_EQ(text_of(s), before);
}

TEST(SplitK, refuses_updates_of_what_is_there) {
  const auto init = te::placeholder({4}, kFloat32, "init");
  const auto a = te::placeholder({9}, kFloat32, "A");
  const auto out = te::scatter(
      init, {9},
      [&](const std::vector<Var>& p) -> std::vector<te::Value> { return {te::remainder(p[0], 4)}; },
      [&](const std::vector<Var>& p) -> te::Value { return a({p[0]}); }, te::ScatterCombine::kSum, "out");
  Schedule s(te::first_program({out}));
  EXPECT_THAT(error_of([&] { rewrite(s, s.block("out_update"), 2); }),
              HasSubstr("does not write the whole of buffer out at its own axes"));
}

}  // namespace
}  // namespace tw::schedule
