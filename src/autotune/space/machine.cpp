#include "autotune/space/machine.h"

#include <algorithm>

#include "runtime/core/call.h"
#include "runtime/machine.h"

namespace tw::autotune {

int64_t Machine::lanes(DType dtype) const {
  return std::max<int64_t>(1, vector_bytes * 8 / std::max<int64_t>(8, dtype.bits));
}

Machine machine_of(const codegen::Target& target) {
  Machine machine;
  machine.target = target;
  machine.threads = target.threads > 0 ? target.threads : target.is_host ? tw_usable_threads() : 4;
  machine.vector_bytes = std::max(1, target.vector_bits / 8);
  machine.vector_registers = target.vector_registers;
  if (target.is_host) {
    const runtime::Machine host = runtime::this_machine();
    const auto one_cache = [&](int level, int64_t otherwise) {
      for (const runtime::Cache& cache : host.caches)
        if (cache.level == level && cache.bytes > 0) return cache.bytes;
      return otherwise;
    };
    machine.first = one_cache(1, machine.first);
    machine.second = one_cache(2, machine.second);
    machine.last = std::max(machine.second, one_cache(3, machine.last));
  }
  return machine;
}

}  // namespace tw::autotune
