// The blocks of a softmax, found from the last one backwards, by what they compute:
//
//   m[i]    = max_k s[i, k]                             the maximum
//   z[i, j] = sum_k exp(s[i, k] - m[i]) * w[i, j, k]    sums
//   y       = a function of elements of m and z         the last block, or a sum itself
//
// With w = 1 the sum is the normaliser of a softmax, with w = v[k, j] the product of attention. The
// exponential may be a block of its own or stand in the sums, as may s - m; sums may be divided by other
// sums inside (softmax first, product afterwards) or behind. Between all of them casts may stand. What s and
// w are made of does not matter.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "schedule/rewrites/recognition.h"

namespace tw::schedule {

/// One sum. Expressions are over the axes of its block.
struct SoftmaxSum {
  WholeReduction reduction;
  Expr exponential;            // over SoftmaxChain::score and ::shift
  Var factor;                  // stands for the exponential in `term`
  Expr term;                   // what is summed, without divisors
  std::vector<Expr> divisors;  // loads of other sums: each term is divided by them
  std::vector<Expr>
      rows;  // one a dimension of the maximum: an axis of this block, or 0 where the extent is 1
  std::vector<Var> columns;          // one a reduction axis of the maximum: a reduction axis of this block
  std::vector<const Block*> inside;  // blocks of single values that are part of the terms
  const Buffer& output() const { return reduction.outputs.front(); }
  DType dtype() const { return output()->dtype; }
  /// The dimension of the maximum that an axis follows; nothing: none.
  std::optional<std::size_t> row_of(const Var& axis) const;
  /// Whether all dimensions follow dimensions of the maximum.
  bool is_per_row() const;
};

class SoftmaxChain {
 public:
  explicit SoftmaxChain(const Program& program) : program_(program) {}

  /// Finds the chain that ends with the block; a reason why there is none, or "".
  std::string find(const Block& last);

  const WholeReduction& maximum() const { return *maximum_; }
  const Expr& score_source() const { return maximum_->sources.front(); }
  const Var& score() const { return score_; }
  const Var& shift() const { return shift_; }

  /// The blocks of the chain, the last one among them.
  const std::set<int64_t>& blocks() const { return blocks_; }
  /// The value of the last block at the axes, over loads of the maximum and the sums.
  const Buffer& result() const { return result_; }
  const std::vector<Var>& result_axes() const { return result_axes_; }
  const Expr& result_value() const { return result_value_; }

  /// Buffers of the chain that blocks outside of it or the caller use, the result apart.
  struct Visible {
    Buffer buffer;
    std::vector<Var> axes;
    Expr value;  // over loads of the maximum and the sums
  };
  const std::vector<Visible>& visible() const { return visible_; }

  /// The sum that a buffer holds; null when it is none.
  const SoftmaxSum* sum_of(const Buffer& buffer);
  bool is_maximum(const Buffer& buffer) const {
    return maximum_ && maximum_->outputs.front().same_as(buffer);
  }

 private:
  std::string read_sum(const Block& block, SoftmaxSum& sum);
  Expr spine(const Expr& e, SoftmaxSum& sum);
  Expr exponential(const Call& call, SoftmaxSum& sum);
  Expr exponent(const Expr& e, SoftmaxSum& sum);
  bool matches_score(const Expr& score, SoftmaxSum& sum);
  Expr maximum_of(const Expr& e, SoftmaxSum& sum);
  bool divides(const Expr& e, SoftmaxSum& sum);
  bool is_reciprocal(const Expr& e, SoftmaxSum& sum);
  Expr divided(const SoftmaxSum& sum, const std::vector<Expr>& indices);
  const PointValue* value_of(const Buffer& buffer);
  void find_nearest_sum(const Expr& e);
  bool reaches_chain(const Buffer& buffer);
  Expr expanded(const Expr& e);
  bool is_settled(const PointValue& value) const;
  Expr everything_expanded(const Expr& e);
  void take(const Expr& value);
  void take(const SoftmaxSum& sum);
  void take_siblings(const Block& last);
  bool is_used_outside(const Buffer& buffer) const;
  void find_visible();

  const Program& program_;
  std::optional<WholeReduction> maximum_;
  Var score_, shift_;
  std::string why_not_ = "no factor exp(s - m) with m the maximum of s over the same axis";
  std::map<const BufferNode*, std::optional<SoftmaxSum>> sums_;
  std::map<const BufferNode*, std::optional<PointValue>> values_;
  std::map<const BufferNode*, bool> reaches_;
  std::set<int64_t> blocks_;
  std::vector<const SoftmaxSum*> taken_;
  Buffer result_;
  std::vector<Var> result_axes_;
  Expr result_value_;
  std::vector<Visible> visible_;
};

}  // namespace tw::schedule
