#include "ir/analysis/regions.h"

#include <algorithm>

#include "ir/analysis/accesses.h"
#include "ir/analysis/index_algebra.h"
#include "ir/equal.h"
#include "ir/simplify.h"
#include "ir/visit.h"
#include "support/error.h"

namespace tw {
namespace {

Expr end_of(const Range& range) {
  return range.min + range.extent;
}

/// The smaller of two where that is known, else min(a, b); likewise the greater.
Expr smaller(IndexAlgebra& algebra, const Expr& a, const Expr& b) {
  if (algebra.le(a, b)) return a;
  return algebra.le(b, a) ? b : min(a, b);
}
Expr greater(IndexAlgebra& algebra, const Expr& a, const Expr& b) {
  if (algebra.le(b, a)) return a;
  return algebra.le(a, b) ? b : max(a, b);
}

bool uses_any(const Expr& e, const std::vector<Var>& vars) {
  return std::any_of(vars.begin(), vars.end(), [&](const Var& var) { return uses_var(e, var); });
}

/// The range over all values of the variables, clipped to the dimension where it is not proved to lie inside.
Range eliminate(const Range& range, const Expr& dimension, const std::vector<Var>& vars,
                const Context& context) {
  if (is_data_dependent(range.min) || is_data_dependent(range.extent)) return {0, dimension};
  const bool min_moves = uses_any(range.min, vars), extent_moves = uses_any(range.extent, vars);
  if (!min_moves && !extent_moves) return range;
  const Expr last = range.min + (range.extent - Expr(1));
  const auto low = symbolic_bounds(range.min, vars, context), high = symbolic_bounds(last, vars, context);
  if (!low || !high) return {0, dimension};
  IndexAlgebra algebra(context);
  Expr first = low->min, end = algebra.normal(high->max + 1);
  if (!algebra.nonnegative(first)) first = greater(algebra, first, 0);
  if (!algebra.le(end, dimension)) end = smaller(algebra, end, dimension);
  return {simplify(first, context), simplify(algebra.normal(end - first), context)};
}

bool same_range(IndexAlgebra& algebra, const Range& a, const Range& b) {
  return algebra.equal(a.min, b.min) && algebra.equal(a.extent, b.extent);
}

bool covers(IndexAlgebra& algebra, const Range& outer, const Range& inner) {
  return algebra.le(outer.min, inner.min) && algebra.le(end_of(inner), end_of(outer));
}

/// The union of two boxes of one buffer when it is a box: one covers the other, or they differ in one
/// dimension and leave no gap there.
std::optional<Region> join_exactly(IndexAlgebra& algebra, const Region& a, const Region& b) {
  std::vector<std::size_t> differing;
  for (std::size_t d = 0; d < a.ranges.size(); ++d)
    if (!same_range(algebra, a.ranges[d], b.ranges[d])) differing.push_back(d);
  const auto all = [&](const Region& outer, const Region& inner) {
    return std::all_of(differing.begin(), differing.end(),
                       [&](std::size_t d) { return covers(algebra, outer.ranges[d], inner.ranges[d]); });
  };
  if (all(a, b)) return a;
  if (all(b, a)) return b;
  if (differing.size() != 1) return std::nullopt;
  const Range &x = a.ranges[differing[0]], &y = b.ranges[differing[0]];
  const bool ordered = algebra.le(x.min, y.min);
  if (!ordered && !algebra.le(y.min, x.min)) return std::nullopt;
  const Range &first = ordered ? x : y, &second = ordered ? y : x;
  if (!algebra.le(second.min, end_of(first)) || !algebra.le(end_of(first), end_of(second)))
    return std::nullopt;
  Region joined = a;
  joined.ranges[differing[0]] = {first.min, algebra.normal(end_of(second) - first.min)};
  return joined;
}

Region hull(IndexAlgebra& algebra, const Region& a, const Region& b) {
  Region joined = a;
  for (std::size_t d = 0; d < a.ranges.size(); ++d) {
    if (same_range(algebra, a.ranges[d], b.ranges[d])) continue;
    const Expr first = smaller(algebra, a.ranges[d].min, b.ranges[d].min);
    const Expr end = greater(algebra, end_of(a.ranges[d]), end_of(b.ranges[d]));
    joined.ranges[d] = {first, algebra.normal(end - first)};
  }
  return joined;
}

/// What the access touches over all turns of the loops around it.
Region region_of(const Access& access, const Context& outside) {
  Context context = outside;
  enter(context, access);
  std::vector<Var> vars;
  for (const For* loop : access.loops) vars.push_back(loop->var);
  return eliminate({access.buffer, access.box}, vars, context);
}

AccessRegions regions_of(const std::vector<Access>& accesses, const Node* root, const Context& context) {
  std::vector<const BufferNode*> allocated;
  for_each_node(root, [&](const Node* node) {
    if (const auto* allocate = as<Allocate>(node)) allocated.push_back(allocate->buffer.get());
  });
  AccessRegions regions;
  for (const Access& access : accesses) {
    if (std::find(allocated.begin(), allocated.end(), access.buffer.get()) != allocated.end()) continue;
    (access.write ? regions.writes : regions.reads).push_back(region_of(access, context));
  }
  return {merge_regions(std::move(regions.reads), context),
          merge_regions(std::move(regions.writes), context)};
}

}  // namespace

Region eliminate(const Region& region, const std::vector<Var>& vars, const Context& context) {
  Region box{region.buffer, {}};
  for (std::size_t d = 0; d < region.ranges.size(); ++d)
    box.ranges.push_back(eliminate(region.ranges[d], region.buffer->shape[d], vars, context));
  return box;
}

AccessRegions infer_block_regions(const Block& block, const Context& context) {
  Context inside = context;
  for (const BlockAxis& axis : block.axes) inside.bind(axis.var, 0, axis.extent);
  const Stmt run = block.init ? Seq::make({block.init, block.body}) : block.body;
  AccessRegions regions = regions_of(collect_accesses(run), run.get(), inside);
  if (block.reducer) {
    IndexAlgebra algebra(inside);
    std::erase_if(regions.reads, [&](const Region& read) {
      return std::any_of(regions.writes.begin(), regions.writes.end(), [&](const Region& write) {
        return write.buffer.same_as(read.buffer) &&
               std::equal(read.ranges.begin(), read.ranges.end(), write.ranges.begin(),
                          [&](const Range& a, const Range& b) { return same_range(algebra, a, b); });
      });
    });
  }
  return regions;
}

Stmt with_inferred_regions(const Block& block, const Context& context) {
  AccessRegions regions = infer_block_regions(block, context);
  auto* copy = new Block(block);
  copy->reads = std::move(regions.reads);
  copy->writes = std::move(regions.writes);
  return Stmt(copy);
}

AccessRegions touched_regions(const Stmt& s, const Context& context) {
  return regions_of(collect_accesses(s), s.get(), context);
}

std::vector<Region> touched_regions(const Expr& e, const Context& context) {
  return regions_of(collect_accesses(e), e.get(), context).reads;
}

std::vector<Region> merge_regions(std::vector<Region> regions, const Context& context) {
  IndexAlgebra algebra(context);
  std::vector<Region> merged;
  for (Region& region : regions) {
    // A box that has grown may touch another one now, so it is taken out and tried against all again.
    for (std::size_t i = 0; i < merged.size();) {
      const auto joined =
          merged[i].buffer.same_as(region.buffer) ? join_exactly(algebra, merged[i], region) : std::nullopt;
      if (!joined) {
        ++i;
        continue;
      }
      region = *joined;
      merged.erase(merged.begin() + static_cast<std::ptrdiff_t>(i));
      i = 0;
    }
    merged.push_back(std::move(region));
  }
  // The order of the first mention of each buffer.
  std::vector<const BufferNode*> order;
  for (const Region& region : regions)
    if (std::find(order.begin(), order.end(), region.buffer.get()) == order.end())
      order.push_back(region.buffer.get());
  std::stable_sort(merged.begin(), merged.end(), [&](const Region& a, const Region& b) {
    const auto rank = [&](const Region& r) { return std::find(order.begin(), order.end(), r.buffer.get()); };
    return rank(a) < rank(b);
  });
  return merged;
}

std::optional<Region> box_of(const Buffer& buffer, const std::vector<Region>& regions,
                             const Context& context) {
  IndexAlgebra algebra(context);
  std::optional<Region> box;
  for (const Region& region : regions)
    if (region.buffer.same_as(buffer)) box = box ? hull(algebra, *box, region) : region;
  return box;
}

Region whole(const Buffer& buffer) {
  Region region{buffer, {}};
  for (const Expr& extent : buffer->shape) region.ranges.push_back({0, extent});
  return region;
}

bool covers(const Region& outer, const Region& inner, const Context& context) {
  check_internal(outer.buffer.same_as(inner.buffer), "boxes of buffers {} and {} are compared",
                 outer.buffer->name.text, inner.buffer->name.text);
  IndexAlgebra algebra(context);
  for (std::size_t d = 0; d < outer.ranges.size(); ++d)
    if (!covers(algebra, outer.ranges[d], inner.ranges[d])) return false;
  return true;
}

bool disjoint(const Region& a, const Region& b, const Context& context) {
  if (!a.buffer.same_as(b.buffer)) return true;
  IndexAlgebra algebra(context);
  for (std::size_t d = 0; d < a.ranges.size(); ++d)
    if (algebra.le(end_of(a.ranges[d]), b.ranges[d].min) || algebra.le(end_of(b.ranges[d]), a.ranges[d].min))
      return true;
  return false;
}

}  // namespace tw
