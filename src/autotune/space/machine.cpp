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
    machine.first = host.cache_bytes(1, 1);
    machine.second = host.cache_bytes(2, 1);
    machine.last = std::max(machine.second, host.cache_bytes(3, 1));
  }
  return machine;
}

}  // namespace tw::autotune
