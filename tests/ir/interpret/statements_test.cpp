// Loops, conditions, lets, allocations and the other plain statements.
#include "ir/interpret/run_program.h"
#include "ir/visit.h"

namespace tw::interpret_tests {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Statements, IfRunsOneOfItsBranches) {
  Array y(kFloat32, {6});
  run(R"(program p(Y: out float32[6]):
  for i in 6:
    if i % 3 == 0:
      Y[i] = 1.0f32
    else:
      if i < 3:
        Y[i] = 2.0f32
      else:
        Y[i] = 3.0f32
)",
      {y});
  EXPECT_THAT(y.values(), ElementsAre(1, 2, 2, 1, 3, 3));
}

TEST(Statements, LetComputesItsValueOnce) {
  Array y(kInt32, {4});
  run(R"(program p(Y: out int32[4]):
  for i in 4:
    let x: int32 = int32(i) * 3i32
    let z: int32 = x + 1i32
    Y[i] = x * z
)",
      {y});
  EXPECT_THAT(y.values(), ElementsAre(0, 12, 42, 90));
}

TEST(Statements, AttributesAndPrefetchesHaveNoEffect) {
  Array x(kFloat32, {2}, scrambled), y(kFloat32, {2});
  run(R"(program p(X: in float32[2], Y: out float32[2]):
  attr hint = 3
  for i in 2:
    prefetch read X[i + 1000], 3
    Y[i] = X[i]
)",
      {x, y});
  EXPECT_EQ(y.values(), x.values());
}

TEST(Statements, LoopsOfExtentZeroAndEmptyBuffersDoNothing) {
  Array x(kFloat32, {0, 3}), y(kFloat32, {0, 3});
  const InterpretStats stats = run(R"(program p(n: shape, X: in float32[n, 3], Y: out float32[n, 3]):
  allocate T: float32[n, 3]
  for i in n:
    for j in 3:
      T[i, j] = X[i, j]
  for i in n:
    for j in 3:
      Y[i, j] = T[i, j]
)",
                                   {x, y});
  EXPECT_EQ(stats.statements, 0);
}

TEST(Statements, BuffersOfRankZeroAreOneElement) {
  Array x(kFloat64, {}, [](int64_t) { return 4.0; }), y(kFloat64, {});
  run("program p(X: in float64[], Y: out float64[]):\n  Y[] = X[] * 2.0f64\n", {x, y});
  EXPECT_EQ(y[0], 8.0);
}

TEST(Statements, BuffersOfManyDimensionsAreRowMajor) {
  Array x(kInt32, {2, 3, 2, 2, 2}, scrambled), y(kInt32, {48});
  run(R"(program p(X: in int32[2, 3, 2, 2, 2], Y: out int32[48]):
  for i in 48:
    Y[i] = X[i // 24, i // 8 % 3, i // 4 % 2, i // 2 % 2, i % 2]
)",
      {x, y});
  EXPECT_EQ(y.values(), x.values());
}

TEST(Statements, AllocationsMayBeStridedEvenNegatively) {
  Array x(kInt32, {3, 4}, scrambled), y(kInt32, {3, 4});
  for (const char* strides :
       {"strides [1, 3]", "strides [100, 7]", "strides [-4, -1]", "strides [4, -1]", ""}) {
    Array out(kInt32, {3, 4});
    run(std::string("program p(X: in int32[3, 4], Y: out int32[3, 4]):\n  allocate T: int32[3, 4] ") +
            strides + R"(
  for i in 3:
    for j in 4:
      T[i, j] = X[i, j]
  for i in 3:
    for j in 4:
      Y[i, j] = T[i, j]
)",
        {x, out});
    EXPECT_EQ(out.values(), x.values()) << strides;
  }
}

TEST(Statements, ElementsOfStrideZeroAreOneElement) {
  Array y(kInt32, {4});
  run(R"(program p(Y: out int32[4]):
  allocate T: int32[4] strides [0]
  for i in 4:
    T[i] = int32(i)
  for i in 4:
    Y[i] = T[i]
)",
      {y});
  EXPECT_THAT(y.values(), ElementsAre(3, 3, 3, 3));
}

TEST(Statements, AnAllocationIsFreshEachTime) {
  Array y(kInt32, {3});
  const std::string message = error_of(R"(program p(Y: out int32[3]):
  for i in 3:
    allocate T: int32[1]
    if i == 0:
      T[0] = 5i32
    Y[i] = T[0]
)",
                                       {y});
  EXPECT_THAT(message, HasSubstr("read of uninitialised memory: nothing has been written to T[0]"));
  EXPECT_THAT(message, HasSubstr("where i = 1\n"));
}

TEST(Statements, AssertRaisesItsMessage) {
  Array y(kInt32, {3});
  const std::string message = error_of(R"(program p(n: size, Y: out int32[3]):
  assert n % 2 == 0, "n must be even"
  for i in 3:
    Y[i] = 1i32
)",
                                       {3, y});
  EXPECT_THAT(message, HasSubstr("assertion failed: n must be even, in program 'p'"));
  EXPECT_THAT(message, HasSubstr("^^^^"));
  run("program p(n: size, Y: out int32[1]):\n  assert n % 2 == 0, \"n must be even\"\n  Y[0] = 1i32\n",
      {4, Array(kInt32, {1}).view()});
}

TEST(Statements, TunablesHaveDefaultsAndMayBeGivenByName) {
  const std::string text = R"(program p(t: param in [1, 8] multiple_of 2 = 4, Y: out int32[1]):
  Y[0] = int32(t)
)";
  Array y(kInt32, {1});
  run(text, {y});
  EXPECT_EQ(y[0], 4);
  InterpretOptions options;
  options.tunables["t"] = 6;
  run(text, {y}, options);
  EXPECT_EQ(y[0], 6);
  options.tunables["t"] = 7;
  EXPECT_THAT(error_of(text, {y}, options),
              HasSubstr("tunable 't' gives t = 7, which is not a multiple of 2"));
  options.tunables["t"] = 10;
  EXPECT_THAT(error_of(text, {y}, options), HasSubstr("tunable 't' gives t = 10, which is not in [1, 8]"));
  options.tunables = {{"u", 3}};
  EXPECT_THAT(error_of(text, {y}, options), HasSubstr("the program has no tunable 'u'"));
}

TEST(Statements, SelectEvaluatesOnlyTheBranchTaken) {
  Array x(kInt32, {2}, scrambled), y(kInt32, {4});
  run(R"(program p(X: in int32[2], Y: out int32[4]):
  for i in 4:
    Y[i] = select(i < 2, select(i < 1, X[i], X[i] * 2i32), -1i32)
)",
      {x, y});
  EXPECT_THAT(y.values(), ElementsAre(x[0], x[1] * 2, -1, -1));
}

TEST(Statements, AndEvaluatesBothSides) {
  Array x(kInt32, {2}, scrambled), y(kInt32, {4});
  EXPECT_THAT(error_of(R"(program p(X: in int32[2], Y: out int32[4]):
  for i in 4:
    Y[i] = select(i < 2 && X[i] < 100i32, 1i32, 2i32)
)",
                       {x, y}),
              HasSubstr("out-of-bounds read of X[2]"));
}

TEST(Statements, AMaskedReadGivesZeroAndAMaskedWriteNothing) {
  Array x(kFloat32, {2}, [](int64_t) { return 5.0; }), y(kFloat32, {4}, [](int64_t) { return -1.0; });
  const InterpretStats stats = run(R"(program p(X: in float32[2], Y: inout float32[4]):
  for i in 4:
    Y[i where i % 2 == 0] = X[i where i < 2]
)",
                                   {x, y});
  EXPECT_THAT(y.values(), ElementsAre(5, -1, 0, -1));
  EXPECT_EQ(stats.statements, 2);
}

TEST(Statements, SharedExpressionsAreComputedOnce) {
  // A chain that doubles: 2^60 nodes as a tree.
  Array y(kInt64, {1});
  Expr e = make_const(kInt64, int64_t{1});
  for (int i = 0; i < 60; ++i) e = Binary::make(BinaryOp::kAdd, e, e);
  const Buffer out = BufferNode::make("Y", kInt64, {1});
  const Program program =
      ProgramNode::make("p", {Param::of_buffer(ParamKind::kOutput, out)}, Store::make(out, {Expr(0)}, e));
  run(program, {y});
  EXPECT_EQ(y.as<int64_t>()[0], int64_t{1} << 60);
}

}  // namespace
}  // namespace tw::interpret_tests
