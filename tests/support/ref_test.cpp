#include "support/ref.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "support/error.h"

namespace tw {
namespace {

struct Counted : RefCounted {
  explicit Counted(int& alive) : alive_(alive) { ++alive_; }
  Counted(const Counted& other) : RefCounted(other), alive_(other.alive_) { ++alive_; }
  ~Counted() override { --alive_; }
  int& alive_;
};

TEST(Ref, TheLastHandleDeletesTheObject) {
  int alive = 0;
  {
    const Ref<Counted> a = make_ref<Counted>(alive);
    Ref<Counted> b = a, c;
    c = b;
    b = nullptr;
    EXPECT_EQ(alive, 1);
    EXPECT_TRUE(c.same_as(a));
    const Ref<Counted> copy = make_ref<Counted>(*a);
    EXPECT_EQ(alive, 2);
    EXPECT_FALSE(copy.same_as(a));
  }
  EXPECT_EQ(alive, 0);
}

TEST(Ref, AssignmentToItselfKeepsTheObject) {
  int alive = 0;
  Ref<Counted> a = make_ref<Counted>(alive);
  const Ref<Counted>& alias = a;
  a = alias;
  EXPECT_EQ(alive, 1);
}

TEST(Ref, HandlesMayBeCopiedByManyThreads) {
  int alive = 0;
  {
    const Ref<Counted> shared = make_ref<Counted>(alive);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([shared] {
        for (int turn = 0; turn < 10000; ++turn) const Ref<Counted> copy = shared;
      });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(alive, 1);
  }
  EXPECT_EQ(alive, 0);
}

TEST(Error, SaysWhoseFaultItIs) {
  try {
    raise_index("axis {} of {}", 3, "A");
  } catch (const UserError& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kIndex);
    EXPECT_STREQ(error.what(), "axis 3 of A");
  }
  try {
    check_internal(false, "count is {}", 7);
  } catch (const InternalError& error) {
    EXPECT_STREQ(error.what(),
                 "internal error: count is 7\nThis is a fault in Tilewright; please report it.");
  }
  EXPECT_NO_THROW(check_internal(true, "not evaluated"));
}

TEST(Error, KindsHaveNames) {
  EXPECT_STREQ(to_string(ErrorKind::kValue), "value error");
  EXPECT_STREQ(to_string(ErrorKind::kType), "type error");
  EXPECT_STREQ(to_string(ErrorKind::kIndex), "index error");
  EXPECT_STREQ(to_string(ErrorKind::kUnsupported), "unsupported");
}

}  // namespace
}  // namespace tw
