// The primitives that change loops: split, fuse, reorder, parallel, vectorize, unroll, bind.
#include <gmock/gmock.h>

#include "ir/text.h"
#include "schedule/fixtures.h"
#include "te/math.h"
#include "te/scan.h"

namespace tw::schedule {
namespace {

using testing::HasSubstr;

TEST(Split, by_factors_that_divide_leaves_no_condition) {
  Schedule s(matmul_program(16, 12, 8));
  const auto loops = loops_of(s, "C");
  s.apply("split", {loops[0], List{{}, 4}});
  EXPECT_THAT(to_text(s.program()), HasSubstr("i_0 * 4 + i_1"));
  EXPECT_THAT(to_text(s.program()), testing::Not(HasSubstr(" if ")));
  expect_same_meaning(s);
}

TEST(Split, by_factors_that_do_not_divide_guards_the_block) {
  Schedule s(matmul_program(13, 7, 5));
  const auto loops = loops_of(s, "C");
  s.apply("split", {loops[0], List{{}, 4}});
  s.apply("split", {loops[1], List{2, {}, 3}});
  s.apply("split", {loops[2], List{{}, 2}});
  expect_same_meaning(s);
}

TEST(Split, by_a_parameter_holds_for_every_value) {
  Schedule s(matmul_program(13, 7, 5));
  const auto loops = loops_of(s, "C");
  s.apply("split", {loops[0], List{{}, Tunable{"mc", 1, 64}}});
  s.apply("split", {loops[1], List{{}, Tunable{"nc", 2, 64, 2}}});
  for (const int64_t mc : {1, 2, 5, 13, 64})
    for (const int64_t nc : {2, 4, 8, 64}) expect_same_meaning(s, {{"mc", mc}, {"nc", nc}});
}

TEST(Split, works_on_symbolic_sizes) {
  const Var n = te::var("n", 0, 512);
  Schedule s(matmul_program(n, 6, 4));
  const auto loops = loops_of(s, "C");
  s.apply("split", {loops[0], List{{}, 4}});
  for (const int64_t size : {0, 1, 4, 7, 12}) expect_same_meaning(s, {{"n", size}});
}

TEST(Split, refuses_factors_that_are_too_few) {
  Schedule s(matmul_program(16, 12, 8));
  const auto loops = loops_of(s, "C");
  const std::string before = to_text(s.program());
  const std::string message = error_of([&] { s.apply("split", {loops[0], List{3, 4}}); });
  EXPECT_THAT(message, HasSubstr("split(i, [3, 4])"));
  EXPECT_THAT(message, HasSubstr("the factors make 12 turns, and loop i has 16; leave one factor None"));
  EXPECT_THAT(message, HasSubstr("here"));
  EXPECT_EQ(to_text(s.program()), before);
  EXPECT_TRUE(s.trace().steps.empty());
}

TEST(Fuse, makes_one_loop_of_three) {
  Schedule s(matmul_program(5, 7, 3));
  const auto loops = loops_of(s, "C");
  s.apply("fuse", {Value(List{loops[0], loops[1], loops[2]})});
  expect_same_meaning(s);
}

TEST(Fuse, after_split_gives_the_loop_back) {
  Schedule s(matmul_program(16, 12, 8));
  const auto loops = loops_of(s, "C");
  const auto parts = *s.apply("split", {loops[0], List{{}, 4}})[0].get_if<List>();
  s.apply("fuse", {Value(parts)});
  EXPECT_THAT(to_text(s.program()), HasSubstr("= i_0_i_1"));
  expect_same_meaning(s);
}

TEST(Fuse, refuses_loops_with_something_between) {
  Schedule s(matmul_program(5, 7, 3));
  const auto loops = loops_of(s, "C");
  EXPECT_THAT(error_of([&] {
                s.apply("fuse", {Value(List{loops[0], loops[2]})});
              }),
              HasSubstr("loop k does not stand directly in loop i"));
}

TEST(Reorder, puts_the_loops_in_the_order_given) {
  Schedule s(matmul_program(5, 7, 3));
  const auto loops = loops_of(s, "C");
  s.apply("reorder", {Value(List{loops[2], loops[0]})});
  const std::string text = to_text(s.program());
  EXPECT_LT(text.find("for k"), text.find("for j"));
  EXPECT_LT(text.find("for j"), text.find("for i"));
  expect_same_meaning(s);
}

TEST(Reorder, of_tiles_of_all_loops) {
  Schedule s(matmul_program(13, 11, 9));
  const auto loops = loops_of(s, "C");
  const auto i = *s.apply("split", {loops[0], List{{}, 4}})[0].get_if<List>();
  const auto j = *s.apply("split", {loops[1], List{{}, 3}})[0].get_if<List>();
  const auto k = *s.apply("split", {loops[2], List{{}, 2}})[0].get_if<List>();
  s.apply("reorder", {Value(List{k[0], j[0], i[0], k[1], i[1], j[1]})});
  expect_same_meaning(s);
}

/// H[t, i] = the step of H[t - 1], x[t] at i, or what was there before the first.
Program recurrence(const te::Value& n, const te::Value& m, int shift) {
  const auto x = te::placeholder({n, m}, kFloat32, "x"), first = te::placeholder({m}, kFloat32, "first");
  const auto step = [&](const std::vector<te::Tensor>& h, const Var& t,
                        const std::vector<Var>& i) -> std::vector<te::Value> {
    const Expr at = shift == 0 ? Expr(i[0]) : Expr(te::maximum(i[0] - shift, 0));
    return {te::add(h[0]({t - 1, at}), x({t, i[0]}))};
  };
  return te::first_program(te::scan({first}, step, n, "H"), std::nullopt, "recurrence");
}

TEST(Reorder, moves_independent_loops_out_of_an_ordered_one) {
  const Var n = te::var("n"), m = te::var("m");
  Schedule s(recurrence(n, m, 0));
  const auto loops = loops_of(s, "H");
  const auto i = *s.apply("split", {loops[1], List{{}, 4}})[0].get_if<List>();
  s.apply("reorder", {Value(List{i[0], loops[0]})});
  s.apply("parallel", {i[0]});
  s.apply("vectorize", {i[1]});
  for (const int64_t steps : {0, 1, 6})
    for (const int64_t points : {0, 1, 9}) expect_same_meaning(s, {{"n", steps}, {"m", points}});
}

TEST(Reorder, keeps_loops_whose_turns_meet_inside_an_ordered_one) {
  Schedule s(recurrence(6, 9, 1));
  const auto loops = loops_of(s, "H");
  EXPECT_THAT(error_of([&] {
                s.apply("reorder", {Value(List{loops[1], loops[0]})});
              }),
              HasSubstr("must run as they stand"));
  s.apply("parallel", {loops[1]});
  expect_same_meaning(s);
}

TEST(Parallel, takes_spatial_loops_and_refuses_reductions) {
  Schedule s(matmul_program(5, 7, 3));
  const auto loops = loops_of(s, "C");
  s.apply("parallel", {loops[0]});
  expect_same_meaning(s);
  const std::string message = error_of([&] { s.apply("parallel", {loops[2]}); });
  EXPECT_THAT(message, HasSubstr("parallel(k)"));
  EXPECT_THAT(message, HasSubstr("rfactor"));
}

TEST(Vectorize, takes_a_constant_number_of_independent_turns) {
  Schedule s(matmul_program(5, 16, 3));
  const auto loops = loops_of(s, "C");
  const auto j = *s.apply("split", {loops[1], List{{}, 8}})[0].get_if<List>();
  s.apply("reorder", {Value(List{loops[2], j[1]})});
  s.apply("vectorize", {j[1]});
  expect_same_meaning(s);
  EXPECT_THAT(error_of([&] { s.apply("vectorize", {loops[2]}); }), HasSubstr("vectorize(k)"));
}

TEST(Bind, refuses_one_index_twice) {
  Schedule s(matmul_program(8, 16, 3));
  const auto loops = loops_of(s, "C");
  s.apply("bind", {loops[0], "blockIdx.x"});
  EXPECT_THAT(error_of([&] {
                s.apply("bind", {loops[1], "blockIdx.x"});
              }),
              HasSubstr("bound to blockIdx.x already"));
  s.apply("bind", {loops[1], "threadIdx.x"});
  expect_same_meaning(s);
}

TEST(ComputeInline, puts_the_producer_into_its_reader) {
  Schedule s(chain_program(5, 7));
  s.apply("compute_inline", {s.block("shifted")});
  EXPECT_THAT(to_text(s.program()), testing::Not(HasSubstr("shifted")));
  expect_same_meaning(s);
}

TEST(ComputeInline, refuses_reductions_and_outputs) {
  Schedule s(matmul_program(5, 7, 3));
  EXPECT_THAT(error_of([&] { s.apply("compute_inline", {s.block("C")}); }), HasSubstr("without a reduction"));
  Schedule chain(chain_program(5, 7));
  EXPECT_THAT(error_of([&] { chain.apply("compute_inline", {chain.block("scaled")}); }),
              HasSubstr("writes scaled, which the caller sees"));
}

TEST(Handles, that_are_gone_say_by_which_step) {
  Schedule s(matmul_program(16, 12, 8));
  const auto loops = loops_of(s, "C");
  s.apply("split", {loops[0], List{{}, 4}});
  EXPECT_THAT(error_of([&] { s.apply("unroll", {loops[0]}); }),
              HasSubstr("'i' (b0.0) is gone since step 0, split"));
}

}  // namespace
}  // namespace tw::schedule
