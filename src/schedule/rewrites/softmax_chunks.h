// What belongs to one chunk of the columns of a softmax, as tensors: its maximum, exponentials relative to
// that, and their weighted sums. Subscripts: the chunk, then rows, then columns in the chunk.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "schedule/rewrites/softmax_chain.h"
#include "te/tensor.h"

namespace tw::schedule {

class SoftmaxChunks {
 public:
  /// Cuts reduction axis `axis` of the maximum; reads of other buffers go through `inputs`. The chain and the
  /// inputs must be kept.
  SoftmaxChunks(const SoftmaxChain& chain, int64_t axis, const Pieces& pieces, Placeholders& inputs);

  const Pieces& pieces() const { return pieces_; }
  /// maximum[c, i] = max over the columns of chunk c.
  const te::Tensor& maximum();
  /// exponential[c, i, k]: with the maximum of the chunk in the place of that of the row; 0 beyond the row.
  const te::Tensor& exponential(const Expr& exponential);
  /// sum[c, i, j] over the columns of chunk c, without divisors.
  const te::Tensor& sum(const SoftmaxSum& sum);

 private:
  std::vector<Expr> columns_at(const Expr& chunk, const std::vector<Expr>& inside) const;
  Expr guarded(const std::vector<Expr>& columns, const Expr& value, const Expr& beyond) const;
  Expr inner_extent(std::size_t column) const;
  Expr score_at(const std::vector<Expr>& rows, const std::vector<Expr>& columns);
  Expr sum_at(const SoftmaxSum& sum, const std::vector<Var>& point);

  const SoftmaxChain& chain_;
  const WholeReduction& of_rows_;  // the maximum of whole rows
  std::size_t axis_;
  Pieces pieces_;
  Placeholders& inputs_;
  te::Tensor maximum_;
  std::vector<std::pair<Expr, te::Tensor>> exponentials_;
  std::map<const SoftmaxSum*, te::Tensor> sums_;
};

Expr minus_infinity(DType type);

/// Conversions for te::compute.
std::vector<te::Value> values_of(const std::vector<Expr>& exprs);
/// The names of loops for these axes of a block.
std::vector<std::string> loop_names(const std::vector<Var>& axes);

}  // namespace tw::schedule
