// What tilewright.Function is made of: a program, the target that it is compiled for, and its code.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bindings/loaded_function.h"
#include "runtime/timing.h"

namespace tw::python {

class FunctionState {
 public:
  FunctionState(Program program, const std::string& target);
  /// The function with constants, by name, prepared. Errors: no constant of that name; what Call::take
  /// raises.
  FunctionState(const FunctionState& function, const py::dict& constants);

  py::object call(const py::args& positional, const py::kwargs& named);
  /// Seconds of each sample; runs a sample.
  std::pair<std::vector<double>, int64_t> time(const py::args& positional, const py::kwargs& named,
                                               bool rotate, const runtime::TimingOptions& options);
  std::string source(const std::string& kind) const { return loaded()->module->source(kind); }
  py::dict stats() const;
  void export_library(const std::string& path) const;
  void close() { loaded_.reset(); }

  const Program& program() const { return program_; }
  const codegen::Target& target() const { return target_; }
  /// Parameters of the schedule in order: name, default, min, max, multiple_of.
  py::list tunables() const;

 private:
  std::shared_ptr<const LoadedFunction> loaded() const;
  /// As above; raises where the code is of another machine.
  std::shared_ptr<const LoadedFunction> runnable() const;
  void take(Call& call, const LoadedFunction& function, const py::args& positional, const py::kwargs& named);
  void prepare(const py::dict& constants);

  Program program_;
  codegen::Target target_;
  std::shared_ptr<const LoadedFunction> loaded_;  // null: closed
  std::map<std::string, int64_t> copies_;         // by argument: how often it was copied
};

}  // namespace tw::python
