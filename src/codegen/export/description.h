// What an exported library says of itself.
#pragma once

#include <string>

#include "codegen/build.h"

namespace tw::codegen {

/// One parameter of the function as callers of the library meet it: arrays that are only read and sizes that
/// no shape shows are inputs, arrays that are written are outputs.
bool is_library_input(const tw_param& param);
bool is_library_output(const tw_param& param);

/// JSON: name, version, target, inputs, outputs, sizes and parameters with their bounds.
std::string library_description(const Module& module, const std::string& name);

/// "1 to 512, a multiple of 4", "at least 0".
std::string bounds_text(const tw_param& param);

/// "(m, n + 2)".
std::string shape_text(const tw_param& param);

}  // namespace tw::codegen
