// Lowering: from a scheduled program to one that a code generator takes, pass by pass.
//
// The pipeline is data: a list of passes, each a function from program to program with the stage that its
// result is in. One driver runs, times, prints and verifies them.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "ir/program.h"
#include "ir/verify.h"

namespace tw::codegen {

struct LowerOptions {
  std::string target;  // the kind of machine code ("llvm"); empty: nothing special to a machine
  std::vector<std::string> features;  // what the machine has, as tensor intrinsics name it ("avx512bf16")
  bool verify_each = false;           // every pass's result against the rules of its stage
  std::string stop_after;             // the name of the last pass to run; empty: all
  std::string print_after;            // a name, or "all": goes to stderr. Empty: what TW_PRINT_AFTER says
};

/// What passes see beside the program.
struct PassContext {
  const LowerOptions& options;
  std::vector<std::string>& notes;
};

struct Pass {
  std::string name;
  std::string why_here;  // what it relies on, and what relies on it
  Stage gives;           // the rules that its result keeps
  std::function<Program(const Program&, PassContext&)> run;
};

/// The passes that every target shares, in order.
const std::vector<Pass>& lowering_passes();

struct PassTime {
  std::string name;
  double seconds = 0;
};

/// Adds a row to `times`, which says at the end of this object's life how long that was.
class PassTimer {
 public:
  PassTimer(std::vector<PassTime>& times, std::string name)
      : times_(times), row_(times.size()), start_(std::chrono::steady_clock::now()) {
    times.push_back({std::move(name)});
  }
  ~PassTimer() {
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start_;
    times_[row_].seconds = spent.count();
  }
  PassTimer(const PassTimer&) = delete;
  PassTimer& operator=(const PassTimer&) = delete;

 private:
  std::vector<PassTime>& times_;
  std::size_t row_;
  std::chrono::steady_clock::time_point start_;
};

struct Lowered {
  Program program;
  std::vector<PassTime> times;     // in the order run
  std::vector<std::string> notes;  // what was asked for and is not so, a line each: a loop not made vectors
};

/// Runs the passes on a program in stage kSchedule. Errors: a pass of that name is not there; a program that
/// breaks the rules of its stage (an internal error after the first pass: the pass is wrong).
Lowered lower(const Program& program, const LowerOptions& options = {});

}  // namespace tw::codegen
