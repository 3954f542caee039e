// From a scheduled program to a function that can be called.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "codegen/pass.h"
#include "codegen/target.h"
#include "ir/program.h"
#include "runtime/core/function.h"

namespace tw::codegen {

/// The symbol of the tw_function (runtime/core/function.h) that object code defines; hidden.
inline constexpr const char* kFunctionSymbol = "tw_module_function";

/// What became of a program on its way: times by pass, and figures of the machine code.
struct BuildStats {
  std::vector<PassTime> times;     // of each pass of ours, then "llvm optimise", "llvm code", "link"
  int64_t code_bytes = 0;          // of all functions
  int64_t spills = 0;              // stores and reloads of spilled registers inside of innermost loops
  int64_t spills_outside = 0;      // the others
  int64_t vector_registers = 0;    // the most vector registers that a function of it uses
  std::vector<std::string> notes;  // what runs otherwise than asked, in words
};

/// Compiled code in this process. It stays loaded while someone holds it.
class Module {
 public:
  virtual ~Module() = default;
  /// `run` and `extents` are null where the code is for another machine.
  virtual const tw_function& function() const = 0;
  virtual const Target& target() const = 0;
  virtual const BuildStats& stats() const = 0;
  /// The program at a stage, as text: "loops" (lowered), "llvm", "asm". A value error lists what there is.
  virtual std::string source(const std::string& kind) const = 0;
  /// Machine code as an object file of the target, for linking into a library: it defines
  /// kFunctionSymbol.
  virtual std::string object() const = 0;
};

/// Compiles a program in stage kSchedule. Errors: parts of the program that the target cannot do, by name.
std::shared_ptr<const Module> build(const Program& program, const Target& target);

}  // namespace tw::codegen
