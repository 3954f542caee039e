// Register tiles of images, chosen by an estimate of the time that the busiest thread takes.
//
// The inner loop of a tile is the same for all convolutions: `vectors` loads of weights, `rows` broadcasts
// and their products. So its time follows from how many there are. What else differs between plans: how many
// tiles the busiest thread has, how often the image or the weights stream from the last cache, and whether
// rows of the image collide in the first one.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

#include "autotune/space/contraction_plan.h"

namespace tw::autotune {
namespace {

constexpr int64_t kLine = 64, kPage = 4096;  // bytes of a line of a cache, of a way of a first cache
constexpr double kPerCycle = 2;              // multiply-adds, and loads
// Of a multiply-add, with some room: fewer sums than two for each cycle of it wait for themselves.
constexpr double kLatency = 6;
constexpr double kCyclesPerByte = 0.008;      // from the last cache, beside the arithmetic
constexpr double kCyclesPerNearByte = 0.001;  // from the second
constexpr double kCrowded = 1.05;             // a tile whose rows push each other out of the first cache
constexpr double kRagged = 1.02;              // a tile that does not divide the image
// Where the loop that says whether a tile is whole is the parallel one, the test stays in the tile.
constexpr double kRaggedInThreads = 2;
constexpr int64_t kFewSums = 16;  // registers: a tile of so many leaves enough for loads ahead of need
constexpr int64_t kLongestTurn = 112, kMostStepsOfTurn = 8;

struct Tile {
  int64_t lines, rows, vectors;
  int64_t pixels() const { return lines * rows; }
  int64_t sums() const { return pixels() * vectors; }
};

/// Sums, a vector of weights for each column of them, and one broadcast element.
std::vector<Tile> tiles_in_registers(const ContractionShape& shape) {
  std::vector<Tile> tiles;
  const int64_t registers = shape.machine.vector_registers;
  for (int64_t vectors = 1; vectors <= 4 && (vectors - 1) * shape.lanes < shape.columns; ++vectors) {
    const int64_t pixels = (registers - 1) / vectors - 1;
    for (int64_t rows = 1; rows <= std::min(pixels, shape.rows); ++rows) tiles.push_back({1, rows, vectors});
    for (int64_t lines = 2; lines <= std::min(pixels / shape.rows, shape.lines); ++lines)
      tiles.push_back({lines, shape.rows, vectors});
  }
  return tiles;
}

struct Piece {
  int64_t size, count;
};

/// The sizes of the pieces of an extent, and how many there are of each.
std::vector<Piece> pieces_of(int64_t extent, int64_t size) {
  std::vector<Piece> pieces;
  if (extent / size) pieces.push_back({size, extent / size});
  if (extent % size) pieces.push_back({extent % size, 1});
  return pieces;
}

class Estimate {
 public:
  Estimate(const ContractionShape& shape, const Tile& tile, bool panels_outside, Sharing sharing)
      : shape_(shape), tile_(tile), panels_outside_(panels_outside), sharing_(sharing) {
    for (const Piece& line : pieces_of(shape.lines, tile.lines))
      for (const Piece& row : pieces_of(shape.rows, tile.rows))
        parts_.push_back({line.size * row.size, line.count * row.count * shape.outers});
    for (const Piece& part : parts_) tiles_ += part.count;
    panels_ = ceil_div(shape.columns, tile.vectors * shape.lanes);
  }

  /// Cycles of the busiest thread.
  double cycles() const {
    double cycles = 0;
    for (const Piece& part : parts_) cycles += static_cast<double>(part.count * panels_) * of_tile(part.size);
    if (parts_.size() > 1) cycles *= sharing_ == Sharing::kTiles ? kRaggedInThreads : kRagged;
    return cycles * busiest() + kCyclesPerByte * streamed();
  }

 private:
  double of_tile(int64_t pixels) const {
    const int64_t sums = pixels * tile_.vectors;
    const auto s = static_cast<double>(sums);
    double step =
        std::max({s / kPerCycle, static_cast<double>(pixels + tile_.vectors) / kPerCycle, kLatency});
    const auto weights = static_cast<double>(tile_.vectors * shape_.lanes * shape_.facts.dtype.bytes());
    const auto steps = static_cast<double>(shape_.steps);
    if (steps * weights > static_cast<double>(shape_.machine.first) / 2) step += weights * kCyclesPerNearByte;
    if (collide(pixels)) step *= kCrowded;
    // A small tile is soon done with its last step, and the next begins meanwhile.
    return steps * step + s * (sums <= kFewSums ? 0.5 : 1.0);
  }

  /// Whether the elements of a tile's rows at one step lie in so few sets of the first cache that these
  /// overflow.
  bool collide(int64_t pixels) const {
    const int64_t pitch = shape_.row_pitch() / kLine, sets = kPage / kLine;
    const int64_t used = pitch ? sets / std::gcd(pitch, sets) : sets;
    return pixels > used * (shape_.machine.first / kPage);
  }

  /// The share of the work of the thread that has most.
  double busiest() const {
    const int64_t threads = shape_.machine.threads;
    if (sharing_ == Sharing::kRows) {
      const int64_t extent = shape_.line >= 0 ? shape_.lines : shape_.rows;
      const int64_t size = shape_.line >= 0 ? tile_.lines : tile_.rows;
      const int64_t most = ceil_div(ceil_div(extent, size), threads) * size;
      return static_cast<double>(std::min(most, extent)) / static_cast<double>(extent);
    }
    const int64_t shared = sharing_ == Sharing::kColumns ? panels_ : tiles_ * panels_;
    return static_cast<double>(ceil_div(shared, threads)) / static_cast<double>(shared);
  }

  /// Bytes that a thread reads from beyond its second cache.
  double streamed() const {
    const auto threads = static_cast<double>(shape_.machine.threads);
    const int64_t elements = shape_.outers * shape_.lines * shape_.rows * shape_.steps;
    double image = static_cast<double>(
        (shape_.first ? std::min(shape_.first->elements, elements) : elements) * shape_.facts.dtype.bytes());
    double weights = static_cast<double>(shape_.steps * shape_.columns * shape_.facts.dtype.bytes());
    auto tiles = static_cast<double>(tiles_), panels = static_cast<double>(panels_);
    if (sharing_ == Sharing::kColumns || (sharing_ == Sharing::kTiles && panels_outside_)) {
      weights /= threads;
      panels /= threads;
    } else {
      image /= threads;
      tiles /= threads;
    }
    const double stays = static_cast<double>(shape_.machine.second) * 3 / 4;
    if (panels_outside_) return weights + image * (image + weights / panels > stays ? panels : 1);
    return image + weights * (weights > stays ? tiles : 1);
  }

  const ContractionShape& shape_;
  const Tile& tile_;
  bool panels_outside_;
  Sharing sharing_;
  std::vector<Piece> parts_;
  int64_t tiles_ = 0, panels_ = 1;
};

}  // namespace

int64_t innermost_steps(const ContractionShape& shape) {
  const std::size_t count = shape.summed.size();
  int64_t steps = shape.axis(shape.summed.back()).extent;
  if (count > 1) steps *= shape.axis(shape.summed[count - 2]).extent;
  return steps;
}

int64_t steps_of_a_turn(const ContractionShape& shape, int64_t sums) {
  if (sums > kFewSums || shape.conditional()) return 1;
  const int64_t most = std::clamp<int64_t>(kLongestTurn / sums, 1, kMostStepsOfTurn);
  for (int64_t steps = most; steps > 1; --steps)
    if (innermost_steps(shape) % steps == 0) return steps;
  return 1;
}

ContractionPlan preferred_tiles(const ContractionShape& shape) {
  const bool alone = shape.machine.threads == 1;
  std::tuple<double, int64_t> least{1e300, 0};
  ContractionPlan plan;
  for (const Tile& tile : tiles_in_registers(shape))
    for (const bool outside : {true, false})
      for (const Sharing sharing : {Sharing::kRows, Sharing::kColumns, Sharing::kTiles}) {
        const Estimate estimate(shape, tile, outside, sharing);
        const std::tuple<double, int64_t> spent{estimate.cycles(), tile.sums()};
        if (!(spent < least)) continue;
        least = spent;
        plan.lines = tile.lines;
        plan.rows = tile.rows;
        plan.vectors = tile.vectors;
        plan.panels_outside = outside;
        // The outermost loop over tiles is shared as it is.
        const bool outermost = sharing != Sharing::kTiles && outside == (sharing == Sharing::kColumns);
        plan.sharing = alone ? Sharing::kNothing : outermost ? Sharing::kOuter : sharing;
      }
  plan.lanes = shape.lanes;
  plan.unroll = steps_of_a_turn(shape, plan.lines * plan.rows * plan.vectors);
  if (shape.can_pack())
    plan.packing = shape.second->constant || !shape.vectors_lie_together() ? Packing::kWhole : Packing::kNone;
  return plan;
}

}  // namespace tw::autotune
