// The runtime's core, compiled for each supported kind of machine when this program was built.
#pragma once

#include <span>
#include <string_view>

namespace tw::codegen {

struct CoreObject {
  const char* architecture;  // "x86_64", "aarch64"
  const char* name;          // "pool.o"
  const unsigned char *begin, *end;
};

/// All object files of all architectures.
std::span<const CoreObject> core_objects();

}  // namespace tw::codegen
