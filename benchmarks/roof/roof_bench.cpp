// Measures the roof and prints it: arithmetic by thread count, bandwidth by working set and thread count.
//
//   bench_roof [--quick] [--cached] [--json FILE]
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>

#include <fmt/core.h>

#include "runtime/roof.h"
#include "support/error.h"

namespace tw::runtime {
namespace {

std::string size_text(int64_t bytes) {
  return bytes < (1 << 20) ? fmt::format("{} KiB", bytes >> 10)
                           : fmt::format("{:.4g} MiB", static_cast<double>(bytes) / (1 << 20));
}

void print(const Roof& roof) {
  fmt::print("{}\n\n{:<10} {:>7} {:>10}   {}\n", roof.machine, "dtype", "threads", "Gop/s", "computed by");
  for (const ComputeRate& r : roof.rates)
    fmt::print("{:<10} {:>7} {:>10.1f}   {}\n", r.dtype, r.threads, r.operations / 1e9, r.instructions);
  fmt::print("\n{:<12} {:>7} {:>10} {:>10} {:>10}   GB/s\n", "working set", "threads", "read", "write",
             "copy");
  for (const Bandwidth& b : roof.bandwidths)
    fmt::print("{:<12} {:>7} {:>10.1f} {:>10.1f} {:>10.1f}\n", size_text(b.working_set), b.threads,
               b.read / 1e9, b.write / 1e9, b.copy / 1e9);
}

int run(int argc, char** argv) {
  RoofOptions options{.quick = false, .refresh = true};
  const char* json = nullptr;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--quick") == 0) {
      options.quick = true;
    } else if (std::strcmp(argv[i], "--cached") == 0) {
      options.refresh = false;
    } else if (std::strcmp(argv[i], "--json") == 0 && i + 1 < argc) {
      json = argv[++i];
    } else {
      fmt::print(stderr, "usage: {} [--quick] [--cached] [--json FILE]\n", argv[0]);
      return 2;
    }
  }
  const auto begin = std::chrono::steady_clock::now();
  const Roof roof = measure_roof(options);
  print(roof);
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
  fmt::print("\nin {:.2f} seconds\n", time.count());
  if (!json) return 0;
  std::ofstream file(json);
  file << roof.to_json() << "\n";
  if (file.flush()) return 0;
  fmt::print(stderr, "cannot write {}\n", json);
  return 1;
}

}  // namespace
}  // namespace tw::runtime

int main(int argc, char** argv) {
  try {
    return tw::runtime::run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
