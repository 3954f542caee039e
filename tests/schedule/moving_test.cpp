// Moving blocks: compute_at, reverse_compute_at, rolling_buffer.
#include <gmock/gmock.h>

#include "ir/text.h"
#include "schedule/fixtures.h"
#include "schedule/moving_programs.h"
#include "te/math.h"
#include "te/reduce.h"
#include "te/scan.h"

namespace tw::schedule {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::vector<std::pair<int, int>> kSizes = {{1, 1}, {5, 7}, {13, 11}, {16, 12}, {31, 2}};

TEST(ComputeAt, computes_rows_in_the_loop_of_the_reader) {
  for (const auto& [n, m] : kSizes) {
    Schedule s(chain_program(n, m));
    s.apply("compute_at", {s.block("shifted"), loops_of(s, "scaled")[0]});
    expect_same_meaning(s);
  }
}

TEST(ComputeAt, keeps_no_loop_for_a_single_point) {
  Schedule s(chain_program(5, 7));
  s.apply("compute_at", {s.block("shifted"), loops_of(s, "scaled")[0]});
  EXPECT_EQ(loops_of(s, "shifted").size(), 2U);  // the row, and one of its own over columns
  s.apply("compute_at", {s.block("shifted"), loops_of(s, "scaled")[1]});
  EXPECT_EQ(loops_of(s, "shifted").size(), 2U);
  expect_same_meaning(s);
}

TEST(ComputeAt, allocates_the_buffer_in_the_loop) {
  Schedule s(chain_program(5, 7));
  s.apply("compute_at", {s.block("shifted"), loops_of(s, "scaled")[0]});
  const std::string text = to_text(s.program());
  EXPECT_LT(text.find("for i"), text.find("alloc"));
  s.apply("parallel", {loops_of(s, "scaled")[0]});
  expect_same_meaning(s);
}

TEST(ComputeAt, computes_the_halo_of_a_tile_again) {
  for (const auto& [n, m] : kSizes) {
    Schedule s(blur_program(n, m));
    const auto loops = loops_of(s, "blurred");
    const List i = split(s, loops[0], {{}, 4}), j = split(s, loops[1], {{}, 3});
    s.apply("reorder", {Value(List{i[0], j[0], i[1], j[1]})});
    s.apply("compute_at", {s.block("across"), j[0]});
    EXPECT_EQ(n > 4, to_text(s.program()).find("in 6:") != std::string::npos);
    s.apply("parallel", {i[0]});
    expect_same_meaning(s);
  }
}

TEST(ComputeAt, leaves_out_what_lies_beyond_padded_borders) {
  for (const auto& [n, m] : kSizes) {
    Schedule s(padded_blur_program(n, m));
    const auto loops = loops_of(s, "blurred");
    const List i = split(s, loops[0], {{}, 4}), j = split(s, loops[1], {{}, 3});
    s.apply("reorder", {Value(List{i[0], j[0], i[1], j[1]})});
    s.apply("compute_at", {s.block("scaled"), j[0]});
    expect_same_meaning(s);
  }
}

TEST(ComputeAt, takes_tiles_of_parameters_and_symbolic_sizes) {
  const Var n = te::var("n", 1, 64);
  Schedule s(padded_blur_program(n, 9));
  const auto loops = loops_of(s, "blurred");
  const List i = split(s, loops[0], {{}, Tunable{"th", 1, 64}}),
             j = split(s, loops[1], {{}, Tunable{"tw", 1, 64}});
  s.apply("reorder", {Value(List{i[0], j[0], i[1], j[1]})});
  s.apply("compute_at", {s.block("scaled"), j[0]});
  for (const int64_t size : {1, 2, 7, 16, 23})
    for (const auto& [th, tw] : std::vector<std::pair<int, int>>{{1, 9}, {3, 2}, {64, 16}})
      expect_same_meaning(s, {{"n", size}, {"th", th}, {"tw", tw}});
}

TEST(ComputeAt, puts_a_whole_reduction_into_a_tile_of_its_reader) {
  for (const auto& [n, m] : kSizes) {
    Schedule s(dense_program(n, m, 5));
    const auto loops = loops_of(s, "result");
    const List i = split(s, loops[0], {{}, 4}), j = split(s, loops[1], {{}, 3});
    s.apply("reorder", {Value(List{i[0], j[0], i[1], j[1]})});
    s.apply("compute_at", {s.block("product"), j[0]});
    expect_same_meaning(s);
  }
}

TEST(ComputeAt, chains_make_a_fused_softmax) {
  const Var n = te::var("n", 1, 64), m = te::var("m", 1, 64);
  Schedule s(softmax_program(n, m));
  const auto row = loops_of(s, "softmax")[0];
  for (const char* block : {"total", "shifted", "highest"}) s.apply("compute_at", {s.block(block), row});
  s.apply("parallel", {row});
  for (const auto& [rows, columns] : kSizes) expect_same_meaning(s, {{"n", rows}, {"m", columns}});
}

TEST(ComputeAt, chains_make_a_fused_softmax_of_row_tiles) {
  for (const auto& [n, m] : kSizes) {
    Schedule s(softmax_program(n, m));
    const List i = split(s, loops_of(s, "softmax")[0], {{}, Tunable{"rows", 1, 64}});
    for (const char* block : {"total", "shifted", "highest"}) s.apply("compute_at", {s.block(block), i[0]});
    s.apply("parallel", {i[0]});
    for (const int64_t rows : {1, 4, 40}) expect_same_meaning(s, {{"rows", rows}});
  }
}

TEST(ComputeAt, chains_make_a_fused_layer_norm) {
  const Var n = te::var("n", 1, 64);
  for (const auto& [rows, m] : kSizes) {
    Schedule s(layer_norm_program(n, m));
    const auto row = loops_of(s, "normalised")[0];
    std::vector<std::string> others;
    for (const BlockRef block : s.blocks())
      if (s.name_of(block) != "normalised") others.insert(others.begin(), s.name_of(block));
    for (const std::string& block : others) s.apply("compute_at", {s.block(block), row});
    s.apply("parallel", {row});
    expect_same_meaning(s, {{"n", rows}});
  }
}

TEST(ComputeAt, refuses_a_loop_without_a_reader) {
  Schedule s(softmax_program(5, 7));
  const std::string message = error_of([&] {
    s.apply("compute_at", {s.block("highest"), loops_of(s, "softmax")[0]});
  });
  EXPECT_THAT(message, HasSubstr("compute_at(highest, i)"));
  EXPECT_THAT(message, HasSubstr("block shifted reads buffer highest before loop i"));
  EXPECT_THAT(message, HasSubstr("move that reader first"));
  EXPECT_THAT(message, HasSubstr("here"));
}

/// "doubled" of n elements, read by "tail" from the second on, then by "all".
Program two_readers_program(int n) {
  const te::Tensor a = te::placeholder({n}, kFloat32, "A");
  const auto doubled =
      te::compute({n}, [&](const std::vector<Var>& p) -> te::Value { return te::multiply(a({p[0]}), 2.0); },
                  "doubled", {"i"});
  const auto tail = te::compute(
      {n - 1}, [&](const std::vector<Var>& p) -> te::Value { return doubled({te::add(p[0], 1)}); }, "tail",
      {"i"});
  const auto all =
      te::compute({n}, [&](const std::vector<Var>& p) -> te::Value { return te::add(doubled({p[0]}), 1.0); },
                  "all", {"i"});
  return te::first_program({tail, all}, std::nullopt, "two_readers");
}

TEST(ComputeAt, refuses_readers_outside_of_the_loop) {
  Schedule s(two_readers_program(9));
  const std::string message = error_of([&] {
    s.apply("compute_at", {s.block("doubled"), loops_of(s, "tail")[0]});
  });
  EXPECT_THAT(message, HasSubstr("compute_at(doubled, i)"));
  EXPECT_THAT(message, HasSubstr("block all reads buffer doubled outside of loop i"));
  EXPECT_THAT(message, HasSubstr("every reader must stand below the loop"));
  EXPECT_TRUE(s.trace().steps.empty());
}

TEST(ComputeAt, allows_readers_outside_of_a_loop_that_computes_everything) {
  Schedule s(softmax_program(5, 7));
  s.apply("compute_at", {s.block("shifted"), loops_of(s, "total")[0]});
  expect_same_meaning(s);
}

TEST(ComputeAt, refuses_a_loop_before_the_block_and_one_around_it) {
  Schedule s(chain_program(5, 7));
  EXPECT_THAT(error_of([&] {
                s.apply("compute_at", {s.block("scaled"), loops_of(s, "shifted")[0]});
              }),
              HasSubstr("block scaled stands after loop i"));
  EXPECT_THAT(error_of([&] {
                s.apply("compute_at", {s.block("scaled"), loops_of(s, "scaled")[0]});
              }),
              HasSubstr("block scaled stands in loop i already"));
}

TEST(ComputeAt, refuses_a_producer_whose_input_would_stay_behind) {
  Schedule s(softmax_program(5, 7));
  s.apply("compute_at", {s.block("highest"), loops_of(s, "shifted")[0]});
  const std::string message = error_of([&] {
    s.apply("compute_at", {s.block("shifted"), loops_of(s, "total")[0]});
  });
  EXPECT_THAT(message, HasSubstr("buffer highest, which lives only around its old place"));
}

TEST(ComputeAt, repeats_the_halo_in_parallel_turns_with_a_buffer_each) {
  Schedule s(blur_program(9, 7));
  const List i = split(s, loops_of(s, "blurred")[0], {{}, 4});
  s.apply("parallel", {i[0]});
  s.apply("compute_at", {s.block("across"), i[0]});
  expect_same_meaning(s);
}

TEST(ReverseComputeAt, puts_an_epilogue_behind_the_tiles_of_a_product) {
  for (const auto& [n, m] : kSizes) {
    Schedule s(dense_program(n, m, 5));
    const auto loops = loops_of(s, "product");
    const List i = split(s, loops[0], {{}, 4}), j = split(s, loops[1], {{}, 3});
    s.apply("reorder", {Value(List{i[0], j[0], loops[2], i[1], j[1]})});
    s.apply("reverse_compute_at", {s.block("result"), j[0]});
    s.apply("parallel", {i[0]});
    expect_same_meaning(s);
  }
}

TEST(ReverseComputeAt, takes_tiles_of_parameters) {
  const Var n = te::var("n", 1, 64);
  Schedule s(dense_program(n, 11, 5));
  const auto loops = loops_of(s, "product");
  const List i = split(s, loops[0], {{}, Tunable{"mc", 1, 64}}),
             j = split(s, loops[1], {{}, Tunable{"nc", 4, 64, 4}});
  s.apply("reorder", {Value(List{i[0], j[0], i[1], j[1]})});
  s.apply("reverse_compute_at", {s.block("result"), j[0]});
  for (const int64_t size : {1, 2, 13, 16, 29})
    for (const auto& [mc, nc] : std::vector<std::pair<int, int>>{{1, 8}, {3, 4}, {64, 64}})
      expect_same_meaning(s, {{"n", size}, {"mc", mc}, {"nc", nc}});
}

TEST(ReverseComputeAt, divides_a_reduction_over_the_turns) {
  for (const auto& [n, m] : kSizes) {
    Schedule s(softmax_program(n, m));
    s.apply("reverse_compute_at", {s.block("total"), loops_of(s, "shifted")[1]});
    expect_same_meaning(s);
  }
}

TEST(ReverseComputeAt, refuses_a_loop_inside_of_which_the_product_is_not_finished) {
  Schedule s(dense_program(8, 8, 5));
  const auto loops = loops_of(s, "product");
  s.apply("reorder", {Value(List{loops[2], loops[0], loops[1]})});
  const std::string message = error_of([&] { s.apply("reverse_compute_at", {s.block("result"), loops[1]}); });
  EXPECT_THAT(message, HasSubstr("reverse_compute_at(result, j)"));
  EXPECT_THAT(message, HasSubstr("are not proved to run every instance of block result once"));
}

TEST(ReverseComputeAt, refuses_readers_of_several_turns) {
  Schedule s(blur_program(9, 7));
  const std::string message = error_of([&] {
    s.apply("reverse_compute_at", {s.block("blurred"), loops_of(s, "across")[0]});
  });
  EXPECT_THAT(message, HasSubstr("reverse_compute_at(blurred, i)"));
  EXPECT_THAT(message, HasSubstr("loop i"));
}

TEST(ReverseComputeAt, refuses_a_loop_behind_the_block) {
  Schedule s(chain_program(5, 7));
  EXPECT_THAT(error_of([&] {
                s.apply("reverse_compute_at", {s.block("shifted"), loops_of(s, "scaled")[0]});
              }),
              HasSubstr("block shifted stands before loop i"));
}

TEST(RollingBuffer, keeps_the_rows_that_the_next_turn_reads) {
  for (const auto& [n, m] : kSizes) {
    Schedule s(blur_program(n, m));
    const auto loops = loops_of(s, "blurred");
    s.apply("compute_at", {s.block("across"), loops[0]});
    s.apply("rolling_buffer", {"across", loops[0]});
    EXPECT_EQ(n > 1, to_text(s.program()).find("% 3") != std::string::npos);
    expect_same_meaning(s);
  }
}

TEST(RollingBuffer, of_tiles_of_rows_and_parameters) {
  const Var n = te::var("n", 1, 64);
  Schedule s(padded_blur_program(n, 6));
  const List i = split(s, loops_of(s, "blurred")[0], {{}, Tunable{"th", 1, 64}});
  s.apply("compute_at", {s.block("scaled"), i[0]});
  s.apply("rolling_buffer", {"scaled", i[0]});
  for (const int64_t size : {1, 2, 7, 16, 23})
    for (const int64_t th : {1, 2, 5, 64}) expect_same_meaning(s, {{"n", size}, {"th", th}});
}

TEST(RollingBuffer, inside_of_parallel_strips) {
  Schedule s(blur_program(13, 11));
  const auto loops = loops_of(s, "blurred");
  const List j = split(s, loops[1], {{}, 4});
  s.apply("reorder", {Value(List{j[0], loops[0], j[1]})});
  s.apply("compute_at", {s.block("across"), loops[0]});
  s.apply("rolling_buffer", {"across", loops[0]});
  s.apply("parallel", {j[0]});
  expect_same_meaning(s);
}

TEST(RollingBuffer, runs_a_bottleneck_row_by_row) {
  for (const auto& [h, w] : kSizes) {
    Schedule s(bottleneck_program(h, w, 3, 5, 2));
    const auto row = loops_of(s, "projected")[0];
    s.apply("compute_at", {s.block("filtered"), row});
    s.apply("compute_at", {s.block("expanded"), row});
    s.apply("rolling_buffer", {"expanded", row});
    expect_same_meaning(s);
  }
}

TEST(RollingBuffer, makes_the_loop_ordered) {
  Schedule s(blur_program(9, 7));
  const auto loops = loops_of(s, "blurred");
  s.apply("compute_at", {s.block("across"), loops[0]});
  s.apply("rolling_buffer", {"across", loops[0]});
  EXPECT_THAT(error_of([&] { s.apply("parallel", {loops[0]}); }), HasSubstr("ordered"));
  EXPECT_THAT(error_of([&] { s.apply("reorder", {Value(List{loops[1], loops[0]})}); }), HasSubstr("reorder"));
}

TEST(RollingBuffer, refuses_uses_outside_of_the_loop) {
  Schedule s(blur_program(9, 7));
  const std::string message = error_of([&] {
    s.apply("rolling_buffer", {"across", loops_of(s, "blurred")[0]});
  });
  EXPECT_THAT(message, HasSubstr("rolling_buffer(across, i)"));
  EXPECT_THAT(message, HasSubstr("block across uses buffer across outside of loop i"));
  EXPECT_THAT(message, HasSubstr("compute_at moves its producer there"));
}

TEST(RollingBuffer, refuses_when_there_is_nothing_to_keep) {
  Schedule s(chain_program(9, 7));
  const auto loops = loops_of(s, "scaled");
  s.apply("compute_at", {s.block("shifted"), loops[0]});
  EXPECT_THAT(error_of([&] {
                s.apply("rolling_buffer", {"shifted", loops[0]});
              }),
              HasSubstr("no row is read again"));
}

TEST(RollingBuffer, refuses_parallel_loops_and_buffers_of_the_caller) {
  Schedule s(blur_program(9, 7));
  const auto loops = loops_of(s, "blurred");
  EXPECT_THAT(error_of([&] {
                s.apply("rolling_buffer", {"blurred", loops[0]});
              }),
              HasSubstr("belongs to the caller"));
  s.apply("compute_at", {s.block("across"), loops[0]});
  s.apply("parallel", {loops[0]});
  EXPECT_THAT(error_of([&] {
                s.apply("rolling_buffer", {"across", loops[0]});
              }),
              HasSubstr("take a serial loop"));
}

TEST(RollingBuffer, refuses_parallel_loops_below_that_would_share_the_rows) {
  Schedule s(padded_blur_program(6, 5));
  const auto loops = loops_of(s, "blurred");
  s.apply("parallel", {loops[1]});
  s.apply("compute_at", {s.block("scaled"), loops[1]});
  const std::string message = error_of([&] { s.apply("rolling_buffer", {"scaled", loops[0]}); });
  EXPECT_THAT(message, HasSubstr("the turns of loop j, which is parallel, would meet"));
}

TEST(ReverseComputeAt, keeps_what_later_turns_of_a_scan_read) {
  const auto x = te::placeholder({7}, kFloat32, "X");
  const auto h = te::scan({te::ScanInit(0.0)},
                          [&](const std::vector<te::Tensor>& states, const Var& t, const std::vector<Var>&) {
                            return std::vector<te::Value>{te::add(states[0]({Expr(t) - Expr(1)}), x({t}))};
                          },
                          7, "H", {"t"})[0];
  const auto y = te::compute(
      {7}, [&](const std::vector<Var>& p) -> te::Value { return te::multiply(h({p[0]}), 2.0); }, "Y", {"i"});
  Schedule s(te::first_program({y}));
  s.apply("reverse_compute_at", {s.block("Y"), s.loops(s.block("H"))[0]});
  expect_same_meaning(s);
}

}  // namespace
}  // namespace tw::schedule
