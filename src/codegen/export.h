// Exported libraries: lib<name>.so and its header, which need nothing of ours to run.
#pragma once

#include <string>
#include <vector>

#include "codegen/build.h"

namespace tw::codegen {

/// A constant of the function that was prepared beforehand: callers of the library do not give it.
struct ExportedConstant {
  int32_t buffer;  // which of the function's buffers
  int32_t dtype;
  std::vector<int64_t> shape;
  const void* data;  // contiguous
  int64_t bytes;
};

struct ExportOptions {
  std::vector<ExportedConstant> constants;  // ascending by buffer
  /// In the library, at most kMostEmbedded bytes of them. Else in lib<name>.weights beside it, which is
  /// mapped.
  bool embed_weights = true;
};

inline constexpr int64_t kMostEmbedded = int64_t{1}
                                         << 30;  // what code can address from anywhere in a library

/// Links the module's code and the runtime's core for its target into the shared library `path`
/// ("…/libmatmul.so": the interface's names begin with "matmul_") and writes the header beside it, and a file
/// of weights where there is one, either all or none. Errors: a name that is no C identifier, a path that
/// cannot be written, a triple without a core, too much to embed.
void export_library(const Module& module, const std::string& path, const ExportOptions& options = {});

}  // namespace tw::codegen
