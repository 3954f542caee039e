// Workspaces: aligned, apart from each other, kept between calls.
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/core/region.h"

extern "C" {
#include "runtime/core/arena.h"
}

namespace tw {
namespace {

struct Arena : tw_arena {
  Arena() : tw_arena{} {}
  ~Arena() { tw_arena_close(this); }
};

TEST(Arena, GivesAlignedMemoryApart) {
  Arena arena;
  std::vector<std::pair<char*, int64_t>> blocks;
  for (int64_t bytes : {1, 63, 64, 65, 4096, 100000, 1 << 20, 9 << 20, 0, 7}) {
    char* memory = static_cast<char*>(tw_arena_allocate(&arena, bytes));
    ASSERT_NE(memory, nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory) % 64, 0u);
    std::memset(memory, static_cast<int>(blocks.size()), bytes);
    blocks.emplace_back(memory, bytes);
  }
  for (size_t i = 0; i < blocks.size(); i++) {
    for (int64_t b = 0; b < blocks[i].second; b++) ASSERT_EQ(blocks[i].first[b], static_cast<char>(i));
  }
}

TEST(Arena, ReleasesTheLastFirst) {
  Arena arena;
  void* first = tw_arena_allocate(&arena, 100);
  void* second = tw_arena_allocate(&arena, 100);
  tw_arena_restore(&arena, static_cast<char*>(second));
  EXPECT_EQ(tw_arena_allocate(&arena, 3000), second);
  tw_arena_restore(&arena, static_cast<char*>(first));
  EXPECT_EQ(tw_arena_allocate(&arena, 3000), first);
}

TEST(Arena, KeepsItsMemoryWhenEmptied) {
  Arena arena;
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < 5; i++) ASSERT_NE(tw_arena_allocate(&arena, 1 << 20), nullptr);
    tw_arena_restore(&arena, nullptr);
  }
  void* before = tw_arena_allocate(&arena, 4 << 20);
  tw_arena_restore(&arena, nullptr);
  EXPECT_EQ(tw_arena_allocate(&arena, 4 << 20), before);
}

TEST(Arena, RefusesAbsurdSizes) {
  Arena arena;
  for (int64_t bytes : {int64_t{-1}, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max(),
                        std::numeric_limits<int64_t>::max() - 63, (int64_t{1} << 46) + 1}) {
    EXPECT_EQ(tw_arena_allocate(&arena, bytes), nullptr);
    EXPECT_EQ(std::string(tw_error()), "a workspace of " + std::to_string(bytes) + " bytes is asked for");
  }
  EXPECT_EQ(tw_arena_allocate(&arena, (int64_t{1} << 46) - 4096), nullptr);
  EXPECT_EQ(std::string(tw_error()),
            "no memory for a workspace of " + std::to_string((int64_t{1} << 46) - 4096) + " bytes");
  EXPECT_NE(tw_arena_allocate(&arena, 10), nullptr);
}

TEST(Arena, RandomStacks) {
  std::mt19937 random(1);
  Arena arena;
  struct Block {
    unsigned char* memory;
    int64_t bytes;
    unsigned char mark;
  };
  std::vector<Block> stack;
  for (int step = 0; step < 5000; step++) {
    if (stack.empty() || random() % 5 < 3) {
      int64_t bytes = random() % (random() % 50 == 0 ? 3000000 : 20000);
      auto* memory = static_cast<unsigned char*>(tw_arena_allocate(&arena, bytes));
      ASSERT_NE(memory, nullptr);
      auto mark = static_cast<unsigned char>(step);
      if (bytes) memory[0] = memory[bytes / 2] = memory[bytes - 1] = mark;
      stack.push_back({memory, bytes, mark});
    } else {
      Block block = stack.back();
      stack.pop_back();
      if (block.bytes) {
        ASSERT_EQ(block.memory[0], block.mark);
        ASSERT_EQ(block.memory[block.bytes / 2], block.mark);
        ASSERT_EQ(block.memory[block.bytes - 1], block.mark);
      }
      tw_arena_restore(&arena, reinterpret_cast<char*>(block.memory));
    }
    if (step % 1000 == 999) {
      tw_arena_restore(&arena, nullptr);
      stack.clear();
    }
  }
}

TEST(Workspace, WhatAKernelLeavesIsReleased) {
  Pool pool = open_pool(1);
  void* first = nullptr;
  for (int i = 0; i < 100; i++) {
    run_kernel(pool.get(), [&](tw_worker* worker) -> int32_t {
      void* memory = worker->allocate(worker, 1 << 20);
      if (i == 10) first = memory;
      EXPECT_TRUE(i <= 10 || memory == first);
      return TW_OK;
    });
  }
}

TEST(Workspace, WhatTurnsLeaveIsReleased) {
  Pool pool = open_pool(3);
  auto body = [&](int64_t, int64_t, tw_worker* worker) -> int32_t {
    char* memory = static_cast<char*>(worker->allocate(worker, 1 << 20));
    if (!memory) return TW_NO_MEMORY;
    memory[0] = memory[(1 << 20) - 1] = 1;
    return TW_OK;
  };
  int32_t code = run_kernel(pool.get(), [&](tw_worker* worker) -> int32_t {
    char* outer = static_cast<char*>(worker->allocate(worker, 100));
    outer[0] = 42;
    int32_t inner = TW_OK;
    for (int i = 0; i < 200 && inner == TW_OK; i++) inner = parallel(worker, 50, body);
    EXPECT_EQ(outer[0], 42);
    worker->release(worker, outer);
    worker->release(worker, nullptr);
    return inner;
  });
  EXPECT_EQ(code, TW_OK);
}

TEST(Workspace, NoMemoryNamesTheKernel) {
  Pool pool = open_pool(2);
  auto body = [](int64_t, int64_t, tw_worker* worker) -> int32_t {
    return worker->allocate(worker, -8) ? TW_OK : TW_NO_MEMORY;
  };
  EXPECT_EQ(run_region(pool.get(), 10, body), TW_NO_MEMORY);
  EXPECT_STREQ(tw_error(), "kernel: a workspace of -8 bytes is asked for");
}

}  // namespace
}  // namespace tw
