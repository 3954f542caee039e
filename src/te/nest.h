// A block in its loops, and sequences of statements with the buffers they share.
#pragma once

#include <string>
#include <vector>

#include "ir/program.h"
#include "te/tensor.h"

namespace tw::te {

/// One axis of a block, 0 <= var < extent, and its loop.
struct NestAxis {
  Var var;
  Expr extent;
  AxisKind kind = AxisKind::kSpatial;
  Var loop = {};  // null: the nest makes a loop; else the loop around the nest that the axis is bound to
};

std::vector<NestAxis> nest_axes(const std::vector<Axis>& axes, AxisKind kind = AxisKind::kSpatial);

/// A block over the axes; init and body use the axes' variables.
struct Nest {
  std::string name;
  std::vector<NestAxis> axes;
  Reducer reducer = {};
  Stmt init = {};
  Stmt body = {};
};

/// Loops (ordered ones for ordered axes) around the block, with fresh variables: loops are named as the axes,
/// the block's axes with a v before. Regions are inferred.
Stmt make_nest(const Nest& nest);

/// Statements in order, and the buffers that live around them.
struct Sequence {
  std::vector<Stmt> stmts;
  std::vector<Buffer> buffers;
  /// The statements inside the allocations.
  Stmt finish() const;
};

/// The same program with its blocks numbered in the order they stand.
Stmt number_blocks(const Stmt& s);

}  // namespace tw::te
