// Databases whose writers are killed, and two writers of one.
#include <chrono>
#include <csignal>
#include <random>
#include <set>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "autotune/records/samples/samples.h"

namespace tw::autotune {
namespace {

/// The record that a writer adds as its n-th.
Record numbered(int writer, int n) {
  Record r = sample(1e-3, 64 + n % 5);
  r.round = n;
  r.cause = "writer " + std::to_string(writer);
  return r;
}

/// A process that adds records and says the number of each that is safe over the pipe.
struct Writer {
  pid_t process = -1;
  int pipe = -1;

  Writer(const std::string& path, int number, int count) {
    int channel[2];
    if (::pipe(channel) != 0) return;
    process = fork();
    if (process == 0) {
      int status = 0;
      try {
        Database db = Database::open(path);
        for (int n = 0; n < count; ++n) {
          if (n % 3 == 2)
            db.add(std::vector<Record>{numbered(number, n), numbered(number + 1000, n)});
          else
            db.add(numbered(number, n));
          if (write(channel[1], &n, sizeof n) != sizeof n) status = 2;
        }
      } catch (const std::exception& error) {
        fprintf(stderr, "%s\n", error.what());
        status = 1;
      }
      _exit(status);
    }
    close(channel[1]);
    pipe = channel[0];
  }
  ~Writer() { close(pipe); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  int wait() const {
    int status = 0;
    waitpid(process, &status, 0);
    return status;
  }
  /// The numbers that it said.
  std::vector<int> said() const {
    std::vector<int> numbers;
    for (int n = 0; read(pipe, &n, sizeof n) == sizeof n;) numbers.push_back(n);
    return numbers;
  }
};

/// (cause, round) of each record.
std::set<std::pair<std::string, int>> found_in(const Database& db) {
  std::set<std::pair<std::string, int>> found;
  for (const Record& record : db.records({})) found.emplace(record.cause, record.round);
  return found;
}

TEST(DatabaseFaults, a_killed_writer_loses_nothing_that_it_added) {
  const Folder folder;
  const std::string path = folder / "tuning.db";
  std::mt19937 random(7);
  std::set<std::pair<std::string, int>> safe;
  constexpr int kKills = 50;
  for (int kill = 0; kill < kKills; ++kill) {
    const Writer writer(path, kill, 1 << 30);
    // Some are killed while they make the file, some while they open it, most while they write.
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 30000));
    ::kill(writer.process, SIGKILL);
    EXPECT_TRUE(WIFSIGNALED(writer.wait()));
    for (const int n : writer.said()) {
      safe.emplace("writer " + std::to_string(kill), n);
      if (n % 3 == 2) safe.emplace("writer " + std::to_string(kill + 1000), n);
    }
    const Database db = Database::open(path);
    ASSERT_EQ(db.check(), "ok");
    const auto found = found_in(db);
    for (const auto& one : safe) ASSERT_TRUE(found.count(one)) << one.first << ", " << one.second;
    // Of records added together both are there or none.
    for (const auto& [cause, n] : found)
      if (n % 3 == 2 && cause == "writer " + std::to_string(kill)) {
        EXPECT_TRUE(found.count({"writer " + std::to_string(kill + 1000), n}));
      }
  }
  EXPECT_GT(safe.size(), 50U);
}

TEST(DatabaseFaults, two_writers_take_turns) {
  const Folder folder;
  const std::string path = folder / "tuning.db";
  constexpr int kCount = 60;
  {
    const Writer first(path, 1, kCount), second(path, 2, kCount);
    EXPECT_EQ(first.wait(), 0);
    EXPECT_EQ(second.wait(), 0);
  }
  const Database db = Database::open(path);
  EXPECT_EQ(db.check(), "ok");
  EXPECT_EQ(db.records({}).size(), static_cast<std::size_t>(2 * (kCount + kCount / 3)));
}

TEST(DatabaseFaults, readers_see_whole_transactions_while_others_write) {
  const Folder folder;
  const std::string path = folder / "tuning.db";
  { Database::open(path); }
  const Writer writer(path, 1, 60);
  for (bool alive = true; alive;) {
    alive = waitpid(writer.process, nullptr, WNOHANG) == 0;
    const auto found = found_in(Database::open(path, true));
    for (const auto& [cause, n] : found)
      if (n % 3 == 2) {
        EXPECT_TRUE(found.count({cause == "writer 1" ? "writer 1001" : "writer 1", n}));
      }
  }
  EXPECT_EQ(found_in(Database::open(path, true)).size(), 80U);
}

}  // namespace
}  // namespace tw::autotune
