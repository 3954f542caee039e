// A flat program as an LLVM module.
#pragma once

#include <memory>

#include <llvm/IR/Module.h>

#include "codegen/function_description.h"
#include "codegen/target.h"
#include "ir/program.h"

namespace tw::codegen {

/// A module with the kernel, the function of extents and their description. `program` is what the user
/// scheduled, `flat` what became of it in stage kFlat: both have the same parameters. Errors: an unsupported
/// error for what CPUs do not have (loops bound to GPU indices, barriers of threads, fragments).
std::unique_ptr<llvm::Module> emit_module(const Program& program, const Program& flat,
                                          const FunctionDescription& description, const Target& target,
                                          llvm::LLVMContext& context);

}  // namespace tw::codegen
