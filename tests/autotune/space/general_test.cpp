// The sketch for any program, on the whole corpus: every choice gives a program, and it computes what the
// first one does.
#include <gtest/gtest.h>

#include "autotune/space/sketch.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "schedule/corpus/programs.h"

namespace tw::autotune {
namespace {

using schedule::CorpusCase;

Workload workload_of(const CorpusCase& sample) {
  Workload workload{sample.program, machine_of(codegen::parse_target("llvm -threads=2")), false, {}};
  workload.sizes = sample.sizes;
  return workload;
}

std::string fault_of(const CorpusCase& sample, const Workload& workload, Choices choices) {
  std::string why;
  const auto candidate = make_candidate(workload, *find_sketch("general"), std::move(choices), &why);
  if (!candidate) return "no candidate: " + why;
  std::string wrong;
  try {
    wrong = difference(run_case(sample, candidate->program, candidate->parameters),
                       run_case(sample, sample.program));
  } catch (const std::exception& error) {
    wrong = error.what();
  }
  return wrong.empty() ? wrong
                       : wrong + "\n" + candidate->trace.to_json() + "\n" + to_text(candidate->program);
}

TEST(GeneralSketch, schedules_every_program_of_the_corpus) {
  for (const CorpusCase& sample : schedule::corpus()) {
    SCOPED_TRACE(sample.name);
    EXPECT_EQ(fault_of(sample, workload_of(sample), Choices()), "");
  }
}

TEST(GeneralSketch, every_choice_computes_the_same) {
  for (const CorpusCase& sample : schedule::corpus()) {
    const Workload workload = workload_of(sample);
    for (uint64_t seed = 0; seed < 20; ++seed) {
      SCOPED_TRACE(sample.name + " " + std::to_string(seed));
      std::mt19937_64 random(seed);
      const std::string fault = fault_of(sample, workload, Choices({}, &random));
      EXPECT_EQ(fault, "");
      if (!fault.empty()) break;
    }
  }
}

}  // namespace
}  // namespace tw::autotune
