// What this machine is: facts that the roof and its cache go by.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tw::runtime {

/// A data or unified cache. `bytes` is one cache; `shared_by` the processors that share it.
struct Cache {
  int level = 0;
  int64_t bytes = 0;
  int shared_by = 1;
};

struct Machine {
  std::string cpu;            // vendor, family, model, stepping and the name that the system gives
  std::string features;       // what decides which kernels run: "avx512f avx512bf16 …"
  int threads = 1;            // processors that this process may use
  std::vector<Cache> caches;  // from the first level on, as far as the system tells
  int64_t memory_bytes = 0;   // 0: unknown

  /// The capacity of all caches of a level that `threads` threads reach, spread as widely as they go; the
  /// last level's beyond that. A usual size where the system does not tell.
  int64_t cache_bytes(int level, int threads) const;
  /// One line that is equal on equal hardware: what figures measured here hold for.
  std::string fingerprint() const;
};

/// Reads the system's files; does not fail.
Machine this_machine();

}  // namespace tw::runtime
