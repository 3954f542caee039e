// Reductions in two blocks, an init and an update: compute_at and cache_write take both.
#include <gmock/gmock.h>

#include "ir/text.h"
#include "schedule/fixtures.h"
#include "schedule/moving_programs.h"
#include "te/math.h"
#include "te/reduce.h"
#include "te/symbol.h"

namespace tw::schedule {
namespace {

using testing::HasSubstr;
using testing::Not;

using Sizes = std::vector<std::map<std::string, int64_t>>;

/// Tiles of the reader's rows and columns.
List tile(Schedule& s, const std::string& block, const Value& rows, const Value& columns) {
  const auto loops = loops_of(s, block);
  const List i = split(s, loops[0], {{}, rows}), j = split(s, loops[1], {{}, columns});
  s.apply("reorder", {Value(List{i[0], j[0], i[1], j[1]})});
  return {i[0], j[0], i[1], j[1]};
}

/// Sizes n, m and k, with these k.
Sizes sizes_of(const std::vector<int64_t>& reductions) {
  Sizes sizes;
  for (const int64_t k : reductions)
    for (const auto& [n, m] : std::vector<std::pair<int, int>>{{1, 1}, {5, 7}, {8, 6}, {13, 11}})
      sizes.push_back({{"n", n}, {"m", m}, {"k", k}});
  return sizes;
}

/// A reduction whose sizes may all be 0, and its reader.
Program symbolic_dense() {
  return dense_program(te::var("n"), te::var("m"), te::var("k"));
}

Program symbolic_matmul() {
  return matmul_program(te::var("n"), te::var("m"), te::var("k"));
}

TEST(SeparateInit, moves_with_the_update_into_a_row_of_the_reader) {
  Schedule s(symbolic_dense());
  const BlockRef init = s.block("product_init");
  s.apply("compute_at", {s.block("product"), loops_of(s, "result")[0]});
  for (const auto& sizes : sizes_of({0, 1, 5})) expect_same_meaning(s, sizes);
  EXPECT_TRUE(s.block("product_init") == init);
  const std::string text = text_of(s);
  EXPECT_LT(text.find("for i"), text.find("alloc"));
  EXPECT_LT(text.find("alloc"), text.find("block product_init"));
  EXPECT_LT(text.find("block product_init"), text.find("block product#"));
  EXPECT_LT(text.find("block product#"), text.find("block result"));
  s.apply("parallel", {loops_of(s, "result")[0]});
  for (const auto& sizes : sizes_of({0, 5})) expect_same_meaning(s, sizes);
}

TEST(SeparateInit, moves_with_the_update_into_tiles_that_do_not_divide) {
  Schedule s(symbolic_dense());
  const List loops = tile(s, "result", 4, 3);
  s.apply("compute_at", {s.block("product"), loops[1]});
  s.apply("parallel", {loops[0]});
  for (const auto& sizes : sizes_of({0, 1, 5})) expect_same_meaning(s, sizes);
}

TEST(SeparateInit, moves_with_the_update_into_tiles_of_parameters) {
  Schedule s(symbolic_dense());
  const List loops = tile(s, "result", Tunable{"th", 1, 64}, Tunable{"tw", 1, 64});
  s.apply("compute_at", {s.block("product"), loops[1]});
  s.apply("compute_at", {s.block("product"), loops[2]});
  for (auto sizes : sizes_of({0, 5}))
    for (const auto& [th, tw] : std::vector<std::pair<int, int>>{{1, 9}, {3, 2}, {64, 16}}) {
      sizes["th"] = th;
      sizes["tw"] = tw;
      expect_same_meaning(s, sizes);
    }
}

TEST(SeparateInit, moves_with_the_update_to_a_single_point) {
  Schedule s(symbolic_dense());
  s.apply("compute_at", {s.block("product"), loops_of(s, "result")[1]});
  EXPECT_EQ(loops_of(s, "product_init").size(), 2U);
  for (const auto& sizes : sizes_of({0, 1, 5})) expect_same_meaning(s, sizes);
}

/// "sums"[i] = sum of row i, then "differences"[i] = sums[i + 1] - sums[i].
Program differences_program() {
  const Var n = te::var("n"), k = te::var("k");
  const auto a = te::placeholder({te::add(n, 1), k}, kFloat32, "A");
  const ReduceAxis kk = te::reduce_axis(k, "k");
  const auto sums = te::compute({te::add(n, 1)},
                                [&](const std::vector<Var>& p) -> te::Value {
                                  return te::sum(a({p[0], kk}), {kk});
                                },
                                "sums", {"i"});
  const auto differences = te::compute({n},
                                       [&](const std::vector<Var>& p) -> te::Value {
                                         return te::subtract(sums({te::add(p[0], 1)}), sums({p[0]}));
                                       },
                                       "differences", {"i"});
  return te::first_program({differences}, std::nullopt, "differences");
}

TEST(SeparateInit, sets_what_turns_share_anew_in_each) {
  Schedule s(differences_program());
  const List i = split(s, loops_of(s, "differences")[0], {{}, 4});
  s.apply("compute_at", {s.block("sums"), i[0]});
  s.apply("parallel", {i[0]});
  for (const int64_t k : {0, 1, 5})
    for (const int64_t n : {0, 1, 4, 11}) expect_same_meaning(s, {{"n", n}, {"k", k}});
}

TEST(SeparateInit, moves_past_what_fills_a_cache_between_both) {
  Schedule s(symbolic_dense());
  s.apply("cache_read", {s.block("product"), "A", "local"});
  s.apply("compute_at", {s.block("product"), loops_of(s, "result")[0]});
  s.apply("compute_at", {s.block("A_local"), loops_of(s, "product")[0]});
  for (const auto& sizes : sizes_of({0, 1, 5})) expect_same_meaning(s, sizes);
}

TEST(SeparateInit, of_decompose_reduction_moves_too) {
  for (const std::size_t at : {0U, 1U, 2U}) {
    Schedule s(dense_program(5, 7, 3));
    s.apply("decompose_reduction", {s.block("product"), loops_of(s, "product")[at]});
    s.apply("compute_at", {s.block("product"), loops_of(s, "result")[0]});
    expect_same_meaning(s);
  }
}

TEST(SeparateInit, of_split_loops_moves_too) {
  for (const int factor : {2, 4}) {
    Schedule s(dense_program(5, 7, 3));
    const auto loops = loops_of(s, "product");
    const List i = split(s, loops[0], {{}, factor}), k = split(s, loops[2], {{}, 2});
    s.apply("reorder", {Value(List{i[0], k[0], i[1], loops[1], k[1]})});
    s.apply("decompose_reduction", {s.block("product"), k[0]});
    s.apply("compute_at", {s.block("product"), loops_of(s, "result")[0]});
    expect_same_meaning(s);
  }
}

TEST(SeparateInit, of_tiles_that_cut_symbolic_sizes_moves_too) {
  Schedule tiles(dense_program(te::var("n"), te::var("m"), te::var("k", 1)));
  const auto loops = loops_of(tiles, "product");
  const List i = split(tiles, loops[0], {{}, Tunable{"th", 1, 64}}), k = split(tiles, loops[2], {{}, 2});
  tiles.apply("reorder", {Value(List{i[0], k[0], i[1], loops[1], k[1]})});
  tiles.apply("decompose_reduction", {tiles.block("product"), k[0]});
  tiles.apply("compute_at", {tiles.block("product"), loops_of(tiles, "result")[0]});
  for (auto sizes : sizes_of({1, 5}))
    for (const int64_t th : {1, 3, 16}) {
      sizes["th"] = th;
      expect_same_meaning(tiles, sizes);
    }
}

TEST(SeparateInit, loops_of_both_may_be_changed_before) {
  Schedule s(symbolic_dense());
  split(s, loops_of(s, "product")[2], {{}, 4});
  split(s, loops_of(s, "product_init")[1], {{}, 3});
  s.apply("compute_at", {s.block("product"), loops_of(s, "result")[0]});
  for (const auto& sizes : sizes_of({0, 5})) expect_same_meaning(s, sizes);
}

TEST(SeparateInit, stays_when_asked_for_alone) {
  Schedule s(symbolic_dense());
  const std::string before = text_of(s);
  EXPECT_THAT(error_of([&] {
                s.apply("compute_at", {s.block("product_init"), loops_of(s, "result")[0]});
              }),
              HasSubstr("block product_init sets what block product adds to; move block product, which takes "
                        "product_init along"));
  EXPECT_EQ(text_of(s), before);
}

TEST(SeparateInit, with_a_cache_of_its_own_no_longer_sets_elements_alone) {
  Schedule s(symbolic_dense());
  s.apply("cache_write", {s.block("product_init"), "local"});
  for (const auto& sizes : sizes_of({0, 5})) expect_same_meaning(s, sizes);
  EXPECT_THAT(error_of([&] {
                s.apply("compute_at", {s.block("product"), loops_of(s, "result")[0]});
              }),
              HasSubstr("block product_out does more than set elements"));
}

TEST(SeparateInit, of_a_part_of_the_sum_does_not_move) {
  // Each part of the sum is added to what the parts before have left.
  Schedule s(symbolic_dense());
  const auto i = loops_of(s, "product")[0];
  s.apply("loop_partition", {i, Value(List{2, {}})});
  EXPECT_THAT(error_of([&] {
                s.apply("compute_at", {s.block("product"), loops_of(s, "result")[0]});
              }),
              HasSubstr("it moves only together with that block: "));
}

TEST(SeparateInit, outside_of_loops_around_both_places_does_not_move) {
  Schedule s(symbolic_dense());
  s.apply("reverse_compute_at", {s.block("result"), loops_of(s, "product")[0]});
  EXPECT_THAT(error_of([&] {
                s.apply("compute_at", {s.block("product"), loops_of(s, "result")[1]});
              }),
              HasSubstr("block product_init sets what block product adds to, outside of loops around loop"));
  for (const auto& sizes : sizes_of({0, 5})) expect_same_meaning(s, sizes);
}

TEST(SeparateInit, computes_into_a_cache_with_the_update) {
  Schedule s(symbolic_matmul());
  s.apply("cache_write", {s.block("C"), "local"});
  EXPECT_THAT(text_of(s), HasSubstr("block C_out"));
  for (const auto& sizes : sizes_of({0, 1, 5})) expect_same_meaning(s, sizes);
  const List loops = tile(s, "C_out", 4, Tunable{"tw", 1, 64});
  s.apply("compute_at", {s.block("C"), loops[1]});
  s.apply("parallel", {loops[0]});
  for (auto sizes : sizes_of({0, 1, 5}))
    for (const int64_t tw : {1, 3, 16}) {
      sizes["tw"] = tw;
      expect_same_meaning(s, sizes);
    }
}

TEST(SeparateInit, allows_a_register_tile_with_packed_panels) {
  Schedule s(symbolic_matmul());
  s.apply("cache_write", {s.block("C"), "local"});
  const List loops = tile(s, "C_out", Tunable{"th", 1, 64}, 4);
  s.apply("compute_at", {s.block("C"), loops[1]});
  for (const char* block : {"C", "C_init", "C_out"}) {
    const auto own = loops_of(s, block);
    s.apply("vectorize", {loops_of(s, block)[3]});
    if (own.size() == 5) s.apply("reorder", {Value(List{own[4], own[2], own[3]})});
  }
  for (const char* input : {"A", "B"}) {
    s.apply("cache_read", {s.block("C"), input, "global"});
    s.apply("compute_at", {s.block(std::string(input) + "_global"), loops[1]});
  }
  s.apply("parallel", {loops[0]});
  for (auto sizes : sizes_of({0, 1, 5}))
    for (const int64_t th : {1, 3, 16}) {
      sizes["th"] = th;
      expect_same_meaning(s, sizes);
    }
}

TEST(SeparateInit, computes_into_a_cache_inside_of_loops) {
  Schedule s(symbolic_dense());
  const List loops = tile(s, "result", 4, 3);
  s.apply("compute_at", {s.block("product"), loops[1]});
  s.apply("cache_write", {s.block("product"), "local"});
  for (const auto& sizes : sizes_of({0, 1, 5})) expect_same_meaning(s, sizes);
}

TEST(SeparateInit, of_decompose_reduction_computes_into_a_cache) {
  for (const std::size_t at : {0U, 1U, 2U}) {
    Schedule s(dense_program(5, 7, 3));
    s.apply("decompose_reduction", {s.block("product"), loops_of(s, "product")[at]});
    s.apply("cache_write", {s.block("product"), "local"});
    expect_same_meaning(s);
  }
}

TEST(SeparateInit, elsewhere_than_the_cache_is_not_redirected) {
  Schedule s(symbolic_dense());
  s.apply("reverse_compute_at", {s.block("result"), loops_of(s, "product")[0]});
  EXPECT_THAT(error_of([&] {
                s.apply("cache_write", {s.block("product"), "local"});
              }),
              HasSubstr("block product_init sets what the block adds to, in other loops"));
}

}  // namespace
}  // namespace tw::schedule
