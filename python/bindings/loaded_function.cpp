#include "bindings/loaded_function.h"

#include <algorithm>

#include "runtime/element.h"
#include "runtime/status.h"
#include "runtime/threads.h"
#include "support/error.h"

namespace tw::python {
namespace {

ArgumentSpec spec_of(const tw_param& param, std::size_t place) {
  ArgumentSpec spec;
  spec.name = param.name;
  spec.kind = param.kind;
  spec.place = place;
  if (spec.is_size()) return spec;
  spec.dtype = param.dtype;
  spec.ndim = param.ndim;
  spec.alignment = std::max(param.alignment, runtime::element_type(param.dtype).bytes);
  for (int d = 0; d < param.ndim; ++d) {
    spec.extents.push_back(param.shape[d].value);
    spec.shape += (spec.shape.empty() ? "" : ", ") + std::string(param.shape[d].text);
  }
  spec.shape = "(" + spec.shape + (param.ndim == 1 ? ",)" : ")");
  return spec;
}

/// Numbers the buffers and sizes; gives the number of each parameter among its like.
std::vector<std::size_t> count_parameters(LoadedFunction& function) {
  Signature& signature = function.signature;
  std::vector<std::size_t> places;
  for (int32_t p = 0; p < function.code->n_params; ++p) {
    const tw_param& param = function.code->params[p];
    places.push_back(param.kind <= TW_PARAM_INOUT  ? signature.n_buffers++
                     : param.kind == TW_PARAM_SIZE ? signature.n_sizes++
                                                   : 0);
    if (param.kind <= TW_PARAM_INOUT) function.ndims.push_back(param.ndim);
    if (param.kind == TW_PARAM_CONSTANT) function.constants.push_back(places.back());
    if (param.kind == TW_PARAM_TUNABLE) signature.tunables.push_back({param.name, param.default_value});
  }
  return places;
}

}  // namespace

std::shared_ptr<const LoadedFunction> load_function(std::shared_ptr<const void> owner,
                                                    const tw_function& code,
                                                    const std::vector<std::size_t>& order, int32_t threads,
                                                    std::vector<BoundArray> bound) {
  auto function = std::make_shared<LoadedFunction>();
  function->owner = std::move(owner);
  function->code = &code;
  function->threads = threads;
  function->bound = std::move(bound);
  function->signature.function = code.name;
  const std::vector<std::size_t> places = count_parameters(*function);
  for (std::size_t p : order) {
    const tw_param& param = code.params[p];
    const auto is_this = [&](const BoundArray& one) {
      return param.kind <= TW_PARAM_INOUT && one.place == places[p];
    };
    if (std::none_of(function->bound.begin(), function->bound.end(), is_this))
      function->signature.arguments.push_back(spec_of(param, places[p]));
  }
  return function;
}

BoundCall bind_call(const LoadedFunction& function, const Call& call) {
  BoundCall bound;
  std::size_t rank = 0;
  for (int ndim : function.ndims) rank += ndim;
  bound.scalars.resize(function.code->n_scalars);
  bound.extents.resize(rank);
  runtime::check_status(tw_bind(function.code, call.buffers(), call.sizes(), call.tunables(),
                                bound.scalars.data(), bound.extents.data()));
  return bound;
}

void take_arguments(Call& call, const LoadedFunction& function, const py::args& positional,
                    const py::kwargs& named) {
  for (const BoundArray& one : function.bound) call.bind(one.place, one.array);
  call.take(positional, named);
  if (call.wants_outputs()) call.make_outputs(bind_call(function, call).extents, function.ndims);
}

int32_t threads_of(const LoadedFunction& function, const Call& call) {
  return call.threads() > 0 ? call.threads() : function.threads;
}

void run_function(const LoadedFunction& function, const Call& call) {
  int32_t status = TW_OK;
  tw_pool* pool = runtime::shared_pool();
  {
    const py::gil_scoped_release unlocked;
    status = tw_call(function.code, pool, threads_of(function, call), call.buffers(), call.sizes(),
                     call.tunables());
  }
  runtime::check_status(status);
}

}  // namespace tw::python
