#include "autotune/model/nest.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "autotune/model/nest_walk.h"
#include "codegen/prepare.h"

namespace tw::autotune {
namespace {

constexpr double kLineBytes = 64, kPageBytes = 4096;

using Kind = Nest::Loop::Kind;

/// Counts what the accesses of a walk meet.
class Counter {
 public:
  Counter(Walk walk, const Machine& machine)
      : nest(std::move(walk.nest)),
        machine_(machine),
        digits_(std::move(walk.digits)),
        layouts_(std::move(walk.layouts)) {
    compact(walk.places);
    for (const Place& place : walk.places) measure(place);
    find_registers(walk.places);
    finish();
  }
  Nest nest;

 private:
  /// The steps of a subscript from a depth on, within the extent of its dimension.
  std::vector<Progression> steps_of(const Place& place, std::size_t d, int from, double extent) const {
    std::vector<Progression> steps = digits_.progressions(place.subscripts[d], from);
    if (place.extents[d] > 1) steps.push_back({1, place.extents[d]});
    steps = merged(std::move(steps));
    if (digits_.is_scattered(place.subscripts[d])) {
      const double values = std::min(count_of(steps), std::max(1.0, extent));
      return {{std::max(1.0, std::floor(extent / values)), values}};
    }
    // Padding and ragged ends reach beyond the dimension.
    double room = std::max(0.0, extent - 1);
    for (Progression& step : steps) {
      step.count = std::min(step.count, std::floor(room / step.step) + 1);
      room -= step.step * (step.count - 1);
    }
    return steps;
  }

  /// Allocations shrink to what one turn of the loops around them needs.
  void compact(const std::vector<Place>& places) {
    std::unordered_map<const BufferNode*, std::vector<double>> needed;
    for (const Place& place : places) {
      const Nest::Buffer& buffer = nest.buffers[static_cast<std::size_t>(layouts_.at(place.buffer).number)];
      if (buffer.argument) continue;
      const std::vector<double>& shape = layouts_.at(place.buffer).shape;
      std::vector<double>& extents = needed.try_emplace(place.buffer, shape.size(), 1).first->second;
      for (std::size_t d = 0; d < extents.size(); ++d) {
        double width = 1;
        for (const Progression& step : steps_of(place, d, buffer.home, shape[d]))
          width += step.step * (step.count - 1);
        extents[d] = std::max(extents[d], std::min(width, std::max(1.0, shape[d])));
      }
    }
    for (const auto& [node, extents] : needed) {
      Nest::Buffer& buffer = nest.buffers[static_cast<std::size_t>(layouts_.at(node).number)];
      std::vector<double>& strides = layouts_.at(node).strides;
      buffer.elements = 1;
      for (std::size_t d = extents.size(); d-- > 0;) {
        if (node->strides.empty()) strides[d] = buffer.elements;
        buffer.elements *= extents[d];
      }
      layouts_.at(node).shape = extents;
    }
  }

  void measure(const Place& place) {
    Nest::Statement& statement = nest.statements[place.statement];
    Nest::Access& access = statement.accesses[place.access];
    const Nest::Buffer& buffer = nest.buffers[static_cast<std::size_t>(access.buffer)];
    const std::vector<double>&shape = layouts_.at(place.buffer).shape,
          &strides = layouts_.at(place.buffer).strides;
    const int loops = static_cast<int>(statement.loops.size());
    access.varies.assign(static_cast<std::size_t>(loops), false);
    for (const DigitSum& subscript : place.subscripts) {
      digits_.mark_loops(subscript, access.varies);
      access.scattered |= digits_.is_scattered(subscript);
    }
    const auto depths = static_cast<std::size_t>(loops) + 1;
    for (auto* counts : {&access.elements, &access.lines, &access.pages, &access.crowded})
      counts->assign(depths, 1);
    double reachable = access.box;  // no more elements than instances that differ
    for (int from = loops; from >= 0; --from) {
      const auto at = static_cast<std::size_t>(from);
      if (from < loops && access.varies[at]) reachable *= std::max(1.0, loop_at(nest, statement, from).turns);
      if (from < loops && (from < buffer.home || !access.varies[at])) {
        copy_counts(access, at);
        continue;
      }
      count_at(place, access, at, shape, strides, reachable);
    }
    access.stride = stride_of(place, statement, access, strides);
  }

  static void copy_counts(Nest::Access& access, std::size_t at) {
    for (auto* counts : {&access.elements, &access.lines, &access.pages, &access.crowded})
      (*counts)[at] = (*counts)[at + 1];
  }

  void count_at(const Place& place, Nest::Access& access, std::size_t at, const std::vector<double>& shape,
                const std::vector<double>& strides, double reachable) const {
    const double bytes = place.buffer->dtype.bytes();
    std::vector<Progression> steps;
    double elements = 1;
    for (std::size_t d = 0; d < place.subscripts.size(); ++d) {
      for (Progression step : steps_of(place, d, static_cast<int>(at), shape[d])) {
        elements *= step.count;
        step.step *= strides[d] * bytes;
        steps.push_back(step);
      }
    }
    access.elements[at] = std::max(1.0, std::min(elements, reachable));
    access.lines[at] = std::max(1.0, std::min(granules(steps, bytes, kLineBytes), access.elements[at]));
    access.pages[at] = std::max(1.0, std::min(granules(steps, bytes, kPageBytes), access.lines[at]));
    const double sets = sets_of(std::move(steps), bytes);
    access.crowded[at] = access.lines[at] > 4 * sets ? access.lines[at] * 64 / sets : access.lines[at];
  }

  /// Along the vectorised loop, or else the innermost serial one.
  int64_t stride_of(const Place& place, const Nest::Statement& statement, Nest::Access& access,
                    const std::vector<double>& strides) const {
    int along = statement.vector;
    for (int d = static_cast<int>(statement.loops.size()); along < 0 && d-- > 0;)
      if (loop_at(nest, statement, d).kind == Kind::kSerial) along = d;
    if (along < 0) return 0;
    double total = 0;
    for (std::size_t d = 0; d < place.subscripts.size(); ++d)
      total += strides[d] * digits_.slope(place.subscripts[d], along, access.scattered);
    return static_cast<int64_t>(total);
  }

  /// Small buffers of which every access is at places known when code is generated.
  void find_registers(const std::vector<Place>& places) {
    const double room = 4.0 * machine_.vector_registers * machine_.vector_bytes;
    for (Nest::Buffer& buffer : nest.buffers)
      buffer.registers = !buffer.argument && buffer.elements * buffer.bytes <= room;
    for (const Place& place : places) {
      const Nest::Statement& statement = nest.statements[place.statement];
      const Nest::Access& access = statement.accesses[place.access];
      Nest::Buffer& buffer = nest.buffers[static_cast<std::size_t>(access.buffer)];
      if (access.scattered) buffer.registers = false;
      for (std::size_t d = static_cast<std::size_t>(buffer.home); d < statement.loops.size(); ++d) {
        const Kind kind = loop_at(nest, statement, static_cast<int>(d)).kind;
        if (access.varies[d] && (kind == Kind::kSerial || kind == Kind::kParallel) &&
            loop_at(nest, statement, static_cast<int>(d)).turns > 1)
          buffer.registers = false;
      }
    }
  }

  void finish() {
    std::unordered_map<int, double> of_type;
    double most = 0;
    for (const Nest::Statement& statement : nest.statements) {
      const double operations = statement.instances * statement.work.operations;
      nest.operations += operations;
      const DType dtype = statement.work.dtype;
      double& total = of_type[static_cast<int>(dtype.code) * 256 + dtype.bits];
      total += operations;
      if (total > most) {
        most = total;
        nest.dtype = dtype;
      }
    }
    std::vector<double> touched(nest.buffers.size());
    for (const Nest::Statement& statement : nest.statements)
      for (const Nest::Access& access : statement.accesses) {
        double& most_elements = touched[static_cast<std::size_t>(access.buffer)];
        most_elements = std::max(most_elements, access.elements[0]);
      }
    for (std::size_t i = 0; i < touched.size(); ++i)
      if (nest.buffers[i].argument) nest.compulsory_bytes += touched[i] * nest.buffers[i].bytes;
  }

  const Machine& machine_;
  Digits digits_;
  std::unordered_map<const BufferNode*, Layout> layouts_;
};

bool has_constants(const Program& program) {
  return std::any_of(program->params.begin(), program->params.end(),
                     [](const Param& param) { return param.param_kind == ParamKind::kConstant; });
}

}  // namespace

Nest nest_of(const Program& program, const Values& parameters, const Values& sizes, const Machine& machine) {
  if (has_constants(program))
    if (const auto prepared = codegen::split_constants(program))
      return Counter(walk_of(prepared->run, parameters, sizes, machine), machine).nest;
  return Counter(walk_of(program, parameters, sizes, machine), machine).nest;
}

}  // namespace tw::autotune
