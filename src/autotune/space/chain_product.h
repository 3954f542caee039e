// Products of matrices inside of a tile of rows: panels of columns with their sums in registers.
#pragma once

#include <string>

#include "autotune/space/rows_steps.h"

namespace tw::autotune {

/// Copies the column operand of a contraction into panels of so many columns, laid out as the product reads
/// them, if that is chosen; it is done before everything else, by all threads.
void pack_columns(Draft& d, int product, int64_t columns, const std::string& prefix);

/// Runs a contraction whose results a block of their own stores in a loop over tiles of rows: all rows of the
/// tile and `vectors` vectors of columns at a time in registers.
void sums_in_registers(Draft& d, int product, BlockRef ref, BlockRef stores, LoopRef tile, int64_t vectors);

/// Vectors of columns that the registers hold for so many rows: 1 and up.
std::vector<int64_t> vectors_for(const Draft& d, int product, int64_t rows);

}  // namespace tw::autotune
