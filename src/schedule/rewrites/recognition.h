// What blocks compute, as expressions: how rewrites recognise a computation from axes and accesses alone.
//
// A rewrite reads the values of blocks (`point_value`, `whole_reduction`), compares them up to the names of
// axes (`Matcher`), and turns them into tensor expressions (`Placeholders`).
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ir/visit.h"
#include "schedule/blocks.h"
#include "te/tensor.h"

namespace tw::schedule {

/// Something that was looked for in a program, or why it is not there: words that follow "block X …".
template <class T>
struct Recognised {
  std::optional<T> value;
  std::string reason;
  explicit operator bool() const { return value.has_value(); }
  const T* operator->() const { return &*value; }
  const T& operator*() const { return *value; }
};

/// A block that stores one value at every point of its axes, and is the only writer of that buffer.
struct PointValue {
  const Block* block = nullptr;
  Buffer buffer;
  std::vector<Var> axes;  // one a dimension of the buffer
  Expr value;             // over the axes
  /// The value at these subscripts.
  Expr at(const std::vector<Expr>& indices) const;
};
Recognised<PointValue> point_value(const Program& program, const Buffer& buffer);

/// A block that reduces into whole buffers: for each point of the spatial axes
/// outputs[c] = reduce(sources)[c] over the reduction axes.
struct WholeReduction {
  const Block* block = nullptr;
  const Block* init = nullptr;  // a block of its own that sets the identities; null: the block does
  Reducer reducer;
  std::vector<Buffer> outputs;  // one a component
  std::vector<Var> spatial;     // one a dimension of each output
  std::vector<BlockAxis> reduced;
  std::vector<Expr> sources;  // one a component, over all axes
  /// The ids of the blocks.
  std::vector<int64_t> ids() const;
};
Recognised<WholeReduction> whole_reduction(const Program& program, const Block& block);

/// Whether the reducer is the one that everybody knows under this name (ir/reducers.h).
bool is_known(const Reducer& reducer, std::string_view name);

/// Finds values of variables ("holes") that make one expression another. Operands of + and * may change
/// places, no other law of arithmetic is used.
class Matcher {
 public:
  explicit Matcher(std::vector<Var> holes) : holes_(std::move(holes)) {}
  /// Adds to `values`; a hole that has a value keeps it. On failure the values are as before.
  bool match(const Expr& pattern, const Expr& e);
  VarMap values;

 private:
  bool try_match(const ExprNode& pattern, const ExprNode& e);
  bool all_match(const std::vector<Expr>& patterns, const std::vector<Expr>& es);
  std::vector<Var> holes_;
};

/// The name of the loop that a block's axis was made for: "i" for "vi".
std::string axis_name(const Var& axis);

/// The expression below casts.
const Expr& without_casts(const Expr& e);

/// Placeholders for the buffers of a program that tensor expressions read.
class Placeholders {
 public:
  /// The expression with reads of tensors in the place of reads of buffers.
  Expr reading(const Expr& e);
  const std::vector<std::pair<te::Tensor, Buffer>>& tensors() const { return tensors_; }

 private:
  std::vector<std::pair<te::Tensor, Buffer>> tensors_;
  BufferMap map_;
};

/// A reduction axis cut into pieces of one size, the last ones shorter or empty where it does not divide.
/// Count and size are at least 1, so that reductions of pieces and over pieces are never empty.
struct Pieces {
  Expr extent;  // of the axis
  Expr count, size;
  static Pieces of_size(const Expr& extent, const Expr& size);
  static Pieces of_count(const Expr& extent, const Expr& count);
  /// Whether count * size is the extent, whatever the values of sizes and parameters.
  bool divides() const;
  /// Where the point `inside` of piece number `piece` lies.
  Expr point(const Expr& piece, const Expr& inside) const { return piece * size + inside; }
  /// The value where the point is one of the axis, else the other value.
  Expr guarded(const Expr& point, const Expr& value, const Expr& beyond) const;
};

}  // namespace tw::schedule
