// The roof: what this machine can do at most, measured. Every kernel is reported as a fraction of it.
//
//   const Roof roof = measure_roof();
//   roof.operations("float32", 2);            // a second: a multiply-add counts as two
//   roof.bandwidth("read", 1 << 20, 2);       // bytes a second over a working set of 1 MiB
//   roof.seconds("float32", work, bytes, 2);  // no kernel is quicker
//
// Figures are the best of several short runs: a roof is what was reached, not what is usual.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tw::runtime {

/// Arithmetic held in registers. `instructions` says what computed it.
struct ComputeRate {
  std::string dtype;  // of the factors: "float32", "bfloat16", "int8"
  std::string instructions;
  int threads = 1;
  double operations = 0;  // a second, all threads together

  bool operator==(const ComputeRate&) const = default;
};

/// Passes over a working set that the threads share out, each its own part. "copy" counts bytes read and
/// bytes written; half of its set is read, half written. Writes past the caches are taken where they are
/// quicker.
struct Bandwidth {
  int64_t working_set = 0;  // bytes, of all threads together
  int threads = 1;
  double read = 0, write = 0, copy = 0;  // bytes a second, all threads together

  bool operator==(const Bandwidth&) const = default;
};

struct Roof {
  std::string machine;  // Machine::fingerprint() of where it was measured
  bool quick = false;
  std::vector<ComputeRate> rates;
  std::vector<Bandwidth> bandwidths;  // by threads, then by working set

  /// Operations a second. Between thread counts that were measured: on the line between them; beyond: the
  /// nearest. Errors: a dtype that was not measured, threads < 1.
  double operations(const std::string& dtype, int threads) const;
  /// Bytes a second over `working_set` bytes; `kind` is "read", "write" or "copy". Between working sets that
  /// were measured: on the line between them over the logarithm of the size; beyond: the nearest. Threads as
  /// above. Errors: another kind, threads < 1.
  double bandwidth(const std::string& kind, int64_t working_set, int threads) const;
  /// The least time of a kernel that computes `operations` of a dtype and moves `bytes` (copy: some read,
  /// some written) in a working set of as many bytes: whichever of the two takes longer.
  double seconds(const std::string& dtype, double operations, int64_t bytes, int threads) const;

  std::string to_json() const;
  /// Nothing where the text is not one that to_json gave.
  static std::optional<Roof> from_json(const std::string& text);

  bool operator==(const Roof&) const = default;
};

struct RoofOptions {
  bool quick = false;    // one thread and all of them; a working set a cache. Half a second, else two
  bool refresh = false;  // measures even where the cache knows this machine
  std::string cache;     // a folder; empty: tilewright/ in $XDG_CACHE_HOME, or else in ~/.cache
};

/// Measures, or takes from the cache what was measured on the same hardware. A full measurement serves a
/// quick request too. A cache that cannot be read or written costs time only.
Roof measure_roof(const RoofOptions& options = {});

/// The rate of one dtype now, whatever the cache says: clocks change with what else a machine does, so a
/// figure is best compared with a roof of the same minute. Takes 20 ms. Errors: another dtype, no threads
/// or more than tw_usable_threads().
ComputeRate measure_rate(const std::string& dtype, int threads);

/// Bandwidth over one working set, now. At least 16 KiB a thread is taken. Errors: threads as above.
Bandwidth measure_bandwidth(int64_t working_set, int threads);

}  // namespace tw::runtime
