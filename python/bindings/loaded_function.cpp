#include "bindings/loaded_function.h"

#include <algorithm>

#include "bindings/interpret.h"
#include "ir/text.h"
#include "runtime/element.h"
#include "runtime/threads.h"
#include "support/error.h"

namespace tw::python {
namespace {

const std::string& name_of(const Param& param) {
  return param.is_buffer() ? param.buffer->name.text : param.var->name.text;
}

int32_t kind_of(ParamKind kind) {
  switch (kind) {
    case ParamKind::kInput: return TW_PARAM_INPUT;
    case ParamKind::kConstant: return TW_PARAM_CONSTANT;
    case ParamKind::kOutput: return TW_PARAM_OUTPUT;
    case ParamKind::kInOut: return TW_PARAM_INOUT;
    case ParamKind::kSize: return TW_PARAM_SIZE;
    case ParamKind::kShape: return TW_PARAM_SHAPE;
    case ParamKind::kTunable: return TW_PARAM_TUNABLE;
  }
  return -1;
}

std::string shape_text(const std::vector<Expr>& shape) {
  std::string text;
  for (const Expr& extent : shape) text += (text.empty() ? "" : ", ") + to_text(extent);
  return "(" + text + (shape.size() == 1 ? ",)" : ")");
}

ArgumentSpec spec_of(const Param& param, std::size_t place, int64_t alignment) {
  ArgumentSpec spec;
  spec.name = name_of(param);
  spec.kind = kind_of(param.param_kind);
  spec.place = place;
  if (!param.is_buffer()) return spec;
  spec.dtype = code_of_dtype(param.buffer->dtype);
  spec.ndim = param.buffer->rank();
  spec.alignment = std::max(alignment, runtime::element_type(spec.dtype).bytes);
  spec.shape = shape_text(param.buffer->shape);
  for (const Expr& extent : param.buffer->shape) spec.extents.push_back(as_int(extent).value_or(-1));
  return spec;
}

/// What a program's callers give, in their order; `bound` buffers are none of their business.
void describe(LoadedFunction& function, const Program& program) {
  Signature& signature = function.signature;
  signature.function = program->name.text;
  const tw_function* code = function.module->target().is_host ? &function.module->function() : nullptr;
  std::vector<std::size_t> places(program->params.size());
  for (std::size_t p = 0; p < program->params.size(); ++p) {
    const Param& param = program->params[p];
    if (param.is_buffer()) {
      places[p] = signature.n_buffers++;
      function.ndims.push_back(param.buffer->rank());
      if (param.param_kind == ParamKind::kConstant) function.constants.push_back(places[p]);
    } else if (param.param_kind == ParamKind::kSize) {
      places[p] = signature.n_sizes++;
    } else if (param.param_kind == ParamKind::kTunable) {
      signature.tunables.push_back({name_of(param), param.default_value});
    }
  }
  for (std::size_t p : argument_params(program)) {
    const Param& param = program->params[p];
    const auto is_bound = [&](const BoundArray& one) { return param.is_buffer() && one.place == places[p]; };
    if (std::any_of(function.bound.begin(), function.bound.end(), is_bound)) continue;
    signature.arguments.push_back(spec_of(param, places[p], code ? code->params[p].alignment : 1));
  }
}

}  // namespace

std::shared_ptr<const codegen::Module> compile(const Program& program, const codegen::Target& target) {
  const py::gil_scoped_release unlocked;
  return codegen::build(program, target);
}

std::shared_ptr<const LoadedFunction> load_function(std::shared_ptr<const codegen::Module> module,
                                                    const Program& program, std::vector<BoundArray> bound) {
  auto function = std::make_shared<LoadedFunction>();
  function->module = std::move(module);
  function->bound = std::move(bound);
  describe(*function, program);
  return function;
}

void check_status(int32_t status) {
  switch (status) {
    case TW_OK: return;
    case TW_BAD_TYPE: raise_type("{}", tw_error());
    case TW_UNSUPPORTED: raise_unsupported("{}", tw_error());
    case TW_FAILED:
    case TW_NO_MEMORY:
    case TW_BAD_VALUE:
    case TW_SYSTEM: raise_value("{}", tw_error());
  }
  raise_internal("a function gave the unknown status {}: {}", status, tw_error());
}

BoundCall bind_call(const LoadedFunction& function, const Call& call) {
  const tw_function& code = function.module->function();
  BoundCall bound;
  std::size_t rank = 0;
  for (int ndim : function.ndims) rank += ndim;
  bound.scalars.resize(code.n_scalars);
  bound.extents.resize(rank);
  check_status(tw_bind(&code, call.buffers(), call.sizes(), call.tunables(), bound.scalars.data(),
                       bound.extents.data()));
  return bound;
}

void take_arguments(Call& call, const LoadedFunction& function, const py::args& positional,
                    const py::kwargs& named) {
  for (const BoundArray& one : function.bound) call.bind(one.place, one.array);
  call.take(positional, named);
  if (call.wants_outputs()) call.make_outputs(bind_call(function, call).extents, function.ndims);
}

int32_t threads_of(const LoadedFunction& function, const Call& call) {
  return call.threads() > 0 ? call.threads() : function.module->target().threads;
}

void run_function(const LoadedFunction& function, const Call& call) {
  int32_t status = TW_OK;
  tw_pool* pool = runtime::shared_pool();
  {
    const py::gil_scoped_release unlocked;
    status = tw_call(&function.module->function(), pool, threads_of(function, call), call.buffers(),
                     call.sizes(), call.tunables());
  }
  check_status(status);
}

}  // namespace tw::python
