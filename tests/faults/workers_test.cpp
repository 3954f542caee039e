// Workers that die, are killed, or speak nonsense: what they did is done again by others.
#include <atomic>
#include <csignal>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "autotune/measure/runner.h"
#include "autotune/worker/programs.h"
#include "faults/processes.h"

namespace tw::autotune {
namespace {

using test::add_one;
using test::children;
using test::matmul;
using test::packed_matmul;
using test::task_of;
using test::with_test_worker;
using testing::AnyOf;
using testing::HasSubstr;

constexpr MeasureOptions kShort{.seconds = 0.01};

/// Sends SIGKILL to a child of this process at random moments.
class Killer {
 public:
  Killer(int kills, uint64_t seed)
      : thread_([this, kills, seed] {
          std::mt19937_64 random(seed);
          while (done_ < kills && !is_over_) {
            std::this_thread::sleep_for(std::chrono::milliseconds(random() % 120));
            const std::vector<pid_t> found = children();
            if (!found.empty() && kill(found[random() % found.size()], SIGKILL) == 0) ++done_;
          }
        }) {}
  ~Killer() {
    is_over_ = true;
    thread_.join();
  }
  int done() const { return done_; }

 private:
  std::atomic<int> done_{0};
  std::atomic<bool> is_over_{false};
  std::thread thread_;
};

TEST(Workers, KilledFiftyTimesAtRandomMoments) {
  constexpr int kKills = 50;
  const test::Census before;
  {
    RunnerOptions options = with_test_worker();
    options.workers = 2;
    Runner runner(task_of(matmul(64, 64, 64)), options);
    int fine = 0, lost = 0;
    {
      const Killer killer(kKills, 1);
      while (killer.done() < kKills) {
        const auto built = runner.build({matmul(64, 64, 64), packed_matmul(64, 64, 64)});
        std::vector<Point> points;
        for (const Built& one : built) {
          EXPECT_THAT(one.status, AnyOf(Status::kOk, Status::kLost)) << one.cause;
          if (one.status == Status::kOk) points.push_back({one.id, {}});
        }
        for (const Measured& one : runner.measure(points, kShort)) {
          EXPECT_THAT(one.status, AnyOf(Status::kOk, Status::kLost)) << one.cause;
          ++(one.status == Status::kOk ? fine : lost);
        }
        for (const Point& point : points) {
          const Verdict verdict = runner.verify(point);
          EXPECT_THAT(verdict.status, AnyOf(Status::kOk, Status::kLost)) << verdict.cause;
        }
        for (const Built& one : built) runner.forget(one.id);
      }
    }
    // And when nobody kills any more, all is well.
    const auto built = runner.build({matmul(64, 64, 64)});
    EXPECT_EQ(built[0].status, Status::kOk) << built[0].cause;
    EXPECT_EQ(runner.measure({{built[0].id, {}}}, kShort)[0].status, Status::kOk);
    EXPECT_EQ(runner.verify({built[0].id, {}}).status, Status::kOk);
    EXPECT_GT(fine, lost);
    for (const auto& [cause, count] : runner.deaths()) EXPECT_EQ(cause, "killed") << count;
  }
  EXPECT_EQ(test::Census(), before);
}

TEST(Workers, KilledWhileIdleAreReplaced) {
  Runner runner(task_of(add_one(100)), with_test_worker());
  const auto built = runner.build({add_one(100)});
  for (const pid_t child : children()) kill(child, SIGKILL);
  EXPECT_EQ(runner.measure({{built[0].id, {}}}, kShort)[0].status, Status::kOk);
  EXPECT_EQ(runner.deaths().at("killed"), 1);
}

/// A runner whose worker is a shell script that says what is printed.
Built built_by(const std::string& script) {
  RunnerOptions options;
  options.command = {"sh", "-c", script};
  options.compile_seconds = 1;
  Runner runner(task_of(add_one(100)), options);
  return runner.build({add_one(100)})[0];
}

// {"hello":2}, and {"reply":{}} to the task that follows.
const std::string kGreeting = R"(printf '\013\000\000\000{"hello":2}\014\000\000\000{"reply":{}}'; )";

TEST(Workers, ThatSpeakNonsenseAreReplaced) {
  const Built garbled = built_by(kGreeting + "echo 'rm -rf: no such file'; sleep 60");
  EXPECT_EQ(garbled.status, Status::kCompileCrash);
  EXPECT_THAT(garbled.cause, HasSubstr("is no message"));
  const Built lacking = built_by(kGreeting + R"(printf '\014\000\000\000{"reply":{}}'; sleep 60)");
  EXPECT_EQ(lacking.status, Status::kCompileCrash);
  EXPECT_THAT(lacking.cause, HasSubstr("is no message"));
  const Built unknown = built_by(kGreeting + R"(printf '\012\000\000\000{"reply":1'; sleep 60)");
  EXPECT_EQ(unknown.status, Status::kCompileCrash);
}

TEST(Workers, ThatSayNothingAreKilled) {
  const test::Census before;
  const Built silent = built_by(kGreeting + "sleep 600");
  EXPECT_EQ(silent.status, Status::kCompileTime);
  EXPECT_THAT(silent.cause, HasSubstr("no sign of life"));
  EXPECT_EQ(test::Census(), before);
}

TEST(Workers, EndWithTheTuner) {
  // A tuner that is killed: its worker, busy or not, ends by itself.
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t tuner = fork();
  if (tuner == 0) {
    Runner runner(task_of(add_one(100)), with_test_worker());
    runner.build({add_one(100)});
    const pid_t worker = children().front();
    if (write(ends[1], &worker, sizeof worker) != sizeof worker) _exit(1);
    pause();
  }
  pid_t worker = 0;
  ASSERT_EQ(read(ends[0], &worker, sizeof worker), static_cast<ssize_t>(sizeof worker));
  EXPECT_EQ(kill(worker, 0), 0);
  kill(tuner, SIGKILL);
  close(ends[0]);
  close(ends[1]);
  int tries = 0;
  for (; kill(worker, 0) == 0 && tries < 500; ++tries) {
    // A zombie that nobody has fetched is gone too.
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    if (test::is_zombie(worker)) break;
  }
  EXPECT_LT(tries, 500);
}

}  // namespace
}  // namespace tw::autotune
