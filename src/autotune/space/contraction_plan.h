// How a contraction is cut into register tiles and blocks, packed and shared among threads: what is preferred
// for a shape and a machine, and the holes around it.
//
// Three kinds of shape differ in what matters:
//   one product of matrices    blocks for the caches, packing (preferred_product)
//   several lines of rows      images: which tile covers lines and rows with least waste, which operand
//   streams
//                              (preferred_tiles)
//   a batch of small products  whole products for the threads (preferred_batch)
#pragma once

#include "autotune/space/contraction_shape.h"

namespace tw::autotune {

/// Where panels of the second operand are made.
enum class Packing : int64_t {
  kNone,   // it is read as it stands
  kBlock,  // of each block of columns and steps, by each thread before it uses it
  kWhole,  // of everything, before anything else: constants are prepared so
  kFirst,  // of one panel, by the first row of tiles that uses it, while it does
};

/// What threads share out.
enum class Sharing : int64_t {
  kNothing,
  kColumns,  // a run of columns for each
  kRows,     // a run of lines, or of rows where there is one line
  kOuter,    // the outer axes, with the outermost loop over tiles where there are no blocks
  kTiles,    // all tiles as one range; no blocks
  kSteps,    // parts of the steps; what each gives is added in the end
};

struct ContractionPlan {
  int64_t lanes = 1, vectors = 1, rows = 1, lines = 1;  // a tile: lines x rows x (vectors of lanes)
  int64_t kc = 0;                                       // steps of a block; 0: all at once
  bool blocked = false;                                 // rows and columns in blocks of mc and nc
  int64_t mc = 0, nc = 0;
  bool panels_outside =
      true;  // all tiles of a panel of columns, then the next panel; else all panels of a tile
  Packing packing = Packing::kNone;
  Sharing sharing = Sharing::kNothing;
  int64_t parts = 1;       // of the steps, for kSteps
  int64_t ahead = 0;       // bytes by which panels are fetched before their use
  bool pack_rows = false;  // the first operand is copied beforehand, into panels of a tile's rows
  // Hints shared out over the steps of a tile: the next rows of the first operand, and, with blocks of the
  // second that are packed before their use, the next of these.
  bool hint_rows = false, hint_block = false;
  int64_t unroll = 1;                         // steps in one turn
  bool pad_rows = false;                      // tiles at the end are computed whole, in registers
  schedule::Value block_rows, block_columns;  // mc and nc as they are given to `split`
  int64_t width() const { return vectors * lanes; }
  /// Whether panels are packed between the loops over blocks and those over tiles.
  bool packs_inside() const { return packing == Packing::kBlock || packing == Packing::kFirst; }
};

/// The plan that a person would take.
ContractionPlan preferred_plan(const ContractionShape& shape);

/// What is preferred of the rest where tiles and packing are given: blocks, and what is fetched ahead. Plans
/// of images and batches stay as they are.
void set_blocks(const ContractionShape& shape, ContractionPlan& plan);

/// The preferred plan with its holes filled by `choose`. Names begin with `prefix`.
ContractionPlan choose_plan(const ContractionShape& shape, Choices& choose, const std::string& prefix);

/// Steps along which a line of the first operand is used up, the turns over which hints are shared out; 0:
/// there is no such number for all blocks of steps.
int64_t steps_between_hints(const ContractionShape& shape, const ContractionPlan& plan);

/// Whether the first operand can be copied into panels: its rows lie together, so that a tile reads few
/// elements of each line that it meets.
bool can_pack_rows(const ContractionShape& shape);

/// Whether threads may have parts of the steps: there are many.
bool can_share_steps(const ContractionShape& shape);

/// Whether panels can be packed by the first row of tiles: there are others, but not many.
bool can_pack_first(const ContractionShape& shape, int64_t rows_of_tile);

/// Whether hints at the next block of the second operand, or at the next rows of the first, have a place.
bool can_hint_block(const ContractionShape& shape, const ContractionPlan& plan);
bool can_hint_rows(const ContractionShape& shape, const ContractionPlan& plan);

/// Cycles of one step of a tile: two multiply-adds or two loads at once, a sum once in four cycles.
double cycles_of_step(int64_t rows, int64_t vectors);

/// Cycles of the whole on one thread at best.
double cycles_of(const ContractionShape& shape);
// A region of several threads takes some thousands of cycles to begin and to end. Work of fewer than the
// first is done by one; of more than the second always by several.
inline constexpr double kCyclesForThreads = 8000, kCyclesAlone = 200000;

/// Blocks of about the same size, in units, that are at most `most`.
int64_t even_blocks(int64_t size, int64_t most, int64_t unit);

/// A size of blocks of an extent as `split` takes it: a parameter, or a constant where just one is possible.
schedule::Value block_size(Choices& choose, const std::string& name, int64_t unit, int64_t extent,
                           int64_t preferred);

/// Rows and vectors of the tile that covers rows x columns in the fewest cycles; of those the largest.
/// Registers hold the sums, the vectors of a row of the second operand and one element of the first. `afar`:
/// each row of tiles has the second operand from the second cache or beyond; arithmetic hides most of that.
std::pair<int64_t, int64_t> register_tile(int64_t rows, int64_t columns, int64_t most_rows, int64_t lanes,
                                          int64_t registers, bool afar = false);

/// For images (contraction_tiles.cpp).
ContractionPlan preferred_tiles(const ContractionShape& shape);

/// How many steps are written out as one turn, where few sums leave registers for loads ahead of need.
int64_t steps_of_a_turn(const ContractionShape& shape, int64_t sums);
/// Steps of the innermost loop: of the last two summed axes.
int64_t innermost_steps(const ContractionShape& shape);

}  // namespace tw::autotune
