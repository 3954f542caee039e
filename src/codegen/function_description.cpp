#include "codegen/function_description.h"

#include <algorithm>

#include "ir/text.h"
#include "support/error.h"

namespace tw::codegen {
namespace {

int32_t param_code(ParamKind kind) {
  switch (kind) {
    case ParamKind::kInput: return TW_PARAM_INPUT;
    case ParamKind::kConstant: return TW_PARAM_CONSTANT;
    case ParamKind::kOutput: return TW_PARAM_OUTPUT;
    case ParamKind::kInOut: return TW_PARAM_INOUT;
    case ParamKind::kSize: return TW_PARAM_SIZE;
    case ParamKind::kShape: return TW_PARAM_SHAPE;
    case ParamKind::kTunable: return TW_PARAM_TUNABLE;
  }
  raise_internal("a parameter of no kind");
}

/// The position of the parameter that an extent is, among the integers; -1: it is none.
int32_t scalar_of(const Program& program, const Expr& extent) {
  int32_t position = 0;
  for (const Param& param : program->params) {
    if (param.is_buffer()) continue;
    if (param.var.get() == extent.get()) return position;
    ++position;
  }
  return -1;
}

}  // namespace

int32_t dtype_code(DType type) {
  check_internal(!type.is_index(), "an argument of type index");
  if (type.is_bool()) return TW_BOOL;
  if (type.is_bfloat()) return TW_BFLOAT16;
  if (type.is_float()) return type.bits == 16 ? TW_FLOAT16 : type.bits == 32 ? TW_FLOAT32 : TW_FLOAT64;
  const int32_t width = type.bits == 8 ? 0 : type.bits == 16 ? 1 : type.bits == 32 ? 2 : 3;
  return (type.is_uint() ? TW_UINT8 : TW_INT8) + width;
}

FunctionDescription::FunctionDescription(const Program& program) {
  for (const Param& param : program->params) {
    params_.push_back(describe(program, param));
    ++(param.is_buffer() ? function_.n_buffers : function_.n_scalars);
  }
  function_.name = keep(program->name);
  function_.n_params = static_cast<int32_t>(params_.size());
  function_.params = params_.data();
}

void FunctionDescription::set_code(tw_kernel run, decltype(tw_function::extents) extents) {
  function_.run = run;
  function_.extents = extents;
}

const char* FunctionDescription::keep(std::string text) {
  return texts_.emplace_back(std::move(text)).c_str();
}

tw_param FunctionDescription::describe(const Program& program, const Param& param) {
  tw_param made{};
  made.kind = param_code(param.param_kind);
  made.multiple_of = 1;
  if (!param.is_buffer()) {
    made.name = keep(param.var->name);
    made.dtype = TW_INT64;
    made.min = param.var->min;
    made.max = param.var->max;
    made.multiple_of = param.var->multiple_of;
    made.default_value = param.default_value;
    return made;
  }
  const BufferNode& buffer = *param.buffer;
  made.name = keep(buffer.name);
  made.dtype = dtype_code(buffer.dtype);
  made.ndim = buffer.rank();
  made.alignment = std::max<int64_t>(buffer.alignment, buffer.dtype.bytes());
  auto& shape = shapes_.emplace_back();
  for (const Expr& extent : buffer.shape)
    shape.push_back({as_int(extent).value_or(-1), scalar_of(program, extent), keep(to_text(extent))});
  made.shape = shape.data();
  return made;
}

}  // namespace tw::codegen
