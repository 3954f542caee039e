// A contraction as its sketch sees it: which axes a register tile cuts, how large everything is, and what may
// be copied into panels.
//
//   Y[n, y, x, o] += P[n, y + ky, x + kx, c] * W[ky, kx, c, o]      lines y, rows x, columns o, steps ky, kx,
//   c,
//                                                                   outer n
//   Y[b, i, j] += A[b, i, k] * B[b, k, j]                           rows i, columns j, steps k, outer b
#pragma once

#include "autotune/space/division.h"
#include "autotune/space/facts.h"

namespace tw::autotune {

struct ContractionShape {
  ContractionShape(const Workload& workload, const BlockFacts& facts);

  const Machine& machine;
  const BlockFacts& facts;
  /// Axes of the block by position; -1: none. Tiles are of lines, rows and columns.
  int line = -1, row = -1, column = -1;
  std::vector<int> outer;   // the other ones of the result
  std::vector<int> summed;  // in order
  int64_t lines = 1, rows = 1, columns = 1, steps = 1, outers = 1;
  int64_t lanes = 1;  // of a vector of sums
  bool windows = false;
  bool constant_extents = true;
  /// The operands where each is one read; null otherwise.
  const ReadFacts *first = nullptr, *second = nullptr;

  int64_t results() const { return outers * lines * rows * columns; }
  /// Whether neighbours along the columns are neighbours in the second operand.
  bool vectors_lie_together() const { return second && second->contiguous_axis == column; }
  /// Whether some read of an operand stands behind a condition, as of padding.
  bool conditional() const;
  /// Whether the second operand can be copied into panels of columns.
  bool can_pack() const;
  /// The summed axis that may be cut into blocks: where just one has more than one step; else -1.
  int blocked_axis() const;
  /// Bytes from a row of the first operand to the next; 0: unknown.
  int64_t row_pitch() const;
  const AxisFacts& axis(int position) const { return facts.axes[static_cast<std::size_t>(position)]; }
  /// Multiples for `pad`: one for each axis of the result.
  std::vector<int64_t> multiples(int64_t of_rows, int64_t of_columns) const;
};

/// Whether a block is a sum of products that can be scheduled as such: its result has columns.
bool is_product_with_columns(const BlockFacts& facts);

/// Dimension of the read's buffer that is this axis alone; -1: none.
int dimension_of(const ReadFacts& read, int axis);

}  // namespace tw::autotune
