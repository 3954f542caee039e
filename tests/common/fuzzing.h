// How much a fuzzer tries, and where it begins: numbers that environment variables set.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace tw::test {

/// The number that an environment variable holds; `usual` without it.
inline uint64_t from_environment(const char* name, uint64_t usual) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : usual;
}

/// TW_FUZZ_COUNT: how many random cases.
inline uint64_t fuzz_count(uint64_t usual) {
  return from_environment("TW_FUZZ_COUNT", usual);
}

/// TW_FUZZ_SEED: the first of them, or what all of them are drawn from.
inline uint64_t fuzz_seed(uint64_t usual = 1) {
  return from_environment("TW_FUZZ_SEED", usual);
}

}  // namespace tw::test
