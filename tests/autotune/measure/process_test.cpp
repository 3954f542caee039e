#include "autotune/measure/process.h"

#include <csignal>
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>

#include "support/error.h"

namespace tw::autotune {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

std::ptrdiff_t open_files() {
  const std::filesystem::directory_iterator files("/proc/self/fd");
  return std::distance(begin(files), end(files));
}

TEST(Process, SpeaksWithItsChild) {
  Process cat({"cat"});
  const auto soon = steady_clock::now() + seconds(20);
  EXPECT_EQ(cat.send("hello", soon), Process::Outcome::kDone);
  std::string bytes;
  while (bytes.size() < 5) ASSERT_EQ(cat.receive(bytes, soon), Process::Outcome::kDone);
  EXPECT_EQ(bytes, "hello");
}

TEST(Process, WaitsNoLongerThanTold) {
  Process sleeping({"sleep", "100"});
  std::string bytes;
  EXPECT_EQ(sleeping.receive(bytes, steady_clock::now() + milliseconds(20)), Process::Outcome::kLate);
  const std::string much(std::size_t{16} << 20, 'x');  // more than a socket holds
  EXPECT_EQ(sleeping.send(much, steady_clock::now() + milliseconds(20)), Process::Outcome::kLate);
}

TEST(Process, TellsHowItEnded) {
  const auto soon = steady_clock::now() + seconds(20);
  std::string bytes;
  Process ending({"sh", "-c", "exit 3"});
  EXPECT_EQ(ending.receive(bytes, soon), Process::Outcome::kEnded);
  EXPECT_EQ(ending.wait().status, 3);
  Process dying({"sh", "-c", "kill -SEGV $$"});
  EXPECT_EQ(dying.receive(bytes, soon), Process::Outcome::kEnded);
  EXPECT_EQ(dying.wait().signal, SIGSEGV);
}

TEST(Process, WritingToADeadOneIsNoSignal) {
  Process dead({"true"});
  std::string bytes;
  const auto soon = steady_clock::now() + seconds(20);
  EXPECT_EQ(dead.receive(bytes, soon), Process::Outcome::kEnded);
  EXPECT_EQ(dead.send("hello", soon), Process::Outcome::kEnded);
}

TEST(Process, WhatCannotBeStartedIsSaid) {
  const std::ptrdiff_t before = open_files();
  EXPECT_THROW(Process({"/no/such/worker"}), UserError);
  EXPECT_THROW(Process({}), UserError);
  EXPECT_EQ(open_files(), before);
}

TEST(Process, LeavesNothingBehind) {
  const std::ptrdiff_t before = open_files();
  pid_t child = 0;
  {
    Process parent({"sh", "-c", "sleep 100 & wait"});
    child = parent.pid();
  }
  EXPECT_EQ(open_files(), before);
  EXPECT_EQ(waitpid(child, nullptr, WNOHANG), -1);  // there is no such child any more
  // Nor its group, once the system has taken note of what was killed.
  const auto soon = steady_clock::now() + seconds(20);
  while (kill(-child, 0) == 0 && steady_clock::now() < soon)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(kill(-child, 0), -1);
}

}  // namespace
}  // namespace tw::autotune
