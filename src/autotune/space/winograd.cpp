// Convolutions of 3 x 3 by Winograd's minimal filtering (docs/rewrites.md), where a stated error is allowed.
//
// Results in tiles of 4 x 4 take 4 times fewer multiplications than the direct sum, 4 x 2 take 3, 2 x 2 take
// 2.25; but the smaller the tile, the fewer are wasted at the edges of a small image, and the smaller the
// transformed filter.
//
//   part       some channels of the result              threads share the parts, or
//     block      some tiles, in any rows                  the blocks
//       tile       transform the image, a vector of channels at a time, in straight code
//       position   a matrix product in register tiles
//       tile       transform the products, with what is elementwise behind them
//
// A block is so small that what lies between stays in the second cache, or, where the filter is large, so
// large that the filter is read once. Each thread transforms what it needs itself.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "autotune/space/contraction_plan.h"
#include "autotune/space/general.h"
#include "autotune/space/general_tile.h"
#include "autotune/space/winograd_plan.h"
#include "support/error.h"

namespace tw::autotune {
namespace {

/// The loops of a block inside a loop.
std::vector<LoopRef> loops_below(Script& s, BlockRef block, LoopRef loop) {
  const std::vector<LoopRef> loops = s.loops(block);
  return {std::find(loops.begin(), loops.end(), loop) + 1, loops.end()};
}

std::vector<LoopRef> last(const std::vector<LoopRef>& loops, std::size_t count) {
  return {loops.end() - static_cast<std::ptrdiff_t>(count), loops.end()};
}

/// The convolution of a program that is taken, by its block.
const BlockFacts* convolution_of(const Facts& facts) {
  const std::vector<int> found = facts.of(BlockKind::kContraction);
  if (found.size() != 1) return nullptr;
  const BlockFacts& conv = facts.blocks[static_cast<std::size_t>(found.front())];
  const std::vector<int> columns = conv.of(AxisRole::kColumn), summed = conv.of(AxisRole::kSummed);
  int taps = 0, windows = 0;
  for (const AxisFacts& axis : conv.axes) {
    if (!axis.window) continue;
    if (axis.reduced ? axis.extent != 3 : false) return nullptr;
    if (axis.step != 1) return nullptr;
    ++(axis.reduced ? taps : windows);
  }
  const bool shape = taps == 2 && windows == 2 && columns.size() == 1 && summed.size() == 3;
  if (!shape || !conv.of(AxisRole::kBatch).empty() || conv.separate_init || conv.dtype != kFloat32)
    return nullptr;
  if (conv.contiguous_axis != columns.front() || conv.points == 0) return nullptr;
  // The image's channels are neighbours, the filter may be transformed beforehand.
  for (const ReadFacts& read : conv.reads) {
    const bool channels = read.contiguous_axis >= 0 &&
                          conv.axes[static_cast<std::size_t>(read.contiguous_axis)].reduced &&
                          !conv.axes[static_cast<std::size_t>(read.contiguous_axis)].window;
    if (read.operand == 0 ? !channels : !read.constant) return nullptr;
  }
  return &conv;
}

WinogradShape shape_of(const BlockFacts& conv) {
  WinogradShape shape;
  for (const AxisFacts& axis : conv.axes) {
    if (axis.reduced) {
      if (!axis.window) shape.channels = axis.extent;
    } else if (axis.role == AxisRole::kColumn) {
      shape.filters = axis.extent;
    } else if (!axis.window) {
      shape.images *= axis.extent;
    } else {
      (shape.height ? shape.width : shape.height) = axis.extent;
    }
  }
  return shape;
}

/// The schedule of one convolution.
class Winograd {
 public:
  Winograd(Script& s, std::string name, const WinogradPlan& plan)
      : s_(s), name_(std::move(name)), plan_(plan) {}

  /// `out`: the block that takes the transformed products.
  void schedule(BlockRef out, bool parts_shared) {
    transform_products(out);
    multiply();
    transform_image();
    transform_filter();
    s_.parallel(parts_shared ? part_ : block_);
  }

 private:
  BlockRef block(const char* suffix) { return s_.block(name_ + suffix); }

  /// From products to results, for one tile and one vector of channels in straight code.
  void transform_products(BlockRef out) {
    const std::vector<LoopRef> loops = s_.loops(out);
    const auto [y, x, channel] = std::tuple(loops[loops.size() - 3], loops[loops.size() - 2], loops.back());
    std::vector<LoopRef> images(loops.begin(), loops.end() - 3);
    const auto down = s_.split<2>(y, {None{}, plan_.down}), across = s_.split<2>(x, {None{}, plan_.across});
    const auto parts = s_.split<3>(channel, {None{}, ceil_div(plan_.part, plan_.lanes), plan_.lanes});
    part_ = parts[0];
    std::vector<LoopRef> order{part_}, tiles = images;
    tiles.insert(tiles.end(), {down[0], across[0]});
    order.insert(order.end(), tiles.begin(), tiles.end());
    order.insert(order.end(), {parts[1], down[1], across[1], parts[2]});
    s_.reorder(order);
    block_ = s_.split<2>(s_.fuse(tiles), {None{}, plan_.block})[0];

    const BlockRef rows = block("_output_rows");
    s_.compute_at(rows, parts[1]);
    std::vector<LoopRef> own = loops_below(s_, rows, parts[1]);
    std::swap(own[0], own[1]);
    s_.reorder(own);
    for (const LoopRef loop : {down[1], across[1], own[0], own[1]}) s_.unroll(loop);
    for (const LoopRef lane : {parts[2], own.back()}) s_.vectorize(lane);
  }

  /// A product for each position: a panel of the filter by all tiles of the block, then another.
  void multiply() {
    const int64_t columns = plan_.columns();
    const BlockRef product = block("_product");
    s_.compute_at(product, block_);
    const BlockRef out = s_.cache_write(product, "local");
    const std::vector<LoopRef> nest = last(s_.loops(out), 4);
    const auto tiles = s_.split<2>(nest[2], {None{}, plan_.rows});
    const auto panel = s_.split<2>(nest[3], {None{}, columns});
    s_.reorder({nest[0], nest[1], panel[0], tiles[0], tiles[1], panel[1]});
    s_.compute_at(product, tiles[0]);
    const std::vector<LoopRef> own = last(s_.loops(product), 3);
    s_.reorder({own[2], own[0], own[1]});
    const BlockRef clear = s_.decompose_reduction(product, own[2]);
    s_.transform_layout(name_ + "_filter",
                        fmt::format("(a, b, c, f) -> (a, b, f // {0}, c, f % {0})", columns));
    if (plan_.ahead)
      s_.apply("prefetch", {product, name_ + "_filter", own[2], ceil_div(plan_.ahead, 4 * columns)});
    for (const BlockRef each : {product, clear, out}) {
      const std::vector<LoopRef> tile = last(s_.loops(each), 2);
      const auto vectors = s_.split<2>(tile[1], {None{}, plan_.lanes});
      in_registers(s_, {tile[0], vectors[0]}, vectors[1]);
    }
  }

  /// For one tile and one vector of channels in straight code: columns of the image and their sums, then the
  /// sums of those.
  void transform_image() {
    const BlockRef input = block("_input"), rows = block("_input_rows"), pixels = block("_tiles");
    s_.compute_at(input, block_);
    const std::vector<LoopRef> nest = last(s_.loops(input), 4);
    const auto vectors = s_.split<2>(nest[3], {None{}, plan_.lanes});
    s_.reorder({nest[2], vectors[0], nest[0], nest[1], vectors[1]});
    s_.compute_at(rows, vectors[0]);
    std::vector<LoopRef> of_rows = loops_below(s_, rows, vectors[0]);
    std::swap(of_rows[0], of_rows[1]);
    s_.reorder(of_rows);
    s_.compute_at(pixels, of_rows[0]);
    const std::vector<LoopRef> of_pixels = loops_below(s_, pixels, of_rows[0]);
    for (const LoopRef loop : {nest[0], nest[1], of_rows[0], of_rows[1], of_pixels[0]}) s_.unroll(loop);
    for (const LoopRef lane : {vectors[1], of_rows.back(), of_pixels.back()}) s_.vectorize(lane);
  }

  /// Along its columns, then along its rows. Constants alone are read: it is done beforehand.
  void transform_filter() {
    for (const auto& [suffix, position] : {std::pair("_filter_rows", 0), std::pair("_filter", 1)}) {
      std::vector<LoopRef> loops = s_.loops(block(suffix));
      const auto vectors = s_.split<2>(loops.back(), {None{}, plan_.lanes});
      loops.pop_back();
      const LoopRef unrolled = loops[static_cast<std::size_t>(position)];
      loops.erase(loops.begin() + position);
      loops.insert(loops.end(), {vectors[0], unrolled, vectors[1]});
      s_.reorder(loops);
      s_.unroll(unrolled);
      s_.vectorize(vectors[1]);
      s_.parallel(loops.front());
    }
  }

  Script& s_;
  std::string name_;
  const WinogradPlan& plan_;
  LoopRef part_, block_;
};

/// Elementwise blocks behind the convolution, one after the other, take its results in their own loops. Gives
/// the last, and all that are done with.
BlockRef with_epilogues(Script& s, const Facts& facts, const BlockFacts& conv) {
  const BlockFacts* at = &conv;
  while (at->consumers.size() == 1) {
    const BlockFacts& next = facts.blocks[static_cast<std::size_t>(at->consumers.front())];
    std::vector<int64_t> old, fresh;
    for (const AxisFacts& axis : conv.axes)
      if (!axis.reduced) old.push_back(axis.extent);
    for (const AxisFacts& axis : next.axes) fresh.push_back(axis.extent);
    if (next.kind != BlockKind::kElementwise || old != fresh) break;
    if (!attempt(s, [&] { s.compute_inline(s.block(at->name)); })) break;
    at = &next;
  }
  return s.block(at->name);
}

void rewrite(Script& s, const std::string& name, const WinogradPlan& plan) {
  const schedule::List across{"across", plan.across}, m{"m", plan.down};
  s.apply("rewrite", {s.block(name), "winograd", Value(schedule::List{Value(across), Value(m)})});
}

bool applies(const Workload& workload) {
  if (!workload.bounded) return false;
  const Facts facts = facts_of(workload);
  const BlockFacts* conv = convolution_of(facts);
  if (!conv) return false;
  schedule::Schedule schedule(workload.program);
  Script s(schedule);
  return attempt(s, [&] { rewrite(s, conv->name, {}); });
}

void schedule_winograd(Script& s, const Workload& workload, Choices& choose) {
  const Facts facts = facts_of(workload);
  const BlockFacts& conv = *convolution_of(facts);
  const WinogradShape shape = shape_of(conv);
  const WinogradPlan plan = choose_winograd(shape, workload.machine, choose);
  rewrite(s, conv.name, plan);
  for (const int producer : conv.producers) {
    const BlockFacts& before = facts.blocks[static_cast<std::size_t>(producer)];
    if (before.kind != BlockKind::kMovement && before.kind != BlockKind::kElementwise) continue;
    if (choose.flag("inline_" + before.name, true))
      attempt(s, [&] { s.compute_inline(s.block(before.name)); });
  }
  const BlockRef out = with_epilogues(s, facts, conv);
  Winograd(s, conv.name, plan).schedule(out, plan.part < shape.filters);
  std::vector<BlockRef> done{out};
  for (const PlacedBlock& block : placed_blocks(s))
    if (s.name(block.ref).starts_with(conv.name + "_")) done.push_back(block.ref);
  schedule_rest(s, workload, choose, done);
}

const SketchRegistration registration{{
    .name = "winograd",
    .summary = "Convolutions of 3 x 3 by Winograd's minimal filtering, in blocks of tiles.",
    .applies = applies,
    .apply = schedule_winograd,
}};

}  // namespace
}  // namespace tw::autotune
