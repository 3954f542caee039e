#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "autotune/model/core.h"
#include "autotune/model/nest.h"
#include "autotune/model/traffic.h"

namespace tw::autotune {
namespace {

using Kind = Nest::Loop::Kind;

constexpr double kHertz = 4.2e9;
/// Bytes a cycle that one core gets from the second cache, the last one and the memory, and how much all
/// cores together get from the memory.
constexpr std::array<double, 3> kBytesPerCycle = {48, 25, 11};
constexpr double kMemoryOfAll = 14;
constexpr double kPageCycles = 5;
constexpr double kRegionCycles = 5000, kTurnCycles = 25, kLoopCycles = 3, kExitCycles = 14;
/// Of what could run beside the slowest part, this much shows.
constexpr double kShown = 0.25;

using Levels = std::array<std::vector<std::vector<Crossing>>, kLevels>;
using Cycles = std::array<double, kLevels>;

/// Cycles of the transfers of one kernel, by level.
Cycles transfers(const Nest& nest, const InnerKernel& kernel, const Levels& crossings) {
  Cycles cycles = {};
  for (std::size_t level = 0; level < cycles.size(); ++level) {
    for (const std::size_t i : kernel.statements) {
      const Nest::Statement& statement = nest.statements[i];
      const bool streaming =
          !statement.loops.empty() && nest.loops[static_cast<std::size_t>(statement.loops.back())].streaming;
      for (std::size_t j = 0; j < statement.accesses.size(); ++j) {
        const Nest::Access& access = statement.accesses[j];
        if (access.updates) continue;  // the store counts
        const Crossing& crossing = crossings[level][i][j];
        if (level == kTranslation) {
          cycles[level] += crossing.lines * kPageCycles;
          continue;
        }
        // A store reads its line first and writes it back later, unless it passes the caches by.
        const double ways = !access.store ? 1 : !streaming ? 2 : level == 2 ? 1 : 0;
        double bytes = 64 * crossing.lines * ways;
        const bool prefetched = nest.buffers[static_cast<std::size_t>(access.buffer)].prefetched;
        if (!prefetched) bytes *= 1 + crossing.lonely * (level == 2 ? 1.5 : 0.5);
        cycles[level] += bytes / kBytesPerCycle[level];
      }
    }
    double threads = kernel.threads;
    if (level == 2) threads = std::min(threads, kMemoryOfAll / kBytesPerCycle[level]);
    cycles[level] /= threads;
  }
  return cycles;
}

/// Beginning, turning and leaving loops that are no innermost ones.
double loop_cycles(const Nest& nest, const std::vector<InnerKernel>& kernels, const Machine& machine) {
  std::vector<double> runs(nest.loops.size(), 1), threads(nest.loops.size(), 1);
  std::vector<bool> innermost(nest.loops.size());
  for (const InnerKernel& kernel : kernels)
    if (kernel.loop >= 0) innermost[static_cast<std::size_t>(kernel.loop)] = true;
  double cycles = 0;
  for (std::size_t i = 0; i < nest.loops.size(); ++i) {
    const Nest::Loop& loop = nest.loops[i];
    if (loop.parent >= 0) {
      const auto parent = static_cast<std::size_t>(loop.parent);
      runs[i] = runs[parent] * std::max(1.0, nest.loops[parent].turns);
      threads[i] = threads[parent];
    }
    const double turns = std::max(1.0, loop.turns);
    if (loop.kind == Kind::kParallel && threads[i] == 1) {
      cycles += runs[i] * (machine.threads > 1 && turns > 1 ? kRegionCycles : 50);
      threads[i] = turns / std::ceil(turns / machine.threads);
      cycles += runs[i] * turns * kTurnCycles / threads[i];
    } else if (loop.kind == Kind::kSerial && turns > 1 && !innermost[i]) {
      cycles += runs[i] * turns * kLoopCycles / threads[i];
    }
  }
  for (const InnerKernel& kernel : kernels) {
    // The end of a short loop is foreseen.
    const double turns = kernel.turns / std::max(1.0, kernel.entries);
    if (kernel.loop >= 0 && turns > 12) cycles += kernel.entries * kExitCycles / kernel.threads;
  }
  return cycles;
}

}  // namespace

double analytic_seconds(const Nest& nest, const Machine& machine) {
  const Footprints footprints = footprints_of(nest, machine);
  const std::vector<InnerKernel> kernels = kernels_of(nest, machine);
  const std::array<MemoryLevel, kLevels> levels = memory_levels(machine);
  Levels crossings;
  for (std::size_t level = 0; level < levels.size(); ++level)
    crossings[level] = crossings_of(nest, levels[level], footprints, machine);
  double cycles = 300 + loop_cycles(nest, kernels, machine);
  for (const InnerKernel& kernel : kernels) {
    const Cycles moved = transfers(nest, kernel, crossings);
    const double computing = kernel.cycles * kernel.turns / kernel.threads;
    const double slowest = std::max(computing, *std::max_element(moved.begin(), moved.end()));
    const double all = std::accumulate(moved.begin(), moved.end(), computing);
    cycles += slowest + kShown * (all - slowest);
  }
  return cycles / kHertz;
}

}  // namespace tw::autotune
