// Sums of products of two operands: what convolutions and matrix products are, told from axes and accesses.
//
// Operands are any expressions: reads behind casts, or behind `where` for padding. An axis of the result
// belongs to the rows when the first operand alone uses it, to the columns when the second one does, to the
// batch when both do. A window is a pair of axes, one of the result and one that is summed over, that meet in
// one subscript of the first operand.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <vector>

#include "schedule/rewrites/recognition.h"

namespace tw::schedule {

/// Axes counted as one, row-major: what a matrix has in one dimension. Without axes it is no dimension.
struct FlatAxes {
  std::vector<te::Axis> axes;
  /// The product of the extents.
  Expr extent() const;
  /// Where the values of the axes stand.
  Expr position(const VarMap& values) const;
  /// Adds the values of the axes at a position.
  void place(const Expr& position, VarMap& values) const;
};

/// A position in each of some groups of axes, which must be kept.
using Positions = std::map<const FlatAxes*, Expr>;
/// The values of the axes at the positions.
VarMap values_at(const Positions& positions);

/// The last dimensions of a tensor: one for each of these groups that is not empty.
class Dimensions {
 public:
  Dimensions(std::initializer_list<std::pair<const FlatAxes*, const char*>> groups);
  /// The extents, after others.
  std::vector<te::Value> shape(std::vector<te::Value> before = {}) const;
  std::vector<std::string> names(std::vector<std::string> before = {}) const;
  /// The positions at a point of the tensor.
  Positions positions(const std::vector<Var>& point) const;
  /// The subscripts at positions, or at values of the axes, after others.
  std::vector<te::Value> indices(const Positions& positions, std::vector<te::Value> before = {}) const;
  std::vector<te::Value> indices(const VarMap& values, std::vector<te::Value> before = {}) const;
  /// Whether each is one axis: what they count is what the axes do.
  bool are_single() const;
  const std::vector<const FlatAxes*>& groups() const { return groups_; }

 private:
  std::vector<const FlatAxes*> groups_;
  std::vector<std::string> names_;
};

/// spatial * stride + summed * dilation + …, in one subscript. Null factors: not affine.
struct Window {
  Var spatial, summed;
  Expr stride, dilation;
};

struct Contraction {
  WholeReduction sum;
  Expr first, second;             // over `spatial` and what is summed over; both of the type that is summed
  std::vector<te::Axis> spatial;  // of the result
  std::vector<Window> windows;    // of the first operand; the second does not use their spatial axes
  FlatAxes batch, rows, columns, summed;
  const std::string& name() const { return sum.block->name; }
  DType dtype() const { return first.dtype(); }
  const Buffer& output() const { return sum.outputs.front(); }
  /// The axis of that variable.
  te::Axis axis(const Var& var) const;
  /// Names for the loops over the output: those of the axes without the v before.
  std::vector<std::string> output_names() const;
  /// The values of `spatial` at a point of the output.
  VarMap values(const std::vector<Var>& point) const;
  /// The values in `spatial` of an axis of the block: itself, or the quotient and remainder that it is split
  /// into.
  struct Split {
    Var axis;
    Expr divisor;
    te::Axis outer, inner;
  };
  std::vector<Split> splits;
};

/// The block as a sum of products. The operand with more windows comes first. A condition around the product
/// whose other branch is zero becomes one around the first operand, and around the second where its reads
/// need it. An axis of the result that one operand uses only as a quotient (the group of a channel) is split,
/// so that just that part is in the batch.
Recognised<Contraction> find_contraction(const Program& program, const Block& block);

/// The name of the buffer that is read first in the expression.
std::string name_of_read(const Expr& e);

}  // namespace tw::schedule
