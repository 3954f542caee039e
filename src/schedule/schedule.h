// A schedule: a loop program, the list of steps that made it from the first one, and handles into it.
//
// Every change is a step: a registered primitive applied to plain arguments. So a schedule is data: its trace
// replays on the same expression to an equal program, and on another size of it to a valid schedule or an
// error that says which step failed. Handles are named in traces by where they came from: "b0.1" is the
// second loop of block 0 in the first program, "s3.0" the first result of step 3.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "schedule/primitive.h"
#include "schedule/value.h"

namespace tw::schedule {

/// One step as data. Handles stand as their names ("b0.1", "s3.0").
struct TraceStep {
  std::string primitive;
  std::vector<Value> args;
};

/// The list of steps of a schedule, with a version of its format.
struct Trace {
  static constexpr int kVersion = 1;
  std::vector<TraceStep> steps;
  /// Declarations, by name, of intrinsics that the steps use and that no other process knows by itself.
  std::map<std::string, std::string> intrinsics = {};
  std::string to_json() const;
  /// Errors: text that is no trace, a newer version, an unknown primitive.
  static Trace from_json(const std::string& text);
};

class Schedule {
 public:
  /// The program in its first order: the one that te::first_program gives.
  explicit Schedule(Program first);

  const Program& program() const { return program_; }
  const Program& first_program() const { return first_; }
  const Trace& trace() const { return trace_; }

  /// The blocks of the first program and those that steps made, alive now, in the order of the program.
  std::vector<BlockRef> blocks();
  /// By name; a value error that lists the names when there is none or several.
  BlockRef block(const std::string& name);
  /// The loops around a block, outermost first.
  std::vector<LoopRef> loops(BlockRef block);
  BufferRef buffer(const std::string& name);
  /// How many turns a loop has.
  Expr extent(LoopRef loop) const;

  /// Applies a primitive; gives what its `results` say. An error leaves the schedule as it was.
  std::vector<Value> apply(const std::string& primitive, std::vector<Value> args);

  /// The schedule that the trace makes of another first program. Errors: an intrinsic that is not declared as
  /// it was where the trace was made; otherwise they name the step that fails and why.
  static Schedule replay(Program first, const Trace& trace);

  /// Text of a handle: the loop's or block's name now.
  std::string name_of(const Value& handle) const;

  /// The value with handles as traces write them, and back; a value error when there is no such handle.
  Value with_origins(const Value& value) const;
  Value without_origins(const Value& value) const;

 private:
  struct Handle {
    std::string origin;  // "b0.1", "s3.0"
    Value self;          // LoopRef, BlockRef or BufferRef
    Var loop;
    int64_t block = -1;
    Buffer buffer;
    std::string name;  // as it was last called
    int died_at = -1;  // the step that removed it
  };
  Value add_handle(Handle handle);
  Value handle_of(const Outcome::Result& result, const std::string& origin);
  const Handle& alive(int number) const;
  void forward(const Outcome& outcome);
  /// The arguments complete, checked against their kinds, with names of reads resolved.
  std::vector<Value> checked(const Primitive& primitive, std::vector<Value> args) const;
  Value checked(const Primitive& primitive, const ArgSpec& spec, Value value,
                const std::vector<Value>& before) const;

  Program first_, program_;
  Trace trace_;
  std::vector<Handle> handles_;
  int64_t next_block_ = 0;
};

}  // namespace tw::schedule
