// The numbers that the learned model sees: of the whole run, of each level of the memory, of what arithmetic
// and registers do, and of the few kernels (innermost loops) that take most of the time.
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numeric>

#include <fmt/format.h>

#include "autotune/model/core.h"
#include "autotune/model/nest.h"
#include "autotune/model/traffic.h"

namespace tw::autotune {
namespace {

using Kind = Nest::Loop::Kind;

constexpr const char* kAnalyticFeature = "analytic_microseconds";
constexpr std::size_t kKernels = 4;  // that are described one by one

/// log2(1 + x), which is 0 for nothing and finite for anything.
double grown(double x) {
  return std::log2(1 + std::clamp(std::isfinite(x) ? x : 1e30, 0.0, 1e30));
}
/// log2(a / b), within what floats and trees can tell apart.
double ratio(double a, double b) {
  return std::clamp(std::log2(std::max(a, 1e-30) / std::max(b, 1e-30)), -64.0, 64.0);
}

/// Numbers with their names, in the order they are added.
class Row {
 public:
  void add(const std::string& name, double value) {
    names.push_back(prefix + name);
    values.push_back(static_cast<float>(std::isfinite(value) ? value : 0));
  }
  std::string prefix;
  std::vector<std::string> names;
  std::vector<float> values;
};

/// The kernel's share of the work of the run, before the machine's speed is known.
double weight_of(const InnerKernel& kernel) {
  return kernel.cycles * kernel.turns / std::max(1.0, kernel.threads);
}

void add_run(Row& row, const Nest& nest, const std::vector<InnerKernel>& kernels,
             const Footprints& footprints, const Machine& machine) {
  double computing = 0, turns = 0, regions = 0, region_turns = 0, imbalance = 1, serial = 0, vector_work = 0;
  double instances = 0, conditional = 0;
  for (const InnerKernel& kernel : kernels) {
    computing += weight_of(kernel);
    turns += kernel.turns;
    if (kernel.threads <= 1) serial += weight_of(kernel);
  }
  for (const Nest::Loop& loop : nest.loops) {
    if (loop.kind != Kind::kParallel) continue;
    regions += 1;
    region_turns = std::max(region_turns, loop.turns);
    imbalance = std::max(
        imbalance, std::ceil(loop.turns / machine.threads) * machine.threads / std::max(1.0, loop.turns));
  }
  for (const Nest::Statement& statement : nest.statements) {
    const double operations = statement.instances * statement.work.operations;
    instances += statement.instances;
    if (statement.vector >= 0 || !statement.intrinsic.empty()) vector_work += operations;
    if (statement.conditional) conditional += statement.instances;
  }
  row.prefix = "run.";
  row.add("operations", grown(nest.operations));
  row.add("bytes", grown(nest.compulsory_bytes));
  row.add("operations_per_byte", ratio(nest.operations, nest.compulsory_bytes));
  row.add("bytes_of_last", ratio(nest.compulsory_bytes, static_cast<double>(machine.last)));
  row.add("statements", grown(static_cast<double>(nest.statements.size())));
  row.add("kernels", grown(static_cast<double>(kernels.size())));
  row.add("cycles_per_operation", ratio(computing, nest.operations + 1));
  row.add("turns_per_operation", ratio(turns, nest.operations + 1));
  row.add("instances_per_operation", ratio(instances, nest.operations + 1));
  row.add("regions", grown(regions));
  row.add("region_turns_of_threads", ratio(std::max(1.0, region_turns), machine.threads));
  row.add("imbalance", imbalance - 1);
  row.add("serial_share", computing > 0 ? serial / computing : 0);
  row.add("vector_share", nest.operations > 0 ? vector_work / nest.operations : 0);
  row.add("conditional_share", instances > 0 ? conditional / instances : 0);
  row.add("footprint_of_second",
          ratio(footprints.of(Granule::kLine).back(), static_cast<double>(machine.second)));
  row.add("footprint_of_last", ratio(footprints.all_threads, static_cast<double>(machine.last)));
  row.add(kAnalyticFeature, ratio(analytic_seconds(nest, machine), 1e-6));
  row.add("element_bytes", nest.dtype.bytes());
  row.add("threads", machine.threads);
}

/// What crosses into each level, against what must and against the arithmetic; temporaries beside arguments.
void add_memory(Row& row, const Nest& nest, const Footprints& footprints, const Machine& machine) {
  const std::array<MemoryLevel, kLevels> levels = memory_levels(machine);
  const char* const names[] = {"first.", "second.", "last.", "pages."};
  for (std::size_t i = 0; i < levels.size(); ++i) {
    double read = 0, written = 0, lonely = 0, temporary = 0, constant = 0, strided = 0;
    const std::vector<std::vector<Crossing>> crossings = crossings_of(nest, levels[i], footprints, machine);
    for (std::size_t s = 0; s < crossings.size(); ++s)
      for (std::size_t a = 0; a < crossings[s].size(); ++a) {
        const Nest::Access& access = nest.statements[s].accesses[a];
        const double lines = crossings[s][a].lines;
        const Nest::Buffer& buffer = nest.buffers[static_cast<std::size_t>(access.buffer)];
        (access.store ? written : read) += lines;
        lonely += lines * crossings[s][a].lonely;
        if (!buffer.argument) temporary += lines;
        if (buffer.constant) constant += lines;
        if (std::llabs(access.stride) > 1) strided += lines;
      }
    const double all = read + written, bytes = 64 * all;
    row.prefix = names[i];
    row.add("bytes_of_compulsory", ratio(bytes + 64, nest.compulsory_bytes + 64));
    row.add("operations_per_byte", ratio(nest.operations + 1, bytes + 64));
    row.add("written_of_read", ratio(written + 1, read + 1));
    row.add("temporary_share", all > 0 ? temporary / all : 0);
    row.add("constant_share", all > 0 ? constant / all : 0);
    row.add("lonely_share", all > 0 ? lonely / all : 0);
    row.add("strided_share", all > 0 ? strided / all : 0);
  }
}

/// Loops around a kernel whose turn fits a cache: how much is done before it must be filled again.
double turns_within(const Nest& nest, const Footprints& footprints, int loop, double cache) {
  double turns = 1;
  for (; loop >= 0; loop = nest.loops[static_cast<std::size_t>(loop)].parent) {
    const auto number = static_cast<std::size_t>(loop);
    if (footprints.of(Granule::kLine)[number] > cache) break;
    turns *= std::max(1.0, nest.loops[number].turns);
  }
  return turns;
}

void add_kernel(Row& row, const Nest& nest, const InnerKernel* kernel, double share,
                const Footprints& footprints, const Machine& machine) {
  static const InnerKernel none;
  const InnerKernel& k = kernel ? *kernel : none;
  const double registers = machine.vector_registers;
  row.add("share", share);
  row.add("turns_of_entry", grown(k.turns / std::max(1.0, k.entries)));
  row.add("entries", grown(kernel ? k.entries : 0));
  row.add("threads", k.threads);
  row.add("arithmetic", grown(k.arithmetic));
  row.add("divisions", grown(k.divisions));
  row.add("loads", grown(k.loads));
  row.add("stores", grown(k.stores));
  row.add("shuffles", grown(k.shuffles));
  row.add("loads_of_arithmetic", ratio(k.loads + 0.1, k.arithmetic + 0.1));
  row.add("accumulators_of_registers", ratio(k.accumulators + 1, registers));
  row.add("live_of_registers", ratio(k.live + 1, registers));
  row.add("spills", grown(k.spills));
  row.add("chain_of_cycles", k.cycles > 0 ? k.chain / k.cycles : 0);
  row.add("lanes_used", grown(k.lanes_used));
  row.add("code", grown(k.code));
  row.add("operations_per_cycle", ratio(k.operations + 0.01, k.cycles + 0.01));
  double bytes = 0, crowded = 0, widest = 0, lines = 0, conditional = 0, share_of_turns = 1;
  if (kernel) {
    const auto number = k.loop >= 0 ? static_cast<std::size_t>(k.loop) : nest.loops.size();
    bytes = footprints.of(Granule::kLine)[number];
    crowded = footprints.of(Granule::kCrowdedLine)[number];
    for (const std::size_t i : k.statements) {
      const Nest::Statement& statement = nest.statements[i];
      conditional = std::max(conditional, statement.conditional ? 1.0 : 0.0);
      share_of_turns = std::min(share_of_turns, statement.share);
      for (const Nest::Access& access : statement.accesses) {
        widest = std::max(widest, static_cast<double>(std::llabs(access.stride)));
        lines += access.store ? 0 : access.lines[0] / std::max(1.0, access.elements[0]);
      }
    }
  }
  row.add("turn_bytes_of_first", ratio(bytes + 1, static_cast<double>(machine.first)));
  row.add("crowding", ratio(crowded + 1, bytes + 1));
  row.add("widest_stride", grown(widest));
  row.add("lines_per_element", lines);
  row.add("conditional", conditional);
  row.add("share_of_turns", share_of_turns);
  const int loop = kernel ? k.loop : -1;
  row.add("turns_in_first", grown(turns_within(nest, footprints, loop, static_cast<double>(machine.first))));
  row.add("turns_in_second",
          grown(turns_within(nest, footprints, loop, static_cast<double>(machine.second))));
  row.add("turns_in_last", grown(turns_within(nest, footprints, loop, static_cast<double>(machine.last))));
}

Row row_of(const Nest& nest, const Machine& machine) {
  const Footprints footprints = footprints_of(nest, machine);
  const std::vector<InnerKernel> kernels = kernels_of(nest, machine);
  Row row;
  add_run(row, nest, kernels, footprints, machine);
  add_memory(row, nest, footprints, machine);

  std::vector<std::size_t> heaviest(kernels.size());
  std::iota(heaviest.begin(), heaviest.end(), 0);
  std::stable_sort(heaviest.begin(), heaviest.end(), [&](std::size_t a, std::size_t b) {
    return weight_of(kernels[a]) > weight_of(kernels[b]);
  });
  double all = 0;
  for (const InnerKernel& kernel : kernels) all += weight_of(kernel);
  for (std::size_t i = 0; i < kKernels; ++i) {
    const InnerKernel* kernel = i < heaviest.size() ? &kernels[heaviest[i]] : nullptr;
    row.prefix = fmt::format("kernel{}.", i);
    add_kernel(row, nest, kernel, kernel && all > 0 ? weight_of(*kernel) / all : 0, footprints, machine);
  }
  return row;
}

}  // namespace

std::vector<float> features_of(const Nest& nest, const Machine& machine) {
  return row_of(nest, machine).values;
}

double analytic_seconds_of(const std::vector<float>& features) {
  const std::vector<std::string>& names = feature_names();
  const auto at =
      std::find(names.begin(), names.end(), std::string("run.") + kAnalyticFeature) - names.begin();
  if (features.size() != names.size()) return 0;
  return 1e-6 * std::exp2(features[static_cast<std::size_t>(at)]);
}

const std::vector<std::string>& feature_names() {
  static const std::vector<std::string> names = row_of(Nest{}, Machine{}).names;
  return names;
}

}  // namespace tw::autotune
