// loop_partition: a loop as several, one after the other.
#include <gmock/gmock.h>

#include "ir/text.h"
#include "schedule/fixtures.h"
#include "schedule/moving_programs.h"

namespace tw::schedule {
namespace {

using testing::HasSubstr;
using testing::Not;

List partition(Schedule& s, const Value& loop, const List& extents) {
  return *s.apply("loop_partition", {loop, extents})[0].get_if<List>();
}

/// The text between two others.
std::string between(const std::string& text, const std::string& from, const std::string& to) {
  const auto begin = text.find(from), end = text.find(to, begin);
  return begin == std::string::npos ? "" : text.substr(begin, end - begin);
}

TEST(LoopPartition, gives_the_parts_in_the_old_order) {
  for (const int n : {0, 1, 2, 3, 4, 13, 16})
    for (const List& extents :
         {List{1, {}, 1}, List{{}, 1}, List{3, {}}, List{2, 1, {}, 2}, List{{}, 5, 4}}) {
      Schedule s(chain_program(n, 5));
      const Value loop = loops_of(s, "shifted")[0];
      const List parts = partition(s, loop, extents);
      EXPECT_EQ(parts.size(), extents.size());
      EXPECT_EQ(s.name_of(parts[0]), "i_0");
      expect_same_meaning(s);
    }
}

TEST(LoopPartition, keeps_handles_in_the_part_of_none) {
  Schedule s(matmul_program(13, 7, 5));
  const auto loops = loops_of(s, "C");
  const List parts = partition(s, loops[0], {2, {}, 1});
  EXPECT_EQ(loops_of(s, "C"), (std::vector<Value>{parts[1], loops[1], loops[2]}));
  EXPECT_EQ(s.loops(s.block("C_1")).size(), 3U);
  EXPECT_EQ(Value(s.loops(s.block("C_2"))[0]), parts[2]);
  s.apply("vectorize", {loops[1]});
  s.apply("decompose_reduction", {s.block("C_1"), Value(s.loops(s.block("C_1"))[2])});
  expect_same_meaning(s);
}

TEST(LoopPartition, of_a_split_loop_leaves_full_tiles_without_a_condition) {
  for (const int n : {1, 3, 4, 5, 13, 16, 17}) {
    Schedule s(matmul_program(n, 7, 5));
    const List parts = split(s, loops_of(s, "C")[0], {{}, 4});
    partition(s, parts[0], {{}, 1});
    EXPECT_THAT(between(text_of(s), "for i_0_0", "for i_0_1"), Not(HasSubstr("where"))) << text_of(s);
    expect_same_meaning(s);
  }
}

TEST(LoopPartition, leaves_full_tiles_without_a_condition_on_symbolic_sizes_and_parameters) {
  const Var n = te::var("n", 0, 64);
  Schedule s(matmul_program(n, 7, 5));
  const List by_four = split(s, loops_of(s, "C")[0], {{}, 4});
  partition(s, by_four[0], {{}, 1});
  EXPECT_THAT(between(text_of(s), "for i_0_0", "for i_0_1"), Not(HasSubstr("where"))) << text_of(s);
  for (const int64_t size : {0, 1, 3, 4, 7, 8, 17}) expect_same_meaning(s, {{"n", size}});

  Schedule p(matmul_program(n, 7, 5));
  const List by_mc = split(p, loops_of(p, "C")[0], {{}, Tunable{"mc", 1, 64}});
  partition(p, by_mc[0], {{}, 1});
  EXPECT_THAT(between(text_of(p), "for i_0_0", "for i_0_1"), Not(HasSubstr("where"))) << text_of(p);
  for (const int64_t size : {0, 1, 7, 17})
    for (const int64_t mc : {1, 4, 17, 64}) expect_same_meaning(p, {{"n", size}, {"mc", mc}});
}

TEST(LoopPartition, by_parameters) {
  const Var n = te::var("n", 0, 64);
  Schedule s(matmul_program(n, 7, 5));
  partition(s, loops_of(s, "C")[0], {Tunable{"head", 1, 64}, {}, Tunable{"tail", 2, 64, 2}});
  for (const int64_t size : {0, 1, 5, 8})
    for (const int64_t head : {1, 3, 64})
      for (const int64_t tail : {2, 6, 64})
        expect_same_meaning(s, {{"n", size}, {"head", head}, {"tail", tail}});
}

TEST(LoopPartition, of_a_reduction_after_decompose) {
  for (const int k : {1, 2, 5, 9}) {
    Schedule s(matmul_program(3, 4, k));
    const auto loops = loops_of(s, "C");
    s.apply("decompose_reduction", {s.block("C"), loops[2]});
    const List parts = split(s, loops[2], {{}, 2});
    partition(s, parts[0], {1, {}, 1});
    expect_same_meaning(s);
  }
}

TEST(LoopPartition, copies_what_the_loop_allocates) {
  for (const int n : {1, 4, 9}) {
    Schedule s(chain_program(n, 5));
    const auto rows = loops_of(s, "scaled");
    s.apply("compute_at", {s.block("shifted"), rows[0]});
    const List parts = partition(s, rows[0], {1, {}, 1});
    EXPECT_THAT(text_of(s), HasSubstr("allocate shifted_2"));
    expect_same_meaning(s);
    partition(s, parts[1], {{}, 2});
    expect_same_meaning(s);
  }
}

TEST(LoopPartition, of_borders_takes_the_conditions_out_of_the_middle) {
  for (const int n : {1, 2, 7}) {
    Schedule s(padded_blur_program(n, 6));
    const List rows = split(s, loops_of(s, "blurred")[0], {{}, 3});
    partition(s, rows[0], {1, {}, 1});
    expect_same_meaning(s);
  }
}

TEST(LoopPartition, refuses_a_reduction_with_its_init) {
  Schedule s(matmul_program(13, 7, 5));
  const auto loops = loops_of(s, "C");
  const std::string message = error_of([&] { partition(s, loops[2], {{}, 1}); });
  EXPECT_THAT(
      message,
      HasSubstr("loop_partition(k, [None, 1]): block C is reduced over loop k, and its init would run "
                "again in every part; take the init out with decompose_reduction first"));
  EXPECT_THAT(message, HasSubstr("here"));
}

TEST(LoopPartition, refuses_a_reduction_that_blocks_hold) {
  Schedule s(matmul_program(4, 6, 4));
  const auto loops = loops_of(s, "C");
  s.apply("reorder", {Value(List{loops[2], loops[0], loops[1]})});
  s.apply("blockize", {loops[0]});
  EXPECT_THAT(error_of([&] {
                partition(s, loops[2], {{}, 1});
              }),
              HasSubstr("block C_tile is reduced over loop k"));
}

TEST(LoopPartition, refuses_parts_that_do_not_hold_all_turns) {
  Schedule s(matmul_program(13, 7, 5));
  const auto loops = loops_of(s, "C");
  const std::string before = text_of(s);
  EXPECT_THAT(error_of([&] { partition(s, loops[0], {5, 8}); }), HasSubstr("no extent is None"));
  EXPECT_THAT(error_of([&] { partition(s, loops[0], {Value{}}); }),
              HasSubstr("one part is the whole loop i"));
  EXPECT_THAT(error_of([&] { partition(s, loops[0], {{}, {}}); }), HasSubstr("at most one None"));
  EXPECT_EQ(text_of(s), before);
  s.apply("parallel", {loops[0]});
  EXPECT_THAT(error_of([&] { partition(s, loops[0], {{}, 1}); }), HasSubstr("loop i is already parallel"));
}

}  // namespace
}  // namespace tw::schedule
