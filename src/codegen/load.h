// Machine code from one process in another.
#pragma once

#include "codegen/build.h"

namespace tw::codegen {

/// The module that `build` made of the program in another process on such a machine: `object` is its
/// object(). `stats` are what it had; nothing is compiled.
std::shared_ptr<const Module> load(const Program& program, const Target& target, std::string object,
                                   BuildStats stats = {});

}  // namespace tw::codegen
