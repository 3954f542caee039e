// The C header of an exported library.
#pragma once

#include <string>

#include "codegen/export/library_description.h"

namespace tw::codegen {

/// The whole text. It needs nothing but <stdint.h>; several libraries' headers may be included together.
std::string library_header(const Module& module, const LibraryInterface& interface);

}  // namespace tw::codegen
