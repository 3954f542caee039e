// GPU programs: groups of threads, shared memory, barriers of the block and of the warp.
#include "ir/interpret/run_program.h"

namespace tw::interpret_tests {
namespace {

using testing::HasSubstr;

/// A tiled matrix product, 8x8 by 4x4 tiles; `first` and `second` stand where its barriers do.
std::string tiled(const std::string& first, const std::string& second) {
  return R"(program p(A: in float32[8, 8], B: in float32[8, 8], C: out float32[8, 8]):
  for by in bind(blockIdx.y, 2):
    for bx in bind(blockIdx.x, 2):
      allocate As: shared float32[4, 4]
      allocate Bs: shared float32[4, 4]
      for ty in bind(threadIdx.y, 4):
        for tx in bind(threadIdx.x, 4):
          allocate acc: local float32[1]
          acc[0] = 0.0f32
          for ko in 2:
            As[ty, tx] = A[by * 4 + ty, ko * 4 + tx]
            Bs[ty, tx] = B[ko * 4 + ty, bx * 4 + tx]
)" + first +
         R"(            for ki in 4:
              acc[0] = acc[0] + As[ty, ki] * Bs[ki, tx]
)" + second +
         "          C[by * 4 + ty, bx * 4 + tx] = acc[0]\n";
}

constexpr const char* kBarrier = "            barrier block\n";

TEST(Threads, ATiledMatmulWithBarriersIsRight) {
  Array a(kFloat32, {8, 8}, scrambled), b(kFloat32, {8, 8}, [](int64_t i) { return scrambled(i + 1); }),
      c(kFloat32, {8, 8});
  run(tiled(kBarrier, kBarrier), {a, b, c});
  for (int64_t i = 0; i < 8; ++i)
    for (int64_t j = 0; j < 8; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < 8; ++k) sum += a[i * 8 + k] * b[k * 8 + j];
      EXPECT_EQ(c[i * 8 + j], sum);
    }
}

TEST(Threads, AMissingBarrierIsARace) {
  Array a(kFloat32, {8, 8}, scrambled), c(kFloat32, {8, 8});
  EXPECT_THAT(error_of(tiled("", kBarrier), {a, a, c}), HasSubstr("uninitialised"));
  const std::string message = error_of(tiled(kBarrier, ""), {a, a, c});
  EXPECT_THAT(message,
              HasSubstr("race: As[0, 0] is read here and written in another thread with no barrier between"));
  EXPECT_THAT(message, HasSubstr("by = 0, bx = 0, ty = 0, tx = 1, ko = 0, ki = 0"));
}

TEST(Threads, ADivergentBarrierIsAnError) {
  Array y(kFloat32, {4});
  const std::string message = error_of(R"(program p(Y: out float32[4]):
  for tx in bind(threadIdx.x, 4):
    if tx < 3:
      barrier block
    Y[tx] = 1.0f32
)",
                                       {y});
  EXPECT_THAT(
      message,
      HasSubstr(
          "barrier divergence: thread (2, 0, 0) waits at a barrier of the block, but thread (3, 0, 0) of "
          "the same block has ended; all its threads must meet there"));
  EXPECT_THAT(message, HasSubstr("      barrier block\n      ^^^^"));
}

TEST(Threads, DifferentBarriersAreDivergenceToo) {
  Array y(kFloat32, {4});
  EXPECT_THAT(error_of(R"(program p(Y: out float32[4]):
  for tx in bind(threadIdx.x, 4):
    if tx < 3:
      barrier block
    else:
      barrier block
    Y[tx] = 1.0f32
)",
                       {y}),
              HasSubstr("waits at another one"));
  EXPECT_THAT(error_of(R"(program p(Y: out float32[4]):
  for tx in bind(threadIdx.x, 4):
    for i in tx:
      barrier block
    Y[tx] = 1.0f32
)",
                       {y}),
              HasSubstr("barrier divergence"));
}

TEST(Threads, LoopsOverThreadsOneAfterTheOtherArePhases) {
  Array x(kFloat32, {8}, scrambled), y(kFloat32, {8});
  run(R"(program p(X: in float32[8], Y: out float32[8]):
  for bx in bind(blockIdx.x, 2):
    allocate S: shared float32[4]
    for tx in bind(threadIdx.x, 4):
      S[tx] = X[bx * 4 + tx]
    for tx in bind(threadIdx.x, 4):
      Y[bx * 4 + tx] = S[3 - tx]
)",
      {x, y});
  for (int64_t i = 0; i < 8; ++i) EXPECT_EQ(y[i], x[i / 4 * 4 + 3 - i % 4]);
}

TEST(Threads, ABarrierOutsideThreadsIsNone) {
  Array y(kFloat32, {4});
  run(R"(program p(Y: out float32[4]):
  for bx in bind(blockIdx.x, 1):
    for tx in bind(threadIdx.x, 2):
      Y[tx] = 1.0f32
    barrier block
    for tx in bind(threadIdx.x, 2):
      Y[tx + 2] = Y[tx]
)",
      {y});
}

/// Lanes exchange through shared memory; `barrier` orders them.
std::string exchange(const std::string& barrier, const std::string& partner) {
  return R"(program p(Y: out float32[64]):
  for bx in bind(blockIdx.x, 1):
    allocate S: shared float32[64]
    for tx in bind(threadIdx.x, 64):
      S[tx] = float32(tx)
)" + barrier +
         "      Y[tx] = S[" + partner + "]\n";
}

TEST(Threads, AWarpBarrierOrdersTheWarpAlone) {
  Array y(kFloat32, {64});
  run(exchange("      barrier warp\n", "tx // 32 * 32 + 31 - tx % 32"), {y});
  for (int64_t i = 0; i < 64; ++i) EXPECT_EQ(y[i], i / 32 * 32 + 31 - i % 32);
  EXPECT_THAT(error_of(exchange("      barrier warp\n", "(tx + 32) % 64"), {y}), HasSubstr("uninitialised"));
  EXPECT_THAT(error_of(exchange("      barrier warp\n", "tx % 32"), {y}),
              HasSubstr("race: S[0] is read here and written in another thread with no barrier between"));
  run(exchange("      barrier block\n", "63 - tx"), {y});
  for (int64_t i = 0; i < 64; ++i) EXPECT_EQ(y[i], 63 - i);
}

TEST(Threads, AWarpMayMeetMoreOftenThanAnother) {
  Array y(kFloat32, {64});
  run(R"(program p(Y: out float32[64]):
  for tx in bind(threadIdx.x, 64):
    for i in tx // 32 + 1:
      barrier warp
    barrier block
    Y[tx] = 1.0f32
)",
      {y});
  EXPECT_THAT(error_of(R"(program p(Y: out float32[64]):
  for tx in bind(threadIdx.x, 64):
    if tx % 2 == 0:
      barrier warp
    barrier block
    Y[tx] = 1.0f32
)",
                       {y}),
              HasSubstr("of the same warp waits at a barrier of the warp; all its threads must meet there"));
}

TEST(Threads, WarpsAreCountedWithXFastest) {
  // Threads (x, y) of 16 x 4: the first two rows are a warp.
  Array y(kFloat32, {4, 16});
  const auto text = [](const char* other) {
    return std::string(R"(program p(Y: out float32[4, 16]):
  allocate S: shared float32[4, 16]
  for ty in bind(threadIdx.y, 4):
    for tx in bind(threadIdx.x, 16):
      S[ty, tx] = float32(ty)
      barrier warp
      Y[ty, tx] = S[)") +
           other + ", tx]\n";
  };
  run(text("ty // 2 * 2 + 1 - ty % 2"), {y});
  EXPECT_EQ(y[0], 1);
  EXPECT_EQ(y[16], 0);
  error_of(text("(ty + 2) % 4"), {y});
}

TEST(Threads, SharedMemoryAllocatedByThreadsIsTheirs) {
  Array y(kFloat32, {8});
  run(R"(program p(Y: out float32[8]):
  for bx in bind(blockIdx.x, 2):
    for tx in bind(threadIdx.x, 4):
      for round in 3:
        allocate S: shared float32[4]
        S[tx] = float32(tx + bx * 4 + round)
        barrier block
        Y[bx * 4 + tx] = S[3 - tx]
)",
      {y});
  for (int64_t i = 0; i < 8; ++i) EXPECT_EQ(y[i], i / 4 * 4 + 3 - i % 4 + 2);
}

TEST(Threads, LocalMemoryBetweenLoopsOverThreadsLivesWithThem) {
  Array y(kFloat32, {2, 2});
  run(R"(program p(Y: out float32[2, 2]):
  for ty in bind(threadIdx.y, 2):
    allocate T: local float32[2]
    let base = ty * 10
    for tx in bind(threadIdx.x, 2):
      T[1 - tx] = float32(base + tx)
      barrier block
      Y[ty, tx] = T[1 - tx]
)",
      {y});
  EXPECT_THAT(y.values(), testing::ElementsAre(0, 1, 10, 11));
}

/// Threads write local memory that is allocated around them, and read it in a later phase.
std::string local_phases(const std::string& subscript, const std::string& before = "") {
  return R"(program p(Y: out float32[2, 4]):
  for bx in bind(blockIdx.x, 2):
    allocate T: local float32[4]
)" + before +
         R"(    for tx in bind(threadIdx.x, 4):
      T[tx] = float32(tx)
    for ty in bind(threadIdx.x, 4):
      Y[bx, ty] = T[)" +
         subscript + "]\n";
}

TEST(Threads, LocalMemoryIsOneThreads) {
  Array y(kFloat32, {2, 4});
  run(local_phases("ty"), {y});
  EXPECT_THAT(y.values(), testing::ElementsAre(0, 1, 2, 3, 0, 1, 2, 3));
  const std::string message = error_of(local_phases("3 - ty"), {y});
  EXPECT_THAT(message,
              HasSubstr("T[3] is read here in thread (0, 0, 0) and was written in thread (3, 0, 0): local "
                        "memory belongs to one thread; exchange values through shared memory"));
  EXPECT_THAT(message, HasSubstr("where bx = 0, ty = 0"));
}

TEST(Threads, LocalMemoryThatAllThreadsFillIsReadByAll) {
  Array y(kFloat32, {2, 4});
  run(R"(program p(Y: out float32[2, 4]):
  for bx in bind(blockIdx.x, 2):
    allocate T: local float32[4]
    for i in 4:
      T[i] = float32(i)
    for tx in bind(threadIdx.x, 4):
      Y[bx, tx] = T[3 - tx]
    for tx in bind(threadIdx.x, 4):
      T[tx] = 7.0f32
)",
      {y});
  EXPECT_THAT(y.values(), testing::ElementsAre(3, 2, 1, 0, 3, 2, 1, 0));
}

TEST(Threads, LocalMemoryIsKnownByAllIndicesOfAThread) {
  const auto text = [](const std::string& x, const std::string& y) {
    return R"(program p(Y: out float32[2, 3]):
  allocate T: local float32[2, 3]
  for ty in bind(threadIdx.y, 2):
    for tx in bind(threadIdx.x, 3):
      T[ty, tx] = float32(tx)
  for tx in bind(threadIdx.x, 3):
    for ty in bind(threadIdx.y, 2):
      Y[ty, tx] = T[)" +
           y + ", " + x + "]\n";
  };
  Array y(kFloat32, {2, 3});
  run(text("tx", "ty"), {y});
  EXPECT_THAT(error_of(text("tx", "1 - ty"), {y}),
              HasSubstr("in thread (0, 0, 0) and was written in thread (0, 1, 0)"));
  InterpretOptions options;
  options.check_races = false;
  run(text("2 - tx", "ty"), {y}, options);
}

TEST(Threads, ReductionsOfThreadsKeepTheirOwnCounts) {
  Array x(kFloat32, {4, 6}, scrambled), y(kFloat32, {4});
  run(R"(program p(X: in float32[4, 6], Y: out float32[4]):
  for tx in bind(threadIdx.x, 4):
    allocate s: local float32[1]
    for k in 6:
      block s(v: spatial(1) = 0, r: reduce(6) = k):
        init:
          s[v] = 0.0f32
        s[v] = s[v] + X[tx, r]
      barrier block
    Y[tx] = s[0]
)",
      {x, y});
  for (int64_t i = 0; i < 4; ++i) {
    double sum = 0;
    for (int64_t k = 0; k < 6; ++k) sum += x[i * 6 + k];
    EXPECT_EQ(y[i], sum);
  }
}

TEST(Threads, BarriersStandInThreadsDirectly) {
  Array y(kFloat32, {4});
  EXPECT_THAT(
      error_of(R"(program p(Y: out float32[4]):
  for tx in bind(threadIdx.x, 4):
    for i in parallel(2):
      barrier block
)",
               {y}),
      HasSubstr(
          "a barrier stands in a concurrent loop inside the threads that are to meet at it, in program 'p'"));
  EXPECT_THAT(
      error_of(R"(program p(Y: out float32[4]):
  for tx in bind(threadIdx.x, 4):
    Y[tx] = 1.0f32
    for ty in bind(threadIdx.y, 2):
      barrier block
)",
               {y}),
      HasSubstr(
          "loop 'ty' over threadIdx.y with a barrier in it must stand directly in the loop over threads"));
  EXPECT_THAT(error_of(R"(program p(Y: out float32[4]):
  for tx in bind(threadIdx.x, 4):
    for ty in bind(threadIdx.x, 2):
      barrier block
)",
                       {y}),
              HasSubstr("two nested loops are bound to threadIdx.x: 'ty' is the inner one"));
}

}  // namespace
}  // namespace tw::interpret_tests
