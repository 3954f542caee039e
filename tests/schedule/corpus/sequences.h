// Sequences of steps, and everything that must hold after each.
#pragma once

#include <functional>
#include <optional>

#include "schedule/corpus/calls.h"

namespace tw::schedule {

/// Steps on a case of the corpus, and what is wrong with the last of them (empty: nothing). The first word of
/// `wrong` says of which sort it is.
struct Sequence {
  const CorpusCase* sample = nullptr;
  std::vector<TraceStep> steps;
  std::string wrong;
  /// The case, the trace as JSON, what is wrong and the program.
  std::string report() const;
};

/// How often each primitive was called and accepted.
using CallCounts = std::map<std::string, std::pair<int, int>>;

/// A schedule of a case, each step of it checked.
class CheckedSchedule {
 public:
  explicit CheckedSchedule(const CorpusCase& sample);

  Schedule& schedule() { return schedule_; }
  const CorpusCase& sample() const { return sample_; }
  /// Applies a step, whose arguments name handles by origin. True: accepted. `wrong` says what does not hold.
  bool apply(const TraceStep& step, Random& random, std::string& wrong);
  /// What is wrong with the program as it stands.
  std::string check_program(Random& random);
  /// Whether the trace, as JSON, replays to an equal program.
  std::string check_replay();

 private:
  std::string check_refusal(const TraceStep& step, const Program& before, std::size_t length,
                            const std::vector<BlockRef>& blocks, const std::string& message);
  const CorpusCase& sample_;
  Schedule schedule_;
  const Results& expected_;
};

/// A random sequence. Stops at the first thing that is wrong. `accepted`, if given, sees the schedules before
/// and after each accepted step.
Sequence random_sequence(uint64_t seed, CallCounts& counts,
                         const std::function<void(const Program&, CheckedSchedule&)>& accepted = {});

/// Applies the steps in turn: what is wrong with one of them, empty for nothing. Steps that are refused are
/// no fault.
std::string check_steps(const CorpusCase& sample, const std::vector<TraceStep>& steps);

/// The sequence with steps left out while the same sort of thing is wrong.
Sequence shrunk(Sequence sequence);

}  // namespace tw::schedule
