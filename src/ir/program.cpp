#include "ir/program.h"

#include <mutex>

#include "ir/equal.h"
#include "support/error.h"

namespace tw {

Param Param::of_buffer(ParamKind kind, Buffer buffer) {
  Param param;
  param.param_kind = kind;
  param.buffer = std::move(buffer);
  return param;
}

Param Param::of_var(ParamKind kind, Var var, int64_t default_value) {
  Param param;
  param.param_kind = kind;
  param.var = std::move(var);
  param.default_value = default_value;
  return param;
}

Program ProgramNode::make(std::string name, std::vector<Param> params, Stmt body, Attrs attrs) {
  auto* node = new ProgramNode();
  node->name = std::move(name);
  node->params = std::move(params);
  node->body = std::move(body);
  node->attrs = std::move(attrs);
  return Program(node);
}

Program with_body(const Program& program, Stmt body) {
  return ProgramNode::make(program->name, program->params, std::move(body), program->attrs);
}

namespace {
struct TensorIntrinsics {
  std::mutex mutex;
  std::map<std::string, Program> programs;
  std::function<void(const std::string&)> provider;

  Program find(const std::string& name) {
    const std::lock_guard lock(mutex);
    const auto found = programs.find(name);
    return found == programs.end() ? Program() : found->second;
  }
};
TensorIntrinsics& tensor_intrinsics() {
  static TensorIntrinsics table;
  return table;
}
}  // namespace

void register_tensor_intrinsic(const std::string& name, Program meaning) {
  TensorIntrinsics& table = tensor_intrinsics();
  const std::lock_guard lock(table.mutex);
  const auto [at, fresh] = table.programs.try_emplace(name, meaning);
  if (!fresh && !structural_equal(at->second, meaning))
    raise_value("tensor intrinsic '{}' is already declared with another meaning; give it another name", name);
}

void provide_tensor_intrinsics(std::function<void(const std::string&)> provider) {
  TensorIntrinsics& table = tensor_intrinsics();
  const std::lock_guard lock(table.mutex);
  table.provider = std::move(provider);
}

Program find_tensor_intrinsic(const std::string& name) {
  TensorIntrinsics& table = tensor_intrinsics();
  if (Program known = table.find(name)) return known;
  if (!table.provider) return {};
  table.provider(name);  // declares it, so not under the lock
  return table.find(name);
}

}  // namespace tw
