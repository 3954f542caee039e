// Function.prepare: constants that are given once.
//
// What the program computes from the constants alone runs now, as a program of its own, and the function that
// is left takes its results. Constants that are read as they are are copied, so that nothing which happens to
// the caller's arrays later changes the function.
#include "codegen/prepare.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "bindings/function.h"
#include "support/error.h"
#include "support/nearest.h"

namespace tw::python {
namespace {

using Names = std::set<std::string>;

/// The program with the parameters of these names that are of one kind as of another.
Program with_kinds(const Program& program, const Names& names, ParamKind from, ParamKind to) {
  std::vector<Param> params = program->params;
  for (Param& param : params)
    if (param.param_kind == from && names.contains(param.buffer->name.text)) param.param_kind = to;
  return ProgramNode::make(program->name.text, std::move(params), program->body, program->attrs);
}

/// An argument, as a copy whose extents are checked where they are constants.
Array copy_constant(const Signature& signature, const ArgumentSpec& spec, py::handle object) {
  Array copy = Call(signature).take_copy(spec, object);
  for (int d = 0; d < spec.ndim; ++d)
    if (spec.extents[d] >= 0 && spec.extents[d] != copy.shape()[d])
      raise_value("{}: input '{}' has extent {} in dimension {} but {} is needed, {}", signature.function,
                  spec.name, copy.shape()[d], d, spec.extents[d], spec.shape);
  return copy;
}

/// What the prepare program makes of the constants: by the names of its outputs.
std::map<std::string, Array> run_prepare(const Program& program, const codegen::Target& target,
                                         const py::dict& constants) {
  const std::shared_ptr<const LoadedFunction> function = load_module(compile(program, target), program);
  Call call(function->signature);
  py::kwargs inputs;
  for (const ArgumentSpec& spec : function->signature.arguments)
    if (!spec.is_output()) inputs[py::str(spec.name)] = constants[py::str(spec.name)];
  take_arguments(call, *function, py::args(), inputs);
  run_function(*function, call);
  std::map<std::string, Array> made;
  std::size_t next = 0;
  for (const ArgumentSpec& spec : function->signature.arguments)
    if (spec.is_output()) made.emplace(spec.name, *call.made()[next++]);
  return made;
}

}  // namespace

FunctionState::FunctionState(const FunctionState& function, const py::dict& constants)
    : Callable(function), program_(function.program_), target_(function.target_) {
  prepare(constants);
}

void FunctionState::prepare(const py::dict& constants) {
  const std::shared_ptr<const LoadedFunction> whole = loaded();
  if (!whole->bound.empty())
    raise_unsupported("{}: some of its constants are prepared already; give all of them at once",
                      program_->name.text);
  Names known, given;
  for (const ArgumentSpec& spec : whole->signature.arguments)
    if (spec.kind == TW_PARAM_CONSTANT) known.insert(spec.name);
  for (const auto& [key, value] : constants) {
    const std::string name = py::str(key);
    if (!known.contains(name)) {
      const std::vector<std::string> names(known.begin(), known.end());
      std::string text;
      for (const std::string& one : names) text += (text.empty() ? "" : ", ") + one;
      raise_value("{} has no constant '{}'{}; its constants are {} (placeholders with constant=True)",
                  program_->name.text, name, did_you_mean(name, names), text.empty() ? "none" : text);
    }
    given.insert(name);
  }
  if (given.empty()) raise_value("{}: prepare is given no constant", program_->name.text);

  // Constants that are not given stay inputs of the call.
  Names open;
  std::set_difference(known.begin(), known.end(), given.begin(), given.end(),
                      std::inserter(open, open.end()));
  const auto split =
      codegen::split_constants(with_kinds(program_, open, ParamKind::kConstant, ParamKind::kInput));
  std::map<std::string, Array> made;
  if (split) {
    // What is prepared for another machine is prepared here: arrays look the same everywhere.
    made = run_prepare(split->prepare, target_.is_host ? target_ : codegen::parse_target("llvm"), constants);
    program_ = with_kinds(split->run, open, ParamKind::kInput, ParamKind::kConstant);
  }
  for (const ArgumentSpec& spec : whole->signature.arguments)
    if (given.contains(spec.name))
      made.emplace(spec.name, copy_constant(whole->signature, spec, constants[py::str(spec.name)]));

  std::vector<BoundArray> bound;
  std::size_t place = 0;
  for (const Param& param : program_->params) {
    if (!param.is_buffer()) continue;
    if (const auto at = made.find(param.buffer->name.text);
        at != made.end() && param.param_kind == ParamKind::kConstant)
      bound.push_back({place, at->second});
    ++place;
  }
  replace(load_module(split ? compile(program_, target_) : module(), program_, std::move(bound)));
}

}  // namespace tw::python
