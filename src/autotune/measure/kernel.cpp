#include "autotune/measure/kernel.h"

#include <algorithm>
#include <cstring>

#include "codegen/load.h"
#include "codegen/prepare.h"
#include "ir/text.h"
#include "runtime/core/bind.h"
#include "runtime/core/call.h"
#include "runtime/core/check.h"
#include "runtime/threads.h"
#include "support/error.h"

namespace tw::autotune {

void BoundCall::refresh() const {
  for (const Arguments::InPlace& one : arguments->in_place())
    std::memcpy(one.array->data(), one.values.data(), one.values.size());
}

int32_t BoundCall::run_checked() const {
  return tw_call(function, runtime::shared_pool(), threads, tensors.data(), sizes.data(), tunables.data());
}

int32_t BoundCall::run(void* const* other) const {
  return tw_run(function, runtime::shared_pool(), threads, other, scalars.data());
}

BoundCall bound_call(const codegen::Module& module, const Values& sizes, const Values& parameters,
                     const std::function<const GuardedArray*(const std::string& name)>& find) {
  const tw_function& function = module.function();
  BoundCall call;
  call.function = &function;
  call.threads = module.target().threads;
  for (int32_t p = 0; p < function.n_params; ++p) {
    const tw_param& param = function.params[p];
    if (tw_is_buffer(&param)) {
      const GuardedArray* array = find(param.name);
      check_internal(array, "{}: there is no array for '{}'", function.name, param.name);
      if (param.kind == TW_PARAM_CONSTANT) call.constants.push_back(call.tensors.size());
      call.tensors.push_back(array->view());
      call.buffers.push_back(array->data());
    } else if (param.kind == TW_PARAM_SIZE) {
      call.sizes.push_back(sizes.at(param.name));
    } else if (param.kind == TW_PARAM_TUNABLE) {
      const auto found = parameters.find(param.name);
      call.tunables.push_back(found == parameters.end() ? param.default_value : found->second);
    }
  }
  call.scalars.resize(static_cast<std::size_t>(function.n_scalars));
  std::vector<int64_t> extents(static_cast<std::size_t>(tw_count_extents(&function)));
  if (tw_bind_given(&function, call.tensors.data(), TW_GIVEN_ALL, call.sizes.data(), call.tunables.data(),
                    call.scalars.data(), extents.data()) != TW_OK)
    raise_value("{}", tw_error());
  return call;
}

Kernel::Kernel(const Program& program, const codegen::Target& target) : program_(program) {
  const auto split = codegen::split_constants(program);
  run_ = codegen::build(split ? split->run : program, target);
  if (!split) return;
  prepare_ = codegen::build(split->prepare, target);
  prepare_text_ = to_text(split->prepare);
}

Kernel::Kernel(const Program& program, const codegen::Target& target, std::vector<std::string> objects)
    : program_(program) {
  const auto split = codegen::split_constants(program);
  if (objects.size() != (split ? 2u : 1u))
    raise_value("{}: {} pieces of machine code are not those of this program", program->name.text,
                objects.size());
  run_ = codegen::load(split ? split->run : program, target, std::move(objects[0]));
  if (!split) return;
  prepare_ = codegen::load(split->prepare, target, std::move(objects[1]));
  prepare_text_ = to_text(split->prepare);
}

std::vector<std::string> Kernel::objects() const {
  std::vector<std::string> objects = {run_->object()};
  if (prepare_) objects.push_back(prepare_->object());
  return objects;
}

void Kernel::prepare(const Arguments& arguments, PreparedCache& cache) {
  std::shared_ptr<const PreparedArrays>& prepared = prepared_[arguments.what()];
  if (!prepare_ || prepared) return;
  std::weak_ptr<const PreparedArrays>& known = cache[{arguments.what(), prepare_text_}];
  prepared = known.lock();
  if (prepared) return;
  auto made = std::make_shared<PreparedArrays>();
  const tw_function& function = prepare_->function();
  for (int32_t p = 0; p < function.n_params; ++p) {
    const tw_param& param = function.params[p];
    if (param.kind != TW_PARAM_OUTPUT) continue;
    std::vector<int64_t> shape;  // constants, as split_constants takes no others
    for (int32_t d = 0; d < param.ndim; ++d) shape.push_back(param.shape[d].value);
    made->push_back(std::make_unique<GuardedArray>(param.name, param.dtype, std::move(shape)));
    made->back()->poison();
  }
  const auto find = [&](const std::string& name) -> const GuardedArray* {
    for (const auto& array : *made)
      if (array->name() == name) return array.get();
    return arguments.find(name);
  };
  if (bound_call(*prepare_, arguments.sizes(), {}, find).run_checked() != TW_OK)
    raise_value("preparing constants failed: {}", tw_error());
  for (const auto& array : *made) array->make_read_only();
  known = made;
  prepared = std::move(made);
}

BoundCall Kernel::bind(const Arguments& arguments, const Values& parameters) const {
  const auto found = prepared_.find(arguments.what());
  const PreparedArrays* prepared = found == prepared_.end() ? nullptr : found->second.get();
  const auto find = [&](const std::string& name) -> const GuardedArray* {
    if (prepared)
      for (const auto& array : *prepared)
        if (array->name() == name) return array.get();
    return arguments.find(name);
  };
  BoundCall call = bound_call(*run_, arguments.sizes(), parameters, find);
  call.arguments = &arguments;
  return call;
}

}  // namespace tw::autotune
