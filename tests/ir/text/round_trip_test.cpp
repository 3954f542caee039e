// Every program's text parses back to an equal program, which has the same text.
#include <gtest/gtest.h>

#include "ir/equal.h"
#include "ir/text.h"
#include "random_program.h"
#include "support/error.h"

namespace tw {
namespace {

void expect_round_trip(const Program& program) {
  const std::string text = to_text(program);
  SCOPED_TRACE(text);
  Program back;
  ASSERT_NO_THROW(
      try { back = parse_program(text); } catch (const std::exception& error) {
        ADD_FAILURE() << error.what();
        throw;
      });
  EXPECT_TRUE(structural_equal(program, back));
  EXPECT_EQ(structural_hash(program), structural_hash(back));
  EXPECT_EQ(to_text(back), text);
}

TEST(RoundTrip, RandomProgramsWithEveryNodeKind) {
  for (uint64_t seed = 0; seed < 1500 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    expect_round_trip(test::RandomProgram(seed).program());
  }
}

}  // namespace
}  // namespace tw
