#include "runtime/timing.h"

#include <set>

#include <gtest/gtest.h>

#include "runtime/element.h"
#include "runtime/machine.h"
#include "runtime/rotation.h"

namespace tw::runtime {
namespace {

TEST(Timing, TurnsCountUpAndTheFirstIsNoSample) {
  int64_t next = 0;
  const Samples samples = take_samples(
      [&](int64_t turn) {
        EXPECT_EQ(turn, next++);
        return 0;
      },
      {.seconds = 0, .max_samples = 7, .shortest = 0});
  EXPECT_EQ(samples.status, 0);
  EXPECT_GE(samples.seconds.size(), 1u);
  EXPECT_LE(samples.seconds.size(), 7u);
  EXPECT_GT(next, static_cast<int64_t>(samples.seconds.size()) * samples.batch);
}

TEST(Timing, ShortRunsAreTimedInBatches) {
  const Samples samples = take_samples([](int64_t) { return 0; }, {.seconds = 0.001});
  EXPECT_GT(samples.batch, 100);
  for (double seconds : samples.seconds) EXPECT_GE(seconds, 0);
}

TEST(Timing, ARunThatFailsEndsIt) {
  int64_t runs = 0;
  const Samples samples = take_samples([&](int64_t) { return ++runs == 3 ? 5 : 0; }, {.shortest = 0});
  EXPECT_EQ(samples.status, 5);
  EXPECT_EQ(runs, 3);
}

TEST(Rotation, WithoutConstantsEachTurnHasTheSameBuffers) {
  const Array a = Array::allocate(TW_FLOAT32, {4}), b = Array::allocate(TW_INT8, {2});
  const std::vector<tw_tensor> buffers = {a.view(), b.view()};
  const Rotation rotation(buffers, {});
  EXPECT_EQ(rotation.turns(), 1);
  EXPECT_EQ(rotation.buffers(5)[0], a.data());
  EXPECT_EQ(rotation.buffers(5)[1], b.data());
}

TEST(Rotation, ConstantsGoThroughTwiceTheLastCache) {
  const Array a = Array::allocate(TW_FLOAT32, {4});
  const Array w = Array::allocate(TW_FLOAT32, {1 << 18});
  static_cast<float*>(w.data())[77] = 7;
  const std::vector<tw_tensor> buffers = {a.view(), w.view()};
  const std::vector<std::size_t> constants = {1};
  const Rotation rotation(buffers, constants);
  const Machine machine = this_machine();
  const int last = machine.caches.empty() ? 3 : machine.caches.back().level;
  EXPECT_GT((rotation.turns() - 1) * w.bytes(), 2 * machine.cache_bytes(last, machine.threads) - w.bytes());
  std::set<void*> seen;
  for (int64_t turn = 0; turn < rotation.turns(); ++turn) {
    EXPECT_EQ(rotation.buffers(turn)[0], a.data());
    seen.insert(rotation.buffers(turn)[1]);
    EXPECT_EQ(static_cast<float*>(rotation.buffers(turn)[1])[77], 7);
  }
  EXPECT_EQ(static_cast<int64_t>(seen.size()), rotation.turns());
  EXPECT_EQ(rotation.buffers(rotation.turns())[1], w.data());
}

TEST(Rotation, EmptyConstantsDoNotRotate) {
  const Array w = Array::allocate(TW_FLOAT32, {0, 3});
  const std::vector<tw_tensor> buffers = {w.view()};
  const std::vector<std::size_t> constants = {0};
  EXPECT_EQ(Rotation(buffers, constants).turns(), 1);
}

}  // namespace
}  // namespace tw::runtime
