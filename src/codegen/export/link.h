// The linker, as a part of this process.
#pragma once

#include <string>
#include <vector>

#include "codegen/export/data_object.h"

namespace tw::codegen {

struct LinkInput {
  std::string name;  // for messages: "core/pool.o"
  std::string bytes;
};

/// A shared library to be made.
struct LinkJob {
  std::string architecture;  // "x86_64", "aarch64"
  std::string soname;        // "libmatmul.so"
  std::vector<LinkInput> objects;
  std::string texts;  // data that the symbol `texts_symbol` stands for
  std::string texts_symbol;
  ReadOnlyData weights;
  std::vector<std::pair<std::string, std::string>> aliases;  // new name, of which symbol
  std::vector<std::string> exported;                         // everything else is hidden
};

/// Links the library to the file `output`. It needs libc, libm and libpthread only, at glibc 2.17 or later.
/// Errors: an internal error with the linker's messages; a folder for temporary files that cannot be written.
void link_library(const LinkJob& job, const std::string& output);

}  // namespace tw::codegen
