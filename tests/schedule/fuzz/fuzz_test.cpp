// Random sequences of steps on the corpus: what is accepted computes the same, what is refused changes
// nothing.
//
// TW_FUZZ_COUNT=N and TW_FUZZ_SEED=S say how many sequences and from which on; without, it is 5000, or as
// many as take a minute where sanitizers make them slow. TW_FUZZ_FAILURES=K goes on after K - 1 failures. A
// failure prints its seed, its steps as a trace, and the shortest part of them that still fails: it belongs
// into found_test.cpp.
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <iostream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "common/fuzzing.h"
#include "schedule/corpus/sequences.h"

namespace tw::schedule {
namespace {

void print(const CallCounts& counts) {
  std::cout << fmt::format("{:<24} {:>8} {:>9} {:>6}\n", "primitive", "calls", "accepted", "rate");
  for (const auto& [name, count] : counts)
    std::cout << fmt::format("{:<24} {:>8} {:>9} {:>5}%\n", name, count.first, count.second,
                             100 * count.second / count.first);
}

TEST(ScheduleFuzz, RandomSequencesKeepTheMeaning) {
  const uint64_t count = test::fuzz_count(5000);
  const uint64_t first = test::fuzz_seed();
  const uint64_t most = test::from_environment("TW_FUZZ_FAILURES", 1);
  const bool verbose = std::getenv("TW_FUZZ_VERBOSE");
  CallCounts counts;
  uint64_t failures = 0, done = 0;
  for (uint64_t seed = first; seed < first + count && failures < most; ++seed) {
    if (!std::getenv("TW_FUZZ_COUNT") && std::clock() > std::clock_t{60} * CLOCKS_PER_SEC) break;
    ++done;
    if (verbose) std::cout << "seed " << seed << std::flush;
    const auto start = std::chrono::steady_clock::now();
    const Sequence sequence = random_sequence(seed, counts);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (verbose)
      std::cout << fmt::format(": {} steps of {}, {:.3f} s", sequence.steps.size(), sequence.sample->name,
                               seconds)
                << std::endl;
    if (sequence.wrong.empty()) continue;
    ++failures;
    const Sequence small = shrunk(sequence);
    ADD_FAILURE() << "seed " << seed << " (TW_FUZZ_SEED=" << seed << " TW_FUZZ_COUNT=1)\n" << small.report();
  }
  std::cout << done << " sequences\n";
  print(counts);
}

}  // namespace
}  // namespace tw::schedule
