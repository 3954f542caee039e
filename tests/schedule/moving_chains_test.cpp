// Chains of steps as people write them, in which blocks move: tiles with constants and parameters, that
// divide and do not, on every level, fused and parallel.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "ir/text.h"
#include "schedule/fixtures.h"
#include "schedule/moving_programs.h"
#include "te/symbol.h"

namespace tw::schedule {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::vector<std::pair<int, int>> kSizes = {{32, 64}, {37, 29}, {5, 3}, {1, 1}};
const std::map<std::string, int64_t> kTiles = {{"mc", 12}, {"nc", 8}, {"n", 21}};

/// Two levels of tiles of the block's first two loops, with its third loop (if any) between tiles and points:
/// i_0 j_0 i_1 j_1 k i_2 j_2.
std::vector<Value> tile_twice(Schedule& s, const std::string& block, bool parametric) {
  const auto loops = loops_of(s, block);
  const List i = split(s, loops[0], {{}, parametric ? Value(Tunable{"mc", 4, 64, 4}) : Value(8)}),
             j = split(s, loops[1], {{}, parametric ? Value(Tunable{"nc", 4, 64, 4}) : Value(8)});
  const List ii = split(s, i[1], {{}, 4}), jj = split(s, j[1], {{}, 4});
  List order{i[0], j[0], ii[0], jj[0]};
  if (loops.size() > 2) order.push_back(loops[2]);
  order.push_back(ii[1]);
  order.push_back(jj[1]);
  s.apply("reorder", {Value(order)});
  return {order.begin(), order.end()};
}

TEST(MovingChains, an_epilogue_goes_into_each_loop_over_tiles_of_its_product) {
  for (const auto& [n, m] : kSizes)
    for (const bool parametric : {false, true})
      for (std::size_t level = 0; level < 4; ++level) {
        Schedule s(dense_program(n, m, 5));
        const auto loops = tile_twice(s, "product", parametric);
        s.apply("reverse_compute_at", {s.block("result"), loops[level]});
        s.apply("parallel", {loops[0]});
        expect_same_meaning(s, kTiles);
      }
}

TEST(MovingChains, an_epilogue_goes_into_tiles_of_a_symbolic_product) {
  for (std::size_t level = 0; level < 4; ++level) {
    Schedule s(dense_program(te::var("n", 1, 64), 13, 5));
    const auto loops = tile_twice(s, "product", true);
    s.apply("reverse_compute_at", {s.block("result"), loops[level]});
    expect_same_meaning(s, kTiles);
  }
}

TEST(MovingChains, a_product_goes_into_each_loop_of_its_epilogue) {
  for (const auto& [n, m] : kSizes)
    for (const bool parametric : {false, true})
      for (std::size_t level = 0; level < 6; ++level) {
        Schedule s(dense_program(n, m, 3));
        const auto loops = tile_twice(s, "result", parametric);
        s.apply("compute_at", {s.block("product"), loops[level]});
        s.apply("parallel", {loops[0]});
        expect_same_meaning(s, kTiles);
      }
}

TEST(MovingChains, a_written_cache_goes_back_at_each_level) {
  for (const auto& [n, m] : {std::pair{32, 64}, {37, 29}, {5, 3}})
    for (const bool parametric : {false, true})
      for (std::size_t level = 0; level < 4; ++level) {
        Schedule s(matmul_program(n, m, 5));
        const Value store = s.apply("cache_write", {s.block("C"), "local"})[0];
        const auto loops = tile_twice(s, "C", parametric);
        s.apply("reverse_compute_at", {store, loops[level]});
        expect_same_meaning(s, kTiles);
      }
}

TEST(MovingChains, an_epilogue_goes_into_fused_tiles_that_run_in_parallel) {
  for (const auto& [n, m] : kSizes)
    for (const bool parametric : {false, true})
      for (const bool before : {false, true}) {
        Schedule s(dense_program(n, m, 5));
        const auto loops = tile_twice(s, "product", parametric);
        const Value fused = s.apply("fuse", {Value(List{loops[0], loops[1]})})[0];
        if (before) s.apply("parallel", {fused});
        s.apply("reverse_compute_at", {s.block("result"), fused});
        if (!before) s.apply("parallel", {fused});
        expect_same_meaning(s, kTiles);
      }
}

TEST(MovingChains, a_producer_goes_into_fused_tiles_that_run_in_parallel) {
  for (const auto& [n, m] : kSizes)
    for (const bool parametric : {false, true})
      for (const bool blur : {false, true}) {
        Schedule s(blur ? blur_program(n, m) : chain_program(n, m));
        const auto loops = tile_twice(s, blur ? "blurred" : "scaled", parametric);
        const Value fused = s.apply("fuse", {Value(List{loops[0], loops[1]})})[0];
        s.apply("parallel", {fused});
        s.apply("compute_at", {s.block(blur ? "across" : "shifted"), fused});
        expect_same_meaning(s, kTiles);
      }
}

TEST(MovingChains, packed_panels_are_made_in_the_loops_over_blocks) {
  for (const auto& [n, m] : kSizes)
    for (const bool parametric : {false, true})
      for (const std::size_t level : {0, 1}) {
        Schedule s(matmul_program(n, m, 11));
        const auto loops = loops_of(s, "C");
        const List j = split(s, loops[1], {{}, parametric ? Value(Tunable{"nc", 4, 64, 4}) : Value(8), 4}),
                   k = split(s, loops[2], {{}, parametric ? Value(Tunable{"mc", 1, 64}) : Value(4)});
        s.apply("reorder", {Value(List{j[0], k[0], loops[0], j[1], k[1], j[2]})});
        const Value panel = s.apply("cache_read", {s.block("C"), "B", "global"})[0];
        s.apply("transform_layout", {s.buffer("B_global"), IndexMap::parse("(i, j) -> (j // 4, i, j % 4)")});
        s.apply("compute_at", {panel, level == 0 ? j[0] : k[0]});
        s.apply("parallel", {j[0]});
        expect_same_meaning(s, kTiles);
      }
}

TEST(MovingChains, a_packed_intermediate_is_made_in_tiles_of_its_reader) {
  Schedule s(chain_program(te::var("n", 1, 64), 13));
  s.apply("transform_layout", {s.buffer("shifted"), IndexMap::parse("(i, j) -> (i // 4, j, i % 4)")});
  const List i = split(s, loops_of(s, "scaled")[0], {{}, 8});
  s.apply("compute_at", {s.block("shifted"), i[0]});
  expect_same_meaning(s, kTiles);
}

TEST(MovingChains, rows_that_roll_are_made_in_tiles_of_their_reader) {
  for (const auto& [n, m] : kSizes)
    for (const bool parametric : {false, true}) {
      Schedule s(blur_program(n, m));
      const auto loops = loops_of(s, "blurred");
      s.apply("compute_at", {s.block("across"), loops[0]});
      s.apply("rolling_buffer", {"across", loops[0]});
      const List j = split(s, loops[1], {{}, parametric ? Value(Tunable{"nc", 1, 64}) : Value(4)});
      s.apply("compute_at", {s.block("across"), j[0]});
      if (n > 5) {
        EXPECT_THAT(text_of(s), HasSubstr("i == 0 || 2 <= i_1"));
      }
      expect_same_meaning(s, kTiles);
    }
}

TEST(MovingChains, what_feeds_new_rows_alone_is_made_for_new_rows_alone) {
  for (const auto& [h, w] : {std::pair{5, 4}, {1, 1}, {7, 3}}) {
    Schedule s(bottleneck_program(h, w, 3, 5, 2));
    const auto row = loops_of(s, "projected")[0];
    s.apply("compute_at", {s.block("filtered"), row});
    s.apply("compute_at", {s.block("expanded"), row});
    s.apply("rolling_buffer", {"expanded", row});
    const Value copy = s.apply("cache_read", {s.block("expanded"), "A", "global"})[0];
    s.apply("compute_at", {copy, loops_of(s, "expanded")[2]});
    if (h > 1) {
      EXPECT_THAT(text_of(s), HasSubstr("vi2: spatial(3) = i2) where y == 0 || 2 <= y_1"));
    }
    expect_same_meaning(s);
  }
}

TEST(MovingChains, rows_are_not_kept_of_turns_that_leave_some_out) {
  Schedule s(bottleneck_program(5, 4, 3, 5, 2));
  const auto row = loops_of(s, "projected")[0];
  s.apply("compute_at", {s.block("filtered"), row});
  s.apply("compute_at", {s.block("expanded"), row});
  s.apply("rolling_buffer", {"expanded", row});
  const Value copy = s.apply("cache_read", {s.block("expanded"), "A", "global"})[0];
  s.apply("compute_at", {copy, loops_of(s, "expanded")[1]});
  EXPECT_THAT(
      error_of([&] {
        s.apply("rolling_buffer", {s.buffer("A_global"), row});
      }),
      HasSubstr("block A_global runs where y == 0 || 2 <= y_1 alone, so some turns of loop y leave out rows "
                "that the next ones would look for; roll this buffer first"));
}

TEST(MovingChains, rows_that_roll_stay_where_turns_read_other_parts) {
  // The tile that is read in a row moves with the row.
  Schedule s(parse_program(R"(program p(A: in float32[12, 12], D: out float32[8, 4]):
  allocate T: float32[3, 12]
  ordered for i in 8:
    for y in 3:
      for x in 12:
        block T#0(vy: spatial(12) = i + y, vx: spatial(12) = x) where i == 0 || 2 <= y:
          reads A[vy, vx]
          writes T[vy % 3, vx]
          T[vy % 3, vx] = A[vy, vx]
    for j_0 in 2:
      for j_1 in 2:
        block D#1(vy: spatial(8) = i, vx: spatial(4) = j_0 * 2 + j_1):
          reads T[vy % 3, vy + vx], T[(vy + 2) % 3, vy + vx]
          writes D[vy, vx]
          D[vy, vx] = T[vy % 3, vy + vx] + T[(vy + 2) % 3, vy + vx]
)"));
  const std::string message = error_of([&] { s.apply("compute_at", {s.block("T"), loops_of(s, "D")[1]}); });
  EXPECT_THAT(message,
              HasSubstr("block T writes several of its points to one element of buffer T, as rolling_buffer "
                        "and pipeline make it, and the part of a row that is read differs from turn to turn; "
                        "move it before that"));
}

TEST(MovingChains, rows_that_roll_stay_where_others_read_them) {
  Schedule s(parse_program(R"(program p(A: in float32[12, 12], D: out float32[8, 12], E: out float32[8, 12]):
  allocate T: float32[3, 12]
  ordered for i in 8:
    for y in 3:
      for x in 12:
        block T#0(vy: spatial(12) = i + y, vx: spatial(12) = x) where i == 0 || 2 <= y:
          reads A[vy, vx]
          writes T[vy % 3, vx]
          T[vy % 3, vx] = A[vy, vx]
    for j in 12:
      block D#1(vy: spatial(8) = i, vx: spatial(12) = j):
        reads T[vy % 3, vx]
        writes D[vy, vx]
        D[vy, vx] = T[vy % 3, vx]
    for j in 12:
      block E#2(vy: spatial(8) = i, vx: spatial(12) = j):
        reads T[(vy + 2) % 3, vx]
        writes E[vy, vx]
        E[vy, vx] = T[(vy + 2) % 3, vx]
)"));
  EXPECT_THAT(error_of([&] {
                s.apply("compute_at", {s.block("T"), loops_of(s, "D")[1]});
              }),
              HasSubstr("and not only blocks below the loop read what it writes; move it before that"));
}

TEST(MovingChains, rows_that_roll_stay_where_loops_make_rows_and_columns) {
  Schedule s(blur_program(9, 8));
  const auto loops = loops_of(s, "blurred");
  s.apply("compute_at", {s.block("across"), loops[0]});
  s.apply("rolling_buffer", {"across", loops[0]});
  const auto own = loops_of(s, "across");
  s.apply("fuse", {Value(List{own[1], own[2]})});
  const List j = split(s, loops[1], {{}, 4});
  EXPECT_THAT(error_of([&] {
                s.apply("compute_at", {s.block("across"), j[0]});
              }),
              HasSubstr("and its rows share loops with other axes; move it before that"));
}

TEST(MovingChains, a_tuple_that_one_result_reads_keeps_its_memory_outside_of_its_own_loops) {
  Schedule s(parse_program(R"(program p(A: in float32[4, 6], low: out float32[4], twice: out float32[4]):
  allocate high: float32[4]
  for i in 4:
    for k in 6:
      block both#0(vi: spatial(4) = i, vk: reduce(6) = k):
        reads A[vi, vk]
        writes low[vi], high[vi]
        reducer both(a: float32, b: float32; c: float32, d: float32) -> (min(a, c), max(b, d)) from (inf_f32, -inf_f32)
        init:
          low[vi] = inf_f32
          high[vi] = -inf_f32
        let x: float32 = min(low[vi], A[vi, vk])
        let y: float32 = max(high[vi], A[vi, vk])
        low[vi] = x
        high[vi] = y
  for i in 4:
    block twice#1(vi: spatial(4) = i):
      reads low[vi]
      writes twice[vi]
      twice[vi] = low[vi] * 2.0f32
)"));
  Schedule back(s.first_program());
  s.apply("compute_at", {s.block("both"), loops_of(s, "twice")[0]});
  expect_same_meaning(s);
  back.apply("reverse_compute_at", {back.block("twice"), loops_of(back, "both")[0]});
  EXPECT_LT(text_of(back).find("for i in 4"), text_of(back).find("allocate high"));
  expect_same_meaning(back);
}

TEST(MovingChains, blocks_that_fill_parts_keep_their_loops) {
  const auto program = [] {
    return parse_program(R"(program p(A: in float32[8], D: out float32[8]):
  allocate T: float32[8]
  for i in 5:
    block low#0(v: spatial(8) = i):
      reads A[v]
      writes T[v]
      T[v] = A[v]
  for i in 3:
    block high#1(v: spatial(8) = 5 + i):
      reads A[v]
      writes T[v]
      T[v] = A[v] * 2.0f32
  for i in 5:
    block first#2(v: spatial(8) = i):
      reads T[v]
      writes D[v]
      D[v] = T[v]
  for i in 3:
    block rest#3(v: spatial(8) = 5 + i):
      reads T[v]
      writes D[v]
      D[v] = T[v]
)");
  };
  Schedule part(program());
  part.apply("compute_at", {part.block("high"), loops_of(part, "rest")[0]});
  expect_same_meaning(part);
  Schedule low(program());
  low.apply("compute_at", {low.block("low"), loops_of(low, "first")[0]});
  expect_same_meaning(low);
  Schedule s(program());
  EXPECT_THAT(
      error_of([&] {
        s.apply("reverse_compute_at", {s.block("rest"), loops_of(s, "high")[0]});
      }),
      HasSubstr("block rest is not proved to run through its whole domain, and in new loops it would: "));
}

TEST(MovingChains, a_block_runs_in_its_new_place_where_it_ran_before) {
  const auto program = [](const std::string& binding, const std::string& where, int turns) {
    return parse_program(fmt::format(R"(program p(A: in float32[8], B: in float32[8], D: out float32[8]):
  allocate T: float32[8]
  for i in 8:
    block all#0(v: spatial(8) = i):
      reads B[v]
      writes T[v]
      T[v] = B[v]
  for i in {}:
    block some#1(v: spatial(8) = {}){}:
      reads A[v]
      writes T[v]
      T[v] = A[v]
  for j in 8:
    block last#2(v: spatial(8) = j):
      reads T[v]
      writes D[v]
      D[v] = T[v]
)",
                                     turns, binding, where));
  };
  for (const int turns : {0, 1, 4}) {
    Schedule s(program("i + 3", "", turns));
    s.apply("compute_at", {s.block("some"), loops_of(s, "last")[0]});
    if (turns == 4) {
      EXPECT_THAT(text_of(s), HasSubstr("where 3 <= j && j < 7"));
    }
    expect_same_meaning(s);
  }
  for (const auto& [binding, where] : {std::pair{"i * 2", ""}, {"i", " where i % 2 == 0"}}) {
    Schedule gaps(program(binding, where, 4));
    EXPECT_THAT(
        error_of([&] {
          gaps.apply("compute_at", {gaps.block("some"), loops_of(gaps, "last")[0]});
        }),
        HasSubstr("block some is not proved to run through its domain or a box of it, so new loops could run "
                  "where it did not: "));
  }
}

TEST(MovingChains, memory_goes_inwards_from_the_midst_of_a_sequence) {
  Schedule s(parse_program(R"(program p(A: in float32[8], D: out float32[8], E: out float32[8]):
  for i in 8:
    block first#0(v: spatial(8) = i):
      reads A[v]
      writes E[v]
      E[v] = A[v]
  allocate T: float32[8]:
    for i in 8:
      block twice#1(v: spatial(8) = i):
        reads A[v]
        writes T[v]
        T[v] = A[v] * 2.0f32
    for i in 8:
      block last#2(v: spatial(8) = i):
        reads T[v]
        writes D[v]
        D[v] = T[v]
)"));
  s.apply("compute_at", {s.block("twice"), loops_of(s, "last")[0]});
  EXPECT_LT(text_of(s).find("for i_1 in 8"), text_of(s).find("allocate T"));
  expect_same_meaning(s);
}

TEST(MovingChains, hints_at_rows_go_when_the_rows_roll) {
  Schedule s(blur_program(9, 6));
  const auto row = loops_of(s, "blurred")[0];
  s.apply("prefetch", {s.block("blurred"), "across", loops_of(s, "blurred")[1], 2});
  s.apply("compute_at", {s.block("across"), row});
  s.apply("rolling_buffer", {"across", row});
  EXPECT_THAT(text_of(s), Not(HasSubstr("prefetch")));
  expect_same_meaning(s);
}

TEST(MovingChains, hints_go_with_the_loops_that_they_stood_in) {
  for (const bool reverse : {false, true}) {
    Schedule s(chain_program(9, 6));
    const std::string moved = reverse ? "scaled" : "shifted";
    s.apply("prefetch", {s.block(moved), 0, loops_of(s, moved)[1], 2});
    s.apply(reverse ? "reverse_compute_at" : "compute_at",
            {s.block(moved), loops_of(s, reverse ? "shifted" : "scaled")[0]});
    EXPECT_THAT(text_of(s), Not(HasSubstr("prefetch")));
    expect_same_meaning(s);
  }
}

}  // namespace
}  // namespace tw::schedule
