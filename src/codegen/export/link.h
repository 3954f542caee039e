// The linker, as a part of this process.
#pragma once

#include <string>
#include <vector>

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
  std::vector<std::pair<std::string, std::string>> aliases;  // new name, of which symbol
  std::vector<std::string> exported;                         // everything else is hidden
};

/// Links and gives the library's bytes. It needs libc, libm and libpthread only, at glibc 2.17 or later.
/// Errors: an internal error with the linker's messages; a folder for temporary files that cannot be written.
std::string link_library(const LinkJob& job);

}  // namespace tw::codegen
