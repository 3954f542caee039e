// specialise: values of parameters baked into the program.
#include <gmock/gmock.h>

#include "ir/text.h"
#include "schedule/fixtures.h"
#include "schedule/moving_programs.h"

namespace tw::schedule {
namespace {

using testing::HasSubstr;
using testing::Not;

void specialise(Schedule& s, const std::vector<std::pair<std::string, Value>>& values) {
  List options;
  for (const auto& [name, value] : values) options.push_back(Value(List{name, value}));
  s.apply("specialise", {Value(std::move(options))});
}

TEST(Specialise, puts_the_constant_in_the_place_of_the_parameter) {
  Schedule s(matmul_program(16, 12, 8));
  const List i = split(s, loops_of(s, "C")[0], {{}, Tunable{"mc", 1, 64}});
  EXPECT_THAT(text_of(s), HasSubstr("where"));
  specialise(s, {{"mc", 4}});
  EXPECT_THAT(text_of(s), Not(HasSubstr("mc")));
  EXPECT_THAT(text_of(s), Not(HasSubstr("where")));
  EXPECT_THAT(text_of(s), HasSubstr("for i_0 in 4"));
  EXPECT_EQ(loops_of(s, "C")[1], i[1]);
  expect_same_meaning(s);
}

TEST(Specialise, keeps_loops_of_one_turn_and_their_handles) {
  Schedule s(matmul_program(5, 12, 8));
  const List i = split(s, loops_of(s, "C")[0], {{}, Tunable{"mc", 1, 64}, Tunable{"mr", 1, 64}});
  specialise(s, {{"mc", 1}, {"mr", 64}});
  const auto loops = loops_of(s, "C");
  EXPECT_EQ(std::vector<Value>(loops.begin(), loops.begin() + 3), i);
  for (const Value& loop : i) EXPECT_THAT(text_of(s), HasSubstr("for " + s.name_of(loop) + " in "));
  s.apply("reorder", {Value(List{i[1], i[0]})});
  expect_same_meaning(s);
}

TEST(Specialise, leaves_the_parameters_that_are_not_named) {
  Schedule s(matmul_program(13, 12, 8));
  const auto loops = loops_of(s, "C");
  split(s, loops[0], {{}, Tunable{"mc", 1, 64}});
  split(s, loops[1], {{}, Tunable{"nc", 1, 64}});
  specialise(s, {{"nc", 5}});
  for (const int64_t mc : {1, 5, 64}) expect_same_meaning(s, {{"mc", mc}});
  specialise(s, {{"mc", 13}});
  expect_same_meaning(s);
}

TEST(Specialise, moves_handles_to_buffers_of_the_new_shape) {
  const Var n = te::var("n", 1, 64);
  Schedule s(matmul_program(3, 4, n));
  const auto loops = loops_of(s, "C");
  const List k = split(s, loops[2], {Tunable{"chunks", 1, 64}, {}});
  s.apply("reorder", {Value(List{k[0], loops[0], loops[1], k[1]})});
  s.apply("rfactor", {k[0], 0});
  const BufferRef partial = s.buffer("C_rf");
  specialise(s, {{"chunks", 4}});
  EXPECT_THAT(text_of(s), HasSubstr("allocate C_rf: float32[4, 3, 4]"));
  EXPECT_EQ(s.buffer("C_rf"), partial);
  s.apply("set_scope", {partial, "local"});
  for (const int64_t size : {1, 3, 4, 9}) expect_same_meaning(s, {{"n", size}});
}

TEST(Specialise, then_a_split_may_name_the_parameter_again) {
  Schedule s(matmul_program(13, 12, 8));
  const auto loops = loops_of(s, "C");
  split(s, loops[0], {{}, Tunable{"mc", 1, 64}});
  specialise(s, {{"mc", 4}});
  split(s, loops[1], {{}, Tunable{"mc", 2, 32, 2}});
  for (const int64_t mc : {2, 6, 32}) expect_same_meaning(s, {{"mc", mc}});
}

TEST(Specialise, refuses_values_that_the_parameter_cannot_have) {
  Schedule s(matmul_program(13, 12, 8));
  split(s, loops_of(s, "C")[0], {{}, Tunable{"mc", 4, 64, 4}});
  const std::string before = text_of(s);
  EXPECT_THAT(error_of([&] {
                specialise(s, {{"mc", 68}});
              }),
              HasSubstr("specialise(mc=68): the parameter 'mc' lies in [4, 64], and 68 does not"));
  EXPECT_THAT(error_of([&] {
                specialise(s, {{"mc", 6}});
              }),
              HasSubstr("the parameter 'mc' is a multiple of 4, and 6 is none"));
  EXPECT_THAT(error_of([&] {
                specialise(s, {{"mc", 8.0}});
              }),
              HasSubstr("the value of the parameter 'mc' must be an int"));
  EXPECT_EQ(text_of(s), before);
}

TEST(Specialise, refuses_names_of_no_parameter) {
  const Var n = te::var("n", 0, 64);
  Schedule s(matmul_program(n, 12, 8));
  EXPECT_THAT(error_of([&] {
                specialise(s, {{"mc", 4}});
              }),
              HasSubstr("there is no parameter 'mc'; the program has none"));
  const auto loops = loops_of(s, "C");
  split(s, loops[0], {{}, Tunable{"mc", 1, 64}});
  split(s, loops[1], {{}, Tunable{"nc", 1, 64}});
  EXPECT_THAT(error_of([&] {
                specialise(s, {{"kc", 4}, {"mc", 4}});
              }),
              HasSubstr("there is no parameter 'kc'; the parameters are mc, nc"));
  EXPECT_THAT(error_of([&] {
                specialise(s, {{"n", 4}});
              }),
              HasSubstr("'n' is a size that the program is called with, no parameter of the schedule"));
  EXPECT_THAT(error_of([&] { specialise(s, {}); }),
              HasSubstr("no parameter is named; the parameters are mc, nc"));
}

}  // namespace
}  // namespace tw::schedule
