// Programs compiled for this machine and run on the arguments that the interpreter takes.
#pragma once

#include <map>
#include <span>
#include <string>

#include "codegen/build.h"
#include "ir/interpret.h"
#include "schedule/schedule.h"

namespace tw::codegen {

/// The target that tests compile for.
const Target& host_target();

/// Compiles a program in stage kSchedule and runs it, on two threads. Errors of the call are user errors.
void run_compiled_for(const Target& target, const Program& program, std::span<const Argument> arguments,
                      const InterpretOptions& options);

/// The same for host_target().
void run_compiled(const Program& program, std::span<const Argument> arguments,
                  const InterpretOptions& options);

/// Checks that the scheduled program, compiled, computes what the interpreter says of the first one.
void expect_runs(const schedule::Schedule& schedule, const std::map<std::string, int64_t>& values = {});

}  // namespace tw::codegen
