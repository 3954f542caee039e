// The code needs no library, on any machine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiled.h"

namespace tw::codegen::math_test {
namespace {

constexpr Intrinsic kAll[] = {
#define TW_OP(Name, text, arity, integers) Intrinsic::k##Name,
    TW_INTRINSICS(TW_OP)
#undef TW_OP
};

void expect_no_calls(const Machine& machine) {
  for (Intrinsic op : kAll)
    for (Format format : {Format::kHalf, Format::kBfloat, Format::kFloat, Format::kDouble})
      for (int lanes : {1, 7, 16})
        EXPECT_THAT(calls(op, format, lanes, machine), testing::ElementsAre())
            << info(op).text << " of " << lanes << " lanes of " << size_of(format) << " bytes on "
            << machine.cpu;
}

TEST(MathTargets, BaselineX86NeedsNoLibrary) {
  expect_no_calls({"x86_64-unknown-linux-gnu", "x86-64", "", {}});
}
TEST(MathTargets, X86WithoutFmaNeedsNoLibrary) {
  expect_no_calls({"x86_64-unknown-linux-gnu", "sandybridge", "", {}});
}
TEST(MathTargets, Avx2NeedsNoLibrary) {
  expect_no_calls({"x86_64-unknown-linux-gnu", "haswell", "", {true, false}});
}
TEST(MathTargets, Avx512NeedsNoLibrary) {
  expect_no_calls({"x86_64-unknown-linux-gnu", "znver4", "", {true, true}});
}
TEST(MathTargets, AArch64NeedsNoLibrary) {
  expect_no_calls({"aarch64-unknown-linux-gnu", "generic", "", {true, false}});
  expect_no_calls({"aarch64-unknown-linux-gnu", "neoverse-v1", "", {true, false}});
}

}  // namespace
}  // namespace tw::codegen::math_test
