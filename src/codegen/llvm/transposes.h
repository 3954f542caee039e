// Columns read or written together.
//
//   T[ramp(0, 1, 4)] = A[ramp(b, n, 4)]              four rows A[b + l*n :+ 4] loaded as they lie,
//   T[ramp(4, 1, 4)] = A[ramp(b + 1, n, 4)]     =>   transposed in registers,
//   T[ramp(8, 1, 4)] = A[ramp(b + 2, n, 4)]          each column then is a vector
//   T[ramp(12, 1, 4)] = A[ramp(b + 3, n, 4)]
//
// Gathers of neighbouring columns touch the same lines again and again; rows touch each once. Stores of
// neighbouring columns are the mirror image. Where rows lie one behind the other, as pairs and quads do, they
// are one vector.
#pragma once

#include <vector>

#include <llvm/IR/IRBuilder.h>

#include "ir/stmt.h"

namespace tw::codegen {

/// Neighbouring columns of a matrix in a buffer: lane l of column c is element base + l * stride + c.
struct Columns {
  const BufferNode* buffer = nullptr;
  Expr base, stride;
  int lanes = 0;
  Expr predicate;                   // of the lanes, the same for all; null: none
  std::vector<const Node*> places;  // the Load or Store of each column
  /// Whether rows follow each other without gaps.
  bool are_dense() const;
};

/// Groups of loads in straight statements, all of which may happen at the first of them: nothing there writes
/// the buffer. Each has a power of two of columns, at least four, or as many as rows are apart.
std::vector<Columns> column_loads(const Seq& seq);

/// Groups of stores, all of which may happen at the last of them: nothing else there touches the buffer. Each
/// has at least four columns and at most as many as lanes.
std::vector<Columns> column_stores(const Seq& seq);

/// The columns of a matrix from its rows: vectors of one type, as many as a power of two. Columns have as
/// many lanes as there are rows; there are as many columns as a row has lanes.
std::vector<llvm::Value*> transpose(llvm::IRBuilder<>& builder, const std::vector<llvm::Value*>& rows);

/// Columns as one vector of dense rows, and back: element l * columns + c is lane l of column c.
llvm::Value* interleave(llvm::IRBuilder<>& builder, const std::vector<llvm::Value*>& columns);
std::vector<llvm::Value*> deinterleave(llvm::IRBuilder<>& builder, llvm::Value* rows, int columns);

}  // namespace tw::codegen
