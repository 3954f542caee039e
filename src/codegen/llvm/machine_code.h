// From an LLVM module to machine code: our own list of passes, and what came of the registers.
#pragma once

#include <string>

#include <llvm/IR/Module.h>
#include <llvm/Target/TargetMachine.h>

#include "codegen/build.h"

namespace tw::codegen {

/// A short list of LLVM's passes: scalar replacement, simplification, common subexpressions, invariants out
/// of loops. No vectoriser, no unroller: schedules have decided.
void optimise(llvm::Module& module, llvm::TargetMachine& machine);

/// An object file. Instructions of a block keep the order that the emitter gave them as far as their operands
/// allow: LLVM's scheduler before register allocation, which hoists loads above the multiplications of a
/// register tile and spills for it, does not run. `stats`: registers, spills and bytes are filled in.
std::string object_code(llvm::Module& module, llvm::TargetMachine& machine, BuildStats* stats = nullptr);

/// The same as assembly text.
std::string assembly(llvm::Module& module, llvm::TargetMachine& machine);

}  // namespace tw::codegen
