// Sums, maxima and the like over windows: depthwise convolutions, pooling, box filters.
//
//   Y[n, y, x, c] = sum over u, v of P[n, y*2 + u, x*2 + v, c] * W[u, v, c]
//
// Nothing is summed but the window, so there is little to reuse: a point enters some sums of its own channel.
// A tile of rows and pixels is written out; what its windows share, and the filter, stay in registers.
#pragma once

#include <optional>
#include <string>

#include "autotune/space/facts.h"

namespace tw::autotune {

/// What the axes of a block over windows are, by their position in the block; -1: there is none.
struct WindowAxes {
  int lane = -1;             // neighbours in memory: channels, or pixels where those are
  int row = -1, pixel = -1;  // of the window's axes the last two that are not the lane
  int64_t taps = 1;          // points of a window
  bool stepping = false;     // windows are more than one point apart
};

/// Nothing where no axis makes vectors.
std::optional<WindowAxes> window_axes(const BlockFacts& facts);

/// How a nest over windows is cut.
struct WindowTile {
  int64_t rows = 1, pixels = 1, vectors = 1, lanes = 1;
  bool lanes_outside = false;  // the loop over lanes stands outside of rows and pixels
  bool by_point = true;        // a sum is finished before the next begins; else those of a tile grow together
  bool cut_rows = false, cut_pixels = false;  // the first and last tiles, which meet the border, get loops
                                              // of their own
};

/// Of rows and pixels as hand-written schedules have them, from up to eight pixels those that cut a row into
/// even parts; the other holes are opened too.
WindowTile choose_window(const BlockFacts& facts, const WindowAxes& axes, const Workload& workload,
                         Choices& choose, const std::string& prefix);

/// Cuts the nests of the sums and of the block that takes them point by point, whose loops inside `depth`
/// outer ones are a whole nest; gives the loops outside of the tiles, outermost first.
std::vector<LoopRef> tile_window(Script& s, const Workload& workload, BlockRef sum, BlockRef writer,
                                 const WindowAxes& axes, const WindowTile& tile, int depth);

}  // namespace tw::autotune
