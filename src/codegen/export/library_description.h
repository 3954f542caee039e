// What an exported library says of itself.
#pragma once

#include <string>
#include <vector>

#include "codegen/export.h"

namespace tw::codegen {

/// What callers of a library meet.
struct LibraryInterface {
  LibraryInterface(const Module& module, std::string name, const ExportOptions& options);

  std::string name;
  std::string weights;  // where they are: "embedded", the name of a file, or nothing where there are none
  // The function's parameters, sizes that shapes of weights show with their values as bounds. Arrays that are
  // only read and sizes that no shape shows are inputs, arrays that are written are outputs.
  std::vector<tw_param> inputs, outputs, sizes, tunables;
  std::vector<tw_param> constants;  // those that are weights
};

/// JSON: name, version, target, inputs, outputs, sizes and parameters with their bounds, weights.
std::string library_description(const Module& module, const LibraryInterface& interface);

/// "1 to 512, a multiple of 4", "at least 0", "7".
std::string bounds_text(const tw_param& param);

/// "(m, n + 2)".
std::string shape_text(const tw_param& param);

}  // namespace tw::codegen
