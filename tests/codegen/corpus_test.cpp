// The corpus of operators, and random schedules of it, through the passes: the result of each pass, run in
// the interpreter, is that of the program before.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "codegen/pass.h"
#include "common/fuzzing.h"
#include "ir/text.h"
#include "schedule/corpus/programs.h"
#include "schedule/corpus/sequences.h"
#include "support/error.h"

namespace tw::codegen {
namespace {

using schedule::CorpusCase;
using schedule::Results;

/// What differs after which pass; empty: nothing. A program that lowering does not take is no fault, and
/// counted.
std::string fault_of_passes(const CorpusCase& sample, const Program& program, int* not_taken) {
  const Results expected = run_case(sample, sample.program);
  for (const Pass& pass : lowering_passes()) {
    Program lowered;
    try {
      lowered = lower(program, {.verify_each = true, .stop_after = pass.name}).program;
    } catch (const UserError& error) {
      if (error.kind() != ErrorKind::kUnsupported) return "in " + pass.name + ": " + error.what();
      ++*not_taken;
      return {};
    }
    std::string wrong;
    try {
      wrong = difference(run_case(sample, lowered), expected);
    } catch (const std::exception& error) {
      wrong = error.what();
    }
    if (!wrong.empty()) return "after " + pass.name + ": " + wrong + "\n" + to_text(lowered);
  }
  return {};
}

TEST(LoweredCorpus, computes_what_the_first_programs_do) {
  int not_taken = 0;
  for (const CorpusCase& sample : schedule::corpus())
    EXPECT_EQ(fault_of_passes(sample, sample.program, &not_taken), "") << sample.name;
  EXPECT_EQ(not_taken, 0);
}

TEST(LoweredCorpus, computes_it_under_random_schedules) {
  const uint64_t seed = test::fuzz_seed();
  const uint64_t count = test::fuzz_count(400);
  int not_taken = 0;
  for (uint64_t i = 0; i < count; ++i) {
    schedule::CallCounts counts;
    Program last;
    const CorpusCase* sample = nullptr;
    schedule::random_sequence(seed + i, counts, [&](const Program&, schedule::CheckedSchedule& checked) {
      last = checked.schedule().program();
      sample = &checked.sample();
    });
    if (!sample) continue;
    ASSERT_EQ(fault_of_passes(*sample, last, &not_taken), "")
        << "seed " << seed + i << ", " << sample->name << "\n"
        << to_text(last);
  }
  fmt::print("{} of {} random schedules are not taken by lowering\n", not_taken, count);
}

}  // namespace
}  // namespace tw::codegen
