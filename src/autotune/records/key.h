// What a tuning record is of, and where it holds: the workload's text and hash, the family of workloads that
// differ in sizes, and the setting in which it was measured.
//
// The text is that of the first program with names that tell nothing (canonical_text of ir/text.h), so
// everything that changes the result is in it: shapes, strides, dtypes, which inputs are constant, what is
// computed. It parses back to a program on which the record's trace replays.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "autotune/space/sketch.h"
#include "codegen/target.h"
#include "ir/program.h"

namespace tw::autotune {

/// Hashes are 16 hexadecimal digits of XXH3.
struct WorkloadKey {
  std::string text;            // of the first program; equal for expressions that differ in names
  std::string hash;            // of `text`
  std::string family;          // hash of `text` without its numbers: neighbours have the same
  std::vector<int64_t> sizes;  // the integers that were left out for `family`, in order
  bool operator==(const WorkloadKey&) const = default;
};

/// The key of an expression by the program that te::first_program gives.
WorkloadKey key_of(const Program& first);
/// The key whose text this is.
WorkloadKey key_of_text(std::string text);

/// What measurements are comparable within: the resolved target, the hardware, the cache state, whether
/// rewrites within a bound are used (of a request: allowed), the sizes at which it runs.
struct Setting {
  std::string target;   // codegen::Target::to_string()
  std::string machine;  // runtime::Machine::fingerprint()
  std::string cache = "hot";
  bool bounded = false;
  std::vector<Values> sizes;  // of symbolic dimensions, called as in the workload's text
  bool operator==(const Setting&) const = default;
};

/// The setting of measurements that are taken here and now: the target in full, this machine. Sizes are
/// called as in the workload's text.
Setting setting_for(const codegen::Target& target, const std::string& cache, bool bounded,
                    std::vector<Values> sizes);
/// The same of sizes that are called as in the first program.
Setting setting_for(const Program& first, const codegen::Target& target, const std::string& cache,
                    bool bounded, const std::vector<Values>& sizes);

/// How far two lists of sizes are from each other: the root of the sum of squares of log2((a + 1) / (b + 1))
/// over the different pairs (a, b) among them, so that an extent that stands in many places counts once.
/// Infinite for lists of different length.
double distance(const std::vector<int64_t>& a, const std::vector<int64_t>& b);

/// XXH3 of a text, 64 bits, as 16 hexadecimal digits.
std::string hash_of(std::string_view text);

}  // namespace tw::autotune
