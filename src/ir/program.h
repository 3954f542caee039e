// A loop program: a named function of buffers and integers.
#pragma once

#include <functional>

#include "ir/stmt.h"

namespace tw {

/// One parameter. Inputs, constants, outputs and inouts have a buffer, the others a variable of type index.
struct Param {
  ParamKind param_kind = ParamKind::kInput;
  VarDef var;
  BufferDef buffer;
  int64_t default_value = 0;  // of a tunable
  TW_FIELDS(param_kind, var, buffer, default_value)
  bool is_buffer() const { return param_kind <= ParamKind::kInOut; }
  /// Given by the caller, in order; the others are known from shapes or have defaults.
  bool is_argument() const { return param_kind != ParamKind::kShape && param_kind != ParamKind::kTunable; }
  static Param of_buffer(ParamKind kind, Buffer buffer);
  static Param of_var(ParamKind kind, Var var, int64_t default_value = 0);
};

/// Variables known from shapes stand before the buffers that show them; an extent of a buffer that is such a
/// variable alone gives its value. Nothing else is free in `body`.
struct ProgramNode : Node {
  static constexpr Kind kKind = Kind::kProgramNode;
  ProgramNode() : Node(kKind) {}
  static Program make(std::string name, std::vector<Param> params, Stmt body, Attrs attrs = {});
  Label name;
  std::vector<Param> params;
  Attrs attrs;
  Stmt body;
  TW_FIELDS(name, params, attrs, body)
};

/// The same program with another body.
Program with_body(const Program& program, Stmt body);

/// Declares a tensor intrinsic: what a TensorCall of that name computes, as a program whose parameters are
/// buffers of constant shape. Raises a value error if the name is taken by a different program.
void register_tensor_intrinsic(const std::string& name, Program meaning);

/// Names the function that is asked for an intrinsic which nobody has declared yet: it declares those that it
/// knows by their name, such as the members of a family.
void provide_tensor_intrinsics(std::function<void(const std::string& name)> provider);

/// The program that declares the intrinsic; null when there is none.
Program find_tensor_intrinsic(const std::string& name);

}  // namespace tw
