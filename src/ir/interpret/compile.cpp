#include <algorithm>

#include "ir/interpret/compiler.h"
#include "ir/interpret/faults.h"
#include "support/error.h"

namespace tw::interpreter {

void Compiler::declare_params() {
  for (const Param& param : program_->params)
    if (!param.is_buffer()) variables_[&*param.var] = {code_.registers++, 1, {}};
  for (const Param& param : program_->params) {
    if (!param.is_buffer()) continue;
    BufferInfo info;
    info.reg = code_.registers++;
    info.use = uses_[param.buffer.get()];
    info.always_defined = param.param_kind == ParamKind::kInput || param.param_kind == ParamKind::kConstant;
    declare(param.buffer, info, {});
  }
}

Compiled Compiler::compile(bool check_races) {
  check_races_ = check_races;
  uses_ = find_buffer_uses(program_);
  threads_own_ = check_races && std::any_of(uses_.begin(), uses_.end(),
                                            [](const auto& use) { return use.second.by_threads; });
  declare_params();
  Compiled compiled;
  for (const Param& param : program_->params) {
    if (param.is_buffer())
      compiled.buffers.push_back(buffers_.at(param.buffer.get()).reg);
    else
      compiled.variables[&*param.var] = variables_.at(&*param.var).reg;
  }
  statement(program_->body);
  emit({Op::kEnd});
  compiled.code = std::move(code_);
  return compiled;
}

CompiledExtents Compiler::compile_extents() {
  CompiledExtents compiled;
  for (const Param& param : program_->params)
    if (!param.is_buffer()) {
      variables_[&*param.var] = {code_.registers, 1, {}};
      compiled.variables[&*param.var] = code_.registers++;
    }
  const Temporaries temporaries(*this);
  for (const Param& param : program_->params) {
    if (!param.is_buffer()) continue;
    std::vector<Reg>& extents = compiled.extents.emplace_back();
    std::vector<Reg>& strides = compiled.strides.emplace_back();
    for (const Expr& extent : param.buffer->shape)
      extents.push_back(scalar(extent, kIndex, "an extent of a parameter"));
    for (const Expr& stride : param.buffer->strides)
      strides.push_back(scalar(stride, kIndex, "a stride of a parameter"));
  }
  emit({Op::kEnd});
  compiled.code = std::move(code_);
  return compiled;
}

Compiled compile(const Program& program, bool check_races) {
  Compiler compiler(program);
  try {
    return compiler.compile(check_races);
  } catch (const UserError& error) {
    throw UserError(error.kind(), describe(program, error.what(), "", {}, compiler.fault()));
  }
}

CompiledExtents compile_extents(const Program& program) {
  return Compiler(program).compile_extents();
}

}  // namespace tw::interpreter
