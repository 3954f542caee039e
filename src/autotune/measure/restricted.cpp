// Programs that compute a few points of an output.
//
//   for i in 1024:                                    for i in 1:
//     for j in 1024:                                    for j in 2:
//       for k in 512:                                     for k in 512:
//         block C#0(vi: … = i, vj: … = j, vk: … = k)  =>    block C#0(vi: … = i + 7, vj: … = j + 30, vk: … =
//         k)
//
// Statements are taken last to first, with the boxes of buffers that are still needed: a nest of one block
// runs the points of its spatial axes that write into such a box, and needs the boxes that it reads. What is
// no such nest runs as a whole if anything that it writes is needed.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "autotune/measure/reference.h"
#include "ir/analysis/regions.h"
#include "ir/simplify.h"
#include "ir/visit.h"
#include "support/error.h"

namespace tw::autotune {
namespace {

using Box = std::vector<Interval>;

Interval joined(const Interval& a, const Interval& b) {
  return {std::min(a.min, b.min), std::max(a.max, b.max)};
}

/// A block with the loops around it, outermost first.
struct Nest {
  std::vector<const For*> loops;
  const Block* block = nullptr;  // null: there is something else inside
};

Nest nest_of(const Stmt& s) {
  Nest nest;
  Stmt at = s;
  while (const auto* loop = as<For>(at)) {
    nest.loops.push_back(loop);
    at = loop->body;
  }
  nest.block = as<Block>(at);
  return nest;
}

/// Whether points of a block read what others of it have written, as those of a scan do. Those of a reduction
/// read their own.
bool reads_its_own(const Block& block) {
  if (block.reducer) return false;
  std::unordered_set<const BufferNode*> written;
  for_each_node(block.body, [&](const Node* node) {
    if (const auto* store = as<Store>(node)) written.insert(store->buffer.get());
  });
  return contains<Load>(block.body.get(),
                        [&](const Load& load) { return written.contains(load.buffer.get()); });
}

class Restriction {
 public:
  explicit Restriction(std::unordered_map<const BufferNode*, Box> needed) : needed_(std::move(needed)) {}

  Stmt statement(const Stmt& s) {
    if (const auto* seq = as<Seq>(s)) {
      std::vector<Stmt> stmts;
      for (auto stmt = seq->stmts.rbegin(); stmt != seq->stmts.rend(); ++stmt)
        stmts.push_back(statement(*stmt));
      std::reverse(stmts.begin(), stmts.end());
      return Seq::make(std::move(stmts));
    }
    if (const auto* allocate = as<Allocate>(s))
      return Allocate::make(allocate->buffer, statement(allocate->body));
    const AccessRegions touched = touched_regions(s);
    const bool is_needed =
        std::any_of(touched.writes.begin(), touched.writes.end(),
                    [&](const Region& region) { return needed_.contains(region.buffer.get()); });
    if (!is_needed) return {};
    const Stmt smaller = narrowed(s);
    for (const Region& read : touched_regions(smaller).reads) need(read);
    return smaller;
  }

 private:
  void need(const Region& region) {
    const BufferNode& buffer = *region.buffer;
    Box box;
    for (int d = 0; d < buffer.rank(); ++d) {
      const Range& range = region.ranges[static_cast<std::size_t>(d)];
      const Interval first = bounds(range.min), last = bounds(range.min + range.extent - Expr(1));
      const Interval all{0, bounds(buffer.shape[static_cast<std::size_t>(d)]).max};
      box.push_back({std::max(first.min, all.min),
                     last.max == kNoMax || all.max == kNoMax ? last.max : std::min(last.max, all.max - 1)});
    }
    const auto [at, is_new] = needed_.emplace(&buffer, box);
    if (is_new) return;
    for (std::size_t d = 0; d < box.size(); ++d) at->second[d] = joined(at->second[d], box[d]);
  }

  /// The values of a block's axis at which it may write something needed: all where that is not plain.
  Interval values_needed(const Block& block, const Var& axis) {
    constexpr Interval kAll{kNoMin, kNoMax}, kNone{kNoMax, kNoMin};
    Interval values = kNone;
    const auto look = [&](const Node* node) {
      const auto* store = as<Store>(node);
      if (!store) return;
      const auto found = needed_.find(store->buffer.get());
      if (found == needed_.end()) return;
      Interval here = kAll;
      for (std::size_t d = 0; d < store->indices.size(); ++d)
        if (store->indices[d].same_as(axis)) here = found->second[d];
      values = joined(values, here);
    };
    for_each_node(block.body, look);
    if (block.init) for_each_node(block.init, look);
    return values;
  }

  Stmt narrowed(const Stmt& s) {
    const Nest nest = nest_of(s);
    if (!nest.block || nest.block->predicate || reads_its_own(*nest.block)) return s;
    std::unordered_map<const ExprNode*, Interval> ranges;  // of loop variables
    auto* block = new Block(*nest.block);
    Stmt made(block);
    for (BlockAxis& axis : block->axes) {
      const auto around = std::find_if(nest.loops.begin(), nest.loops.end(),
                                       [&](const For* loop) { return loop->var.same_as(axis.binding); });
      if (around == nest.loops.end() || axis.axis_kind != AxisKind::kSpatial) continue;
      const auto extent = as_int((*around)->extent);
      const Interval needed = values_needed(*block, axis.var);
      if (!extent || needed.min == kNoMin || needed.max == kNoMax) continue;
      const Interval values{std::max<int64_t>(needed.min, 0), std::min(needed.max, *extent - 1)};
      ranges[(*around)->var.get()] = values;
      axis.binding = axis.binding + Expr(values.min);
    }
    for (auto loop = nest.loops.rbegin(); loop != nest.loops.rend(); ++loop) {
      auto* copy = new For(**loop);
      copy->body = made;
      if (const auto found = ranges.find(copy->var.get()); found != ranges.end())
        copy->extent = Expr(std::max<int64_t>(found->second.max - found->second.min + 1, 0));
      made = Stmt(copy);
    }
    return made;
  }

  std::unordered_map<const BufferNode*, Box> needed_;
};

}  // namespace

Program restricted(const Program& program, int output, const std::vector<int64_t>& first,
                   const std::vector<int64_t>& extent, const Values& sizes) {
  VarMap values;
  const BufferNode* buffer = nullptr;
  for (const Param& param : program->params) {
    if (is_output(param) && output-- == 0) buffer = param.buffer.get();
    if (param.is_buffer()) continue;
    if (const auto found = sizes.find(param.var->name.text); found != sizes.end())
      values[&*param.var] = Expr(found->second);
  }
  check_internal(buffer && first.size() == extent.size() && first.size() == buffer->shape.size(),
                 "{}: no such box of an output", program->name.text);
  Box box;
  for (std::size_t d = 0; d < first.size(); ++d) box.push_back({first[d], first[d] + extent[d] - 1});
  // Only what is inside is given its sizes: the parameters stay as callers know them.
  const Stmt body = simplify(substitute(program->body, values));
  return with_body(program, Restriction({{buffer, box}}).statement(body));
}

double instances_of(const Program& program) {
  double sum = 0;
  const std::function<void(const Stmt&, double)> walk = [&](const Stmt& s, double turns) {
    if (!s) return;
    if (const auto* seq = as<Seq>(s)) {
      for (const Stmt& stmt : seq->stmts) walk(stmt, turns);
    } else if (const auto* loop = as<For>(s)) {
      walk(loop->body, turns * static_cast<double>(as_int(loop->extent).value_or(1)));
    } else if (const auto* allocate = as<Allocate>(s)) {
      walk(allocate->body, turns);
    } else if (const auto* block = as<Block>(s)) {
      walk(block->body, turns);
    } else if (const auto* let = as<Let>(s)) {
      walk(let->body, turns);
    } else {
      sum += turns;
    }
  };
  walk(program->body, 1);
  return sum;
}

}  // namespace tw::autotune
