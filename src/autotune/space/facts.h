// What the blocks of an expression are, told from their axes and accesses alone, never from names: what
// sketches decide by.
//
//   Y[n, y, x, o] = sum over ky, kx, c of P[n, y*2 + ky, x*2 + kx, c] * W[ky, kx, c, o]
//
//   kind kContraction; n, y, x rows, o a column, ky, kx, c summed; y, ky and x, kx windows, y and x of step
//   2; reads P (operand 0, contiguous along c), W (operand 1, contiguous along o)
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "autotune/space/sketch.h"

namespace tw::autotune {

enum class BlockKind : uint8_t {
  kContraction,   // a sum of products of two operands, with axes that only one of them has, of both: matrix
                  // products, convolutions
  kWindow,        // a reduction over windows whose axes meet spatial ones in subscripts; no other is summed:
                  // depthwise filters, pooling, stencils written as reductions
  kRowReduction,  // any other reduction, products of a matrix and a vector of one dimension among them
  kElementwise,   // each point from the points of its own indices (or some of them: broadcasts), in their
                  // order
  kMovement,      // one read through a map that is no projection: transposes, slices, padding, gathers
  kOther,         // recurrences, scatters, several writers, stencils written out, …
};

/// A role in a contraction; spatial or summed elsewhere. Columns are the axes of the operand that has the
/// last axis of the result (the last one that is not in both operands), rows those of the other one.
enum class AxisRole : uint8_t { kBatch, kRow, kColumn, kSummed, kSpatial };

struct AxisFacts {
  std::string name;  // "i" for the axis vi; loops of the first program have the same order
  int64_t extent = 1;
  AxisRole role = AxisRole::kSpatial;
  bool reduced = false;
  bool window = false;  // meets another axis in a subscript: (y*2 + ky)
  int meets = -1;       // that axis, the last of several
  int64_t step = 1;     // its own factor there
  /// Of a row or column that is in the batch by its quotient alone (the group of a channel): the divisor, and
  /// only the remainder is a row or column. Else 0.
  int64_t group = 0;
};

struct ReadFacts {
  std::string buffer;
  DType dtype = kFloat32;
  int64_t elements = 0;    // of the whole buffer
  bool constant = false;   // a weight
  bool parameter = false;  // an argument of the program; else another block's result
  int operand = -1;        // of a contraction: 0 stands in the factor of the rows, 1 in that of the columns
  int contiguous_axis =
      -1;                 // the axis of the block along which neighbours are neighbours in memory; -1: none
  std::vector<int> axes;  // that its subscripts use, in order of their first use
  std::vector<int> dimensions;  // for each subscript the axis that it is, alone and whole; -1: something else
  std::vector<int64_t> strides;  // for each axis of the block by how many elements it moves the address; 0:
                                 // not at all; -1: not evenly
  bool conditional = false;      // behind a `where`, as of padding
};

struct BlockFacts {
  std::string name;  // unique within the program
  BlockKind kind = BlockKind::kOther;
  std::vector<AxisFacts> axes;   // in the order of the block's loops
  std::vector<ReadFacts> reads;  // of a contraction: those of the rows' operand first
  std::string writes;            // the buffer; empty: several
  DType dtype = kFloat32;        // that it computes in
  int contiguous_axis = -1;      // of the result
  int64_t points = 1;            // instances
  double operations = 0;         // arithmetic of all instances; a transcendental function counts as 8
  std::vector<int> producers, consumers;  // other blocks, by position in Facts::blocks, ascending
  bool whole_product =
      false;  // a contraction whose operands are one read each, maybe behind casts: no `where`
  bool separate_init =
      false;         // a reduction whose sums are cleared by a block of its own (sizes that may be 0)
  std::string init;  // that block
  int64_t extent(AxisRole role) const;  // the product over axes of the role; of groups, the remainder counts
  std::vector<int> of(AxisRole role) const;  // the axes of the role
};

struct Facts {
  std::vector<BlockFacts> blocks;  // in the order of the program; blocks that only clear sums are left out
  double operations = 0;
  int64_t input_bytes = 0, constant_bytes = 0, output_bytes = 0;
  const BlockFacts& last() const { return blocks.back(); }
  /// The blocks of a kind, by position.
  std::vector<int> of(BlockKind kind) const;
};

Facts facts_of(const Workload& workload);

}  // namespace tw::autotune
