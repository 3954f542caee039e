#include "autotune/space/rows_steps.h"

#include <algorithm>

#include "ir/visit.h"
#include "support/error.h"

namespace tw::autotune {
namespace {

/// The variable of a loop around a block.
Var variable_of(Script& s, BlockRef block, LoopRef loop) {
  const std::vector<LoopRef> refs = s.loops(block);
  const std::vector<const For*> loops = block_place(s, block).loops();
  for (std::size_t i = 0; i < refs.size(); ++i)
    if (refs[i] == loop) return loops.at(i)->var;
  return {};
}

}  // namespace

schedule::BlockPlace block_place(Script& s, BlockRef block) {
  const std::string name = s.name(block);
  for (schedule::BlockPlace& place : schedule::all_blocks(s.schedule().program()))
    if (place.block().name.text == name) return place;
  raise_internal("no block {}", name);
}

bool Draft::is_output(const BlockFacts& block) const {
  for (const schedule::BlockPlace& place : schedule::all_blocks(workload.program)) {
    if (place.block().name.text != block.name) continue;
    for (const Region& write : place.block().writes)
      for (const Param& param : workload.program->params)
        if (param.is_buffer() && param.buffer.same_as(write.buffer)) return true;
  }
  return false;
}

int64_t Draft::lanes(const BlockFacts& block) const {
  DType widest = block.dtype;
  for (const ReadFacts& read : block.reads)
    if (read.dtype.bits > widest.bits) widest = read.dtype;
  if (widest.is_float() && widest.bits < 32) widest = kFloat32;
  return machine().lanes(widest);
}

BlockLoops loops_of(Script& s, BlockRef block, std::optional<LoopRef> inside) {
  const schedule::BlockPlace place = block_place(s, block);
  const std::vector<const For*> loops = place.loops();
  const std::vector<LoopRef> refs = s.loops(block);
  std::size_t first = 0;
  if (inside)
    first = static_cast<std::size_t>(std::find(refs.begin(), refs.end(), *inside) - refs.begin()) + 1;
  BlockLoops found;
  found.of_axis.resize(place.block().axes.size());
  for (std::size_t i = first; i < refs.size(); ++i) {
    found.all.push_back(refs[i]);
    bool reduced = false;
    for (std::size_t a = 0; a < found.of_axis.size(); ++a) {
      const BlockAxis& axis = place.block().axes[a];
      if (!uses_var(axis.binding, loops.at(i)->var)) continue;
      found.of_axis[a].push_back(refs[i]);
      reduced |= axis.axis_kind == AxisKind::kReduction;
    }
    (reduced ? found.reduced : found.spatial).push_back(refs[i]);
  }
  return found;
}

LoopRef run_along(Script& s, LoopRef loop, int64_t lanes, int64_t vectors) {
  const auto [outer, lane] = s.split<2>(loop, {None{}, vectors * lanes});
  s.vectorize(lane);
  return outer;
}

Partial reduce_along(Script& s, BlockRef block, LoopRef along, int64_t lanes, int64_t chains) {
  Partial partial;
  const auto [chunk, part] = s.split<2>(along, {None{}, chains * lanes});
  partial.chunk = chunk;
  partial.block = s.rfactor(part, -1);
  const auto [chain, lane] = s.split<2>(s.loops(partial.block).back(), {chains, lanes});
  s.unroll(chain);
  s.vectorize(lane);
  for (int64_t width = chains * lanes; width > 4;) {
    width = std::min(std::max<int64_t>(1, width / 4), lanes);
    const auto [parts, kept] = s.split<2>(s.loops(block).back(), {None{}, width});
    const std::vector<LoopRef> loops = s.loops(s.rfactor(kept, -1));
    s.unroll(loops[loops.size() - 2]);
    s.vectorize(loops.back());
  }
  s.unroll(s.loops(block).back());
  return partial;
}

void write_past_caches(Script& s, LoopRef loop) {
  s.apply("pragma", {loop, "streaming_stores", 1});
}

void fetch_next_row(Draft& d, LoopRef chunk, int64_t turns) {
  Script& s = d.script;
  std::vector<std::pair<std::string, std::string>> wanted;  // block, buffer
  for (const schedule::BlockPlace& place : schedule::all_blocks(s.schedule().program())) {
    const std::vector<LoopRef> refs = s.loops(s.block(place.block().name));
    if (std::find(refs.begin(), refs.end(), chunk) == refs.end()) continue;
    const Var var = variable_of(s, s.block(place.block().name), chunk);
    for_each_node(place.block().body, [&](const Node* node) {
      const auto* load = as<Load>(node);
      if (!load) return;
      int64_t bytes = load->buffer->dtype.bytes();
      for (const Expr& extent : load->buffer->shape) bytes *= d.workload.number(extent);
      const bool argument = std::any_of(
          d.workload.program->params.begin(), d.workload.program->params.end(),
          [&](const Param& param) { return param.is_buffer() && param.buffer.same_as(load->buffer); });
      const std::pair<std::string, std::string> read(place.block().name.text, load->buffer->name.text);
      if (argument && bytes > d.machine().second &&
          std::none_of(wanted.begin(), wanted.end(),
                       [&](const auto& other) { return other.second == read.second; }))
        wanted.push_back(read);
    });
  }
  for (const auto& [block, buffer] : wanted) {
    try {
      s.apply("prefetch", {s.block(block), buffer, chunk, turns});
    } catch (const UserError&) {
      // The same elements in every turn, or one vector of them all: nothing to fetch.
    }
  }
}

bool worth_threads(const Draft& d, double operations, double bytes) {
  // A region of several threads takes about a microsecond to begin and to end.
  const double lanes = static_cast<double>(d.machine().lanes(kFloat32));
  return d.machine().threads > 1 && std::max(operations / (2 * lanes), bytes / 32) > 8000;
}

}  // namespace tw::autotune
