// Compiles and measures candidates in worker processes: what crashes, hangs or writes where it should not
// dies there and is reported with its cause.
//
//   Runner runner(task, options);
//   const auto built = runner.build({program_1, program_2});
//   const auto times = runner.measure({{built[0].id, {{"mc", 96}}}, {built[1].id, {}}}, {.seconds = 0.05});
//   const Verdict verdict = runner.verify({built[0].id, {{"mc", 96}}});
//
// Workers get programs as text over a pipe (protocol.h), so that they may live on another machine one day. A
// worker that dies is replaced, and gets the machine code that it held when that is next asked for.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "autotune/space/sketch.h"
#include "codegen/build.h"

namespace tw::autotune {

enum class Status : uint8_t {
  kOk,
  kRefused,       // the compiler says that it cannot do this
  kCompileTime,   // compiling took longer than the limit
  kCompileCrash,  // the compiler died
  kTimeout,       // the kernel took longer than the limit
  kCrash,         // the kernel died: a signal
  kOutOfBounds,   // it touched the pages behind an array, or wrote to an input
  kFailed,        // it gave an error: no memory for its workspace, a check inside of it
  kWrong,         // its result is not the reference's
  kLost,          // the worker was killed from outside more than once
};
/// "ok", "refused", "compile_time", …: what records and reports call it; and back (a value error).
const char* to_string(Status status);
Status status_of(const std::string& text);

/// What is measured: the arguments that all candidates of a workload get.
struct Task {
  Program program;            // the first program
  std::string target;         // as the user wrote it
  std::vector<Values> sizes;  // symbolic sizes of each point, in order of weight; one, maybe empty
  std::string cache = "hot";  // or "model": constants rotate through twice the last cache
  uint64_t seed = 0;          // of the arguments, N(0, 1); integers over a small range
};

struct RunnerOptions {
  std::vector<std::string> command;  // that starts a worker; it speaks protocol.h over its stdin and stdout
  int workers = 1;
  double compile_seconds = 20;  // limits
  double run_seconds = 10;      // of one run of a kernel
  int64_t memory_bytes = 0;     // of a worker; 0: three quarters of the machine's
};

struct Built {
  int id = -1;
  Status status = Status::kOk;
  std::string cause;   // words, where the status is not kOk
  double seconds = 0;  // that it took, the pipe included
  codegen::BuildStats stats;
};

/// One point to run: machine code and the values of its parameters.
struct Point {
  int id = -1;
  Values parameters;
};

struct MeasureOptions {
  double seconds = 0.05;  // for each point, about
  int min_samples = 3;
  /// Points whose first samples are this many times slower than the best so far are dropped early.
  double give_up = 1.5;
  /// Rounds in which the points take turns, so that drifts of the machine meet all of them: 1 measures one
  /// after the other.
  int rounds = 1;
};

struct Measured {
  Status status = Status::kOk;
  std::string cause;
  /// Seconds of a run, in the order taken; [size][sample] for each of the task's sizes.
  std::vector<std::vector<double>> samples;
  bool dropped = false;  // early
  double overhead = 0;   // seconds that this trial took beyond the kernel's own runs
  double median(std::size_t size = 0) const;
};

/// Whether a kernel's results are right.
struct Verdict {
  Status status = Status::kOk;
  std::string cause;  // "C[3, 17] is 1.25, the reference 1.5, beyond the tolerance 2e-5"
  double worst = 0;   // largest error as a share of the tolerance
};

class Runner {
 public:
  Runner(Task task, RunnerOptions options);
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  /// A result for each program, compiled by all workers at once. Errors, here and below: a worker that cannot
  /// be started, a task that it cannot have.
  std::vector<Built> build(const std::vector<Program>& programs);
  /// Nothing compiles meanwhile. One worker measures all points, on the same arrays; machine code that
  /// another has compiled is sent to it. A point that kills it twice, or once for a certain reason, has that
  /// as its status, and the others are measured without it.
  std::vector<Measured> measure(const std::vector<Point>& points, const MeasureOptions& options);
  Verdict verify(const Point& point);
  /// Frees machine code.
  void forget(int id);
  /// How often workers died, by cause.
  const std::map<std::string, int>& deaths() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The worker's side: answers requests until its input ends. Gives the exit status.
int serve(int input, int output);

}  // namespace tw::autotune
