// The primitives that put a buffer beside another: cache_read, cache_write.
#include <gmock/gmock.h>

#include "ir/text.h"
#include "schedule/fixtures.h"
#include "te/math.h"
#include "te/pieces.h"
#include "te/reduce.h"
#include "te/scan.h"

namespace tw::schedule {
namespace {

using testing::HasSubstr;
using testing::Not;
using Point = std::vector<Var>;

te::Tensor input(const std::vector<te::Value>& shape, const std::string& name) {
  return te::placeholder(shape, kFloat32, name);
}

Program program_of(const te::Tensor& output) {
  return te::first_program({output});
}

/// Y[i] = A[i + 1, 2] + A[i + 3, 2]: a part of A, which has m rows.
Program window_program(const te::Value& n, const te::Value& m) {
  const auto a = input({m, 5}, "A");
  return program_of(te::compute({n},
                                [&](const Point& p) -> te::Value {
                                  return te::add(a({te::add(p[0], 1), 2}), a({te::add(p[0], 3), 2}));
                                },
                                "Y", {"i"}));
}

/// The even elements doubled, the odd ones halved: two writers with gaps.
Program even_odd_program(const te::Value& n) {
  const auto a = input({n}, "A");
  return program_of(te::pieces(
      {n},
      {{[](const Point& p) -> te::Value { return te::equal(te::remainder(p[0], 2), 0); },
        [&](const Point& p) -> te::Value { return te::multiply(a({p[0]}), 2.0); }},
       {te::PointFunction(), [&](const Point& p) -> te::Value { return te::multiply(a({p[0]}), 0.5); }}},
      "Y", {"i"}));
}

/// A running sum over time.
Program sums_program(const te::Value& n) {
  const auto x = input({n, 3}, "X");
  const auto zero = te::compute(
      {3}, [](const Point&) -> te::Value { return te::astype(0.0, kFloat32); }, "Z");
  return program_of(
      te::scan(
          {te::ScanInit(zero)},
          [&](const std::vector<te::Tensor>& state, const Var& t, const Point& p) {
            return std::vector<te::Value>{te::add(state[0]({te::subtract(t, 1), p[0]}), x({t, p[0]}))};
          },
          n, "H")
          .front());
}

TEST(CacheRead, copies_the_whole_input_before_the_nest) {
  Schedule s(matmul_program(5, 7, 3));
  const BlockRef block = s.block("C");
  const auto made = s.apply("cache_read", {block, "B", "shared"});
  EXPECT_EQ(s.name_of(made[0]), "B_shared");
  const std::string text = text_of(s);
  EXPECT_THAT(text, HasSubstr("allocate B_shared: shared float32[3, 7]"));
  EXPECT_THAT(text, HasSubstr("B_shared[vi0, vi1] = B[vi0, vi1]"));
  EXPECT_THAT(text, HasSubstr("A[vi, vk] * B_shared[vk, vj]"));
  EXPECT_LT(text.find("block B_shared"), text.find("block C"));
  expect_same_meaning(s);
}

TEST(CacheRead, holds_only_the_box_that_is_read) {
  Schedule s(window_program(6, 10));
  s.apply("cache_read", {s.block("Y"), "A", "global"});
  EXPECT_THAT(text_of(s), HasSubstr("A_global: float32[8, 1]"));
  EXPECT_THAT(text_of(s), HasSubstr("= A[vi0 + 1, 2]"));
  EXPECT_THAT(text_of(s), HasSubstr("A_global[vi, 0] + A_global[vi + 2, 0]"));
  expect_same_meaning(s);
}

TEST(CacheRead, of_symbolic_sizes_zero_included) {
  const Var n = te::var("n", 0, 64);
  Schedule s(window_program(n, te::var("m", 4, 68)));
  s.apply("cache_read", {s.block("Y"), "A", "global"});
  for (const int64_t size : {0, 1, 2, 7}) expect_same_meaning(s, {{"n", size}, {"m", size + 4}});
  Schedule product(matmul_program(n, 6, 4));
  product.apply("cache_read", {product.block("C"), "A", "local"});
  product.apply("cache_read", {product.block("C"), "B", "local"});
  for (const int64_t size : {0, 1, 5}) expect_same_meaning(product, {{"n", size}});
}

TEST(CacheRead, after_parametric_tiles_still_copies_the_whole) {
  Schedule s(matmul_program(13, 7, 5));
  const auto loops = loops_of(s, "C");
  s.apply("split", {loops[0], List{{}, Tunable{"mc", 1, 64}}});
  s.apply("split", {loops[2], List{{}, Tunable{"kc", 1, 64}}});
  s.apply("cache_read", {s.block("C"), "A", "global"});
  EXPECT_THAT(text_of(s), HasSubstr("A_global: float32[13, 5]"));
  for (const int64_t mc : {1, 4, 13, 20}) expect_same_meaning(s, {{"mc", mc}, {"kc", 3}});
}

TEST(CacheRead, twice_makes_a_copy_of_the_copy) {
  Schedule s(matmul_program(5, 7, 3));
  s.apply("cache_read", {s.block("C"), "A", "shared"});
  s.apply("cache_read", {s.block("C"), "A_shared", "local"});
  EXPECT_THAT(text_of(s), HasSubstr("A_shared_local[vi, vk]"));
  s.apply("cache_read", {s.block("C"), 1, "shared"});
  EXPECT_THAT(text_of(s), HasSubstr("B_shared[vk, vj]"));
  expect_same_meaning(s);
}

TEST(CacheRead, of_an_intermediate_result_stands_behind_its_writer) {
  Schedule s(chain_program(5, 7));
  s.apply("cache_read", {s.block("scaled"), "shifted", "local"});
  const std::string text = text_of(s);
  EXPECT_LT(text.find("block shifted#"), text.find("block shifted_local"));
  EXPECT_LT(text.find("block shifted_local"), text.find("block scaled"));
  expect_same_meaning(s);
}

TEST(CacheRead, stands_inside_loops_that_are_shared_with_a_writer) {
  Schedule s(chain_program(9, 7));
  const auto scaled = loops_of(s, "scaled");
  const auto parts = *s.apply("split", {scaled[0], List{{}, 4}})[0].get_if<List>();
  s.apply("compute_at", {s.block("shifted"), parts[0]});
  s.apply("cache_read", {s.block("scaled"), "shifted", "local"});
  const auto around = loops_of(s, "shifted_local");
  EXPECT_EQ(around[0], parts[0]);
  expect_same_meaning(s);
}

TEST(CacheRead, of_every_turn_of_a_parametric_tile) {
  const Var n = te::var("n", 0, 64);
  Schedule s(chain_program(n, 7));
  const auto scaled = loops_of(s, "scaled");
  const auto parts = *s.apply("split", {scaled[0], List{{}, Tunable{"mc", 1, 64}}})[0].get_if<List>();
  s.apply("compute_at", {s.block("shifted"), parts[0]});
  s.apply("cache_read", {s.block("scaled"), "shifted", "global"});
  for (const int64_t size : {0, 1, 9})
    for (const int64_t mc : {1, 4, 9, 30}) expect_same_meaning(s, {{"n", size}, {"mc", mc}});
}

TEST(CacheRead, keeps_guarded_reads_inside_the_buffer) {
  const auto a = input({9}, "A");
  Schedule s(program_of(te::compute({9},
                                    [&](const Point& p) -> te::Value {
                                      return te::add(
                                          te::where(te::less(0, p[0]), a({te::subtract(p[0], 1)}), 0.0f),
                                          te::where(te::less(p[0], 8), a({te::add(p[0], 1)}), 0.0f));
                                    },
                                    "Y", {"i"})));
  s.apply("cache_read", {s.block("Y"), "A", "global"});
  EXPECT_THAT(text_of(s), HasSubstr("A_global: float32[9]"));
  expect_same_meaning(s);
}

TEST(CacheRead, of_what_data_points_into_copies_the_whole) {
  const auto a = input({9}, "A"), b = input({6}, "B");
  Schedule s(program_of(
      te::compute({6},
                  [&](const Point& p) -> te::Value {
                    return te::add(a({te::remainder(te::astype(te::abs(b({p[0]})), kInt64), 9)}), a({4}));
                  },
                  "Y", {"i"})));
  s.apply("cache_read", {s.block("Y"), "A", "global"});
  EXPECT_THAT(text_of(s), HasSubstr("allocate A_global: float32[9]"));
  expect_same_meaning(s);
}

TEST(CacheRead, of_what_a_recurrence_has_computed_in_earlier_turns) {
  // The sum over the state before: a block of its own in the loop of time, which does not write the state.
  const auto x = input({6, 3}, "X");
  const auto zero = te::compute(
      {3}, [](const Point&) -> te::Value { return te::astype(0.0, kFloat32); }, "Z");
  const ReduceAxis k = te::reduce_axis(3, "k");
  Schedule s(program_of(te::scan(
                            {te::ScanInit(zero)},
                            [&](const std::vector<te::Tensor>& state, const Var& t, const Point& p) {
                              return std::vector<te::Value>{
                                  te::add(te::sum(state[0]({te::subtract(t, 1), k}), {k}), x({t, p[0]}))};
                            },
                            6, "H")
                            .front()));
  BlockRef summing;
  for (const BlockRef block : s.blocks())
    if (s.loops(block).size() == 2 && s.name_of(block) != "H" && s.name_of(block) != "Z") summing = block;
  if (summing.handle < 0) GTEST_SKIP() << text_of(s);
  s.apply("cache_read", {summing, "H", "local"});
  expect_same_meaning(s);
}

TEST(CacheRead, refuses_what_the_block_writes_itself) {
  Schedule s(sums_program(5));
  const std::string before = text_of(s);
  const std::string message = error_of([&] { s.apply("cache_read", {s.block("H"), "H", "local"}); });
  EXPECT_THAT(message, HasSubstr("cache_read(H, "));
  EXPECT_THAT(message, HasSubstr("block H writes buffer H while it reads it"));
  EXPECT_THAT(message, HasSubstr("here"));
  EXPECT_EQ(text_of(s), before);
  s.apply("cache_read", {s.block("H"), "X", "local"});
  expect_same_meaning(s);
}

TEST(CacheRead, refuses_scopes_that_a_copy_cannot_have) {
  Schedule s(matmul_program(5, 7, 3));
  EXPECT_THAT(error_of([&] {
                s.apply("cache_read", {s.block("C"), "A", "smem"});
              }),
              HasSubstr("there is no scope 'smem'; a buffer lies in 'global', 'shared' or 'local' memory"));
  EXPECT_THAT(error_of([&] {
                s.apply("cache_read", {s.block("C"), "A", "fragment"});
              }),
              HasSubstr("lane map"));
  EXPECT_THAT(error_of([&] {
                s.apply("cache_read", {s.block("C"), "D", "local"});
              }),
              HasSubstr("block C does not read 'D'; it reads A, B"));
  EXPECT_TRUE(s.trace().steps.empty());
}

TEST(CacheWrite, gives_a_reduction_its_own_accumulators) {
  Schedule s(matmul_program(5, 7, 3));
  const auto made = s.apply("cache_write", {s.block("C"), "local"});
  EXPECT_EQ(s.name_of(made[0]), "C_out");
  const std::string text = text_of(s);
  EXPECT_THAT(text, HasSubstr("allocate C_local: local float32[5, 7]"));
  EXPECT_THAT(text, HasSubstr("C_local[vi, vj] = C_local[vi, vj] + A[vi, vk] * B[vk, vj]"));
  EXPECT_THAT(text, HasSubstr("C[vi_1, vj_1] = C_local[vi_1, vj_1]"));
  EXPECT_LT(text.find("block C#"), text.find("block C_out"));
  expect_same_meaning(s);
}

TEST(CacheWrite, then_tiles_and_moves_the_copy_into_the_nest) {
  Schedule s(matmul_program(13, 11, 5));
  const auto out = s.apply("cache_write", {s.block("C"), "local"})[0];
  const auto loops = loops_of(s, "C");
  const auto i = *s.apply("split", {loops[0], List{{}, 4}})[0].get_if<List>();
  const auto j = *s.apply("split", {loops[1], List{{}, Tunable{"nc", 1, 64}}})[0].get_if<List>();
  s.apply("reorder", {Value(List{i[0], j[0], loops[2], i[1], j[1]})});
  s.apply("reverse_compute_at", {out, j[0]});
  for (const int64_t nc : {1, 3, 11, 16}) expect_same_meaning(s, {{"nc", nc}});
}

TEST(CacheWrite, of_plain_blocks_and_symbolic_sizes) {
  const Var n = te::var("n", 0, 64);
  Schedule s(chain_program(n, 7));
  s.apply("cache_write", {s.block("scaled"), "global"});
  s.apply("cache_write", {s.block("shifted"), "local"});
  for (const int64_t size : {0, 1, 6}) expect_same_meaning(s, {{"n", size}});
}

TEST(CacheWrite, writes_exactly_what_a_piece_writes) {
  Schedule s(even_odd_program(9));
  const auto blocks = s.blocks();
  ASSERT_EQ(blocks.size(), 2u);
  s.apply("cache_write", {blocks[0], "local"});
  EXPECT_THAT(text_of(s), HasSubstr("Y_local[vi * 2]"));
  expect_same_meaning(s);
  s.apply("cache_write", {blocks[1], "local"});
  expect_same_meaning(s);
}

TEST(CacheWrite, keeps_the_conditions_of_stores) {
  const auto a = input({5, 6}, "A");
  Schedule s(
      program_of(te::pieces({5, 6},
                            {{[](const Point& p) -> te::Value { return te::less(te::add(p[0], p[1]), 5); },
                              [&](const Point& p) -> te::Value {
                                return te::multiply(a({p[0], p[1]}), 2.0);
                              }},
                             {te::PointFunction(),
                              [&](const Point& p) -> te::Value {
                                return te::negative(a({p[0], p[1]}));
                              }}},
                            "Y", {"i", "j"})));
  for (const BlockRef block : s.blocks()) s.apply("cache_write", {block, "local"});
  expect_same_meaning(s);
}

/// R_0[i] = sum of A[i, k], R_1[i] = the greatest of them and -1000: a tuple reduction over `length` columns.
Program sum_and_maximum_program(const te::Value& length) {
  const auto a = te::placeholder({4, length}, kFloat32, "A");
  const ReduceAxis k = te::reduce_axis(length, "k");
  const te::CustomReducer both{[](const std::vector<Expr>& x, const std::vector<Expr>& y) {
                                 return std::vector<te::Value>{te::add(x[0], y[0]), te::maximum(x[1], y[1])};
                               },
                               [](const std::vector<DType>&) {
                                 return std::vector<te::Value>{0.0f, -1000.0f};
                               },
                               "both"};
  const auto outputs = te::compute_several({4},
                                           [&](const Point& p) {
                                             const Expr x = a({p[0], k});
                                             std::vector<te::Value> values;
                                             for (const Expr& e : te::reduce(both, {x, x}, {k}))
                                               values.emplace_back(e);
                                             return values;
                                           },
                                           "R", {"i"});
  return te::first_program({outputs[0], outputs[1]});
}

TEST(CacheWrite, takes_all_outputs_of_a_tuple_reduction_or_one) {
  const Program program = sum_and_maximum_program(6);
  Schedule s(program);
  const BlockRef block = s.blocks().front();
  s.apply("cache_write", {block, "local"});
  EXPECT_THAT(text_of(s), HasSubstr("R_0[vi_1] = R_0_local[vi_1]"));
  EXPECT_THAT(text_of(s), HasSubstr("R_1[vi_1] = R_1_local[vi_1]"));
  expect_same_meaning(s);
  Schedule one(program);
  one.apply("cache_write", {one.blocks().front(), "local", 1});
  EXPECT_THAT(text_of(one), Not(HasSubstr("R_0_local")));
  expect_same_meaning(one);
  EXPECT_THAT(error_of([&] {
                one.apply("cache_write", {one.blocks().front(), "local", 5});
              }),
              HasSubstr("writes 2 buffers, and number 5 was asked for"));
}

TEST(CacheWrite, takes_one_output_of_a_tuple_reduction_whose_size_may_be_zero) {
  const Program program = sum_and_maximum_program(te::var("n"));
  for (const Value& which : {Value(), Value(0), Value(1)}) {
    Schedule s(program);
    s.apply("cache_write", {s.block("R"), "local", which});
    for (const int64_t size : {0, 1, 5}) expect_same_meaning(s, {{"n", size}});
  }
}

TEST(CacheWrite, stands_inside_loops_that_are_shared_with_a_reader) {
  Schedule s(chain_program(9, 7));
  const auto scaled = loops_of(s, "scaled");
  const auto parts = *s.apply("split", {scaled[0], List{{}, 4}})[0].get_if<List>();
  s.apply("compute_at", {s.block("shifted"), parts[0]});
  const auto made = s.apply("cache_write", {s.block("shifted"), "local"});
  EXPECT_EQ(loops_of(s, s.name_of(made[0]))[0], parts[0]);
  expect_same_meaning(s);
}

TEST(CacheWrite, refuses_blocks_that_build_on_what_is_there) {
  Schedule s(sums_program(5));
  const std::string message = error_of([&] { s.apply("cache_write", {s.block("H"), "local"}); });
  EXPECT_THAT(message, HasSubstr("cache_write(H, 'local'"));
  EXPECT_THAT(message, HasSubstr("of block H is ordered"));
  EXPECT_THAT(message, HasSubstr("here"));
  Schedule parts(matmul_program(5, 7, 3));
  parts.apply("decompose_reduction", {parts.block("C"), loops_of(parts, "C")[0]});
  parts.apply("loop_partition", {loops_of(parts, "C")[2], Value(List{1, {}})});
  EXPECT_THAT(error_of([&] {
                parts.apply("cache_write", {parts.block("C"), "local"});
              }),
              HasSubstr("block C adds to what is in C already, and a new buffer holds nothing: "));
}

}  // namespace
}  // namespace tw::schedule
