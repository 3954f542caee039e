// The corpus of operators, compiled: as it is, and after random sequences of steps.
//
// TW_FUZZ_COUNT=N and TW_FUZZ_SEED=S say how many sequences and from which on.
#include <cstdlib>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "codegen/llvm/compiled.h"
#include "ir/text.h"
#include "schedule/corpus/sequences.h"
#include "support/error.h"

namespace tw::codegen {
namespace {

using schedule::corpus;
using schedule::CorpusCase;

uint64_t from_environment(const char* name, uint64_t usual) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : usual;
}

/// What is wrong with the compiled program; empty: nothing.
std::string fault_of(const CorpusCase& sample, const Program& program, const schedule::Results& expected) {
  try {
    return difference(run_case(sample, program, {}, run_compiled), expected);
  } catch (const UserError& error) {
    return error.kind() == ErrorKind::kUnsupported ? "" : fmt::format("error: {}", error.what());
  } catch (const InternalError& error) {
    return error.what();
  }
}

TEST(LlvmCorpus, FirstProgramsComputeTheSame) {
  const char* only = std::getenv("TW_CASE");
  for (const CorpusCase& sample : corpus()) {
    if (only && sample.name != only) continue;
    const std::string fault = fault_of(sample, sample.program, run_case(sample, sample.program));
    EXPECT_EQ(fault, "") << sample.name << "\n" << to_text(sample.program);
  }
}

TEST(LlvmCorpus, RandomSchedulesComputeTheSame) {
  const uint64_t count = from_environment("TW_FUZZ_COUNT", 150);
  const uint64_t first = from_environment("TW_FUZZ_SEED", 1);
  schedule::CallCounts counts;
  int failures = 0;
  for (uint64_t seed = first; seed < first + count && failures < 3; ++seed) {
    Program last;
    const CorpusCase* sample = nullptr;
    schedule::random_sequence(seed, counts, [&](const Program&, schedule::CheckedSchedule& checked) {
      last = checked.schedule().program();
      sample = &checked.sample();
    });
    if (!last) continue;
    const std::string fault = fault_of(*sample, last, run_case(*sample, sample->program));
    failures += !fault.empty();
    EXPECT_EQ(fault, "") << "TW_FUZZ_COUNT=1 TW_FUZZ_SEED=" << seed << ", " << sample->name << "\n"
                         << to_text(last);
  }
}

}  // namespace
}  // namespace tw::codegen
