// The corpus of operators, compiled: as it is, and after random sequences of steps.
//
// TW_FUZZ_COUNT=N and TW_FUZZ_SEED=S say how many sequences and from which on.
#include <cstdlib>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "codegen/llvm/compiled.h"
#include "common/fuzzing.h"
#include "ir/text.h"
#include "schedule/corpus/sequences.h"
#include "support/error.h"

namespace tw::codegen {
namespace {

using schedule::corpus;
using schedule::CorpusCase;

/// How many programs were compiled and run, and how many were refused as unsupported.
struct Counts {
  int ran = 0, refused = 0;

  /// A test that refuses most programs tests little: the figures are printed, and kept with the results.
  void report() const {
    fmt::print("{} programs compiled and run, {} refused\n", ran, refused);
    ::testing::Test::RecordProperty("ran", ran);
    ::testing::Test::RecordProperty("refused", refused);
  }
};

/// What is wrong with the compiled program; empty: nothing.
std::string fault_of(const CorpusCase& sample, const Program& program, const schedule::Results& expected,
                     Counts& counts) {
  try {
    const std::string fault = difference(run_case(sample, program, {}, run_compiled), expected);
    ++counts.ran;
    return fault;
  } catch (const UserError& error) {
    if (error.kind() != ErrorKind::kUnsupported) return fmt::format("error: {}", error.what());
    ++counts.refused;
    return "";
  } catch (const InternalError& error) {
    return error.what();
  }
}

TEST(LlvmCorpus, FirstProgramsComputeTheSame) {
  const char* only = std::getenv("TW_CASE");
  Counts counts;
  for (const CorpusCase& sample : corpus()) {
    if (only && sample.name != only) continue;
    const std::string fault = fault_of(sample, sample.program, run_case(sample, sample.program), counts);
    EXPECT_EQ(fault, "") << sample.name << "\n" << to_text(sample.program);
  }
  counts.report();
}

TEST(LlvmCorpus, RandomSchedulesComputeTheSame) {
  const uint64_t count = test::fuzz_count(150);
  const uint64_t first = test::fuzz_seed();
  schedule::CallCounts calls;
  Counts counts;
  int failures = 0;
  for (uint64_t seed = first; seed < first + count && failures < 3; ++seed) {
    Program last;
    const CorpusCase* sample = nullptr;
    schedule::random_sequence(seed, calls, [&](const Program&, schedule::CheckedSchedule& checked) {
      last = checked.schedule().program();
      sample = &checked.sample();
    });
    if (!last) continue;
    const std::string fault = fault_of(*sample, last, run_case(*sample, sample->program), counts);
    failures += !fault.empty();
    EXPECT_EQ(fault, "") << "TW_FUZZ_COUNT=1 TW_FUZZ_SEED=" << seed << ", " << sample->name << "\n"
                         << to_text(last);
  }
  counts.report();
  EXPECT_GT(counts.ran, counts.refused);
}

}  // namespace
}  // namespace tw::codegen
