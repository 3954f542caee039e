// Which tiles and blocks a convolution by Winograd's filtering is computed in.
#pragma once

#include "autotune/space/sketch.h"

namespace tw::autotune {

struct WinogradShape {
  int64_t images = 1, height = 0, width = 0;  // of the result
  int64_t channels = 1, filters = 1;
};

/// Tiles of `down` by `across` results; `block` tiles and `part` channels of the result at once. The products
/// have register tiles of `rows` tiles by `vectors` of `lanes`. The filter is fetched so many bytes `ahead`;
/// 0: not at all.
struct WinogradPlan {
  int64_t down = 4, across = 4, block = 1, part = 1, rows = 1, vectors = 1, lanes = 1, ahead = 0;
  int64_t positions() const { return (down + 2) * (across + 2); }  // of a transformed tile
  int64_t columns() const { return vectors * lanes; }              // channels of a register tile
  int64_t tiles(const WinogradShape& shape) const;
};

/// About the cycles that the busiest thread spends. The filter is read while products are computed.
double cost_of(const WinogradPlan& plan, const WinogradShape& shape, const Machine& machine);

/// The plan that the choices ask for; preferred is the one of the least cost.
WinogradPlan choose_winograd(const WinogradShape& shape, const Machine& machine, Choices& choose);

}  // namespace tw::autotune
