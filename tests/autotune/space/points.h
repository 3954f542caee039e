// Points of a sketch: the preferred one and random ones, each checked against the meaning of the program.
#pragma once

#include <string>

#include <gtest/gtest.h>

#include "autotune/space/sketch.h"
#include "schedule/fixtures.h"

namespace tw::autotune {

/// A workload of the program for this host with two threads and rewrites allowed.
inline Workload workload_of(const Program& program, Values sizes = {}) {
  return {program, machine_of(codegen::parse_target("llvm -threads=2")), true, std::move(sizes)};
}

/// Checks that the sketch applies, that the preferred point exists, and that it and `count` random points
/// compute what the program does, run by the interpreter. `tolerance`: relative to the largest result; 0:
/// that of sums in another order, on integer data.
inline void expect_points(const std::string& sketch, const Program& program, int count = 20,
                          double tolerance = 0) {
  const Workload workload = workload_of(program);
  const Sketch* found = find_sketch(sketch);
  ASSERT_TRUE(found && found->applies(workload)) << sketch;
  for (int seed = 0; seed <= count; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(static_cast<uint64_t>(seed));
    std::string why;
    const auto candidate = make_candidate(workload, *found, Choices({}, seed ? &random : nullptr), &why);
    if (seed == 0) {
      ASSERT_TRUE(candidate) << why;
    }
    if (!candidate) continue;
    const schedule::Schedule s = schedule::Schedule::replay(program, candidate->trace);
    if (tolerance > 0)
      schedule::expect_close_meaning(s, candidate->parameters, tolerance);
    else
      schedule::expect_same_results(s.program(), program, candidate->parameters);
    if (testing::Test::HasFailure()) {
      ADD_FAILURE() << candidate->trace.to_json();
      return;
    }
  }
}

}  // namespace tw::autotune
