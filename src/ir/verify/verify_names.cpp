// Rules about variables, buffers and parameters.
#include "ir/verify/verify_rules.h"
#include "support/error.h"

namespace tw::rules {

using fmt::format;

void variables_in_scope(const Node& node, const Surroundings& around, Report& report) {
  const auto* var = as<Variable>(&node);
  if (var && !around.vars.contains(var))
    report(node, format("variable {} is used where nothing around introduces it", var->name.text));
}

void buffers_in_scope(const Node& node, const Surroundings& around, Report& report) {
  for (const BufferNode* buffer : around.uses_buffers)
    if (!around.buffers.contains(buffer))
      report(node,
             format("buffer {} is neither a parameter nor allocated around its use", buffer->name.text));
}

void introduced_once(const Node& node, const Surroundings& around, Report& report) {
  // One reducer may serve many blocks.
  if (node.kind == Kind::kReducerNode) return;
  std::unordered_set<const Node*> here;
  const auto again = [&](const Node* object) {
    return around.introduced.contains(object) || !here.insert(object).second;
  };
  for (const Variable* var : around.introduces)
    if (again(var))
      report(node, format("variable {} is introduced a second time; make a fresh one", var->name.text));
  for (const BufferNode* buffer : around.introduces_buffers)
    if (again(buffer))
      report(node, format("buffer {} is introduced a second time; make a fresh one", buffer->name.text));
}

void known_shapes(const Node& node, const Surroundings&, Report& report) {
  const auto* program = as<ProgramNode>(&node);
  if (!program) return;
  for (std::size_t i = 0; i < program->params.size(); ++i) {
    const Param& size = program->params[i];
    if (size.param_kind != ParamKind::kShape) continue;
    bool shown = false;
    for (std::size_t j = i + 1; j < program->params.size(); ++j)
      if (const Buffer& buffer = program->params[j].buffer)
        for (const Expr& extent : buffer->shape) shown = shown || extent.get() == size.var.get();
    if (!shown)
      report(*size.var.get(),
             format("size {} is no extent by itself of a later parameter; pass it as a size instead",
                    size.var->name.text));
  }
}

void parameters(const Node& node, const Surroundings&, Report& report) {
  const auto* program = as<ProgramNode>(&node);
  if (!program) return;
  for (const Param& param : program->params) {
    if (param.is_buffer()) {
      if (param.buffer->scope != Scope::kGlobal)
        report(*param.buffer, format("parameter {} lies in {} memory; it needs to be global",
                                     param.buffer->name.text, to_string(param.buffer->scope)));
    } else if (param.param_kind == ParamKind::kTunable) {
      const Variable& var = *param.var;
      const int64_t value = param.default_value;
      if (value < var.min || value > var.max || value % var.multiple_of != 0)
        report(var, format("the default {} of {} is not in [{}, {}] or no multiple of {}", value,
                           var.name.text, var.min, var.max, var.multiple_of));
    }
  }
}

void inputs_not_written(const Node& node, const Surroundings& around, Report& report) {
  const auto* store = as<Store>(&node);
  const auto* copy = as<AsyncCopy>(&node);
  const BufferNode* written = store ? store->buffer.get() : copy ? copy->to.get() : nullptr;
  const auto found = around.buffers.find(written);
  if (!written || found == around.buffers.end() || !found->second) return;
  const ParamKind kind = found->second->param_kind;
  if (kind == ParamKind::kInput || kind == ParamKind::kConstant)
    report(node, format("buffer {} is written, but it is a parameter of kind `{}`; make it out or inout",
                        written->name.text, to_string(kind)));
}

}  // namespace tw::rules
