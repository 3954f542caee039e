// Operators to schedule, and the checks that every scheduled program passes.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/runner.h"
#include "schedule/schedule.h"
#include "te/lower.h"

namespace tw::schedule {

/// C[n, m] = A[n, k] B[k, m] as a first loop program.
Program matmul_program(const te::Value& n, const te::Value& m, const te::Value& k);

/// D = relu(A + bias) * 2 in two blocks, "shifted" and "scaled".
Program chain_program(const te::Value& n, const te::Value& m);

/// Checks the scheduled program: it verifies, round-trips through text, its trace replays to an equal
/// program, and it computes what the first program computes for these values of sizes and parameters (by
/// name), on random data.
void expect_same_meaning(const Schedule& schedule, const std::map<std::string, int64_t>& values = {});

/// Checks that a program computes what another one does, for these values of sizes and parameters, on random
/// data.
void expect_same_results(const Program& program, const Program& reference,
                         const std::map<std::string, int64_t>& values = {});

/// The element of an argument that stands at a row-major position of the buffer of that name.
using Fill = std::function<double(const std::string& buffer, int64_t element)>;

using test::Runner;

/// The outputs of one run, of any type, for these values of sizes and parameters. Without a runner: of the
/// interpreter.
std::vector<std::vector<double>> results_of(const Program& program, const Fill& fill,
                                            const std::map<std::string, int64_t>& values = {},
                                            const Runner& runner = {});

/// Small integers, the same in each run: sums of them are exact in any order.
Fill integer_data();

/// Normally distributed data, the same in each run.
Fill normal_data();

/// As expect_same_meaning, on normally distributed data: results differ by at most `tolerance` times the
/// largest magnitude of any.
void expect_close_meaning(const Schedule& schedule, const std::map<std::string, int64_t>& values,
                          double tolerance);

/// The loops around a block as values, for `apply`.
std::vector<Value> loops_of(Schedule& schedule, const std::string& block);

/// Splits a loop; gives the new loops.
List split(Schedule& schedule, const Value& loop, const List& factors);

/// The program as text.
std::string text_of(const Schedule& schedule);

/// The message of the user error that f raises; a failure of the test when it raises none.
template <class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const UserError& error) {
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

}  // namespace tw::schedule
