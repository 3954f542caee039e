#include "codegen/pass.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include "codegen/passes/check_subscripts.h"
#include "codegen/passes/compact_allocations.h"
#include "codegen/passes/cut_loops.h"
#include "codegen/passes/flatten_buffers.h"
#include "codegen/passes/hoist_conditions.h"
#include "codegen/passes/lower_blocks.h"
#include "codegen/passes/lower_tensor_calls.h"
#include "codegen/passes/unmask_tiles.h"
#include "codegen/passes/unroll_loops.h"
#include "codegen/passes/vectorize_loops.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "support/error.h"

namespace tw::codegen {
namespace {

std::string names_of_passes() {
  std::string names;
  for (const Pass& pass : lowering_passes()) names += (names.empty() ? "" : ", ") + pass.name;
  return names;
}

void require_pass(const std::string& name, const char* option) {
  const auto& passes = lowering_passes();
  if (std::none_of(passes.begin(), passes.end(), [&](const Pass& pass) { return pass.name == name; }))
    raise_value("{}: there is no pass '{}'; the passes are {}", option, name, names_of_passes());
}

Program simplified(const Program& program) {
  return simplify(program);
}

/// A pass that sees the program alone.
auto plain(Program (*run)(const Program&)) {
  return [run](const Program& program, PassContext&) { return run(program); };
}

}  // namespace

const std::vector<Pass>& lowering_passes() {
  static const std::vector<Pass> passes = {
      {"lower_blocks", "first: all later passes see loops, conditions and stores only", Stage::kLowered,
       plain(lower_blocks)},
      {"simplify", "bindings have taken the place of axes in subscripts and conditions", Stage::kLowered,
       plain(simplified)},
      {"check_subscripts",
       "buffers have the extents that people know; accesses move with their checks from here",
       Stage::kLowered, plain(check_subscripts)},
      {"compact_allocations", "subscripts are over loops now, so the box that is touched can be told",
       Stage::kLowered, plain(compact_allocations)},
      {"lower_tensor_calls", "operands lie as they will; implementations hold loops to be written out",
       Stage::kLowered,
       [](const Program& program, PassContext& context) {
         return lower_tensor_calls(program, context.options, context.notes);
       }},
      {"hoist_conditions", "loops to be written out and vectors are still single loops", Stage::kLowered,
       plain(hoist_conditions)},
      {"cut_loops", "before loops are unrolled, which would cut each copy", Stage::kLowered,
       plain(cut_loops)},
      {"unroll_loops", "before vectors, so that a vectorised loop may hold unrolled ones", Stage::kLowered,
       plain(unroll_loops)},
      {"vectorize_loops", "subscripts still have dimensions: which ones differ between lanes is plain",
       Stage::kLowered,
       [](const Program& program, PassContext& context) { return vectorize_loops(program, context.notes); }},
      {"flatten_buffers", "last of those that look at subscripts", Stage::kFlat, plain(flatten_buffers)},
      {"simplify_flat", "constants have met in written-out turns and in positions", Stage::kFlat,
       plain(simplified)},
      {"unmask_tiles", "last: positions are constants, and equal masks look alike", Stage::kFlat,
       plain(unmask_tiles)},
  };
  return passes;
}

Lowered lower(const Program& program, const LowerOptions& options) {
  if (!options.stop_after.empty()) require_pass(options.stop_after, "stop_after");
  std::string print_after = options.print_after;
  if (const char* wanted = std::getenv("TW_PRINT_AFTER"); print_after.empty() && wanted) print_after = wanted;
  if (!print_after.empty() && print_after != "all") require_pass(print_after, "print_after");
  if (options.verify_each) verify(program, Stage::kSchedule);

  Lowered lowered{program, {}, {}};
  PassContext context{options, lowered.notes};
  for (const Pass& pass : lowering_passes()) {
    {
      const PassTimer timer(lowered.times, pass.name);
      lowered.program = pass.run(lowered.program, context);
    }
    if (print_after == pass.name || print_after == "all")
      fmt::print(stderr, "after {}:\n{}\n", pass.name, to_text(lowered.program));
    if (options.verify_each) {
      const std::vector<Violation> found = find_violations(lowered.program, pass.gives);
      check_internal(found.empty(), "pass {} breaks the rule '{}': {}\n{}", pass.name,
                     found.empty() ? "" : found.front().rule, found.empty() ? "" : found.front().message,
                     to_text(lowered.program));
    }
    if (pass.name == options.stop_after) break;
  }
  return lowered;
}

}  // namespace tw::codegen
