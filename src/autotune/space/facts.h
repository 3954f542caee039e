// What the blocks of an expression are, told from their axes and accesses alone, never from names: what
// sketches decide by.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "autotune/space/sketch.h"

namespace tw::autotune {

enum class BlockKind : uint8_t {
  kContraction,   // a sum of products of two operands: matrix products, convolutions
  kWindow,        // a reduction over windows whose axes meet spatial ones in subscripts; no other is summed:
                  // depthwise filters, pooling, stencils written as reductions
  kRowReduction,  // any other reduction
  kElementwise,   // each point from the points of its own indices (or some of them: broadcasts), in their
                  // order
  kMovement,      // one read through a map that is no projection: transposes, slices, padding, gathers
  kOther,         // recurrences, scatters, several writers, …
};

/// A role in a contraction; spatial or summed elsewhere.
enum class AxisRole : uint8_t { kBatch, kRow, kColumn, kSummed, kSpatial };

struct AxisFacts {
  std::string name;  // "i" for the axis vi; loops of the first program have the same order
  int64_t extent = 1;
  AxisRole role = AxisRole::kSpatial;
  bool reduced = false;
  bool window = false;  // meets another axis in a subscript: (y*2 + ky)
};

struct ReadFacts {
  std::string buffer;
  DType dtype = kFloat32;
  int64_t elements = 0;    // of the whole buffer
  bool constant = false;   // a weight
  bool parameter = false;  // an argument of the program; else another block's result
  int contiguous_axis =
      -1;                 // the axis of the block along which neighbours are neighbours in memory; -1: none
  std::vector<int> axes;  // that its subscripts use, in order of their first use
  bool conditional = false;  // behind a `where`, as of padding
};

struct BlockFacts {
  std::string name;  // unique within the program
  BlockKind kind = BlockKind::kOther;
  std::vector<AxisFacts> axes;  // in the order of the block's loops
  std::vector<ReadFacts> reads;
  std::string writes;              // the buffer
  DType dtype = kFloat32;  // that it computes in
  int64_t points = 1;              // instances
  double operations = 0;           // arithmetic of all instances; a transcendental function counts as 8
  std::vector<int> producers, consumers;  // other blocks, by position in Facts::blocks
  int64_t extent(AxisRole role) const;    // the product over axes of the role
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
