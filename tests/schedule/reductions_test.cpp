// Reductions in parts: decompose_reduction, rfactor.
#include <gmock/gmock.h>

#include "ir/text.h"
#include "schedule/corpus/programs.h"
#include "schedule/fixtures.h"
#include "schedule/moving_programs.h"
#include "te/math.h"
#include "te/reduce.h"

namespace tw::schedule {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::vector<std::array<int, 3>> kSizes = {{1, 1, 1}, {5, 7, 3}, {13, 11, 17}, {16, 12, 8}, {2, 31, 29}};

/// The position of the greatest element of each row, as a float.
Program argmax_program(const te::Value& n, const te::Value& k) {
  const auto a = te::placeholder({n, k}, kFloat32, "A");
  const ReduceAxis kk = te::reduce_axis(k, "k");
  const auto best = te::compute({n},
                                [&](const std::vector<Var>& p) -> te::Value {
                                  return te::astype(te::argmax(a({p[0], kk}), {kk}), kFloat32);
                                },
                                "best", {"i"});
  return te::first_program({best}, std::nullopt, "argmax");
}

/// A reducer of one's own with two components: the sum and the sum of magnitudes.
Program sums_program(const te::Value& n, const te::Value& k) {
  const auto a = te::placeholder({n, k}, kFloat32, "A");
  const ReduceAxis kk = te::reduce_axis(k, "k");
  const te::CustomReducer both = te::make_reducer(
      [](const std::vector<Expr>& x, const std::vector<Expr>& y) -> std::vector<te::Value> {
        return {te::add(x[0], y[0]), te::add(x[1], y[1])};
      },
      {0.0, 0.0}, "sums");
  const auto sums =
      te::compute_several({n},
                          [&](const std::vector<Var>& p) -> std::vector<te::Value> {
                            const Expr x = a({p[0], kk});
                            const std::vector<Expr> values = te::reduce(both, {x, te::abs(x)}, {kk});
                            return {values[0], values[1]};
                          },
                          "sums", {"i"});
  return te::first_program({sums[0], sums[1]}, std::nullopt, "sums");
}

/// The block whose axes include a reduction.
BlockRef reduction_of(Schedule& s, const std::string& axis) {
  for (const BlockRef block : s.blocks())
    for (const LoopRef loop : s.loops(block))
      if (s.name_of(loop) == axis) return block;
  ADD_FAILURE() << "no block has a loop " << axis;
  return {};
}

TEST(DecomposeReduction, sets_the_elements_before_the_loop) {
  for (const auto& [n, m, k] : kSizes) {
    Schedule s(matmul_program(n, m, k));
    const auto loops = loops_of(s, "C");
    const auto init = s.apply("decompose_reduction", {s.block("C"), loops[2]});
    EXPECT_EQ(s.name_of(init[0]), "C_init");
    EXPECT_EQ(s.loops(*init[0].get_if<BlockRef>()).size(), 2U);
    expect_same_meaning(s);
  }
}

TEST(DecomposeReduction, copies_the_spatial_loops_inside) {
  for (const auto& [n, m, k] : kSizes) {
    Schedule s(matmul_program(n, m, k));
    const auto loops = loops_of(s, "C");
    const List i = split(s, loops[0], {{}, 4}), kk = split(s, loops[2], {{}, 3});
    s.apply("reorder", {Value(List{i[0], kk[0], i[1], loops[1], kk[1]})});
    const auto init = s.apply("decompose_reduction", {s.block("C"), kk[0]});
    EXPECT_EQ(s.loops(*init[0].get_if<BlockRef>()).size(), 3U);
    expect_same_meaning(s);
  }
}

TEST(DecomposeReduction, before_the_outermost_loop_and_with_parameters) {
  const Var n = te::var("n", 1, 64);
  Schedule s(matmul_program(n, 7, 5));
  const auto loops = loops_of(s, "C");
  const List i = split(s, loops[0], {{}, Tunable{"mc", 1, 64}}),
             k = split(s, loops[2], {{}, Tunable{"kc", 1, 64}});
  s.apply("reorder", {Value(List{k[0], i[0], loops[1], i[1], k[1]})});
  s.apply("decompose_reduction", {s.block("C"), k[0]});
  for (const int64_t size : {1, 7, 16})
    for (const int64_t mc : {1, 4, 64})
      for (const int64_t kc : {1, 2, 9}) expect_same_meaning(s, {{"n", size}, {"mc", mc}, {"kc", kc}});
}

TEST(DecomposeReduction, keeps_how_the_copied_loops_run) {
  Schedule s(matmul_program(5, 16, 3));
  const auto loops = loops_of(s, "C");
  s.apply("reorder", {Value(List{loops[2], loops[1]})});
  s.apply("vectorize", {loops[1]});
  s.apply("decompose_reduction", {s.block("C"), loops[2]});
  const std::string text = to_text(s.program());
  EXPECT_NE(text.find("vectorized"), text.rfind("vectorized"));
  expect_same_meaning(s);
}

TEST(DecomposeReduction, refuses_a_reduction_loop_outside) {
  Schedule s(matmul_program(5, 7, 3));
  const auto loops = loops_of(s, "C");
  s.apply("reorder", {Value(List{loops[2], loops[0], loops[1]})});
  const std::string message = error_of([&] { s.apply("decompose_reduction", {s.block("C"), loops[0]}); });
  EXPECT_THAT(message, HasSubstr("decompose_reduction(C, i)"));
  EXPECT_THAT(message, HasSubstr("loop k runs through a reduction axis of block C outside of loop i"));
  EXPECT_THAT(message, HasSubstr("take loop k or one outside of it"));
}

TEST(DecomposeReduction, refuses_what_has_no_init_and_loops_of_other_blocks) {
  Schedule s(dense_program(5, 7, 3));
  EXPECT_THAT(error_of([&] {
                s.apply("decompose_reduction", {s.block("result"), loops_of(s, "result")[0]});
              }),
              HasSubstr("block result has no init"));
  EXPECT_THAT(error_of([&] {
                s.apply("decompose_reduction", {s.block("product"), loops_of(s, "result")[0]});
              }),
              HasSubstr("loop i does not stand around block product"));
}

TEST(DecomposeReduction, refuses_loops_that_were_fused_across) {
  Schedule s(matmul_program(5, 7, 3));
  const auto loops = loops_of(s, "C");
  const auto fused = s.apply("fuse", {Value(List{loops[1], loops[2]})});
  EXPECT_THAT(error_of([&] {
                s.apply("decompose_reduction", {s.block("C"), fused[0]});
              }),
              HasSubstr("drives both spatial and reduction axes"));
}

TEST(DecomposeReduction, begins_anew_in_each_turn_of_an_ordered_loop) {
  for (const char* name : {"lstm", "forward_substitution"}) {
    const CorpusCase& sample = corpus_case(name);
    Schedule s(sample.program);
    int decomposed = 0;
    for (const BlockRef block : s.blocks()) {
      const std::vector<LoopRef> loops = s.loops(block);
      const std::string& text = s.name_of(block);
      if (text.find("_sum") == std::string::npos || text.starts_with("G")) continue;
      for (std::size_t at = 1; at < loops.size(); ++at) {
        Schedule tried = s;
        const auto init = tried.apply("decompose_reduction", {block, loops[at]});
        EXPECT_EQ(tried.loops(*init[0].get_if<BlockRef>()).size(), loops.size() - 1);
        EXPECT_EQ(difference(run_case(sample, tried.program()), run_case(sample, sample.program)), "");
        if (at + 1 == loops.size()) s = tried, ++decomposed;
      }
    }
    EXPECT_EQ(decomposed, std::string(name) == "lstm" ? 4 : 1);
    EXPECT_EQ(difference(run_case(sample, s.program()), run_case(sample, sample.program)), "");
  }
}

/// Sums of rows in an ordered loop, through memory that lives for a turn, or for all of them.
Program sums_in_turns(bool of_a_turn) {
  const std::string outer = of_a_turn ? "" : "  allocate T: float32[5]\n";
  const std::string inner = of_a_turn ? "    allocate T: float32[5]\n" : "";
  return parse_program("program main(A: in float32[5, 7], C: out float32[5]):\n" + outer +
                       "  ordered for t in 5:\n" + inner + R"(    for k in 7:
      block T#0(vt: ordered(5) = t, vk: reduce(7) = k):
        reads A[vt, vk]
        writes T[)" + (of_a_turn ? "vt" : "0") +
                       R"(]
        reducer sum(float32)
        init:
          T[)" + (of_a_turn ? "vt" : "0") +
                       R"(] = 0.0f32
        T[)" + (of_a_turn ? "vt" : "0") +
                       "] = T[" + (of_a_turn ? "vt" : "0") + R"(] + A[vt, vk]
    block C#1(vt_1: ordered(5) = t):
      reads T[)" + (of_a_turn ? "vt_1" : "0") +
                       R"(]
      writes C[vt_1]
      C[vt_1] = T[)" + (of_a_turn ? "vt_1" : "0") +
                       "]\n");
}

TEST(DecomposeReduction, keeps_the_turn_in_what_it_sets) {
  Schedule s(sums_in_turns(true));
  s.apply("decompose_reduction", {s.block("T"), s.loops(s.block("T"))[1]});
  EXPECT_THAT(to_text(s.program()), HasSubstr("block T_init#2(vt: ordered(5) = t):"));
  expect_same_meaning(s);
}

TEST(DecomposeReduction, refuses_to_begin_anew_what_goes_on_over_turns) {
  Schedule s(sums_in_turns(false));
  const auto loops = s.loops(s.block("T"));
  const std::string message = error_of([&] { s.apply("decompose_reduction", {s.block("T"), loops[1]}); });
  EXPECT_THAT(message, HasSubstr("loop t runs through a reduction axis of block T outside of loop k"));
  // Nor does it stand before all turns: they read what they have so far.
  EXPECT_THAT(error_of([&] {
                s.apply("decompose_reduction", {s.block("T"), loops[0]});
              }),
              HasSubstr("before all its elements are set"));
}

TEST(DecomposeReduction, refuses_the_loop_in_which_its_buffer_lives) {
  Schedule s(corpus_case("forward_substitution").program);
  const auto loops = s.loops(s.block("x_sum"));
  EXPECT_THAT(error_of([&] {
                s.apply("decompose_reduction", {s.block("x_sum"), loops[0]});
              }),
              HasSubstr("buffer x_sum lives inside of loop t"));
}

TEST(Rfactor, of_a_whole_reduction_loop) {
  for (const auto& [n, m, k] : kSizes) {
    Schedule s(matmul_program(n, m, k));
    const auto partial = s.apply("rfactor", {loops_of(s, "C")[2], 0});
    EXPECT_EQ(s.name_of(partial[0]), "C_rf");
    s.apply("parallel", {loops_of(s, "C_rf")[2]});
    expect_same_meaning(s);
  }
}

TEST(Rfactor, splits_a_product_over_k) {
  for (const auto& [n, m, k] : kSizes)
    for (const int position : {0, 1, 2, -1}) {
      Schedule s(matmul_program(n, m, k));
      const auto loops = loops_of(s, "C");
      const List parts = split(s, loops[2], {4, {}});
      s.apply("reorder", {Value(List{parts[0], loops[0], loops[1], parts[1]})});
      s.apply("rfactor", {parts[0], position});
      s.apply("parallel", {parts[0]});
      expect_same_meaning(s);
    }
}

TEST(Rfactor, splits_by_a_parameter) {
  const Var k = te::var("k", 1, 64);
  Schedule s(matmul_program(3, 4, k));
  const auto loops = loops_of(s, "C");
  const List parts = split(s, loops[2], {{}, Tunable{"kc", 1, 64}});
  s.apply("reorder", {Value(List{parts[0], loops[0], loops[1], parts[1]})});
  s.apply("rfactor", {parts[0], 0});
  s.apply("parallel", {parts[0]});
  for (const int64_t size : {1, 2, 7, 16, 23})
    for (const int64_t kc : {1, 3, 8, 64}) expect_same_meaning(s, {{"k", size}, {"kc", kc}});
}

TEST(Rfactor, by_repetition_factors_several_loops) {
  for (const auto& [n, m, k] : kSizes) {
    Schedule s(matmul_program(n, m, k));
    const List parts = split(s, loops_of(s, "C")[2], {2, {}, 3});
    s.apply("rfactor", {parts[0], 0});
    s.apply("rfactor", {parts[1], 1});
    expect_same_meaning(s);
  }
}

TEST(Rfactor, of_two_reduction_axes_that_were_fused_and_split) {
  for (const auto& [h, w] : std::vector<std::pair<int, int>>{{1, 1}, {3, 5}, {4, 4}, {7, 2}, {5, 11}}) {
    Schedule s(bottleneck_program(h, w, 2, 3, 2));
    const auto loops = loops_of(s, "filtered");
    const auto fused = s.apply("fuse", {Value(List{loops[3], loops[4]})});
    const List parts = split(s, fused[0], {{}, 4});
    s.apply("rfactor", {parts[1], 3});
    expect_same_meaning(s);
  }
}

TEST(Rfactor, of_argmax_keeps_the_first_of_ties) {
  for (const auto& [n, unused, k] : kSizes) {
    Schedule s(argmax_program(n, k));
    const BlockRef block = reduction_of(s, "k");
    const auto loops = s.loops(block);
    const List parts = split(s, loops.back(), {{}, 3});
    s.apply("rfactor", {parts[1], 0});
    expect_same_meaning(s);
  }
}

TEST(Rfactor, of_a_reducer_of_ones_own) {
  for (const auto& [n, unused, k] : kSizes) {
    Schedule s(sums_program(n, k));
    const List parts = split(s, s.loops(reduction_of(s, "k")).back(), {{}, 4});
    s.apply("rfactor", {parts[0], 1});
    expect_same_meaning(s);
  }
}

TEST(Rfactor, then_decompose_and_compute_at_fit_together) {
  for (const auto& [n, m, k] : kSizes) {
    Schedule s(dense_program(n, m, k));
    const auto loops = loops_of(s, "product");
    const List parts = split(s, loops[2], {{}, 4});
    s.apply("rfactor", {parts[1], 2});
    const auto final_loops = loops_of(s, "product");
    s.apply("decompose_reduction", {s.block("product"), final_loops.back()});
    s.apply("decompose_reduction", {s.block("product_rf"), loops_of(s, "product_rf")[2]});
    s.apply("reverse_compute_at", {s.block("result"), final_loops[0]});
    expect_same_meaning(s);
  }
}

TEST(Rfactor, inside_of_a_tile_that_has_an_epilogue) {
  for (const auto& [n, m, k] : kSizes) {
    Schedule s(dense_program(n, m, k));
    const auto loops = loops_of(s, "product");
    const List i = split(s, loops[0], {{}, 4});
    s.apply("reverse_compute_at", {s.block("result"), i[0]});
    const List parts = split(s, loops[2], {{}, 2});
    s.apply("rfactor", {parts[1], 0});
    expect_same_meaning(s);
  }
}

TEST(Rfactor, refuses_spatial_loops_and_positions_out_of_range) {
  Schedule s(matmul_program(5, 7, 3));
  const auto loops = loops_of(s, "C");
  const std::string message = error_of([&] { s.apply("rfactor", {loops[0], 0}); });
  EXPECT_THAT(message, HasSubstr("rfactor(i, 0)"));
  EXPECT_THAT(message, HasSubstr("loop i drives no reduction axis"));
  EXPECT_THAT(error_of([&] {
                s.apply("rfactor", {loops[2], 3});
              }),
              HasSubstr("have 3 dimensions, and 3 is no place"));
  EXPECT_THAT(error_of([&] { s.apply("rfactor", {loops[2], -4}); }), HasSubstr("take 0 to 2"));
}

TEST(Rfactor, refuses_loops_that_drive_both_kinds_of_axes) {
  Schedule s(matmul_program(5, 7, 3));
  const auto loops = loops_of(s, "C");
  const auto fused = s.apply("fuse", {Value(List{loops[1], loops[2]})});
  EXPECT_THAT(error_of([&] {
                s.apply("rfactor", {fused[0], 0});
              }),
              HasSubstr("drives both spatial and reduction axes"));
}

}  // namespace
}  // namespace tw::schedule
