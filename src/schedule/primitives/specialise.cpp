// specialise(mc=64):
//
//   program p(mc: param in [1, 512] = 8, …):         program p(…):
//     for i_0 in (256 + mc - 1) // mc:         =>      for i_0 in 4:
//       for i_1 in mc:                                   for i_1 in 64:
//         block B(vi = i_0*mc + i_1)                       block B(vi = i_0*64 + i_1): …
//             where i_0*mc + i_1 < 256: …
//
// Parameters become constants everywhere: in extents, bindings, conditions, regions, bodies and shapes of
// buffers. What follows from the values is simplified, conditions that always hold go away; loops stay, those
// of one turn or none too, so that handles and later steps find the same nest for every value.
//
// Not checked: nothing else; every legal value gives the program that the parameter would have had when run.
#include <algorithm>

#include "ir/simplify.h"
#include "schedule/loops.h"

namespace tw::schedule {
namespace {

/// Puts values in the place of variables, and simplifies where they stand.
class Specialiser : public Mutator {
 public:
  explicit Specialiser(const VarMap& values) : values_(values) {}

  std::vector<std::pair<Buffer, Buffer>> replaced() const {
    std::vector<std::pair<Buffer, Buffer>> pairs;
    for (const auto& [old, fresh] : buffers_) pairs.emplace_back(Buffer(old), fresh);
    return pairs;
  }

 protected:
  using Mutator::on;

#define TW_SPECIALISE(Struct)            \
  Expr on(const Struct& node) override { \
    return expression(Expr(&node));      \
  }
  TW_EXPR_NODES(TW_SPECIALISE)
#undef TW_SPECIALISE

  Stmt on(const For& node) override {
    const ContextScope scope(context_), keeping_scope(keeping_);
    auto* copy = new For(node);
    const Stmt owner(copy);
    copy->extent = mutate(node.extent);
    bind(node.var, copy->extent);
    copy->body = mutate(node.body);
    return owner;
  }

  /// Bindings and predicate see the loops; the rest sees the axes, each in its range.
  Stmt on(const Block& node) override {
    auto* copy = new Block(node);
    const Stmt owner(copy);
    if (copy->predicate) copy->predicate = without_proved(mutate(copy->predicate), context_);
    const ContextScope scope(context_), keeping_scope(keeping_);
    for (BlockAxis& axis : copy->axes) {
      axis.extent = mutate(axis.extent);
      axis.binding = mutate(axis.binding);
    }
    for (const BlockAxis& axis : copy->axes) bind(axis.var, axis.extent);
    for (std::vector<Region>* regions : {&copy->reads, &copy->writes})
      for (Region& region : *regions) {
        region.buffer = mutate_buffer(region.buffer);
        for (Range& range : region.ranges) range = {mutate(range.min), mutate(range.extent)};
      }
    if (copy->init) copy->init = mutate(copy->init);
    copy->body = mutate(copy->body);
    return owner;
  }

  Stmt on(const If& node) override {
    const Expr condition = mutate(node.cond);
    if (is_int(condition, 1)) return mutate(node.then_body);
    return If::make(condition, mutate(node.then_body), node.else_body ? mutate(node.else_body) : Stmt());
  }

 private:
  /// The whole expression at once.
  Expr expression(Expr e) {
    if (!buffers_.empty()) e = replace_buffers(e, buffers_);
    return simplify(substitute(e, values_), keeping_);
  }
  void bind(const Var& var, const Expr& extent) {
    context_.bind(var, 0, extent);
    bind_keeping(keeping_, var, extent);
  }

  const VarMap& values_;
  Context context_, keeping_;  // as it is, and with loops of one turn kept in expressions
};

std::string list_of_parameters(const Program& program) {
  std::string names;
  for (const Param& param : program->params)
    if (param.param_kind == ParamKind::kTunable) names += (names.empty() ? "" : ", ") + param.var->name.text;
  return names.empty() ? "the program has none" : "the parameters are " + names;
}

const Param& parameter_of(const Step& step, const std::string& name) {
  const std::vector<Param>& params = step.program()->params;
  const auto found = std::find_if(params.begin(), params.end(), [&](const Param& param) {
    return param.var && param.var->name.text == name;
  });
  if (found == params.end())
    step.refuse(nullptr, "there is no parameter '{}'; {}", name, list_of_parameters(step.program()));
  if (found->param_kind != ParamKind::kTunable)
    step.refuse(nullptr, "'{}' is a size that the program is called with, no parameter of the schedule; {}",
                name, list_of_parameters(step.program()));
  return *found;
}

/// The value of an option as one that the parameter may have.
int64_t value_of(const Step& step, const Param& param, const Value& value) {
  const Variable& var = *param.var;
  const auto* number = value.get_if<int64_t>();
  if (!number) step.refuse(nullptr, "the value of the parameter '{}' must be an int", var.name.text);
  if (*number < var.min || *number > var.max)
    step.refuse(nullptr, "the parameter '{}' lies in [{}, {}], and {} does not", var.name.text, var.min,
                var.max, *number);
  if (*number % var.multiple_of != 0)
    step.refuse(nullptr, "the parameter '{}' is a multiple of {}, and {} is none", var.name.text,
                var.multiple_of, *number);
  return *number;
}

Outcome specialise(const Step& step) {
  const List& options = *step.value(0).get_if<List>();
  if (options.empty()) step.refuse(nullptr, "no parameter is named; {}", list_of_parameters(step.program()));
  VarMap values;
  for (const Value& option : options) {
    const List& pair = *option.get_if<List>();
    const Param& param = parameter_of(step, *pair[0].get_if<std::string>());
    values[&*param.var] = Expr(value_of(step, param, pair[1]));
  }
  Specialiser specialiser(values);
  const Program baked = specialiser.mutate(step.program());
  std::vector<Param> params = baked->params;
  std::erase_if(params, [&](const Param& param) { return param.var && values.contains(&*param.var); });
  return {ProgramNode::make(baked->name, std::move(params), baked->body, baked->attrs),
          {},
          specialiser.replaced()};
}

const Registration registration{{
    .name = "specialise",
    .summary = "Gives parameters their values for good.",
    .doc = R"(    program p(mc: param in [1, 512] = 8, ...):       program p(...):
      for i_0 in (256 + mc - 1) // mc:         =>      for i_0 in 4:
        for i_1 in mc: ...                               for i_1 in 64: ...

The values must be ones that the parameters may have. Conditions that always hold then go away; loops stay, those of one
turn or none too. Parameters that are not named stay parameters; one that is gone may be named again by a later step, as
a new parameter.)",
    .args = {{"values", ArgKind::kOptions, "Parameters by name, each with an int."}},
    .example = R"(>>> i_0, i_1 = s.split(i, [None, tw.param("mc")])
>>> s.specialise(mc=16)
>>> s.loops("C")
[<tw.Loop i_0>, <tw.Loop i_1>, <tw.Loop j>, <tw.Loop k>])",
    .apply = specialise,
}};

}  // namespace
}  // namespace tw::schedule
