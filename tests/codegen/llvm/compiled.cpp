#include "codegen/llvm/compiled.h"

#include <gtest/gtest.h>

#include "codegen/function_description.h"
#include "ir/text.h"
#include "runtime/core/call.h"
#include "runtime/status.h"
#include "schedule/fixtures.h"

namespace tw::codegen {
namespace {

tw_pool* pool() {
  static tw_pool* const two = tw_pool_open(2);
  return two;
}

}  // namespace

const Target& host_target() {
  static const Target target = parse_target("llvm");
  return target;
}

void run_compiled_for(const Target& target, const Program& program, std::span<const Argument> arguments,
                      const InterpretOptions& options) {
  const auto module = build(program, target);
  std::vector<tw_tensor> tensors;
  std::vector<int64_t> sizes, tunables;
  for (const Argument& argument : arguments) {
    if (const auto* size = std::get_if<int64_t>(&argument)) {
      sizes.push_back(*size);
      continue;
    }
    const auto& view = std::get<ArrayView>(argument);
    tensors.push_back({view.data, dtype_code(view.dtype), static_cast<int32_t>(view.shape.size()),
                       view.shape.data(), view.strides.empty() ? nullptr : view.strides.data()});
  }
  for (const Param& param : program->params)
    if (param.param_kind == ParamKind::kTunable) {
      const auto given = options.tunables.find(param.var->name);
      tunables.push_back(given == options.tunables.end() ? param.default_value : given->second);
    }
  runtime::check_status(
      tw_call(&module->function(), pool(), 0, tensors.data(), sizes.data(), tunables.data()));
}

void run_compiled(const Program& program, std::span<const Argument> arguments,
                  const InterpretOptions& options) {
  run_compiled_for(host_target(), program, arguments, options);
}

void expect_runs(const schedule::Schedule& s, const std::map<std::string, int64_t>& values) {
  const auto fill = schedule::integer_data;
  EXPECT_EQ(schedule::results_of(s.program(), fill(), values, run_compiled),
            schedule::results_of(s.first_program(), fill(), values))
      << to_text(s.program());
}

}  // namespace tw::codegen
