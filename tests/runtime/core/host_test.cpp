// What surrounds a pool: the host's own threads, forks, a system that gives no threads, affinity.
#include <atomic>
#include <fstream>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/core/region.h"
#include "support/sanitizers.h"

namespace tw {
namespace {

// The thread sanitizer does not follow threads that a forked child starts; the address sanitizer needs more
// address space than a test of small limits leaves.
constexpr bool kForksRun = !kThreadSanitizer;
constexpr bool kLimitsRun = kForksRun && !kAddressSanitizer;

/// The turns of a region of 100 that ran once.
int turns_run_once(tw_pool* pool) {
  std::vector<std::atomic<int>> ran(100);
  auto body = [&](int64_t begin, int64_t end, tw_worker*) -> int32_t {
    for (int64_t i = begin; i < end; i++) ran[i]++;
    return TW_OK;
  };
  if (run_region(pool, 100, body) != TW_OK) return -1;
  int once = 0;
  for (std::atomic<int>& count : ran) once += count == 1;
  return once;
}

/// Whether two threads take part in a region.
bool has_two_threads(tw_pool* pool) {
  std::atomic<int> inside{0};
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  auto body = [&](int64_t, int64_t, tw_worker*) -> int32_t {
    inside++;
    while (inside < 2 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    return TW_OK;
  };
  run_region(pool, 2, body);
  return std::chrono::steady_clock::now() < deadline;
}

/// Runs `child` in a forked process; its exit status, -1 if it crashed.
template <typename F>
int in_child(F child) {
  pid_t pid = fork();
  if (pid == 0) _exit(child());
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

struct Host {
  int calls = 0;
  bool forgets = false;
};

void host_parallel(void* user, tw_task task, void* data, int64_t turns) {
  Host* host = static_cast<Host*>(user);
  host->calls++;
  std::vector<std::thread> threads;
  for (int64_t i = host->forgets ? 1 : 0; i < turns; i++) threads.emplace_back([=] { task(data, i); });
  for (std::thread& thread : threads) thread.join();
}

TEST(HostPool, TakesThePlaceOfThreads) {
  Pool pool = open_pool(3);
  Host host;
  tw_pool_use(pool.get(), host_parallel, &host);
  for (int i = 0; i < 10; i++) EXPECT_EQ(turns_run_once(pool.get()), 100);
  EXPECT_EQ(host.calls, 10);
  tw_pool_use(pool.get(), nullptr, nullptr);
  EXPECT_EQ(turns_run_once(pool.get()), 100);
  EXPECT_EQ(host.calls, 10);
}

TEST(HostPool, WhatItForgetsIsDoneAllTheSame) {
  Pool pool = open_pool(3);
  Host host;
  host.forgets = true;
  tw_pool_use(pool.get(), host_parallel, &host);
  EXPECT_EQ(turns_run_once(pool.get()), 100);
}

TEST(HostPool, ErrorsComeBack) {
  Pool pool = open_pool(3);
  Host host;
  tw_pool_use(pool.get(), host_parallel, &host);
  auto body = [](int64_t, int64_t, tw_worker* worker) { return worker->fail(worker, TW_FAILED, "no"); };
  EXPECT_EQ(run_region(pool.get(), 10, body), TW_FAILED);
  EXPECT_STREQ(tw_error(), "kernel: no");
}

TEST(HostPool, SeveralCallersAtOnce) {
  Pool pool = open_pool(2);
  std::atomic<int> wrong{0};
  auto serial = [](void*, tw_task task, void* data, int64_t turns) {
    for (int64_t i = 0; i < turns; i++) task(data, i);
  };
  tw_pool_use(pool.get(), serial, nullptr);
  std::vector<std::thread> callers;
  for (int c = 0; c < 3; c++) {
    callers.emplace_back([&] {
      for (int i = 0; i < 100; i++) wrong += turns_run_once(pool.get()) != 100;
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Fork, TheChildStartsThreadsOfItsOwn) {
  if (!kForksRun) GTEST_SKIP();
  Pool pool = open_pool(2);
  EXPECT_TRUE(has_two_threads(pool.get()));
  EXPECT_EQ(
      in_child([&] { return has_two_threads(pool.get()) && turns_run_once(pool.get()) == 100 ? 7 : 8; }), 7);
  EXPECT_EQ(in_child([&] {
              bool good = has_two_threads(pool.get());
              int grandchild = in_child([&] { return has_two_threads(pool.get()) ? 7 : 8; });
              pool.reset();
              return good && grandchild == 7 ? 7 : 8;
            }),
            7);
  EXPECT_TRUE(has_two_threads(pool.get()));
}

TEST(Fork, WhileAnotherThreadHasThePool) {
  if (!kForksRun) GTEST_SKIP();
  Pool pool = open_pool(2);
  std::atomic<bool> inside{false}, stop{false};
  std::thread other([&] {
    run_region(pool.get(), 2, [&](int64_t, int64_t, tw_worker*) -> int32_t {
      inside = true;
      while (!stop) std::this_thread::yield();
      return TW_OK;
    });
  });
  while (!inside) std::this_thread::yield();
  EXPECT_EQ(in_child([&] { return has_two_threads(pool.get()) ? 7 : 8; }), 7);
  stop = true;
  other.join();
}

TEST(Fork, TheChildMayCloseWithoutUsing) {
  if (!kForksRun) GTEST_SKIP();
  Pool pool = open_pool(3);
  EXPECT_EQ(turns_run_once(pool.get()), 100);
  EXPECT_EQ(in_child([&] {
              pool.reset();
              return 7;
            }),
            7);
}

TEST(Threads, ASystemThatGivesNone) {
  if (!kLimitsRun) GTEST_SKIP();
  EXPECT_EQ(in_child([] {
              Pool pool = open_pool(8);
              rlimit none = {16 << 20, 16 << 20};
              setrlimit(RLIMIT_AS, &none);
              return turns_run_once(pool.get());
            }),
            100);
}
TEST(UsableThreads, FollowAffinity) {
  cpu_set_t before, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  int first = 0;
  while (!CPU_ISSET(first, &before)) first++;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  EXPECT_LE(tw_usable_threads(), CPU_COUNT(&before));
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(tw_usable_threads(), 1);
  sched_setaffinity(0, sizeof before, &before);
}

}  // namespace
}  // namespace tw
