// Exported libraries: lib<name>.so and its header, which need nothing of ours to run.
#pragma once

#include <string>

#include "codegen/build.h"

namespace tw::codegen {

/// Links the module's code and the runtime's core for its target into the shared library `path`
/// ("…/libmatmul.so": the interface's names begin with "matmul_") and writes the header beside it, either
/// both or none. Errors: a name that is no C identifier, a path that cannot be written, a triple without a
/// core.
void export_library(const Module& module, const std::string& path);

}  // namespace tw::codegen
