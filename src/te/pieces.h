// Tensors made of pieces: disjoint parts of the domain, each with its own value (concatenation, residue
// classes, updates).
//
// At every point exactly one condition must hold. What is provably or, on a constant domain of up to 2^16
// points, found otherwise is an error when the tensor is made. What can be decided neither way (conditions on
// data, some symbolic sizes) is checked when the program runs: see `checked`.
#pragma once

#include "te/tensor.h"

namespace tw::te {

/// The value where the condition holds; both over the axes of the operation.
struct Piece {
  Expr condition;  // bool; never null
  Expr value;
};

struct PiecesNode : OperationNode {
  explicit PiecesNode(std::string n) : OperationNode(OpKind::kPieces, std::move(n)) {}
  std::vector<Axis> axes;
  std::vector<Piece> pieces;
  /// Not decided when made: the program asserts at each point that exactly one condition holds.
  bool checked = false;
  std::vector<Expr> expressions() const override;
};

/// What a piece is made from. A null condition means "everywhere else" and must be last.
struct PieceFunctions {
  PointFunction condition;
  PointFunction value;
};

/// The tensor whose element at each point is the value of the piece whose condition holds there. Values take
/// their common dtype. Value errors, besides those of `compute`: no piece; "everywhere else" that is not
/// last; two conditions that hold at one point; a point where none holds. Both show the point where it was
/// found.
Tensor pieces(const std::vector<Value>& shape, const std::vector<PieceFunctions>& pieces,
              const std::string& name = "", const std::vector<std::string>& axis_names = {});

}  // namespace tw::te
