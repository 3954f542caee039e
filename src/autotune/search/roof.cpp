#include "autotune/search/roof.h"

#include <algorithm>
#include <map>

#include "autotune/space/facts.h"
#include "runtime/core/call.h"
#include "runtime/roof.h"
#include "support/error.h"

namespace tw::autotune {
namespace {

constexpr double kMostly = 0.9;

/// The type of the factors of the block with most arithmetic, as the roof calls it; empty: not measured.
std::string rate_name(const Facts& facts) {
  const BlockFacts* most = nullptr;
  for (const BlockFacts& block : facts.blocks)
    if (!most || block.operations > most->operations) most = &block;
  if (!most) return "float32";
  DType dtype = most->dtype;
  for (const ReadFacts& read : most->reads)
    if (most->kind == BlockKind::kContraction && read.dtype.bits < dtype.bits) dtype = read.dtype;
  if (dtype == kFloat32) return "float32";
  if (dtype == kBFloat16) return "bfloat16";
  if (dtype == kInt8 || dtype == kUInt8) return "int8";
  return "";
}

/// Bytes of arguments that are there and not read: a gather of few rows from a large table.
double unread_bytes(const Facts& facts) {
  struct Use {
    double elements = 0, read = 0, bytes = 0;
  };
  std::map<std::string, Use> uses;
  for (const BlockFacts& block : facts.blocks)
    for (const ReadFacts& read : block.reads) {
      if (!read.parameter) continue;
      Use& use = uses[read.buffer];
      use.elements = static_cast<double>(read.elements);
      use.bytes = read.dtype.bytes();
      use.read += static_cast<double>(block.points);
    }
  double unread = 0;
  for (const auto& [buffer, use] : uses) unread += std::max(0.0, use.elements - use.read) * use.bytes;
  return unread;
}

}  // namespace

double Roofline::seconds() const {
  return peak > 0 && bandwidth > 0 ? std::max(operations / peak, bytes / bandwidth) : 0;
}

Roofline roofline_of(const Workload& workload) {
  const Facts facts = facts_of(workload);
  Roofline found;
  found.operations = facts.operations;
  const double unread = unread_bytes(facts);
  found.bytes = std::max(0.0, static_cast<double>(facts.input_bytes + facts.output_bytes) - unread);
  const std::string rate = rate_name(facts);
  if (rate.empty() || !workload.machine.target.is_host) return found;
  const int threads = std::min(workload.machine.threads, static_cast<int>(tw_usable_threads()));
  // A kernel that mostly reads is held to the speed of reading.
  const char* kind = facts.output_bytes * 8 <= facts.input_bytes ? "read" : "copy";
  try {
    const runtime::Roof roof = runtime::measure_roof({.quick = true});
    found.peak = roof.operations(rate, threads);
    found.bandwidth = roof.bandwidth(kind, static_cast<int64_t>(found.bytes), threads);
  } catch (const UserError&) {
    found.peak = 0;  // no such rate on this machine
  }
  double products = 0;
  for (const BlockFacts& block : facts.blocks)
    if (block.kind == BlockKind::kContraction) products += block.operations;
  // Which elements a gather reads depends on data: several of them may be the same.
  found.is_sharp = unread == 0 && (products > kMostly * found.operations ||
                                   found.bytes * found.peak > found.operations * found.bandwidth);
  return found;
}

}  // namespace tw::autotune
