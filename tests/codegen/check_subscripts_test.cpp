// Subscripts that data decide: a check before the access, none where they are in range anyway.
#include "codegen/passes/check_subscripts.h"

#include <gmock/gmock.h>

#include "codegen/pass.h"
#include "ir/text.h"
#include "schedule/fixtures.h"

namespace tw::codegen {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string checked(const std::string& text) {
  return to_text(check_subscripts(parse_program(text)));
}

std::string lowered(const std::string& text, const std::string& last = "simplify_flat") {
  return to_text(lower(parse_program(text), {.verify_each = true, .stop_after = last}).program);
}

const char* const kGather = R"(
program main(A: in float32[7, 3], at: in int64[5], C: out float32[5, 3]):
  for i in 5:
    for j in 3:
      C[i, j] = A[index(at[i]), j]
)";

TEST(CheckSubscripts, names_the_buffer_and_the_dimension) {
  const std::string text = checked(R"(
program main(A: in float32[7], at: in int64[5], C: out float32[5]):
  for i in 5:
    C[i] = A[index(at[i])]
)");
  EXPECT_THAT(text, HasSubstr(R"(assert 0 <= index(at[i]) && index(at[i]) < 7, index "subscript 0 of A, )"
                              R"(which the data give, is outside of its extent 7")"));
}

TEST(CheckSubscripts, stand_before_loops_that_do_not_change_them) {
  EXPECT_THAT(checked(kGather), HasSubstr("for i in 5:\n    assert 0 <= index(at[i])"));
}

TEST(CheckSubscripts, of_a_loop_without_turns_hold) {
  const std::string text = checked(R"(
program main(n: shape in [0, 9], A: in float32[7], at: in int64[1], C: out float32[n]):
  for i in n:
    C[i] = A[index(at[0])]
)");
  EXPECT_THAT(text, HasSubstr("assert select(0 < n, 0 <= index(at[0]) && index(at[0]) < 7, true)"));
}

TEST(CheckSubscripts, stay_behind_writes_of_what_they_read) {
  const std::string text = checked(R"(
program main(A: in float32[7], at: inout int64[1], C: out float32[5]):
  for i in 5:
    at[0] = int64(i) * 2i64
    C[i] = A[index(at[0])]
)");
  EXPECT_LT(text.find("at[0] = "), text.find("assert"));
}

TEST(CheckSubscripts, see_only_the_branch_taken) {
  const std::string text = checked(R"(
program main(A: in float32[7], at: in int64[5], C: out float32[5]):
  for i in 5:
    C[i] = select(0i64 <= at[i], A[index(at[i])], 0.0f32)
)");
  EXPECT_THAT(text, HasSubstr("assert select(0i64 <= at[i], index(at[i]) < 7, true)"));
}

TEST(CheckSubscripts, are_none_where_bounds_are_known) {
  for (const char* subscript :
       {"index(small[i])", "index(max(min(at[i], 299i64), 0i64))", "index(at[i] % 300i64)",
        "select(at[i] < 0i64, 0, 1)", "select(0i64 <= at[i] && at[i] < 300i64, index(at[i]), 0)"}) {
    const std::string text = checked(std::string(R"(
program main(A: in float32[300], small: in uint8[5], at: in int64[5], C: out float32[5]):
  for i in 5:
    C[i] = A[)") + subscript + "]\n");
    EXPECT_THAT(text, Not(HasSubstr("assert"))) << subscript;
  }
}

TEST(CheckSubscripts, know_conditions_on_memory_that_stays) {
  const std::string head =
      "program main(A: in float32[7], at: inout int64[5], C: out float32[5]):\n"
      "  for i in 5:\n    if 0i64 <= at[i] && at[i] < 7i64:\n";
  EXPECT_THAT(checked(head + "      C[i] = A[index(at[i])]\n"), Not(HasSubstr("assert")));
  EXPECT_THAT(checked(head + "      at[i] = 100i64\n      C[i] = A[index(at[i])]\n"), HasSubstr("assert"));
}

TEST(CheckSubscripts, follow_values_that_a_let_binds) {
  EXPECT_THAT(checked(R"(
program main(A: in float32[7], at: in int64[5], C: out float32[5]):
  for i in 5:
    let p: index = index(at[i])
    C[i] = A[p]
)"),
              HasSubstr("assert 0 <= p && p < 7"));
}

TEST(CheckSubscripts, come_one_for_each_subscript_inside_another) {
  const std::string text = checked(R"(
program main(A: in float32[7], B: in int64[4], at: in int64[5], C: out float32[5]):
  for i in 5:
    C[i] = A[index(B[index(at[i])])]
)");
  EXPECT_LT(text.find("subscript 0 of B"), text.find("subscript 0 of A"));
}

TEST(CheckSubscripts, hold_data_that_index_arithmetic_could_overflow) {
  EXPECT_THAT(checked(R"(
program main(A: in float32[7], at: in int64[5], C: out float32[5]):
  for i in 5:
    C[i] = A[index(at[i]) * 3 + 1]
)"),
              HasSubstr("index(at[i]) <= 1099511627776"));
}

TEST(CheckSubscripts, are_one_of_all_lanes_in_vectors) {
  const std::string program = R"(
program main(A: in float32[7], at: in int64[13], C: out float32[13]):
  for io in 2:
    for ii in vectorized(8):
      if io * 8 + ii < 13:
        C[io * 8 + ii] = A[index(at[io * 8 + ii])]
)";
  const std::string text = lowered(program);
  EXPECT_THAT(text, HasSubstr("assert "));
  EXPECT_THAT(text, HasSubstr("ramp(0, 1, 8)"));
  EXPECT_THAT(text, Not(HasSubstr("vectorized")));
}

TEST(CheckSubscripts, stop_the_lowered_program_and_no_good_one) {
  for (const char* kind : {"", "unrolled", "vectorized", "parallel"}) {
    const std::string loop = *kind ? std::string(kind) + "(13)" : "13";
    const std::string text = R"(
program main(A: in float32[7], keep: in int64[13], at: in int64[13], C: out float32[13]):
  for i in )" + loop + R"(:
    C[i] = select(keep[i] == 1i64, A[index(at[i])], 0.0f32)
)";
    const Program program = lower(parse_program(text), {.verify_each = true}).program;
    const auto fill = [](int64_t bad, int64_t kept) {
      return [=](const std::string& buffer, int64_t i) {
        if (buffer == "at") return i == 11 ? double(bad) : double(i % 7);
        return buffer == "keep" ? double(i != 11 || kept) : double(i);
      };
    };
    const auto first = schedule::results_of(parse_program(text), fill(3, 1));
    EXPECT_EQ(schedule::results_of(program, fill(3, 1)), first) << kind;
    for (const int64_t bad : {int64_t{-1}, int64_t{7}, int64_t{1} << 40}) {
      EXPECT_THAT(schedule::error_of([&] { schedule::results_of(program, fill(bad, 1)); }),
                  HasSubstr("subscript 0 of A, which the data give, is outside of its extent 7"))
          << kind;
      EXPECT_EQ(schedule::results_of(program, fill(bad, 0)),
                schedule::results_of(parse_program(text), fill(bad, 0)))
          << kind;
    }
  }
}

}  // namespace
}  // namespace tw::codegen
