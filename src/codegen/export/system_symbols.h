// What libraries may take from the system: the functions of libc, libm and libpthread, with the versions that
// symbols have in glibc 2.17 or before.
//
// Exported libraries are linked against stand-ins that are made from this list. So the machine that exports
// needs no system libraries of the target, and whatever glibc it has itself, the result runs with 2.17.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tw::codegen {

/// A stand-in for one of the system's libraries.
struct SystemLibrary {
  std::string name;                  // "libm.so.6"
  std::vector<std::string> symbols;  // "expf"
  std::string version_script;        // which version each has
};

/// For an architecture: "x86_64", "aarch64".
std::vector<SystemLibrary> system_libraries(const std::string& architecture);

}  // namespace tw::codegen
