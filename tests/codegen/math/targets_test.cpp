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

void expect_no_calls(const std::string& text) {
  const Target target = parse_target(text);
  for (Intrinsic op : kAll)
    for (DType type : {kFloat16, kBFloat16, kFloat32, kFloat64})
      for (int lanes : {1, 7, 16})
        EXPECT_THAT(calls(op, type.with_lanes(lanes), target), testing::ElementsAre())
            << info(op).text << " of " << lanes << " lanes of " << to_string(type) << " on " << target.cpu;
}

TEST(MathTargets, BaselineX86NeedsNoLibrary) {
  expect_no_calls("llvm -mtriple=x86_64-linux-gnu -mcpu=x86-64");
}
TEST(MathTargets, X86WithoutFmaNeedsNoLibrary) {
  expect_no_calls("llvm -mtriple=x86_64-linux-gnu -mcpu=sandybridge");
}
TEST(MathTargets, X86ThatConvertsHalfWithoutFmaNeedsNoLibrary) {
  expect_no_calls("llvm -mtriple=x86_64-linux-gnu -mcpu=ivybridge");
}
TEST(MathTargets, Avx2NeedsNoLibrary) {
  expect_no_calls("llvm -mtriple=x86_64-linux-gnu -mcpu=haswell");
}
TEST(MathTargets, Avx512NeedsNoLibrary) {
  expect_no_calls("llvm -mtriple=x86_64-linux-gnu -mcpu=znver4");
}
TEST(MathTargets, AArch64NeedsNoLibrary) {
  expect_no_calls("llvm -mtriple=aarch64-linux-gnu -mcpu=generic");
  expect_no_calls("llvm -mtriple=aarch64-linux-gnu -mcpu=neoverse-v1");
}

}  // namespace
}  // namespace tw::codegen::math_test
