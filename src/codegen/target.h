// Targets: what code is generated for, as a string such as "llvm -mcpu=znver4 -threads=2".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tw::codegen {

/// A back end by name with its options: "llvm", "llvm -mtriple=aarch64-linux-gnu -mcpu=neoverse-n1 -threads=4
/// -fast-math".
struct Target {
  std::string kind;                   // the back end: "llvm"
  std::string triple, cpu;            // llvm: resolved to this host's where the text names none
  std::vector<std::string> features;  // names of CPU features that code may use, sorted
  int threads = 0;                    // 0: as many as this process may use
  bool fast_math = false;
  bool is_host = true;       // its code runs in this process
  int vector_bits = 0;       // of the widest vector registers
  int vector_registers = 0;  // how many
  std::string text;          // what the user wrote

  bool has_feature(const std::string& name) const;
  bool is_aarch64() const { return triple.starts_with("aarch64"); }
  /// The whole target, nothing left out: equal for equal code.
  std::string to_string() const;
};

/// Errors: a value error for an unknown back end, option, CPU name (with the nearest names) or triple.
Target parse_target(const std::string& text);

}  // namespace tw::codegen
