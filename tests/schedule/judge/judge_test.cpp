// The judge against the schedule language: nothing that it calls illegal is accepted, and most of what it
// calls legal is.
//
// TW_FUZZ_COUNT=N and TW_FUZZ_SEED=S as for the fuzzer; TW_JUDGE_REFUSALS=1 prints the legal calls that were
// refused, with the message.
#include <cstdlib>
#include <ctime>
#include <iostream>

#include <gtest/gtest.h>

#include "common/fuzzing.h"
#include "ir/text.h"
#include "ir/visit.h"
#include "schedule/corpus/nests.h"
#include "schedule/corpus/sequences.h"
#include "schedule/judge/relations.h"
#include "schedule/judge/verdict.h"

namespace tw::schedule::judge {
namespace {

/// Of this process: the machine may be busy.
double cpu_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

/// Values of sizes, and of parameters, those of the program and those that calls may bring.
IntValues values_of(const CorpusCase& sample, const Program& program, Random& random) {
  IntValues values = random_tunables(program, random);
  values.insert(sample.sizes.begin(), sample.sizes.end());
  return values;
}

std::optional<bool> judged(Schedule& schedule, const Call& call, const CorpusCase& sample, Random& random) {
  // Sizes and parameters may have any value: a call is legal where it is so for several.
  std::optional<bool> legal = true;
  const bool open = !sample.sizes.empty();
  for (int draw = 0; draw < (open ? 3 : 2) && legal == true; ++draw) {
    IntValues values = values_of(sample, schedule.program(), random);
    for (auto& [name, value] : values)
      if (draw > 0 && sample.sizes.contains(name)) value += draw;
    legal = is_legal(schedule, call, values);
  }
  return legal;
}

TEST(Judge, FindsWhatMeets) {
  const Program program = parse_program(
      "program p(A: in float32[9], B: out float32[9], C: out float32[8]):\n"
      "  for i in 9:\n"
      "    block b#0(vi: spatial(9) = i):\n"
      "      reads A[vi]\n"
      "      writes B[vi]\n"
      "      B[vi] = A[vi]\n"
      "  for j in 8:\n"
      "    block c#1(vj: spatial(8) = j):\n"
      "      reads B[vj], B[vj + 1]\n"
      "      writes C[vj]\n"
      "      C[vj] = B[vj] + B[vj + 1]\n");
  const Reading reading = read_program(program, {});
  ASSERT_EQ(reading.unknown, "");
  for (const LoopPlace& place : all_loops(program)) EXPECT_TRUE(conflicts(reading, &place.loop()).is_empty());
  const Relation expected = Relation::parse(
      "{ b0_1[i] -> b1_0[i] : 0 <= i < 8; b0_1[i] -> b1_1[i - 1] : 1 <= i < 9; b0_1[i] -> end2_0[i] : 0 <= i "
      "< 9; "
      "b1_2[i] -> end3_0[i] : 0 <= i < 8 }");
  EXPECT_TRUE(flow(model_of(reading)) == expected) << flow(model_of(reading)).text();
}

TEST(Judge, SeesThatTurnsOfAReductionMeet) {
  const Program program = parse_program(
      "program p(A: in float32[4, 5], S: out float32[4]):\n"
      "  for i in 4:\n"
      "    for k in 5:\n"
      "      block s#0(vi: spatial(4) = i, vk: reduce(5) = k):\n"
      "        reads A[vi, vk]\n"
      "        writes S[vi]\n"
      "        reducer sum(float32)\n"
      "        init:\n"
      "          S[vi] = 0.0f32\n"
      "        S[vi] = S[vi] + A[vi, vk]\n");
  const Reading reading = read_program(program, {});
  const std::vector<LoopPlace> loops = all_loops(program);
  EXPECT_TRUE(conflicts(reading, &loops[0].loop()).is_empty());
  EXPECT_FALSE(conflicts(reading, &loops[1].loop()).is_empty());
}

// Steps of random sequences that were accepted are none that the judge calls illegal.
TEST(Judge, CallsNothingIllegalThatIsAccepted) {
  const uint64_t count = test::fuzz_count(600), first = test::fuzz_seed();
  const double start = cpu_seconds();
  CallCounts counts;
  int steps = 0;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    if (!std::getenv("TW_FUZZ_COUNT") && cpu_seconds() - start > 20) break;
    Random random(seed);
    std::string fault;
    const Sequence sequence =
        random_sequence(seed + 1000000, counts, [&](const Program& before, CheckedSchedule& checked) {
          if (!fault.empty()) return;
          const Program& after = checked.schedule().program();
          fault = fault_of_step(before, after, values_of(checked.sample(), after, random));
          ++steps;
          if (!fault.empty()) {
            const TraceStep& step = checked.schedule().trace().steps.back();
            Trace trace;
            trace.steps = {step};
            fault = fmt::format("{}\nstep {}\nbefore\n{}\nafter\n{}", fault, trace.to_json(), to_text(before),
                                to_text(after));
          }
        });
    EXPECT_EQ(fault, "") << "seed " << seed << " of " << sequence.sample->name;
  }
  std::cout << steps << " steps judged" << std::endl;
}

struct Acceptance {
  int calls = 0, legal = 0, accepted = 0, illegal = 0, wrong = 0;
};

/// One primitive, called on programs of one sort.
class Trial {
 public:
  explicit Trial(const Primitive& primitive)
      : primitive_(primitive), tells_(std::getenv("TW_JUDGE_REFUSALS")) {}

  const Acceptance& found() const { return found_; }

  /// Makes a call that was judged. True: it was legal.
  bool make(Schedule& schedule, const Call& call, const CorpusCase& sample, std::optional<bool> legal) {
    ++found_.calls;
    if (!legal.has_value()) return false;
    tried_.emplace(schedule);
    std::string message;
    accepted_ = true;
    try {
      tried_->apply(call.primitive, call.args);
    } catch (const UserError& error) {
      accepted_ = false;
      message = error.what();
    }
    if (!*legal) {
      ++found_.illegal;
      found_.wrong += accepted_;
      if (accepted_)
        ADD_FAILURE() << primitive_.name << " accepted what is illegal, case " << sample.name << "\n"
                      << to_text(schedule.program()) << "\nbecomes\n"
                      << to_text(tried_->program());
      return false;
    }
    ++found_.legal;
    found_.accepted += accepted_;
    if (!accepted_ && tells_) std::cout << "REFUSED (" << sample.name << ") " << message << "\n\n";
    return true;
  }
  /// The program that the last legal call made; null when it was refused.
  Program made() const { return accepted_ ? tried_->program() : Program(); }

 private:
  const Primitive& primitive_;
  const bool tells_;
  Acceptance found_;
  std::optional<Schedule> tried_;
  bool accepted_ = false;
};

/// Calls one primitive on programs that a few steps have shaped until enough calls were legal.
Acceptance acceptance_of(const Primitive& primitive, uint64_t seed, int wanted, double seconds) {
  Trial trial(primitive);
  const std::vector<std::string> shaping = {
      "split", "fuse",   "reorder", "compute_at", "cache_read", "cache_write", "decompose_reduction",
      "tile",  "rfactor"};
  const double start = cpu_seconds();
  Random random(seed);
  while (trial.found().legal < wanted && cpu_seconds() - start < seconds) {
    const CorpusCase& sample = random.pick(corpus());
    Schedule schedule(sample.program);
    for (int steps = random.below(4); steps > 0; --steps) {
      const Call call = random_call(schedule, *find_primitive(random.pick(shaping)), random);
      try {
        schedule.apply(call.primitive, call.args);
      } catch (const UserError&) {
      }
    }
    for (int tries = 0; tries < 6; ++tries) {
      const Call call = random_call(schedule, primitive, random);
      if (trial.make(schedule, call, sample, judged(schedule, call, sample, random))) break;
    }
  }
  return trial.found();
}

/// The same on programs whose producers stand in loops of their readers. What is accepted must compute what
/// the first program does.
Acceptance acceptance_on_nests(const Primitive& primitive, uint64_t seed, int wanted, double seconds) {
  Trial trial(primitive);
  const double start = cpu_seconds();
  Random random(seed);
  while (trial.found().legal < wanted && cpu_seconds() - start < seconds) {
    Nest nest = random_nest(primitive, random);
    for (int tries = 0; tries < 3; ++tries) {
      const Call call = random_nest_call(nest, primitive, random);
      if (!trial.make(nest.schedule, call, nest.sample, is_legal(nest.schedule, call, {}))) continue;
      const Program made = trial.made();
      const std::string wrong =
          made ? difference(run_case(nest.sample, made), run_case(nest.sample, nest.sample.program)) : "";
      EXPECT_EQ(wrong, "") << primitive.name << ", case " << nest.sample.name << "\n"
                           << to_text(nest.schedule.program()) << "\nbecomes\n"
                           << to_text(made);
      break;
    }
  }
  return trial.found();
}

TEST(Judge, MostOfWhatIsLegalIsAccepted) {
  const uint64_t seed = test::fuzz_seed();
  const auto wanted = static_cast<int>(test::from_environment("TW_JUDGE_COUNT", 40));
  const char* only = std::getenv("TW_JUDGE_PRIMITIVE");
  std::string table = fmt::format("{:<24} {:>8} {:>8} {:>8} {:>8} {:>8}\n", "primitive", "calls", "illegal",
                                  "legal", "accepted", "rate");
  for (const std::string& name : judged_primitives()) {
    if (only && name != only) continue;
    const bool wants_nests = name == "pipeline" || name == "rolling_buffer";
    const Acceptance found =
        (wants_nests ? acceptance_on_nests : acceptance_of)(*find_primitive(name), seed, wanted, 60);
    const double rate = found.legal ? 100.0 * found.accepted / found.legal : 0;
    table += fmt::format("{:<24} {:>8} {:>8} {:>8} {:>8} {:>7.0f}%\n", name, found.calls, found.illegal,
                         found.legal, found.accepted, rate);
    EXPECT_GE(found.legal, 30) << name << " had too few legal calls";
    EXPECT_GE(rate, 90) << name << " refuses too much that is legal";
  }
  std::cout << table;
}

}  // namespace
}  // namespace tw::schedule::judge
