// The machine that LLVM generates code for.
#pragma once

#include <memory>

#include <llvm/IR/Function.h>
#include <llvm/Target/TargetMachine.h>

#include "codegen/target.h"

namespace tw::codegen {

/// Fills in the triple, the CPU and its features: this host's where the target names none. Errors: a triple
/// or CPU that LLVM does not know, with the nearest names.
void complete_llvm_target(Target& target);

/// LLVM's description of a complete target.
std::unique_ptr<llvm::TargetMachine> target_machine(const Target& target);

/// Has the function's code made for the target: its CPU, its features, its widest vectors.
void set_target(llvm::Function& function, const Target& target);

}  // namespace tw::codegen
