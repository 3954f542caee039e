#include "schedule/corpus/sequences.h"

#include <algorithm>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "ir/analysis/accesses.h"
#include "ir/equal.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "ir/visit.h"

namespace tw::schedule {
namespace {

/// What the first program of a case computes.
const Results& expected_of(const CorpusCase& sample) {
  static std::map<std::string, Results> known;
  const auto found = known.find(sample.name);
  if (found != known.end()) return found->second;
  return known.emplace(sample.name, run_case(sample, sample.program)).first->second;
}

std::string list_text(const IntValues& values) {
  std::string text;
  for (const auto& [name, value] : values) text += fmt::format(" {}={}", name, value);
  return text;
}

/// "s5.0" for "s6.0" when step 3 is left out; nothing when the value names a result of that step.
std::optional<Value> without_step(const Value& value, std::size_t dropped) {
  if (const auto* list = value.get_if<List>()) {
    List parts;
    for (const Value& part : *list) {
      const auto renamed = without_step(part, dropped);
      if (!renamed) return std::nullopt;
      parts.push_back(*renamed);
    }
    return Value(parts);
  }
  const auto* origin = value.get_if<Origin>();
  if (!origin || origin->name[0] != 's') return value;
  const auto dot = origin->name.find('.');
  const auto step = static_cast<std::size_t>(std::stoll(origin->name.substr(1, dot - 1)));
  if (step == dropped) return std::nullopt;
  if (step < dropped) return value;
  return Value(Origin{fmt::format("s{}{}", step - 1, origin->name.substr(dot))});
}

std::optional<std::vector<TraceStep>> without_step(const std::vector<TraceStep>& steps, std::size_t dropped) {
  std::vector<TraceStep> rest;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (i == dropped) continue;
    TraceStep step{steps[i].primitive, {}};
    for (const Value& arg : steps[i].args) {
      const auto renamed = without_step(arg, dropped);
      if (!renamed) return std::nullopt;
      step.args.push_back(*renamed);
    }
    rest.push_back(std::move(step));
  }
  return rest;
}

/// Whether nests that share a local buffer are bound to different thread indices. They are bound one loop
/// after the other, and only in the end by the same threads: until then one thread finds what another one
/// wrote.
bool is_bound_in_part(const Program& program) {
  bool found = false;
  for_each_node(program->body, [&](const Node* node) {
    const auto* allocation = as<Allocate>(node);
    if (!allocation || allocation->buffer->scope != Scope::kLocal) return;
    std::optional<std::set<GpuIndex>> first;
    for (const Access& access : collect_accesses(allocation->body)) {
      if (!access.buffer.same_as(allocation->buffer)) continue;
      std::set<GpuIndex> threads;
      for (const For* loop : access.loops)
        if (loop->loop_kind == LoopKind::kBound && is_thread(loop->gpu_index))
          threads.insert(loop->gpu_index);
      if (!first) first = threads;
      found |= threads != *first;
    }
  });
  return found;
}

std::string sort_of(const std::string& wrong) {
  return wrong.substr(0, wrong.find(' '));
}

}  // namespace

std::string Sequence::report() const {
  Trace trace;
  trace.steps = steps;
  std::string text = fmt::format("case {}\ntrace {}\n{}\n", sample->name, trace.to_json(), wrong);
  try {
    Trace before = trace;
    if (!before.steps.empty()) before.steps.pop_back();
    text += "\nbefore the last step\n" + to_text(Schedule::replay(sample->program, before).program());
    text += "\nafter it\n" + to_text(Schedule::replay(sample->program, trace).program());
  } catch (const std::exception& error) {
    text += fmt::format("\n(replay: {})\n", error.what());
  }
  return text;
}

CheckedSchedule::CheckedSchedule(const CorpusCase& sample)
    : sample_(sample), schedule_(sample.program), expected_(expected_of(sample)) {}

bool CheckedSchedule::apply(const TraceStep& step, Random& random, std::string& wrong) {
  const Program before = schedule_.program();
  const std::size_t length = schedule_.trace().steps.size();
  const std::vector<BlockRef> blocks = schedule_.blocks();
  std::vector<Value> args;
  try {
    for (const Value& arg : step.args) args.push_back(schedule_.without_origins(arg));
  } catch (const UserError&) {
    return false;  // what the step names is not there in a shorter sequence
  }
  try {
    schedule_.apply(step.primitive, args);
  } catch (const UserError& error) {
    wrong = check_refusal(step, before, length, blocks, error.what());
    return false;
  } catch (const std::exception& error) {
    wrong = fmt::format("crash of {}: {}", step.primitive, error.what());
    return false;
  }
  if (schedule_.trace().steps.size() != length + 1) wrong = "trace has no new step";
  if (wrong.empty()) wrong = check_program(random);
  return true;
}

std::string CheckedSchedule::check_refusal(const TraceStep& step, const Program& before, std::size_t length,
                                           const std::vector<BlockRef>& blocks, const std::string& message) {
  if (!message.starts_with(step.primitive))
    return fmt::format("message does not begin with {}: {}", step.primitive, message);
  if (message.find("internal error") != std::string::npos) return "message of an internal error: " + message;
  if (!schedule_.program().same_as(before)) return "refused, and the program has changed: " + message;
  if (schedule_.trace().steps.size() != length) return "refused, and the trace has changed: " + message;
  if (schedule_.blocks() != blocks) return "refused, and the blocks have changed: " + message;
  return "";
}

std::string CheckedSchedule::check_program(Random& random) {
  const Program& program = schedule_.program();
  try {
    for (const BlockRef block : schedule_.blocks())
      for (const LoopRef loop : schedule_.loops(block))
        if (schedule_.without_origins(schedule_.with_origins(loop)) != Value(loop))
          return "handle of a loop has no origin";
    if (schedule_.blocks().size() != all_blocks(program, Blocks::kOpened).size())
      return "handle is missing for a block";
  } catch (const std::exception& error) {
    return fmt::format("handle is broken: {}", error.what());
  }
  try {
    verify(program, Stage::kSchedule);
  } catch (const std::exception& error) {
    return fmt::format("verify: {}", error.what());
  }
  try {
    const std::string text = to_text(program);
    const Program again = parse_program(text);
    if (!structural_equal(again, program)) return "text parses to another program\n" + text;
    if (to_text(again) != text) return "text changes when it is printed again\n" + text;
  } catch (const std::exception& error) {
    return fmt::format("text cannot be parsed: {}", error.what());
  }
  const IntValues tunables = random_tunables(program, random);
  try {
    const std::string wrong = difference(run_case(sample_, program, tunables), expected_);
    if (!wrong.empty()) return fmt::format("result: {}, with{}", wrong, list_text(tunables));
  } catch (const std::exception& error) {
    const bool foreign =
        std::string(error.what()).find("local memory belongs to one thread") != std::string::npos;
    if (foreign && is_bound_in_part(program)) return "";
    return fmt::format("run with{}: {}", list_text(tunables), error.what());
  }
  return "";
}

std::string CheckedSchedule::check_replay() {
  try {
    const Trace trace = Trace::from_json(schedule_.trace().to_json());
    const Schedule again = Schedule::replay(schedule_.first_program(), trace);
    if (!structural_equal(again.program(), schedule_.program()))
      return "replay gives another program:\n" + to_text(again.program());
    if (to_text(again.program()) != to_text(schedule_.program())) return "replay gives another text";
    if (again.trace().to_json() != schedule_.trace().to_json()) return "replay gives another trace";
  } catch (const std::exception& error) {
    return fmt::format("replay: {}", error.what());
  }
  return "";
}

Sequence random_sequence(uint64_t seed, CallCounts& counts,
                         const std::function<void(const Program&, CheckedSchedule&)>& accepted) {
  Random random(seed * 7919 + 1);
  Sequence sequence{&random.pick(corpus()), {}, ""};
  CheckedSchedule checked(*sequence.sample);
  const int length = 2 + random.below(11);
  for (int i = 0; i < length && sequence.wrong.empty(); ++i) {
    const Primitive& primitive = *random.pick(primitives());
    // Several tries, as most arguments fit few programs; sequences would all be short without.
    for (int tries = 0; tries < 4 && sequence.wrong.empty(); ++tries) {
      const Call call = random_call(checked.schedule(), primitive, random);
      TraceStep step{call.primitive, {}};
      for (const Value& arg : call.args) step.args.push_back(checked.schedule().with_origins(arg));
      const Program before = checked.schedule().program();
      const bool taken = checked.apply(step, random, sequence.wrong);
      auto& [calls, acceptances] = counts[call.primitive];
      ++calls;
      acceptances += taken;
      if (taken || !sequence.wrong.empty()) sequence.steps.push_back(step);
      if (taken && accepted && sequence.wrong.empty()) accepted(before, checked);
      if (taken) break;
    }
  }
  if (sequence.wrong.empty()) sequence.wrong = checked.check_replay();
  return sequence;
}

std::string check_steps(const CorpusCase& sample, const std::vector<TraceStep>& steps) {
  CheckedSchedule checked(sample);
  Random random(1);
  for (const TraceStep& step : steps) {
    std::string wrong;
    checked.apply(step, random, wrong);
    for (int more = 0; more < 4 && wrong.empty(); ++more) wrong = checked.check_program(random);
    if (!wrong.empty()) return wrong;
  }
  return checked.check_replay();
}

Sequence shrunk(Sequence sequence) {
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t i = sequence.steps.size(); i-- > 0;) {
      const auto rest = without_step(sequence.steps, i);
      if (!rest) continue;
      const std::string wrong = check_steps(*sequence.sample, *rest);
      if (wrong.empty() || sort_of(wrong) != sort_of(sequence.wrong)) continue;
      sequence.steps = *rest;
      sequence.wrong = wrong;
      changed = true;
    }
  }
  return sequence;
}

}  // namespace tw::schedule
