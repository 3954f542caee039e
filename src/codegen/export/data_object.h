// Data as an object file for the linker, written piece by piece: it may be large.
#pragma once

#include <ostream>
#include <span>
#include <string>
#include <vector>

namespace tw::codegen {

/// Read-only data that begins at a multiple of 64, and the symbol that stands for its first byte.
struct ReadOnlyData {
  std::string symbol;
  std::vector<std::span<const char>> pieces;
};

/// A relocatable ELF file for an architecture ("x86_64", "aarch64").
void write_data_object(std::ostream& out, const std::string& architecture, const ReadOnlyData& data);

}  // namespace tw::codegen
