// The primitives that say where and how buffers lie and what is fetched ahead, and notes: set_scope,
// storage_align, prefetch, pragma, annotate.
#include <gmock/gmock.h>

#include "ir/text.h"
#include "schedule/fixtures.h"

namespace tw::schedule {
namespace {

using testing::HasSubstr;

int count_of(const std::string& text, const std::string& part) {
  int count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(SetScope, changes_where_an_inner_buffer_lies) {
  Schedule s(chain_program(5, 7));
  const BufferRef buffer = s.buffer("shifted");
  s.apply("set_scope", {buffer, "shared"});
  EXPECT_THAT(text_of(s), HasSubstr("allocate shifted: shared float32[5, 7]"));
  s.apply("set_scope", {buffer, "local"});
  EXPECT_THAT(text_of(s), HasSubstr("allocate shifted: local float32[5, 7]"));
  expect_same_meaning(s);
}

TEST(SetScope, refuses_arguments_and_memory_that_turns_do_not_share) {
  Schedule s(chain_program(5, 7));
  const std::string message = error_of([&] { s.apply("set_scope", {"A", "shared"}); });
  EXPECT_THAT(message, HasSubstr("buffer A is the caller's"));
  EXPECT_THAT(message, HasSubstr("use cache_read or cache_write"));
  s.apply("bind", {loops_of(s, "scaled")[0], "threadIdx.x"});
  EXPECT_THAT(error_of([&] {
                s.apply("set_scope", {"shifted", "local"});
              }),
              HasSubstr("move it into the loop with compute_at"));
  s.apply("set_scope", {"shifted", "shared"});
  expect_same_meaning(s);
}

TEST(StorageAlign, pads_the_stride_of_a_dimension) {
  Schedule s(chain_program(5, 32));
  s.apply("storage_align", {"shifted", 0, 32, 1});
  EXPECT_THAT(text_of(s), HasSubstr("shifted: float32[5, 32] strides [33, 1]"));
  expect_same_meaning(s);
  Schedule last(chain_program(5, 32));
  last.apply("storage_align", {"shifted", -2, 5, 0});
  EXPECT_THAT(text_of(last), HasSubstr("strides [35, 1]"));
  expect_same_meaning(last);
}

TEST(StorageAlign, of_symbolic_extents) {
  const Var n = te::var("n", 0, 64), m = te::var("m", 0, 64);
  Schedule s(chain_program(n, m));
  s.apply("storage_align", {"shifted", 0, 16, 4});
  for (const int64_t size : {0, 3, 4, 16, 21}) expect_same_meaning(s, {{"n", 3}, {"m", size}});
}

TEST(StorageAlign, refuses_what_has_no_stride) {
  Schedule s(chain_program(5, 32));
  EXPECT_THAT(error_of([&] {
                s.apply("storage_align", {"A", 0, 32, 1});
              }),
              HasSubstr("the caller decides the strides"));
  EXPECT_THAT(error_of([&] {
                s.apply("storage_align", {"shifted", 2, 32, 1});
              }),
              HasSubstr("has 2 dimensions, and number 2 was asked for"));
  EXPECT_THAT(error_of([&] {
                s.apply("storage_align", {"shifted", 0, 4, 4});
              }),
              HasSubstr("an offset from 0 to factor - 1"));
  s.apply("storage_align", {"shifted", 0, 32, 1});
  EXPECT_THAT(error_of([&] {
                s.apply("storage_align", {"shifted", 1, 2, 0});
              }),
              HasSubstr("align inner dimensions before outer ones"));
}

TEST(Prefetch, hints_at_the_row_of_a_later_turn) {
  Schedule s(matmul_program(5, 32, 9));
  const auto loops = loops_of(s, "C");
  s.apply("reorder", {Value(List{loops[2], loops[1]})});
  s.apply("prefetch", {s.block("C"), "B", loops[2], 8});
  EXPECT_THAT(text_of(s), HasSubstr("prefetch read B[k + 8, i1 * 16]"));
  EXPECT_EQ(count_of(text_of(s), "prefetch"), 1);
  expect_same_meaning(s);
}

TEST(Prefetch, survives_later_splits_and_parameters) {
  const Var n = te::var("n", 0, 64);
  Schedule s(matmul_program(n, 7, 5));
  const auto loops = loops_of(s, "C");
  s.apply("prefetch", {s.block("C"), "A", loops[0], 2});
  s.apply("split", {loops[0], List{{}, Tunable{"mc", 1, 64}}});
  for (const int64_t mc : {1, 3, 8}) expect_same_meaning(s, {{"n", 7}, {"mc", mc}});
}

TEST(Prefetch, past_the_end_of_a_guarded_tile_hints_at_nothing) {
  const Var n = te::var("n", 0, 64);
  Schedule s(matmul_program(n, 7, 5));
  const auto tiles = *s.apply("split", {loops_of(s, "C")[0], List{{}, 4}})[0].get_if<List>();
  s.apply("prefetch", {s.block("C"), "A", tiles[0], 2});
  for (const int64_t size : {0, 1, 9}) expect_same_meaning(s, {{"n", size}});
}

TEST(Prefetch, shares_hints_out_over_the_turns_of_a_loop_inside) {
  Schedule s(matmul_program(4, 64, 8));  // B has 8 rows of 4 lines
  const auto loops = loops_of(s, "C");
  const auto columns = *s.apply("split", {loops[1], List{{}, 32}})[0].get_if<List>();
  s.apply("reorder", {Value(List{columns[0], loops[0], loops[2], columns[1]})});
  s.apply("prefetch", {s.block("C"), "B", columns[0], 1, loops[2]});
  // 8 x 2 lines in 4 x 8 turns: one in each, and the last again when all are done.
  EXPECT_THAT(text_of(s), HasSubstr("for line in unrolled(1):"));
  EXPECT_THAT(text_of(s), HasSubstr("prefetch read B[min(i * 8 + k, 15) // 2"));
  expect_same_meaning(s);

  Schedule even(matmul_program(4, 64, 16));
  const auto nest = loops_of(even, "C");
  const auto halves = *even.apply("split", {nest[1], List{{}, 32}})[0].get_if<List>();
  even.apply("reorder", {Value(List{halves[0], nest[0], nest[2], halves[1]})});
  even.apply("prefetch", {even.block("C"), "B", halves[0], 1, nest[0]});
  EXPECT_THAT(text_of(even), HasSubstr("for line in unrolled(8):"));
  EXPECT_THAT(text_of(even), Not(HasSubstr("min(")));
  expect_same_meaning(even);
}

TEST(Prefetch, shares_hints_over_loops_of_sizes_known_at_run_time) {
  const Var n = te::var("n", 0, 64);
  Schedule s(matmul_program(n, 7, 5));
  const auto loops = loops_of(s, "C");
  s.apply("prefetch", {s.block("C"), "A", loops[0], 1, loops[1]});
  for (const int64_t size : {0, 1, 9}) expect_same_meaning(s, {{"n", size}});
}

TEST(Prefetch, refuses_what_fetches_nothing_ahead) {
  Schedule s(matmul_program(5, 7, 3));
  const auto loops = loops_of(s, "C");
  const std::string message = error_of([&] { s.apply("prefetch", {s.block("C"), "B", loops[0], 1}); });
  EXPECT_THAT(message, HasSubstr("prefetch(C, "));
  EXPECT_THAT(message, HasSubstr("reads the same elements of B in every turn of loop i"));
  EXPECT_THAT(error_of([&] {
                s.apply("prefetch", {s.block("C"), "A", loops[0], 0});
              }),
              HasSubstr("at least 1"));
  EXPECT_THAT(error_of([&] {
                s.apply("prefetch", {s.block("C"), "A", loops[1], 1, loops[0]});
              }),
              HasSubstr("reads the same elements of A"));
  EXPECT_THAT(error_of([&] {
                s.apply("prefetch", {s.block("C"), "A", loops[0], 1, loops[0]});
              }),
              HasSubstr("loop i does not stand in loop i"));
  Schedule chain(chain_program(5, 7));
  EXPECT_THAT(error_of([&] {
                chain.apply("prefetch", {chain.block("scaled"), "shifted", loops_of(chain, "shifted")[0], 1});
              }),
              HasSubstr("loop i is not around block scaled"));
}

TEST(Notes, stand_on_loops_and_blocks) {
  Schedule s(matmul_program(5, 7, 3));
  s.apply("pragma", {loops_of(s, "C")[0], "streaming", 1});
  s.apply("pragma", {loops_of(s, "C")[0], "streaming", 2});
  s.apply("annotate", {s.block("C"), "library", "blas"});
  s.apply("annotate", {s.block("C"), "weight", 0.5});
  EXPECT_THAT(text_of(s), HasSubstr("{streaming = 2}"));
  EXPECT_THAT(text_of(s), HasSubstr("library = \"blas\""));
  expect_same_meaning(s);
  EXPECT_THAT(error_of([&] { s.apply("annotate", {s.block("C"), "", 1}); }), HasSubstr("the key is empty"));
}

}  // namespace
}  // namespace tw::schedule
