// What the judges of the primitives share: a call as nodes, and plain questions to a program.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "schedule/corpus/calls.h"

namespace tw::schedule::judge {

using Verdict = std::optional<bool>;

/// A call with its program and arguments as nodes. Arguments that name nothing give nothing.
class Case {
 public:
  Case(Schedule& schedule, const Call& call, const IntValues& values)
      : schedule(schedule), call(call), values(values), program(schedule.program()) {}

  const Value& arg(std::size_t i) const { return call.args.at(i); }
  bool has(std::size_t i) const { return call.args.size() > i && !call.args[i].is_none(); }

  std::optional<BlockPlace> block(std::size_t i) const;
  std::optional<LoopPlace> loop_of(const Value& value) const;
  std::optional<LoopPlace> loop(std::size_t i) const { return has(i) ? loop_of(arg(i)) : std::nullopt; }
  std::optional<std::vector<LoopPlace>> loops(std::size_t i) const;
  const std::string* text(std::size_t i) const { return has(i) ? arg(i).get_if<std::string>() : nullptr; }
  std::optional<int64_t> integer(std::size_t i) const;
  /// The buffer that the argument names.
  const BufferNode* buffer(std::size_t i) const;
  /// The buffer that the block reads, by position.
  const BufferNode* read(const Block& block, std::size_t i) const;

  Schedule& schedule;
  const Call& call;
  const IntValues& values;
  const Program program;
};

/// The judges of some primitives, by name.
using Judges = std::map<std::string, Verdict (*)(const Case&)>;
Judges loop_judges();
Judges move_judges();
Judges block_judges();
Judges buffer_judges();
Judges note_judges();
Judges turn_judges();

bool is_serial(const For& loop);
bool all_serial(const std::vector<const For*>& loops);
bool writes(const Block& block, const BufferNode* buffer);
bool reads(const Block& block, const BufferNode* buffer);
/// Whether no other block writes what the block writes.
bool has_only_writer(const Program& program, const Block& block);
bool is_allocated(const Program& program, const BufferNode* buffer);
bool has_axis(const Block& block, AxisKind kind);
/// Whether the loop drives an axis of that kind.
bool drives(const Block& block, const For& loop, AxisKind kind);

}  // namespace tw::schedule::judge
