#include "codegen/llvm/compiled.h"

#include <gtest/gtest.h>

#include "ir/text.h"
#include "runtime/core/call.h"
#include "schedule/fixtures.h"
#include "support/error.h"

namespace tw::codegen {
namespace {

int32_t dtype_code(DType type) {
  static const std::map<std::string, int32_t> codes = {
      {"bool", TW_BOOL},      {"int8", TW_INT8},       {"int16", TW_INT16},       {"int32", TW_INT32},
      {"int64", TW_INT64},    {"uint8", TW_UINT8},     {"uint16", TW_UINT16},     {"uint32", TW_UINT32},
      {"uint64", TW_UINT64},  {"float16", TW_FLOAT16}, {"bfloat16", TW_BFLOAT16}, {"float32", TW_FLOAT32},
      {"float64", TW_FLOAT64}};
  return codes.at(to_string(type));
}

tw_pool* pool() {
  static tw_pool* const two = tw_pool_open(2);
  return two;
}

}  // namespace

const Target& host_target() {
  static const Target target = parse_target("llvm");
  return target;
}

void run_compiled(const Program& program, std::span<const Argument> arguments,
                  const InterpretOptions& options) {
  const auto module = build(program, host_target());
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
  const int32_t status =
      tw_call(&module->function(), pool(), 0, tensors.data(), sizes.data(), tunables.data());
  if (status != TW_OK) raise_value("{}", tw_error());
}

void expect_runs(const schedule::Schedule& s, const std::map<std::string, int64_t>& values) {
  const auto fill = schedule::integer_data;
  EXPECT_EQ(schedule::results_of(s.program(), fill(), values, run_compiled),
            schedule::results_of(s.first_program(), fill(), values))
      << to_text(s.program());
}

}  // namespace tw::codegen
