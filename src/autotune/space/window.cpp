#include "autotune/space/window.h"

#include <algorithm>

#include "autotune/space/division.h"
#include "autotune/space/general.h"
#include "autotune/space/general_tile.h"
#include "support/error.h"

namespace tw::autotune {
namespace {

constexpr int64_t kMostTaps = 32;  // of a window that is written out

const AxisFacts& axis_at(const BlockFacts& facts, int axis) {
  return facts.axes[static_cast<std::size_t>(axis)];
}

int64_t extent_of(const BlockFacts& facts, int axis) {
  return axis < 0 ? 1 : axis_at(facts, axis).extent;
}

std::vector<int64_t> up_to(int64_t most, int64_t extent) {
  std::vector<int64_t> values{1};
  for (int64_t value = 2; value <= std::min(most, extent); ++value) values.push_back(value);
  return values;
}

/// Makes loops of their own of the first and the last turn.
void cut_ends(Script& s, LoopRef loop) {
  const int64_t turns = s.turns(loop);
  if (turns < 2) return;
  const schedule::List parts = turns > 2 ? schedule::List{1, None{}, 1} : schedule::List{1, None{}};
  attempt(s, [&] { s.apply("loop_partition", {loop, Value(parts)}); });
}

/// The block over windows that a workload is about, and the blocks beside it.
const BlockFacts* window_of(const Facts& facts) {
  const std::vector<int> windows = facts.of(BlockKind::kWindow);
  if (windows.size() != 1) return nullptr;
  const BlockFacts& block = facts.blocks[static_cast<std::size_t>(windows.front())];
  const bool most = 2 * block.operations >= facts.operations;
  return most && !block.separate_init && window_axes(block) ? &block : nullptr;
}

/// The only consumer of the block, when it takes each result once at its own place.
std::optional<std::string> taker_of(const Facts& facts, const BlockFacts& block) {
  if (block.consumers.size() != 1) return std::nullopt;
  const BlockFacts& next = facts.blocks[static_cast<std::size_t>(block.consumers.front())];
  int64_t points = 1;
  for (const AxisFacts& axis : block.axes)
    if (!axis.reduced) points *= axis.extent;
  if (next.kind != BlockKind::kElementwise || next.points != points) return std::nullopt;
  return next.name;
}

/// Puts padding, casts and the like into the sums, or leaves it a pass of its own.
void inline_producers(Script& s, const Facts& facts, const BlockFacts& block, Choices& choose) {
  for (const int producer : block.producers) {
    const BlockFacts& before = facts.blocks[static_cast<std::size_t>(producer)];
    if (before.kind != BlockKind::kMovement && before.kind != BlockKind::kElementwise) continue;
    const double each = before.operations / static_cast<double>(std::max<int64_t>(1, before.points));
    if (!choose.flag("inline_" + before.name, each < 1)) continue;
    attempt(s, [&] { s.compute_inline(s.block(before.name)); });
  }
}

/// Threads share the outer loops up to that over rows, or over channels.
void share_out(Script& s, const BlockFacts& block, const std::vector<LoopRef>& outside, int64_t threads,
               Choices& choose) {
  if (threads < 2) return;
  const bool worth = block.operations > 1e5;
  std::vector<int64_t> counts;
  for (std::size_t i = 0; i <= outside.size(); ++i) counts.push_back(static_cast<int64_t>(i));
  int64_t turns = 1;
  std::size_t preferred = 0;
  while (worth && preferred < outside.size() && turns < threads)
    turns *= std::max<int64_t>(1, s.turns(outside[preferred++]));
  auto shared = choose.pick("threads", counts, static_cast<int64_t>(preferred));
  for (; shared > 0; --shared)
    if (attempt(s, [&] { s.parallel(s.fuse({outside.begin(), outside.begin() + shared})); })) return;
}

std::vector<BlockRef> blocks_but(Script& s, const std::vector<BlockRef>& some) {
  std::vector<BlockRef> blocks;
  for (const PlacedBlock& block : placed_blocks(s))
    if (std::find(some.begin(), some.end(), block.ref) == some.end()) blocks.push_back(block.ref);
  return blocks;
}

void schedule_window(Script& s, const Workload& workload, Choices& choose) {
  const Facts facts = facts_of(workload);
  const BlockFacts& block = *window_of(facts);
  const WindowAxes axes = *window_axes(block);
  inline_producers(s, facts, block, choose);
  const BlockRef sum = s.block(block.name);
  const WindowTile tile = choose_window(block, axes, workload, choose, "");
  const std::optional<std::string> taker = taker_of(facts, block);
  std::vector<BlockRef> others = blocks_but(s, {sum});
  std::vector<LoopRef> outside;
  const auto cut = [&](bool into_taker) {
    return attempt(s, [&] {
      const BlockRef writer = into_taker ? s.block(*taker) : s.cache_write(sum, "local");
      outside = tile_window(s, workload, sum, writer, axes, tile, 0);
    });
  };
  if (taker && cut(true))
    std::erase(others, s.block(*taker));
  else if (!cut(false))
    choose.reject("the windows cannot be cut into tiles");
  share_out(s, block, outside, workload.machine.threads, choose);
  // All that was made of the sums is done: borders that were cut off have copies of the blocks.
  schedule_rest(s, workload, choose, blocks_but(s, others));
}

const SketchRegistration registration{{
    .name = "window",
    .summary = "Depthwise convolutions, pooling and box filters: tiles of rows, pixels and vectors.",
    .applies = [](const Workload& workload) { return window_of(facts_of(workload)) != nullptr; },
    .apply = schedule_window,
}};

}  // namespace

std::optional<WindowAxes> window_axes(const BlockFacts& facts) {
  WindowAxes axes;
  // The last axis that has more than one point; those inside of it are of one.
  for (int a = static_cast<int>(facts.axes.size()) - 1; a >= 0 && axes.lane < 0; --a)
    if (!axis_at(facts, a).reduced && axis_at(facts, a).extent > 1) axes.lane = a;
  if (axes.lane < 0) return std::nullopt;
  for (int a = static_cast<int>(facts.axes.size()) - 1; a >= 0; --a) {
    const AxisFacts& axis = axis_at(facts, a);
    if (axis.reduced) {
      axes.taps *= axis.extent;
    } else if (axis.window) {
      axes.stepping = axes.stepping || axis.step > 1;
      if (a == axes.lane || axis.extent <= 1) continue;
      // Where lanes are pixels, the next axis is that of rows.
      if (axes.pixel < 0 && !axis_at(facts, axes.lane).window)
        axes.pixel = a;
      else if (axes.row < 0)
        axes.row = a;
    }
  }
  if (axes.taps < 1) return std::nullopt;
  return axes;
}

WindowTile choose_window(const BlockFacts& facts, const WindowAxes& axes, const Workload& workload,
                         Choices& choose, const std::string& prefix) {
  const Machine& machine = workload.machine;
  const int64_t across = extent_of(facts, axes.pixel), down = extent_of(facts, axes.row),
                along = extent_of(facts, axes.lane);
  WindowTile tile;
  tile.lanes = 1;
  while (tile.lanes < machine.lanes(facts.dtype) && tile.lanes < along) tile.lanes *= 2;
  tile.lanes = std::min(tile.lanes, machine.lanes(facts.dtype));
  int64_t pixels = 4;
  for (int64_t p = 5; p <= 8; ++p)
    if (ceil_div(across, p) * p <= ceil_div(across, pixels) * pixels) pixels = p;
  tile.pixels = choose.pick(prefix + "pixels", up_to(14, across), std::min(pixels, across));
  const int64_t rows = axes.pixel < 0 ? 4 : axes.stepping || down % 2 ? 1 : 2;
  tile.rows = choose.pick(prefix + "rows", up_to(axes.pixel < 0 ? 8 : 4, down), rows);
  tile.vectors = choose.pick(prefix + "vectors", up_to(4, ceil_div(along, tile.lanes)), 1);

  // Threads have some of the channels each where they are many, of a small image.
  const int64_t image = facts.points / std::max<int64_t>(1, axes.taps) / std::max<int64_t>(1, along) *
                        tile.lanes * facts.dtype.bytes();
  const int64_t vectors = ceil_div(along, tile.lanes * tile.vectors);
  const bool outside = image <= machine.first && vectors % machine.threads == 0;
  if (axes.pixel >= 0 || axes.row >= 0)
    tile.lanes_outside = choose.flag(prefix + "channels_outside", outside && axes.pixel >= 0);
  tile.by_point = choose.way(prefix + "sums", {"of a tile", "point by point"}, axes.taps <= kMostTaps) == 1;
  const bool padded = std::any_of(facts.reads.begin(), facts.reads.end(),
                                  [](const ReadFacts& read) { return read.conditional || !read.parameter; });
  if (padded && axes.pixel >= 0) tile.cut_pixels = choose.flag(prefix + "cut_pixels", true);
  if (padded && axes.row >= 0) tile.cut_rows = choose.flag(prefix + "cut_rows", tile.lanes_outside);
  return tile;
}

std::vector<LoopRef> tile_window(Script& s, const Workload& workload, BlockRef sum, BlockRef writer,
                                 const WindowAxes& axes, const WindowTile& tile, int depth) {
  const NestView view = view_of(workload, s, *placed(s, sum), depth);
  const NestView of_writer = view_of(workload, s, *placed(s, writer), depth);
  const std::vector<std::optional<LoopRef>> match = matching_loops(view, of_writer);
  const auto loop_of = [&](int axis) -> std::optional<LoopRef> {
    const int loop = view.loop_of(axis);
    return loop < 0 ? std::nullopt : match[static_cast<std::size_t>(loop)];
  };
  const std::optional<LoopRef> row = loop_of(axes.row), pixel = loop_of(axes.pixel),
                               lane = loop_of(axes.lane);
  if (!lane) raise_value("the results have no loop that makes vectors");
  TileNest nest;
  std::optional<LoopRef> rows, pixels;
  std::vector<LoopRef> inner;
  for (const NestLoop& loop : of_writer.loops)
    if (loop.ref != row && loop.ref != pixel && loop.ref != lane) nest.outer.push_back(loop.ref);
  const std::size_t front = nest.outer.size();
  const auto cut = [&](std::optional<LoopRef> loop, int64_t factor, std::optional<LoopRef>& outer) {
    if (!loop) return;
    const auto [tiles, own] = s.split<2>(*loop, {None{}, factor});
    outer = tiles;
    nest.outer.push_back(tiles);
    inner.insert(inner.begin(), own);
  };
  cut(row, tile.rows, rows);
  cut(pixel, tile.pixels, pixels);
  const std::vector<LoopRef> parts = s.split(*lane, {None{}, tile.vectors, tile.lanes});
  nest.outer.insert(
      tile.lanes_outside ? nest.outer.begin() + static_cast<std::ptrdiff_t>(front) : nest.outer.end(),
      parts[0]);
  nest.inner = inner;
  nest.inner.push_back(parts[1]);
  nest.lane = parts[2];
  s.reorder(nest.order());

  const LoopRef at = tile.by_point ? nest.inner.back() : nest.outer.back();
  s.compute_at(sum, at);
  const int own_depth = depth + static_cast<int>(nest.outer.size() + (tile.by_point ? nest.inner.size() : 0));
  const TileNest sums = sum_in_lanes(s, workload, sum, axes.lane, tile.lanes, own_depth, 1);
  if (axes.taps <= kMostTaps) in_registers(s, sums.outer, std::nullopt);
  in_registers(s, nest.inner, nest.lane);
  if (pixels && tile.cut_pixels) cut_ends(s, *pixels);
  if (rows && tile.cut_rows) cut_ends(s, *rows);
  return nest.outer;
}

}  // namespace tw::autotune
