// What sketches and models are made relative to: the registers, vectors, caches and threads of a target.
#pragma once

#include <cstdint>

#include "codegen/target.h"
#include "ir/dtype.h"

namespace tw::autotune {

/// Sizes are bytes of one cache, as one thread sees it.
struct Machine {
  codegen::Target target;
  int threads = 1;
  int vector_bytes = 16;
  int vector_registers = 16;
  int64_t first = 32 << 10, second = 512 << 10, last = 16 << 20;

  /// How many elements a vector register holds; at least 1.
  int64_t lanes(DType dtype) const;
  bool has_feature(const char* name) const { return target.has_feature(name); }
};

/// For this host what the system says; for other machines usual figures of their kind.
Machine machine_of(const codegen::Target& target);

}  // namespace tw::autotune
