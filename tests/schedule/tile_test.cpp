// tile: several nested loops at once.
#include <gmock/gmock.h>

#include "ir/text.h"
#include "schedule/fixtures.h"

namespace tw::schedule {
namespace {

using testing::HasSubstr;
using testing::Not;

std::vector<std::string> names_of(Schedule& s, const std::string& block) {
  std::vector<std::string> names;
  for (const Value& loop : loops_of(s, block)) names.push_back(s.name_of(loop));
  return names;
}

TEST(Tile, gives_the_outer_loops_and_then_the_inner_ones) {
  for (const auto& [n, m, k] :
       std::vector<std::array<int, 3>>{{1, 1, 1}, {28, 64, 3}, {13, 31, 5}, {0, 7, 3}, {4, 5, 0}}) {
    Schedule s(matmul_program(n, m, k));
    const auto loops = loops_of(s, "C");
    const auto made =
        *s.apply("tile", {Value(List{loops[0], loops[1]}), Value(List{14, 32})})[0].get_if<List>();
    EXPECT_THAT(names_of(s, "C"), testing::ElementsAre("i_0", "j_0", "i_1", "j_1", "k"));
    ASSERT_EQ(made.size(), 4U);
    EXPECT_EQ(s.name_of(made[1]), "j_0");
    expect_same_meaning(s);
  }
}

TEST(Tile, by_factors_that_divide_leaves_no_condition) {
  Schedule s(matmul_program(28, 64, 3));
  const auto loops = loops_of(s, "C");
  s.apply("tile", {Value(List{loops[0], loops[1]}), Value(List{14, 32})});
  EXPECT_THAT(text_of(s), Not(HasSubstr("where")));
}

TEST(Tile, stands_in_the_order_of_the_names) {
  Schedule s(matmul_program(13, 11, 9));
  const auto loops = loops_of(s, "C");
  s.apply("tile", {Value(List{loops[2], loops[0], loops[1]}), Value(List{2, 4, 3})});
  EXPECT_THAT(names_of(s, "C"), testing::ElementsAre("k_0", "i_0", "j_0", "k_1", "i_1", "j_1"));
  expect_same_meaning(s);
}

TEST(Tile, of_one_loop_is_a_split) {
  Schedule s(matmul_program(13, 11, 9));
  s.apply("tile", {Value(List{loops_of(s, "C")[1]}), Value(List{4})});
  EXPECT_THAT(names_of(s, "C"), testing::ElementsAre("i", "j_0", "j_1", "k"));
  expect_same_meaning(s);
}

TEST(Tile, by_parameters_on_symbolic_sizes) {
  const Var n = te::var("n", 0, 64);
  Schedule s(matmul_program(n, 7, 5));
  const auto loops = loops_of(s, "C");
  s.apply("tile", {Value(List{loops[0], loops[1], loops[2]}),
                   Value(List{Tunable{"mc", 1, 64}, Tunable{"nc", 2, 64, 2}, 2})});
  for (const int64_t size : {0, 1, 7, 16})
    for (const int64_t mc : {1, 4, 64})
      for (const int64_t nc : {2, 4, 64}) expect_same_meaning(s, {{"n", size}, {"mc", mc}, {"nc", nc}});
}

TEST(Tile, refuses_factors_that_do_not_fit_the_loops) {
  Schedule s(matmul_program(13, 11, 9));
  const auto loops = loops_of(s, "C");
  const std::string before = text_of(s);
  EXPECT_THAT(error_of([&] {
                s.apply("tile", {Value(List{loops[0], loops[1]}), Value(List{4})});
              }),
              HasSubstr("tile([i, j], [4]): 2 loops and 1 factors; each loop takes one"));
  EXPECT_THAT(error_of([&] {
                s.apply("tile", {Value(List{loops[0], loops[1]}), Value(List{4, {}})});
              }),
              HasSubstr("the factor of loop j is None"));
  EXPECT_THAT(error_of([&] {
                s.apply("tile", {Value(List{loops[0], loops[0]}), Value(List{4, 4})});
              }),
              HasSubstr("loop i is named twice"));
  EXPECT_THAT(error_of([&] {
                s.apply("tile", {Value(List{loops[0], loops[2]}), Value(List{4, 4})});
              }),
              HasSubstr("loop k does not stand directly in loop i"));
  s.apply("parallel", {loops[0]});
  EXPECT_THAT(error_of([&] {
                s.apply("tile", {Value(List{loops[0], loops[1]}), Value(List{4, 4})});
              }),
              HasSubstr("loop i is already parallel"));
  EXPECT_NE(before, text_of(s));
}

/// Each element follows the one above and to the right: i and j must not change places.
const char* kSkewed = R"(program skewed(A: inout float32[9, 10]):
  for i in 8:
    for j in 9:
      block B#0(vi: spatial(8) = i, vj: spatial(9) = j):
        reads A[vi, vj + 1]
        writes A[vi + 1, vj]
        A[vi + 1, vj] = A[vi, vj + 1] + 1.0f32
)";

TEST(Tile, refuses_to_interchange_what_carries_a_dependence) {
  Schedule s(parse_program(kSkewed));
  const auto loops = loops_of(s, "B");
  const std::string before = text_of(s);
  const std::string message = error_of([&] {
    s.apply("tile", {Value(List{loops[0], loops[1]}), Value(List{4, 3})});
  });
  EXPECT_THAT(
      message,
      HasSubstr("tile([i, j], [4, 3]): the turns of loop i_1 must run as they stand, and loop j_0 would "
                "leave it"));
  EXPECT_THAT(message, HasSubstr("here"));
  EXPECT_EQ(text_of(s), before);
  // A tile of one row moves nothing out of order.
  s.apply("tile", {Value(List{loops[0], loops[1]}), Value(List{1, 3})});
}

TEST(Reorder, keeps_loops_over_blocks_around_threads_and_lanes_inside) {
  Schedule s(matmul_program(8, 16, 3));
  const auto loops = loops_of(s, "C");
  s.apply("bind", {loops[0], "blockIdx.x"});
  s.apply("bind", {loops[1], "threadIdx.x"});
  EXPECT_THAT(error_of([&] {
                s.apply("reorder", {Value(List{loops[1], loops[0]})});
              }),
              HasSubstr("loop j runs as bind and must stay inside of loop i, which runs as bind"));
  Schedule lanes(matmul_program(8, 16, 3));
  const auto of = loops_of(lanes, "C");
  lanes.apply("parallel", {of[0]});
  lanes.apply("vectorize", {of[1]});
  EXPECT_THAT(error_of([&] {
                lanes.apply("reorder", {Value(List{of[1], of[0]})});
              }),
              HasSubstr("loop j runs as vectorized and must stay inside of loop i, which runs as parallel"));
  lanes.apply("reorder", {Value(List{of[2], of[1]})});
  expect_same_meaning(lanes);
}

TEST(Reorder, of_parallel_loops_whose_turns_would_meet_is_refused) {
  // For one k the turns of j write different elements; over all of k they do not.
  Schedule s(parse_program(R"(program wheel(A: in float32[4, 4], C: inout float32[7]):
  for k in 4:
    for j in parallel(4):
      block C#0(vj: reduce(4) = j, vk: reduce(4) = k):
        reads A[vj, vk]
        writes C[vj + vk]
        reducer sum(float32)
        C[vj + vk] = C[vj + vk] + A[vj, vk]
)"));
  const auto loops = loops_of(s, "C");
  EXPECT_THAT(error_of([&] {
                s.apply("reorder", {Value(List{loops[1], loops[0]})});
              }),
              HasSubstr("the turns of loop j, which is parallel, would meet"));
}

TEST(Tile, refuses_extents_that_depend_on_a_tiled_loop) {
  Schedule s(parse_program(R"(program triangle(A: inout float32[8, 8]):
  for i in 8:
    for j in i + 1:
      block B#0(vi: spatial(8) = i, vj: spatial(8) = j):
        writes A[vi, vj]
        A[vi, vj] = 1.0f32
)"));
  const auto loops = loops_of(s, "B");
  EXPECT_THAT(
      error_of([&] {
        s.apply("tile", {Value(List{loops[0], loops[1]}), Value(List{4, 4})});
      }),
      HasSubstr("loop j has i + 1 turns, which depends on loop i; such loops cannot be tiled together"));
}

}  // namespace
}  // namespace tw::schedule
