// cache_read(C, "B", "shared"):
//
//                                              alloc B_shared: float32[k, m] shared
//   for i in n:                                for i0 in k:
//     for j in m:                                for i1 in m:
//       for kk in k:                      =>         block B_shared(vi0 = i0, vi1 = i1): B_shared[vi0, vi1] =
//       B[vi0, vi1]
//         block C(…): … B[vk, vj] …            for i in n:
//                                                … block C(…): … B_shared[vk, vj] …
//
// The block reads a copy, which a new block makes directly before the nest. The copy holds the box that the
// block reads: A[vi + 3, 2] needs a copy of n by 1 elements. It stands as far out as nothing below writes the
// buffer: before the whole nest, or inside the loops that the block shares with a writer, where it copies
// what one turn needs.
//
// A box may have elements that hold nothing: padding of a layout, or what nobody writes. Where that cannot be
// excluded, the copy follows the subscripts of the block, point by point of its domain, instead of the box.
//
// Needs a buffer that the block does not write. Does not check that the copy fits the memory of its scope.
#include <algorithm>

#include "ir/analysis/accesses.h"
#include "ir/analysis/iter_map.h"
#include "ir/equal.h"
#include "ir/simplify.h"
#include "schedule/blocks.h"
#include "schedule/copies.h"
#include "schedule/filled.h"

namespace tw::schedule {
namespace {

bool writes(const Block& block, const Buffer& buffer) {
  return std::any_of(block.writes.begin(), block.writes.end(),
                     [&](const Region& region) { return region.buffer.same_as(buffer); });
}

/// Whether the block's subscripts of the dimension are more than a constant.
bool follows_axes(const Block& block, const Buffer& buffer, std::size_t dim) {
  return contains<Load>(
      &block, [&](const Load& load) { return load.buffer.same_as(buffer) && !as_int(load.indices[dim]); });
}

/// The block that copies the part `here` of the box `all` into a buffer that has place for all.
Stmt copying_nest(const Step& step, BlockId id, const Region& all, const Region& here, const Buffer& copy) {
  std::vector<CopyAxis> axes;
  std::vector<Expr> from, to;
  for (std::size_t d = 0; d < all.ranges.size(); ++d) {
    const Range& range = all.ranges[d];
    Expr position(0);
    if (!is_int(range.extent, 1) || follows_axes(step.block(0).block(), all.buffer, d)) {
      const Expr begin = simplify(here.ranges[d].min - range.min, context_at(step.block(0)));
      axes.push_back({copy_axis(d), range.extent, begin, here.ranges[d].extent});
      position = axes.back().var;
    }
    to.push_back(position);
    from.push_back(simplify(position + range.min));
  }
  return copy_nest(copy->name, id, axes, Store::make(copy, to, Load::make(all.buffer, from)));
}

/// Whether the block reads every element of the box, in all of its turns.
bool reads_all(const BlockPlace& place, const Region& box) {
  const Block& block = place.block();
  if (!covers_domain(place, false)) return false;
  std::vector<Region> reads;
  for (const Region& region : infer_block_regions(block).reads)
    if (region.buffer.same_as(box.buffer)) reads.push_back(region);
  if (reads.size() != 1) return false;
  for (const Access& access : collect_accesses(block.body))
    if (!access.write && access.buffer.same_as(box.buffer) && !access.guards.empty()) return false;
  Context context;
  std::vector<LoopRange> axes;
  for (const BlockAxis& axis : block.axes) {
    axes.push_back({axis.var, axis.extent});
    if (!as_int(axis.extent)) context.assume(le(1, axis.extent));
  }
  std::vector<Expr> begins, extents;
  for (std::size_t d = 0; d < box.ranges.size(); ++d) {
    begins.push_back(simplify(reads.front().ranges[d].min - box.ranges[d].min));
    extents.push_back(simplify(box.ranges[d].extent - reads.front().ranges[d].extent + 1));
  }
  const IterMapResult map = detect_iter_map(begins, axes, {}, context);
  return map && is_surjective(*map, extents, context);
}

/// Whether each element of the box holds something when the copy is made.
bool has_no_gaps(const Step& step, const BlockPlace& place, const Place& at, const Region& box) {
  if (at.loops().empty() && reads_all(place, box)) return true;
  return is_filled_before(step.program(), at, box.buffer);
}

/// The block that copies just the elements that are read, in loops like those of the block.
Stmt copying_reads(const Step& step, const BlockPlace& place, const Place& at, BlockId id, const Region& all,
                   const Buffer& copy) {
  const Block& block = place.block();
  const auto refuse = [&](const char* why) {
    step.refuse(&block,
                "block {} reads a box of {} that may have elements which hold nothing, such as padding of a "
                "layout or what is written later, and a copy cannot leave them out: {}; do this before "
                "transform_layout, or give that a pad value",
                block.name.text, all.buffer->name.text, why);
  };
  const Redirection to_copy = into_box(all, copy);
  std::vector<Stmt> stores;
  const Stmt run = block.init ? Seq::make({block.init, block.body}) : block.body;
  for (const Access& access : collect_accesses(run)) {
    if (access.write || !access.buffer.same_as(all.buffer)) continue;
    if (!access.loops.empty()) refuse("some reads stand in loops inside of the block");
    std::vector<Expr> point;
    for (const Range& range : access.box) point.push_back(range.min);
    std::vector<Expr> to = to_copy.subscripts(point);
    for (Expr& index : to) index = simplify(index);
    Expr condition = make_bool(true);
    for (const Expr& guard : access.guards) condition = logical_and(condition, guard);
    Stmt store = Store::make(copy, std::move(to), Load::make(all.buffer, point));
    if (!is_int(condition, 1)) store = If::make(condition, store);
    if (contains<Load>(store.get(), [&](const Load& load) { return !load.buffer.same_as(all.buffer); }) ||
        is_data_dependent(condition))
      refuse("data says which elements it reads");
    if (std::none_of(stores.begin(), stores.end(),
                     [&](const Stmt& other) { return structural_equal(other, store); }))
      stores.push_back(std::move(store));
  }
  const Stmt nest = following_nest(place, at, copy->name, id, Seq::make(std::move(stores)));
  if (!nest) refuse("conditions stand between its loops");
  return nest;
}

Outcome cache_read(const Step& step) {
  const BlockPlace place = step.block(0);
  const Block& block = place.block();
  const Buffer buffer = read_argument(step, block, 1);
  const Scope scope = scope_argument(step, 2);
  require_plain_accesses(step, block, buffer);
  if (writes(block, buffer))
    step.refuse(
        &block,
        "block {} writes buffer {} while it reads it, so a copy made before would be out of date; read a "
        "buffer that the block does not write",
        block.name.text, buffer->name.text);
  const auto at =
      outermost_unhindered(place, {buffer}, [&](const Block& other) { return writes(other, buffer); });
  check_internal(at.has_value(), "block {} hinders itself", block.name.text);
  require_allocatable(step, *at, scope);

  const Region all = region_of_all(block, buffer, false);
  const Region here = at->loops().empty() ? all : region_read_at(*at, block, all);
  std::vector<Expr> shape;
  for (const Range& range : all.ranges) shape.push_back(range.extent);
  const std::string name = fresh_name(step.program(), buffer->name.text + "_" + to_string(scope));
  const Buffer copy = BufferNode::make(name, buffer->dtype, shape, scope);
  const BlockId id = step.new_block_id();
  const Stmt nest = has_no_gaps(step, place, *at, all) ? copying_nest(step, id, all, here, copy)
                                                       : copying_reads(step, place, *at, id, all, copy);
  const Stmt reading = map_blocks(Stmt(at->node), [&](const Block& other) {
    return &other == &block ? redirected(block, {into_box(all, copy)}) : Stmt();
  });
  return {step.with_body(put_beside(step.program(), *at, {nest, reading}, {copy})), {id}, {}};
}

const Registration registration{{
    .name = "cache_read",
    .summary = "Lets a block read a copy of a buffer, which a new block makes before.",
    .doc = R"(                                               alloc B_shared: float32[k, m] shared
    for i in n:                                for i0 in k:
      for j in m:                                for i1 in m:
        for kk in k:                     =>        block B_shared(vi0 = i0, vi1 = i1): B_shared[vi0, vi1] = B[vi0, vi1]
          block C(...): ... B[vk, vj] ...      for i in n:
                                                 ... block C(...): ... B_shared[vk, vj] ...

The copy holds the box that the block reads. It stands as far out as nothing below writes the buffer: before the whole
nest, or inside the loops that the block shares with a writer, where it copies what one turn needs. compute_at moves it
further in, transform_layout packs it. Where elements of the box may hold nothing, such as padding of a layout, the copy
follows the subscripts of the block instead. The block may not write the buffer. Whether the copy fits the memory of its
scope is not checked.)",
    .args = {{"block", ArgKind::kBlock, "The block that is to read the copy."},
             {"buffer", ArgKind::kRead, "The buffer it reads, by name or by position among its reads."},
             {"scope", ArgKind::kText, "Where the copy lies: \"global\", \"shared\" or \"local\"."}},
    .results = {"The block that copies."},
    .example = R"py(>>> s.cache_read(s.block("C"), "B", "shared")
<tw.Block B_shared>)py",
    .apply = cache_read,
}};

}  // namespace
}  // namespace tw::schedule
