// The fork-join pool: every turn runs once, whoever calls, however often.
#include <atomic>
#include <chrono>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/core/region.h"

namespace tw {
namespace {

using std::chrono::milliseconds;

/// Runs a region and fails unless every turn ran exactly once.
void expect_each_turn_once(tw_pool* pool, int64_t turns, int32_t threads = 0) {
  std::vector<std::atomic<int>> ran(turns);
  auto body = [&](int64_t begin, int64_t end, tw_worker*) -> int32_t {
    EXPECT_LT(begin, end);
    for (int64_t i = begin; i < end; i++) ran[i]++;
    return TW_OK;
  };
  ASSERT_EQ(run_region(pool, turns, body, threads), TW_OK);
  for (int64_t i = 0; i < turns; i++) ASSERT_EQ(ran[i], 1) << "turn " << i << " of " << turns;
}

TEST(Pool, RunsEveryTurnOnce) {
  for (int threads : {1, 2, 3, 8}) {
    Pool pool = open_pool(threads);
    EXPECT_EQ(tw_pool_threads(pool.get()), threads);
    for (int64_t turns : {0, 1, 2, 3, 7, 16, 33, 100, 1000, 4097}) expect_each_turn_once(pool.get(), turns);
    for (int limit : {1, 2, 5, 100}) expect_each_turn_once(pool.get(), 100, limit);
  }
}

TEST(Pool, RunsWithoutAPool) {
  expect_each_turn_once(nullptr, 100);
  EXPECT_EQ(tw_pool_threads(nullptr), 1);
  tw_pool_close(nullptr);
}

TEST(Pool, NegativeTurnsAreNone) {
  Pool pool = open_pool(2);
  auto never = [](int64_t, int64_t, tw_worker*) -> int32_t { return TW_FAILED; };
  EXPECT_EQ(run_region(pool.get(), -5, never), TW_OK);
}

TEST(Pool, AsManyThreadsAsUsableByDefault) {
  Pool pool = open_pool(0);
  EXPECT_EQ(tw_pool_threads(pool.get()), tw_usable_threads());
  EXPECT_EQ(tw_pool_threads(open_pool(1 << 30).get()), 1024);
}

TEST(Pool, UsesSeveralThreads) {
  Pool pool = open_pool(2);
  std::atomic<int> inside{0};
  // Each turn waits for the other, so one thread alone would not end.
  auto body = [&](int64_t, int64_t, tw_worker*) -> int32_t {
    inside++;
    while (inside < 2) std::this_thread::yield();
    return TW_OK;
  };
  EXPECT_EQ(run_region(pool.get(), 2, body), TW_OK);
}

TEST(Pool, ThreadsComeBackFromSleep) {
  Pool pool = open_pool(4);
  for (int i = 0; i < 20; i++) {
    expect_each_turn_once(pool.get(), 50);
    std::this_thread::sleep_for(milliseconds(2));
  }
  std::atomic<int> inside{0};
  auto body = [&](int64_t, int64_t, tw_worker*) -> int32_t {
    inside++;
    while (inside < 4) std::this_thread::yield();
    return TW_OK;
  };
  EXPECT_EQ(run_region(pool.get(), 4, body), TW_OK);
}

TEST(Pool, AnUnevenTurnDoesNotHoldTheOthers) {
  Pool pool = open_pool(2);
  std::atomic<int> done{0};
  // The turns after the first in its share are taken by the other thread.
  auto body = [&](int64_t begin, int64_t end, tw_worker*) -> int32_t {
    if (begin == 0) {
      while (done < 100 - static_cast<int>(end)) std::this_thread::yield();
    }
    done += static_cast<int>(end - begin);
    return TW_OK;
  };
  EXPECT_EQ(run_region(pool.get(), 100, body), TW_OK);
  EXPECT_EQ(done, 100);
}

TEST(Pool, TheCallerWaitsForALongTurn) {
  Pool pool = open_pool(2);
  std::atomic<bool> slow_done{false};
  std::atomic<int> entered{0};
  auto caller = std::this_thread::get_id();
  auto body = [&](int64_t, int64_t, tw_worker*) -> int32_t {
    entered++;
    while (entered < 2) std::this_thread::yield();
    if (std::this_thread::get_id() != caller) {
      std::this_thread::sleep_for(milliseconds(30));
      slow_done = true;
    }
    return TW_OK;
  };
  EXPECT_EQ(run_region(pool.get(), 2, body), TW_OK);
  EXPECT_TRUE(slow_done);
}

TEST(Pool, NestedRegionsRunOnTheSameThread) {
  Pool pool = open_pool(4);
  std::atomic<int64_t> inner_turns{0};
  auto body = [&](int64_t begin, int64_t end, tw_worker* worker) -> int32_t {
    auto here = std::this_thread::get_id();
    for (int64_t i = begin; i < end; i++) {
      int32_t code = parallel(worker, 10, [&](int64_t b, int64_t e, tw_worker* inner) -> int32_t {
        EXPECT_EQ(here, std::this_thread::get_id());
        EXPECT_EQ(inner, worker);
        inner_turns += e - b;
        return TW_OK;
      });
      EXPECT_EQ(code, TW_OK);
    }
    return TW_OK;
  };
  EXPECT_EQ(run_region(pool.get(), 40, body), TW_OK);
  EXPECT_EQ(inner_turns, 400);
}

TEST(Pool, SeveralCallersAtOnce) {
  Pool pool = open_pool(3);
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; c++) {
    callers.emplace_back([&] {
      for (int i = 0; i < 300; i++) expect_each_turn_once(pool.get(), 1 + i % 40);
    });
  }
  for (std::thread& caller : callers) caller.join();
}

TEST(Pool, MoreCallersThanItKeepsArenasFor) {
  Pool pool = open_pool(2);
  std::atomic<int> inside{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 40; c++) {
    callers.emplace_back([&] {
      int32_t code = run_kernel(pool.get(), [&](tw_worker* worker) -> int32_t {
        inside++;
        while (inside < 40) std::this_thread::yield();
        void* memory = worker->allocate(worker, 1000);
        EXPECT_NE(memory, nullptr);
        worker->release(worker, memory);
        return TW_OK;
      });
      EXPECT_EQ(code, TW_OK);
    });
  }
  for (std::thread& caller : callers) caller.join();
}

TEST(Pool, ManyMoreThreadsThanProcessors) {
  Pool pool = open_pool(64);
  for (int i = 0; i < 50; i++) expect_each_turn_once(pool.get(), 200);
}

TEST(Pool, OpensAndClosesInAnyState) {
  for (int i = 0; i < 30; i++) {
    Pool pool = open_pool(1 + i % 5);
    if (i % 2) expect_each_turn_once(pool.get(), 10);
    if (i % 6 == 5) std::this_thread::sleep_for(milliseconds(1));
  }
}

TEST(Pool, AnErrorComesBackWithItsMessage) {
  Pool pool = open_pool(4);
  for (int64_t bad : {0, 57, 99}) {
    auto body = [&](int64_t begin, int64_t end, tw_worker* worker) -> int32_t {
      return begin <= bad && bad < end ? worker->fail(worker, TW_FAILED, "an index is out of range") : TW_OK;
    };
    EXPECT_EQ(run_region(pool.get(), 100, body), TW_FAILED);
    EXPECT_STREQ(tw_error(), "kernel: an index is out of range");
    expect_each_turn_once(pool.get(), 100);
  }
}

TEST(Pool, OfManyErrorsOneComesBackWhole) {
  Pool pool = open_pool(4);
  for (int i = 0; i < 50; i++) {
    auto body = [&](int64_t begin, int64_t, tw_worker* worker) -> int32_t {
      return worker->fail(worker, TW_FAILED, ("turn " + std::to_string(begin)).c_str());
    };
    EXPECT_EQ(run_region(pool.get(), 1000, body), TW_FAILED);
    EXPECT_EQ(std::string(tw_error()).rfind("kernel: turn ", 0), 0u) << tw_error();
  }
}

TEST(Pool, ErrorsAreEachThreadsOwn) {
  run_kernel(nullptr, [](tw_worker* worker) { return worker->fail(worker, TW_FAILED, "here"); });
  std::thread([] {
    EXPECT_STREQ(tw_error(), "");
    run_kernel(nullptr, [](tw_worker* worker) { return worker->fail(worker, TW_FAILED, "there"); });
    EXPECT_STREQ(tw_error(), "kernel: there");
  }).join();
  EXPECT_STREQ(tw_error(), "kernel: here");
}

TEST(Pool, ALongMessageIsCut) {
  std::string text(2000, 'x');
  run_kernel(nullptr, [&](tw_worker* worker) { return worker->fail(worker, TW_FAILED, text.c_str()); });
  std::string message = tw_error();
  EXPECT_EQ(message.size(), 511u);
  EXPECT_EQ(message.substr(508), "...");
}

TEST(Pool, ARepeatedCallMeetsTheSameThread) {
  Pool pool = open_pool(2);
  // Both threads come, so each takes its own half first.
  std::vector<std::set<std::thread::id>> threads(2);
  for (int i = 0; i < 20; i++) {
    std::atomic<int> inside{0};
    std::vector<std::thread::id> ran(2);
    auto body = [&](int64_t begin, int64_t, tw_worker*) -> int32_t {
      inside++;
      while (inside < 2) std::this_thread::yield();
      ran[begin] = std::this_thread::get_id();
      return TW_OK;
    };
    ASSERT_EQ(run_region(pool.get(), 2, body), TW_OK);
    if (ran[0] == std::this_thread::get_id()) threads[0].insert(ran[0]), threads[1].insert(ran[1]);
  }
  EXPECT_EQ(threads[0].size(), 1u);
  EXPECT_EQ(threads[1].size(), 1u);
}

}  // namespace
}  // namespace tw
