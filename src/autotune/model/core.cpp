#include "autotune/model/core.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "autotune/model/traffic.h"

namespace tw::autotune {
namespace {

using Kind = Nest::Loop::Kind;

// A usual core of this decade: two vector units, two loads and one store a cycle, six instructions.
constexpr double kUnits = 2, kLoadPorts = 2, kStorePorts = 1, kIssue = 6;
constexpr double kSumLatency = 4, kMemorySumLatency = 11;
/// Instructions that a loop may have before they come from further than the front end's own cache.
constexpr double kQuickCode = 3000;

double vectors(double elements, double lanes) {
  return std::ceil(elements / std::max(1.0, lanes));
}

/// What the inner loops, below depth `from`, make of one statement.
class Body {
 public:
  Body(const Nest& nest, const Nest::Statement& statement, std::size_t from, const Machine& machine)
      : nest_(nest), statement_(statement), from_(from) {
    const double bytes = std::max(1.0, statement.work.wide > 0 ? statement.work.wide : widest());
    lanes_ = std::max(1.0, machine.vector_bytes / bytes);
    for (std::size_t d = from; d < statement.loops.size(); ++d) {
      const double turns = std::max(1.0, loop(d).turns);
      if (static_cast<int>(d) == statement.vector) {
        vector_turns_ = turns;
      } else {
        copies_ *= turns;
      }
    }
    if (statement.vector < static_cast<int>(from) && statement.intrinsic.empty()) lanes_ = 1;
    vectors_ = copies_ * vectors(vector_turns_, lanes_);
  }

  void add_to(InnerKernel& kernel) {
    const Work& work = statement_.work;
    kernel.arithmetic += vectors_ * (work.instructions + work.function_cost);
    kernel.divisions += vectors_ * work.divisions * (lanes_ > 1 ? 8 : 4);
    const double operations = copies_ * vector_turns_ * work.operations;
    kernel.operations += operations;
    kernel.lanes_used +=
        operations * (statement_.intrinsic.empty() ? vector_turns_ / vectors(vector_turns_, lanes_) : lanes_);
    for (const Nest::Access& access : statement_.accesses) add_access(access, kernel);
  }

 private:
  const Nest::Loop& loop(std::size_t d) const {
    return nest_.loops[static_cast<std::size_t>(statement_.loops[d])];
  }
  double widest() const {
    double bytes = 1;
    for (const Nest::Access& access : statement_.accesses)
      bytes = std::max<double>(bytes, nest_.buffers[static_cast<std::size_t>(access.buffer)].bytes);
    return bytes;
  }
  bool moves_in_leaf(const Nest::Access& access) const { return from_ == 0 || access.varies[from_ - 1]; }

  /// How many vectors (or scalars) the inner loops read or write at one place of the text.
  double pieces_of(const Nest::Access& access, double& shuffles) const {
    const double elements = access.elements[from_];
    if (!statement_.intrinsic.empty()) {
      const double bytes = access.box * nest_.buffers[static_cast<std::size_t>(access.buffer)].bytes;
      return elements / access.box * std::max(1.0, bytes / 64);
    }
    const bool moves = statement_.vector >= static_cast<int>(from_) &&
                       access.varies[static_cast<std::size_t>(statement_.vector)];
    if (!moves || lanes_ == 1) return elements;
    if (!access.scattered && std::llabs(access.stride) == 1) {
      const double runs = elements / vector_turns_;
      return runs * vectors(vector_turns_, lanes_);
    }
    if (!access.scattered && access.lines[from_] * 4 < elements) {
      // Neighbouring columns: rows are moved as vectors and transposed in registers.
      shuffles += elements / lanes_ * std::log2(lanes_);
      return elements / lanes_;
    }
    shuffles += elements;
    return elements;
  }

  void add_access(const Nest::Access& access, InnerKernel& kernel) const {
    const Nest::Buffer& buffer = nest_.buffers[static_cast<std::size_t>(access.buffer)];
    double shuffles = 0;
    const double pieces = pieces_of(access, shuffles);
    if (buffer.registers) {
      if (access.updates || (access.store && updates_itself(access))) {
        if (!access.store) return;
        kernel.accumulators += pieces;
        add_chain(access, pieces, kSumLatency, kernel);
      }
      return;
    }
    kernel.shuffles += shuffles;
    if (access.store) {
      kernel.stores += pieces;
      if (updates_itself(access) && !moves_in_leaf(access))
        add_chain(access, pieces, kMemorySumLatency, kernel);
      return;
    }
    if (!moves_in_leaf(access) && !access.updates && !buffer.written) {
      kernel.live += std::min(pieces, 8.0);  // read before the loop
      return;
    }
    kernel.loads += pieces;
    const bool is_vector = statement_.vector >= static_cast<int>(from_) &&
                           access.varies[static_cast<std::size_t>(statement_.vector)];
    // Of what a tile multiplies, one side waits in registers; single elements come as they are used.
    if (is_vector) kernel.live += std::min(pieces, 4.0);
  }

  bool updates_itself(const Nest::Access& store) const {
    return std::any_of(
        statement_.accesses.begin(), statement_.accesses.end(),
        [&](const Nest::Access& other) { return other.updates && other.buffer == store.buffer; });
  }

  /// Updates of one sum follow each other; different sums do not wait.
  void add_chain(const Nest::Access& access, double pieces, double latency, InnerKernel& kernel) const {
    // A buffer allocated in a loop that is written out is another one in each of its turns.
    const int home = nest_.buffers[static_cast<std::size_t>(access.buffer)].home;
    for (auto d = from_; d < static_cast<std::size_t>(home); ++d) pieces *= std::max(1.0, loop(d).turns);
    double in_row = vectors_ / std::max(1.0, pieces);
    if (moves_in_leaf(access)) in_row = std::max(0.0, in_row - 1);
    kernel.chain = std::max(kernel.chain, latency * in_row);
  }

  const Nest& nest_;
  const Nest::Statement& statement_;
  std::size_t from_;
  double lanes_ = 1, copies_ = 1, vector_turns_ = 1, vectors_ = 1;
};

void finish(InnerKernel& kernel, const Machine& machine) {
  kernel.live += kernel.accumulators;
  if (kernel.operations > 0) kernel.lanes_used /= kernel.operations;
  kernel.spills = std::max(0.0, kernel.live + 1 - machine.vector_registers);
  const double loads = kernel.loads + kernel.spills, stores = kernel.stores + kernel.spills;
  kernel.code = kernel.arithmetic + kernel.loads + kernel.stores + kernel.shuffles + 2 * kernel.spills + 2;
  const double fused = std::min(kernel.loads, kernel.arithmetic);  // loads that are operands of arithmetic
  double cycles = std::max({kernel.arithmetic / kUnits + kernel.shuffles / kUnits, loads / kLoadPorts,
                            stores / kStorePorts, (kernel.code - fused) / kIssue, kernel.chain, 1.0});
  if (kernel.code > kQuickCode) cycles = std::max(cycles, kernel.code / 2.5);
  // What is spilled is waited for: it is stored late and read soon.
  kernel.cycles = cycles + kernel.divisions + kernel.spills + 0.02 * kernel.code;
}

}  // namespace

std::vector<InnerKernel> kernels_of(const Nest& nest, const Machine& machine) {
  std::vector<InnerKernel> kernels;
  std::map<int, std::size_t> of_loop;
  for (std::size_t i = 0; i < nest.statements.size(); ++i) {
    const Nest::Statement& statement = nest.statements[i];
    const auto from = static_cast<std::size_t>(statement.inner);
    const int leaf = from == 0 ? -1 : statement.loops[from - 1];
    const auto [found, is_first] = of_loop.try_emplace(leaf, kernels.size());
    if (is_first) {
      InnerKernel kernel;
      kernel.loop = leaf;
      for (std::size_t d = 0; d < from; ++d) {
        const Nest::Loop& loop = nest.loops[static_cast<std::size_t>(statement.loops[d])];
        kernel.turns *= loop.turns;
        if (d + 1 < from) kernel.entries *= loop.turns;
        if (loop.kind == Kind::kParallel && kernel.threads == 1 && loop.turns > 0)
          kernel.threads = loop.turns / std::ceil(loop.turns / machine.threads);
      }
      kernels.push_back(kernel);
    }
    InnerKernel& kernel = kernels[found->second];
    kernel.statements.push_back(i);
    Body(nest, statement, from, machine).add_to(kernel);
  }
  for (InnerKernel& kernel : kernels) {
    double share = 0;
    for (const std::size_t i : kernel.statements) share = std::max(share, nest.statements[i].share);
    kernel.turns *= share;
    finish(kernel, machine);
  }
  return kernels;
}

}  // namespace tw::autotune
