// What tilewright.Function is made of: a program, the target that it is compiled for, and its code.
#pragma once

#include "bindings/callable.h"
#include "codegen/build.h"

namespace tw::python {

class FunctionState : public Callable {
 public:
  FunctionState(Program program, const std::string& target);
  /// The function with constants, by name, prepared. Errors: no constant of that name; what Call::take
  /// raises.
  FunctionState(const FunctionState& function, const py::dict& constants);

  std::string source(const std::string& kind) const { return module()->source(kind); }
  py::dict stats() const;
  void export_library(const std::string& path, bool embed_weights) const;

  const Program& program() const { return program_; }
  const codegen::Target& target() const { return target_; }

 private:
  /// Raises when the function is closed.
  std::shared_ptr<const codegen::Module> module() const;
  void prepare(const py::dict& constants);

  Program program_;
  codegen::Target target_;
};

/// Machine code of a program. Python's lock is released meanwhile.
std::shared_ptr<const codegen::Module> compile(const Program& program, const codegen::Target& target);

/// The function of a program that the module is of, as callers of the program see it.
std::shared_ptr<const LoadedFunction> load_module(std::shared_ptr<const codegen::Module> module,
                                                  const Program& program, std::vector<BoundArray> bound = {});

}  // namespace tw::python
