// Elementwise expressions of any rank:
//
//   for i, j, k: Y[i, j, k] = f(A[i, j, k])        =>    for chunk in parallel(i*j*k / 64):
//                                                          for lane in vectorized(64): Y[…] = f(A[…])
//
//   for i, j, k: Y[i, j, k] = A[i, j, k] + b[k]    =>    for row in parallel(i*j):
//                                                          for chunk in k / 64:
//                                                            for lane in vectorized(64): …
#include "autotune/space/elementwise.h"

#include <algorithm>

#include <fmt/format.h>

#include "ir/visit.h"
#include "schedule/place.h"

namespace tw::autotune {
namespace {

bool same_extent(const Expr& a, const Expr& b) {
  return a.same_as(b) || (as_int(a) && as_int(a) == as_int(b));
}

/// Whether a subscript list counts the axes of the block in order, each over the whole of its dimension: then
/// neighbours of the flattened domain are neighbours in memory.
bool covers(const Block& block, const Buffer& buffer, const std::vector<Expr>& indices) {
  if (indices.size() != block.axes.size()) return false;
  for (std::size_t i = 0; i < indices.size(); ++i)
    if (!indices[i].same_as(block.axes[i].var) || !same_extent(buffer->shape[i], block.axes[i].extent))
      return false;
  return true;
}

struct Traffic {
  bool flat = true;  // all that depends on the axes covers them
  double bytes = 0;  // of everything that is read or written
};

Traffic traffic_of(Draft& d, BlockRef ref) {
  const schedule::BlockPlace place = block_place(d.script, ref);
  const Block& block = place.block();
  Traffic traffic;
  const auto meet = [&](const Buffer& buffer, const std::vector<Expr>& indices) {
    const bool fixed =
        std::all_of(indices.begin(), indices.end(), [](const Expr& e) { return free_vars(e).empty(); });
    traffic.flat &= fixed || covers(block, buffer, indices);
    double bytes = static_cast<double>(buffer->dtype.bytes());
    for (const Expr& extent : buffer->shape) bytes *= static_cast<double>(d.workload.number(extent));
    traffic.bytes += bytes;
  };
  for_each_node(block.body, [&](const Node* node) {
    if (const auto* load = as<Load>(node)) meet(load->buffer, load->indices);
    if (const auto* store = as<Store>(node)) meet(store->buffer, store->indices);
  });
  // Values of axes themselves would need divisions.
  for (const BlockAxis& axis : block.axes) {
    for_each_node(block.body, [&](const Node* node) {
      const auto* cast = as<Cast>(node);
      if (cast && uses_var(cast->value, axis.var)) traffic.flat = false;
      const auto* choice = as<Select>(node);
      if (choice && uses_var(choice->cond, axis.var)) traffic.flat = false;
    });
  }
  return traffic;
}

}  // namespace

bool exceeds_caches(const Draft& d, double bytes) {
  return bytes > static_cast<double>(d.machine().last);
}

void schedule_points(Draft& d, int position, const std::string& prefix) {
  Script& s = d.script;
  const BlockFacts& block = d.block(position);
  const BlockRef ref = d.ref(position);
  std::vector<LoopRef> loops = s.loops(ref);
  if (loops.empty()) return;
  const Traffic traffic = traffic_of(d, ref);
  const bool in_place =
      block.contiguous_axis < 0 || block.contiguous_axis + 1 == static_cast<int>(loops.size());
  if (!in_place) {
    std::rotate(loops.begin() + block.contiguous_axis, loops.begin() + block.contiguous_axis + 1,
                loops.end());
    s.reorder(loops);
  }
  const bool flat = loops.size() > 1 && in_place && traffic.flat && d.choose.flag(prefix + "flat", true);
  LoopRef along = flat ? s.fuse(loops) : loops.back();
  const int64_t vectors = d.choose.pick(prefix + "vectors", {1, 2, 4, 8}, 4);
  const bool threads = worth_threads(d, block.operations, traffic.bytes);
  const LoopRef chunk = run_along(s, along, d.lanes(block), vectors);
  if (traffic.bytes > static_cast<double>(d.machine().last) / 2 &&
      d.choose.flag(prefix + "streaming", exceeds_caches(d, traffic.bytes)))
    write_past_caches(s, chunk);
  if (!threads) return;
  LoopRef outer = chunk;
  if (loops.size() > 1 && !flat) {
    loops.pop_back();
    outer = s.fuse(loops);
    const bool few = s.turns(outer) >= 0 && s.turns(outer) < 4 * d.machine().threads;
    if (d.choose.flag(prefix + "share_rows", few)) outer = s.fuse({outer, chunk});
  }
  s.parallel(outer);
}

std::vector<int> inline_points(Draft& d) {
  std::vector<int> own_nests;
  for (int p = static_cast<int>(d.facts.blocks.size()) - 1; p >= 0; --p) {
    const BlockFacts& block = d.block(p);
    if (block.consumers.empty() || d.is_output(block)) {
      own_nests.push_back(p);
      continue;
    }
    // A value that many points share, or several blocks read, is worth keeping when it takes long.
    double readers = 0;
    for (const int consumer : block.consumers) readers += static_cast<double>(d.block(consumer).points);
    const double again = readers / std::max<double>(1, static_cast<double>(block.points));
    const double each = block.operations / std::max<double>(1, static_cast<double>(block.points));
    if (d.choose.flag(fmt::format("inline{}", p), again <= 1 || each * (again - 1) < 16))
      d.script.compute_inline(d.ref(p));
    else
      own_nests.push_back(p);
  }
  return own_nests;
}

namespace {

bool is_point(const BlockFacts& block) {
  return block.kind == BlockKind::kElementwise;
}

bool applies(const Workload& workload) {
  const Facts facts = facts_of(workload);
  return !facts.blocks.empty() && std::all_of(facts.blocks.begin(), facts.blocks.end(), is_point);
}

void apply(Script& s, const Workload& workload, Choices& choose) {
  const Facts facts = facts_of(workload);
  Draft d{s, workload, facts, choose};
  for (const int p : inline_points(d)) schedule_points(d, p, fmt::format("b{}_", p));
}

const SketchRegistration registration{{
    .name = "elementwise",
    .summary = "Elementwise expressions: vectors along what is contiguous, threads over the rest.",
    .applies = applies,
    .apply = apply,
}};

}  // namespace
}  // namespace tw::autotune
