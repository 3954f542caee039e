// Vectors: ramps, broadcasts, masks and lazy selection lane by lane.
#include "ir/interpret/run_program.h"

namespace tw::interpret_tests {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Vectors, RampsReadAndWriteALaneEach) {
  Array x(kFloat32, {8}, scrambled), y(kFloat32, {8});
  const InterpretStats stats = run(R"(program p(X: in float32[8], Y: out float32[8]):
  Y[ramp(0, 2, 4)] = X[ramp(7, -1, 4)] * broadcast(2.0f32, 4)
  Y[ramp(1, 2, 4)] = X[ramp(0, 1, 4)] + X[ramp(0, 0, 4)]
)",
                                   {x, y});
  for (int64_t i = 0; i < 4; ++i) {
    EXPECT_EQ(y[2 * i], x[7 - i] * 2);
    EXPECT_EQ(y[2 * i + 1], x[i] + x[0]);
  }
  EXPECT_EQ(stats.statements, 8);
}

TEST(Vectors, AllReadsComeBeforeAllWrites) {
  Array y(kInt32, {5}, [](int64_t i) { return static_cast<double>(i); });
  run("program p(Y: inout int32[5]):\n  Y[ramp(1, 1, 4)] = Y[ramp(0, 1, 4)]\n", {y});
  EXPECT_THAT(y.values(), ElementsAre(0, 0, 1, 2, 3));
}

TEST(Vectors, SelectIsLazyInEachLane) {
  Array x(kFloat32, {3}, scrambled), y(kFloat32, {4});
  run(R"(program p(X: in float32[3], Y: out float32[4]):
  Y[ramp(0, 1, 4)] = select(ramp(0, 1, 4) < broadcast(3, 4), X[ramp(0, 1, 4)], broadcast(9.0f32, 4))
)",
      {x, y});
  EXPECT_THAT(y.values(), ElementsAre(x[0], x[1], x[2], 9));
}

TEST(Vectors, ScalarsInABranchThatNoLaneTakesAreNotComputed) {
  Array x(kFloat32, {3}, scrambled), y(kFloat32, {4});
  run(R"(program p(X: in float32[3], Y: out float32[4]):
  Y[ramp(0, 1, 4)] = select(ramp(0, 1, 4) < broadcast(0, 4), broadcast(X[100], 4), broadcast(9.0f32, 4))
)",
      {x, y});
  EXPECT_THAT(y.values(), ElementsAre(9, 9, 9, 9));
}

TEST(Vectors, MasksGuardReadsAndWrites) {
  Array x(kFloat32, {5}, scrambled), y(kFloat32, {5});
  for (const int64_t base : {0, 4}) {
    const std::string b = std::to_string(base), mask = "ramp(" + b + ", 1, 4) < broadcast(5, 4)";
    const InterpretStats stats =
        run("program p(X: in float32[5], Y: inout float32[5]):\n  Y[ramp(" + b + ", 1, 4) where " + mask +
                "] = X[ramp(" + b + ", 1, 4) where " + mask + "]\n",
            {x, y});
    EXPECT_EQ(stats.statements, base == 0 ? 4 : 1);
  }
  EXPECT_EQ(y.values(), x.values());
}

TEST(Vectors, MaskedLanesReadZero) {
  Array x(kInt32, {2}, [](int64_t) { return 7.0; }), y(kInt32, {4});
  run(R"(program p(X: in int32[2], Y: out int32[4]):
  Y[ramp(0, 1, 4)] = X[ramp(0, 1, 4) where ramp(0, 1, 4) < broadcast(2, 4)] + broadcast(1i32, 4)
)",
      {x, y});
  EXPECT_THAT(y.values(), ElementsAre(8, 8, 1, 1));
}

TEST(Vectors, GathersReadAtComputedSubscripts) {
  Array index(kInt32, {4}, [](int64_t i) { return static_cast<double>(3 - i); }), x(kFloat16, {4}, scrambled),
      y(kFloat16, {4});
  run(R"(program p(I: in int32[4], X: in float16[4], Y: out float16[4]):
  Y[ramp(0, 1, 4)] = X[indexx4(I[ramp(0, 1, 4)])]
)",
      {index, x, y});
  EXPECT_THAT(y.values(), ElementsAre(x[3], x[2], x[1], x[0]));
}

TEST(Vectors, AScalarSubscriptHoldsForEveryLane) {
  Array x(kInt32, {2, 4}, scrambled), y(kInt32, {4, 2});
  run(R"(program p(X: in int32[2, 4], Y: out int32[4, 2]):
  for i in 2:
    Y[ramp(0, 1, 4), i] = X[i, ramp(0, 1, 4)]
)",
      {x, y});
  for (int64_t i = 0; i < 2; ++i)
    for (int64_t j = 0; j < 4; ++j) EXPECT_EQ(y[j * 2 + i], x[i * 4 + j]);
}

TEST(Vectors, AVectorMayBeNamedByLet) {
  Array x(kFloat32, {4}, scrambled), y(kFloat32, {4});
  run(R"(program p(X: in float32[4], Y: out float32[4]):
  let v: float32x4 = X[ramp(0, 1, 4)] * broadcast(3.0f32, 4)
  Y[ramp(0, 1, 4)] = v + v
)",
      {x, y});
  for (int64_t i = 0; i < 4; ++i) EXPECT_EQ(y[i], 6 * x[i]);
}

TEST(Vectors, ALaneOutOfBoundsIsNamed) {
  Array x(kFloat32, {5}, scrambled), y(kFloat32, {4});
  const std::string message = error_of(
      "program p(X: in float32[5], Y: out float32[4]):\n  Y[ramp(0, 1, 4)] = X[ramp(2, 1, 4)]\n", {x, y});
  EXPECT_THAT(message, HasSubstr("out-of-bounds read of X[5]: subscript 0 is 5, not in 0 <= subscript < 5"));
  EXPECT_THAT(message, HasSubstr("lane = 3"));
}

TEST(Vectors, RampsOfDataTypesWrap) {
  Array y(kInt8, {4});
  run("program p(Y: out int8[4]):\n  Y[ramp(0, 1, 4)] = ramp(120i8, 5i8, 4)\n", {y});
  EXPECT_THAT(y.values(), ElementsAre(120, 125, -126, -121));
}

}  // namespace
}  // namespace tw::interpret_tests
