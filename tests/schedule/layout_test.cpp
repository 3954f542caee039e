// transform_layout: layouts of buffers inside the program, and packing.
#include <gmock/gmock.h>

#include "ir/text.h"
#include "schedule/fixtures.h"

namespace tw::schedule {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kPanels = "(i, j) -> (i // 4, j, i % 4)";

TEST(TransformLayout, rewrites_writers_and_readers) {
  Schedule s(chain_program(8, 7));
  s.apply("transform_layout", {"shifted", "(i, j) -> (j, i)"});
  EXPECT_THAT(text_of(s), HasSubstr("shifted: float32[7, 8]"));
  EXPECT_THAT(text_of(s), HasSubstr("shifted[vj, vi] = max("));
  expect_same_meaning(s);
  s.apply("transform_layout", {"shifted", "(j, i) -> (i // 4, j, i % 4)"});
  EXPECT_THAT(text_of(s), HasSubstr("shifted: float32[2, 7, 4]"));
  expect_same_meaning(s);
  s.apply("transform_layout", {"shifted", "(a, b, c) -> (a*28 + b*4 + c)"});
  EXPECT_THAT(text_of(s), HasSubstr("shifted: float32[56]"));
  expect_same_meaning(s);
}

TEST(TransformLayout, pads_where_sizes_do_not_divide) {
  Schedule s(chain_program(10, 7));
  s.apply("transform_layout", {"shifted", kPanels});
  EXPECT_THAT(text_of(s), HasSubstr("shifted: float32[3, 7, 4]"));
  EXPECT_THAT(text_of(s), HasSubstr("shifted[vi // 4, vj, vi % 4]"));
  expect_same_meaning(s);
}

TEST(TransformLayout, keeps_the_inner_extent_of_small_sizes) {
  Schedule s(chain_program(3, 7));
  s.apply("transform_layout", {"shifted", "(i, j) -> (i // 8, j, i % 8)"});
  EXPECT_THAT(text_of(s), HasSubstr("shifted: float32[1, 7, 8]"));
  expect_same_meaning(s);
}

TEST(TransformLayout, of_symbolic_sizes_zero_included) {
  const Var n = te::var("n", 0, 64), m = te::var("m", 0, 64);
  Schedule s(chain_program(n, m));
  s.apply("transform_layout", {"shifted", "(i, j) -> (i // 4, j // 3, i % 4, j % 3)"});
  for (const int64_t rows : {0, 1, 4, 9})
    for (const int64_t columns : {0, 3, 7}) expect_same_meaning(s, {{"n", rows}, {"m", columns}});
}

TEST(TransformLayout, writes_padding_only_when_told) {
  Schedule s(chain_program(10, 7));
  s.apply("transform_layout", {"shifted", kPanels, 0});
  EXPECT_THAT(text_of(s), HasSubstr("block shifted_pad"));
  EXPECT_THAT(text_of(s), HasSubstr("shifted[vi0, vi1, vi2] = 0.0f32"));
  expect_same_meaning(s);
  Schedule whole(chain_program(8, 7));
  whole.apply("transform_layout", {"shifted", kPanels, 0});
  EXPECT_THAT(text_of(whole), Not(HasSubstr("pad")));
  expect_same_meaning(whole);
}

TEST(TransformLayout, of_a_copy_takes_its_loops_in_the_new_order) {
  Schedule s(matmul_program(10, 7, 5));
  s.apply("cache_read", {s.block("C"), "A", "global"});
  s.apply("transform_layout", {"A_global", kPanels});
  const std::string text = text_of(s);
  EXPECT_THAT(
      text, HasSubstr("block A_global#1(vi0: spatial(3) = i0, vi1: spatial(5) = i1, vi2: spatial(4) = i2)"));
  EXPECT_THAT(text, HasSubstr("if vi0 * 4 + vi2 < 10"));
  EXPECT_THAT(text, HasSubstr("A_global[vi0, vi1, vi2] = A[vi0 * 4 + vi2, vi1]"));
  EXPECT_EQ(loops_of(s, "A_global").size(), 3u);
  expect_same_meaning(s);
}

TEST(TransformLayout, of_a_copy_fills_the_padding_where_it_copies) {
  Schedule s(matmul_program(10, 7, 5));
  s.apply("cache_read", {s.block("C"), "A", "global"});
  s.apply("transform_layout", {"A_global", kPanels, 0});
  EXPECT_THAT(text_of(s), HasSubstr("select(vi0 * 4 + vi2 < 10, A[vi0 * 4 + vi2, vi1], 0.0f32)"));
  expect_same_meaning(s);
}

TEST(TransformLayout, then_compute_at_packs_panels_of_parametric_tiles) {
  const Var n = te::var("n", 0, 64);
  Schedule s(matmul_program(n, 11, 9));
  const auto packed_a = s.apply("cache_read", {s.block("C"), "A", "global"})[0];
  const auto packed_b = s.apply("cache_read", {s.block("C"), "B", "global"})[0];
  s.apply("transform_layout", {"A_global", kPanels});
  s.apply("transform_layout", {"B_global", "(k, j) -> (j // 8, k, j % 8)", 0});
  const auto loops = loops_of(s, "C");
  const auto i = *s.apply("split", {loops[0], List{{}, Tunable{"mc", 4, 64, 4}, 4}})[0].get_if<List>();
  const auto j = *s.apply("split", {loops[1], List{{}, 8}})[0].get_if<List>();
  const auto k = *s.apply("split", {loops[2], List{{}, Tunable{"kc", 1, 64}}})[0].get_if<List>();
  s.apply("reorder", {Value(List{k[0], i[0], j[0], i[1], k[1], i[2], j[1]})});
  s.apply("compute_at", {packed_b, k[0]});
  s.apply("compute_at", {packed_a, i[0]});
  for (const int64_t size : {0, 1, 9, 17})
    for (const int64_t mc : {4, 8, 64})
      for (const int64_t kc : {1, 4, 9}) expect_same_meaning(s, {{"n", size}, {"mc", mc}, {"kc", kc}});
}

TEST(TransformLayout, after_the_copy_has_been_tiled_leaves_its_loops) {
  Schedule s(matmul_program(10, 7, 5));
  s.apply("cache_read", {s.block("C"), "A", "global"});
  s.apply("split", {loops_of(s, "A_global")[0], List{{}, 3}});
  s.apply("transform_layout", {"A_global", kPanels});
  EXPECT_THAT(text_of(s), HasSubstr("A_global[vi0 // 4, vi1, vi0 % 4] = A[vi0, vi1]"));
  expect_same_meaning(s);
}

TEST(TransformLayout, of_accumulators) {
  Schedule s(matmul_program(10, 7, 5));
  s.apply("cache_write", {s.block("C"), "local"});
  s.apply("transform_layout", {"C_local", "(i, j) -> (j // 4, i, j % 4)"});
  EXPECT_THAT(text_of(s), HasSubstr("C[vi_1, vj_1] = C_local[vj_1 // 4, vi_1, vj_1 % 4]"));
  expect_same_meaning(s);
}

TEST(TransformLayout, moves_handles_and_prefetches_with_the_buffer) {
  Schedule s(chain_program(8, 7));
  const BufferRef buffer = s.buffer("shifted");
  s.apply("prefetch", {s.block("scaled"), "shifted", loops_of(s, "scaled")[0], 1});
  s.apply("transform_layout", {buffer, "(i, j) -> (j, i)"});
  EXPECT_THAT(text_of(s), HasSubstr("prefetch read shifted["));
  s.apply("set_scope", {buffer, "local"});
  expect_same_meaning(s);
}

TEST(TransformLayout, leaves_padding_that_later_copies_do_not_read) {
  const Var n = te::var("n", 0, 64);
  Schedule s(chain_program(n, 7));
  s.apply("transform_layout", {"shifted", kPanels});
  s.apply("cache_read", {s.block("scaled"), "shifted", "local"});
  EXPECT_THAT(text_of(s), HasSubstr("= shifted[vi_1 // 4, vj_1, vi_1 % 4]"));
  for (const int64_t size : {0, 3, 4, 9}) expect_same_meaning(s, {{"n", size}});
}

TEST(TransformLayout, refuses_what_the_caller_sees) {
  Schedule s(matmul_program(8, 7, 5));
  const std::string before = text_of(s);
  for (const char* buffer : {"A", "C"}) {
    const std::string message = error_of([&] { s.apply("transform_layout", {buffer, "(i, j) -> (j, i)"}); });
    EXPECT_THAT(message, HasSubstr("transform_layout("));
    EXPECT_THAT(message, HasSubstr("the caller sees how buffer"));
    EXPECT_THAT(message, HasSubstr("use cache_read or cache_write"));
  }
  EXPECT_EQ(text_of(s), before);
}

TEST(TransformLayout, refuses_maps_that_lose_or_mix_elements) {
  Schedule s(chain_program(8, 7));
  const auto refusal = [&](const char* map) {
    return error_of([&] { s.apply("transform_layout", {"shifted", map}); });
  };
  EXPECT_THAT(refusal("(i, j) -> (i)"), HasSubstr("turns that differ in loop 'j' may have the same axes"));
  EXPECT_THAT(refusal("(i, j) -> (i // 2, j)"),
              HasSubstr("is not one to one from the indices of buffer shifted"));
  EXPECT_THAT(refusal("(i, j) -> (i + j, j)"), HasSubstr("is not one to one"));
  EXPECT_THAT(refusal("(i, j) -> (i * 2, j)"), HasSubstr("without gaps"));
  EXPECT_THAT(refusal("(i, j) -> (i * i, j)"), HasSubstr("is not one to one"));
  EXPECT_THAT(refusal("(i) -> (i)"),
              HasSubstr("the map takes 1 indices, and buffer shifted has 2 dimensions"));
  s.apply("storage_align", {"shifted", 0, 16, 1});
  EXPECT_THAT(refusal("(i, j) -> (j, i)"), HasSubstr("has aligned strides for its old layout"));
}

}  // namespace
}  // namespace tw::schedule
