// pad: domains and buffers rounded up, what is computed beyond, and what is refused.
#include <gmock/gmock.h>

#include "ir/text.h"
#include "schedule/fixtures.h"
#include "te/math.h"
#include "te/reduce.h"

namespace tw::schedule {
namespace {

using testing::HasSubstr;
using testing::Not;

/// A matrix product over packed copies of both operands, as kernels have it.
struct Packed {
  explicit Packed(const Program& program) : s(program) {
    a = s.apply("cache_read", {s.block("C"), 0, "global"}).front();
    b = s.apply("cache_read", {s.block("C"), 1, "global"}).front();
    out = s.apply("cache_write", {s.block("C"), "local"}).front();
  }
  Schedule s;
  Value a, b, out;
};

TEST(Pad, a_copy_is_filled_with_zeros_and_the_product_over_copies_needs_no_condition) {
  Packed packed(matmul_program(5, 7, 3));
  Schedule& s = packed.s;
  s.apply("pad", {packed.a, List{4}});
  s.apply("pad", {packed.b, List{1, 16}});
  s.apply("pad", {s.block("C"), List{4, 16}});
  const std::string text = text_of(s);
  EXPECT_THAT(text, HasSubstr("allocate A_global: float32[8, 3]"));
  EXPECT_THAT(text, HasSubstr("A_global[vi0, vi1] = select(vi0 < 5, A[vi0, vi1], 0.0f32)"));
  EXPECT_THAT(text, HasSubstr("B_global[vi0_1, vi1_1] = select(vi1_1 < 7, B[vi0_1, vi1_1], 0.0f32)"));
  EXPECT_THAT(text, HasSubstr("C_local[vi, vj] = C_local[vi, vj] + A_global[vi, vk] * B_global[vk, vj]"));
  EXPECT_THAT(text, HasSubstr("block C_out#3(vi_1: spatial(5) = i_1, vj_1: spatial(7) = j_1)"));
  expect_same_meaning(s);
}

TEST(Pad, of_symbolic_sizes_that_may_be_0) {
  const Var n = te::var("n", 0, 64), m = te::var("m", 0, 64), k = te::var("k", 0, 64);
  Packed packed(matmul_program(n, m, k));
  Schedule& s = packed.s;
  const Tunable rows{"rows", 1, 16, 1, 6};
  s.apply("pad", {packed.a, List{rows}});
  s.apply("pad", {packed.b, List{1, 8}});
  s.apply("pad", {s.block("C"), List{rows, 8}});
  EXPECT_THAT(text_of(s), Not(HasSubstr("where")));
  EXPECT_THAT(text_of(s), HasSubstr("C_local[vi_1, vj_1] + A_global[vi_1, vk] * B_global[vk, vj_1]"));
  for (const auto& [rows_now, i, j, l] : std::vector<std::array<int64_t, 4>>{
           {6, 13, 17, 5}, {1, 1, 1, 1}, {4, 0, 3, 2}, {7, 14, 8, 0}, {16, 3, 0, 4}})
    expect_same_meaning(s, {{"rows", rows_now}, {"n", i}, {"m", j}, {"k", l}});
}

TEST(Pad, an_axis_that_is_a_multiple_stays) {
  const Var n = te::var("n", 0, 96, 8);
  Schedule s(chain_program(n, 16));
  const std::string before = text_of(s);
  s.apply("pad", {s.block("shifted"), List{8, 16}});
  EXPECT_EQ(text_of(s), before);
}

TEST(Pad, tiles_of_a_padded_product_run_without_conditions) {
  Packed packed(matmul_program(30, 41, 7));
  Schedule& s = packed.s;
  s.apply("pad", {packed.a, List{6}});
  s.apply("pad", {packed.b, List{{}, 16}});
  s.apply("pad", {s.block("C"), List{6, 16}});
  const std::vector<Value> loops = loops_of(s, "C_out");
  const List i = split(s, loops[0], {{}, 6}), j = split(s, loops[1], {{}, 16});
  s.apply("reorder", {Value(List{i[0], j[0], i[1], j[1]})});
  s.apply("compute_at", {s.block("C"), j[0]});
  // Only what is written to C is cut off.
  const std::string text = text_of(s);
  EXPECT_THAT(text, HasSubstr("vj: spatial(48) = j_0 * 16 + j, vk: reduce(7) = k):"));
  EXPECT_THAT(text, HasSubstr("where j_0 * 16 + j_1 < 41"));
  expect_same_meaning(s);
}

TEST(Pad, rounds_a_reduction_that_grows_by_zeros_alone) {
  Packed packed(matmul_program(4, 5, 7));
  Schedule& s = packed.s;
  s.apply("pad", {packed.a, List{1, 4}});
  s.apply("pad", {packed.b, List{4, 1}});
  s.apply("pad", {s.block("C"), List{1, 1, 4}});
  EXPECT_THAT(text_of(s), HasSubstr("vk: reduce(8) = k"));
  EXPECT_THAT(text_of(s), Not(HasSubstr("if vk")));
  expect_same_meaning(s);
}

TEST(Pad, leaves_out_what_a_reduction_would_combine_beyond) {
  const auto a = te::placeholder({5, 7}, kFloat32, "A");
  const ReduceAxis k = te::reduce_axis(7, "k");
  const auto most = te::compute({5},
                                [&](const std::vector<Var>& p) -> te::Value {
                                  return te::max(a({p[0], k}), {k});
                                },
                                "most", {"i"});
  Schedule s(te::first_program({most}, std::nullopt, "rows"));
  s.apply("cache_write", {s.block("most"), "local"});
  s.apply("pad", {s.block("most"), List{4, 4}});
  EXPECT_THAT(text_of(s), HasSubstr("if vk < 7:"));
  EXPECT_THAT(text_of(s), HasSubstr("select(vi < 5, A[vi, vk], 0.0f32)"));
  expect_same_meaning(s);
}

TEST(Pad, takes_along_the_block_that_sets_what_an_update_adds_to) {
  const Var k = te::var("k", 0, 64);
  Packed packed(matmul_program(5, 7, k));
  Schedule& s = packed.s;
  s.apply("pad", {s.block("C"), List{4, 8}});
  EXPECT_THAT(text_of(s), HasSubstr("block C_init#0(vi: spatial(8) = i, vj: spatial(8) = j)"));
  for (const int64_t size : {0, 1, 9}) expect_same_meaning(s, {{"k", size}});
}

TEST(Pad, of_a_block_that_reads_the_caller_or_halos) {
  // Reads that stay inside of what the caller gives need no guard.
  Schedule s(
      parse_program("program halo(X: in float32[16], V: out float32[8]):\n"
                    "  allocate T: float32[9]\n"
                    "  allocate U: float32[8]\n"
                    "  for i in 9:\n"
                    "    block T#0(vi: spatial(9) = i):\n"
                    "      reads X[vi], X[vi + 7]\n"
                    "      writes T[vi]\n"
                    "      T[vi] = X[vi] + X[vi + 7]\n"
                    "  for i in 8:\n"
                    "    block U#1(vi: spatial(8) = i):\n"
                    "      reads T[vi:+2]\n"
                    "      writes U[vi]\n"
                    "      U[vi] = T[vi] + T[vi + 1]\n"
                    "  for i in 8:\n"
                    "    block V#2(vi: spatial(8) = i):\n"
                    "      reads U[vi]\n"
                    "      writes V[vi]\n"
                    "      V[vi] = U[vi]\n"));
  s.apply("pad", {s.block("T"), List{12}});
  EXPECT_THAT(text_of(s), HasSubstr("T[vi] = X[vi] + select(vi < 9, X[vi + 7], 0.0f32)"));
  s.apply("pad", {s.block("U"), List{11}});
  EXPECT_THAT(text_of(s), HasSubstr("U[vi_1] = T[vi_1] + T[vi_1 + 1]"));
  expect_same_meaning(s);
}

TEST(Pad, keeps_reads_where_conditions_had_kept_them) {
  const Program program = parse_program(
      "program p(A: in float32[6], B: out float32[6, 8]):\n"
      "  allocate T: float32[6, 8]:\n"
      "    for i in 6:\n"
      "      for j in 8:\n"
      "        block T#0(vi: spatial(6) = i, vj: spatial(8) = j):\n"
      "          reads A[0:+6]\n"
      "          writes T[vi, vj]\n"
      "          T[vi, vj] = select(vj <= vi, A[vj], 1.0f32)\n"
      "    for i in 6:\n"
      "      for j in 8:\n"
      "        block B#1(vi: spatial(6) = i, vj: spatial(8) = j):\n"
      "          reads T[vi, vj]\n"
      "          writes B[vi, vj]\n"
      "          B[vi, vj] = T[vi, vj]\n");
  Schedule s(program);
  s.apply("pad", {s.block("T"), List{8}});
  EXPECT_THAT(text_of(s), HasSubstr("select(vj <= vi, select(vi < 6, A[vj], 0.0f32), 1.0f32)"));
  expect_same_meaning(s);
}

TEST(Pad, refuses_what_it_cannot_round) {
  Schedule s(chain_program(5, 7));
  const auto error = [&](const Value& block, const List& multiples) {
    return error_of([&] { s.apply("pad", {block, multiples}); });
  };
  EXPECT_THAT(error(s.block("scaled"), {4}), HasSubstr("which the caller gives in its size"));
  EXPECT_THAT(error(s.block("scaled"), {4}), HasSubstr("pad a copy that cache_write makes"));
  EXPECT_THAT(error(s.block("shifted"), {4, 4, 4}), HasSubstr("has 2 axes, and 3 multiples were given"));
  EXPECT_THAT(error(s.block("shifted"), {0}), HasSubstr("must be a list of ints of at least 1"));
  const List parts = split(s, loops_of(s, "shifted")[0], {{}, 2});
  EXPECT_THAT(error(s.block("shifted"), {4}), HasSubstr("pad before loops are split or the block moves"));
  s.apply("pad", {s.block("shifted"), List{1, 4}});
  expect_same_meaning(s);
}

TEST(Pad, refuses_buffers_with_other_writers_or_a_layout) {
  Schedule s(matmul_program(5, 7, 3));
  s.apply("cache_write", {s.block("C"), "local"});
  s.apply("decompose_reduction", {s.block("C"), loops_of(s, "C")[0]});
  EXPECT_THAT(error_of([&] {
                s.apply("pad", {s.block("C_init"), List{4}});
              }),
              HasSubstr("block C writes buffer C_local too"));
  s.apply("storage_align", {"C_local", 0, 32, 1});
  EXPECT_THAT(error_of([&] {
                s.apply("pad", {s.block("C"), List{4}});
              }),
              HasSubstr("has strides or lanes of its own"));
}

TEST(Pad, refuses_ordered_axes_and_loops_with_a_kind) {
  Schedule s(chain_program(5, 7));
  s.apply("parallel", {loops_of(s, "shifted")[0]});
  EXPECT_THAT(error_of([&] {
                s.apply("pad", {s.block("shifted"), List{4}});
              }),
              HasSubstr("pad before loops are given a kind"));
  Schedule moved(chain_program(5, 7));
  moved.apply("compute_at", {moved.block("shifted"), loops_of(moved, "scaled")[0]});
  EXPECT_THAT(error_of([&] {
                moved.apply("pad", {moved.block("shifted"), List{4}});
              }),
              HasSubstr("around nothing but the block"));
  moved.apply("pad", {moved.block("shifted"), List{1, 4}});
  expect_same_meaning(moved);
}

}  // namespace
}  // namespace tw::schedule
