#include "runtime/core/cpu.h"

#include <gtest/gtest.h>

namespace tw {
namespace {

TEST(Cpu, UnknownNames) {
  EXPECT_EQ(tw_cpu_has(""), -1);
  EXPECT_EQ(tw_cpu_has("AVX2"), -1);
  EXPECT_EQ(tw_cpu_has("64bit-mode"), -1);
}

#if defined(__x86_64__)
TEST(Cpu, AgreesWithTheCompiler) {
  __builtin_cpu_init();
#define TW_SAME(name) EXPECT_EQ(tw_cpu_has(name), __builtin_cpu_supports(name) != 0) << name
  TW_SAME("sse2");
  TW_SAME("ssse3");
  TW_SAME("sse4.1");
  TW_SAME("sse4.2");
  TW_SAME("popcnt");
  TW_SAME("avx");
  TW_SAME("avx2");
  TW_SAME("fma");
  TW_SAME("bmi");
  TW_SAME("bmi2");
  TW_SAME("avx512f");
  TW_SAME("avx512dq");
  TW_SAME("avx512bw");
  TW_SAME("avx512vl");
  TW_SAME("avx512cd");
  TW_SAME("avx512ifma");
  TW_SAME("avx512vbmi");
  TW_SAME("avx512vbmi2");
  TW_SAME("avx512vnni");
  TW_SAME("avx512bitalg");
  TW_SAME("avx512vpopcntdq");
  TW_SAME("gfni");
#undef TW_SAME
  EXPECT_EQ(tw_cpu_has("neon"), -1);
}
#elif defined(__aarch64__)
TEST(Cpu, HasTheBaseline) {
  EXPECT_EQ(tw_cpu_has("neon"), 1);
  EXPECT_EQ(tw_cpu_has("avx2"), -1);
}
#endif

}  // namespace
}  // namespace tw
