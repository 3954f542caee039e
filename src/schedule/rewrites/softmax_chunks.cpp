#include "schedule/rewrites/softmax_chunks.h"

#include <algorithm>
#include <limits>

#include "ir/equal.h"
#include "te/reduce.h"

namespace tw::schedule {
namespace {

/// What is subtracted from scores: the maximum, or 0 where all scores are -inf and s - m would be NaN.
Expr finite_shift(const Expr& maximum) {
  return select(eq(maximum, minus_infinity(maximum.dtype())), make_zero(maximum.dtype()), maximum);
}

/// A tensor of what each chunk has: one more dimension in front.
te::Tensor of_chunks(const Pieces& pieces, std::vector<te::Value> shape, std::vector<std::string> names,
                     const te::PointFunction& value, const std::string& name) {
  shape.insert(shape.begin(), pieces.count);
  names.insert(names.begin(), "c");
  return te::compute(shape, value, name, names);
}

}  // namespace

Expr minus_infinity(DType type) {
  return make_const(type, -std::numeric_limits<double>::infinity());
}

std::vector<te::Value> values_of(const std::vector<Expr>& exprs) {
  return {exprs.begin(), exprs.end()};
}

std::vector<std::string> loop_names(const std::vector<Var>& axes) {
  std::vector<std::string> names;
  for (const Var& axis : axes) names.push_back(axis_name(axis));
  return names;
}

SoftmaxChunks::SoftmaxChunks(const SoftmaxChain& chain, int64_t axis, const Pieces& pieces,
                             Placeholders& inputs)
    : chain_(chain),
      of_rows_(chain.maximum()),
      axis_(static_cast<std::size_t>(axis)),
      pieces_(pieces),
      inputs_(inputs) {}

/// The columns of a chunk: counted from its beginning on the axis that is cut.
std::vector<Expr> SoftmaxChunks::columns_at(const Expr& chunk, const std::vector<Expr>& inside) const {
  std::vector<Expr> columns = inside;
  columns[axis_] = pieces_.point(chunk, inside[axis_]);
  return columns;
}

Expr SoftmaxChunks::guarded(const std::vector<Expr>& columns, const Expr& value, const Expr& beyond) const {
  return pieces_.guarded(columns[axis_], value, beyond);
}

Expr SoftmaxChunks::inner_extent(std::size_t column) const {
  return column == axis_ ? pieces_.size : of_rows_.reduced[column].extent;
}

Expr SoftmaxChunks::score_at(const std::vector<Expr>& rows, const std::vector<Expr>& columns) {
  VarMap at;
  for (std::size_t d = 0; d < rows.size(); ++d) at[&*of_rows_.spatial[d]] = rows[d];
  for (std::size_t c = 0; c < columns.size(); ++c) at[&*of_rows_.reduced[c].var] = columns[c];
  return inputs_.reading(substitute(chain_.score_source(), at));
}

const te::Tensor& SoftmaxChunks::maximum() {
  if (maximum_) return maximum_;
  const auto value = [&](const std::vector<Var>& point) -> te::Value {
    te::Axes axes;
    std::vector<Expr> inside;
    for (std::size_t c = 0; c < of_rows_.reduced.size(); ++c) {
      axes.push_back(te::reduce_axis(inner_extent(c), axis_name(of_rows_.reduced[c].var)));
      inside.emplace_back(axes.back().var);
    }
    const std::vector<Expr> columns = columns_at(point[0], inside);
    const Expr score = score_at({point.begin() + 1, point.end()}, columns);
    return te::max(guarded(columns, score, minus_infinity(score.dtype())), axes);
  };
  const Buffer& whole = of_rows_.outputs[0];
  maximum_ = of_chunks(pieces_, values_of(whole->shape), loop_names(of_rows_.spatial), value,
                       whole->name.text + "_part");
  return maximum_;
}

const te::Tensor& SoftmaxChunks::exponential(const Expr& exponential) {
  for (const auto& [known, tensor] : exponentials_)
    if (structural_equal(known, exponential)) return tensor;
  std::vector<te::Value> shape = values_of(of_rows_.outputs[0]->shape);
  std::vector<std::string> names = loop_names(of_rows_.spatial);
  for (std::size_t c = 0; c < of_rows_.reduced.size(); ++c) {
    shape.emplace_back(inner_extent(c));
    names.push_back(axis_name(of_rows_.reduced[c].var));
  }
  const auto value = [&](const std::vector<Var>& point) -> te::Value {
    const auto first_column = point.begin() + static_cast<std::ptrdiff_t>(of_rows_.spatial.size()) + 1;
    const std::vector<Expr> columns = columns_at(point[0], {first_column, point.end()});
    const Expr score = score_at({point.begin() + 1, first_column}, columns);
    const Expr shift = finite_shift(maximum()({point.begin(), first_column}));
    const Expr e = substitute(exponential, {{&*chain_.score(), score}, {&*chain_.shift(), shift}});
    return guarded(columns, e, make_zero(e.dtype()));
  };
  return exponentials_.emplace_back(exponential, of_chunks(pieces_, shape, names, value, "exp_part")).second;
}

const te::Tensor& SoftmaxChunks::sum(const SoftmaxSum& sum) {
  te::Tensor& tensor = sums_[&sum];
  if (!tensor)
    tensor = of_chunks(
        pieces_, values_of(sum.output()->shape), loop_names(sum.reduction.spatial),
        [&](const std::vector<Var>& point) -> te::Value { return sum_at(sum, point); },
        sum.output()->name.text + "_part");
  return tensor;
}

Expr SoftmaxChunks::sum_at(const SoftmaxSum& sum, const std::vector<Var>& point) {
  VarMap at;
  for (std::size_t d = 0; d < sum.reduction.spatial.size(); ++d)
    at[&*sum.reduction.spatial[d]] = point[d + 1];
  te::Axes axes;
  std::vector<Expr> inside(sum.columns.size());
  for (const BlockAxis& old : sum.reduction.reduced) {
    const auto column = std::find_if(sum.columns.begin(), sum.columns.end(),
                                     [&](const Var& v) { return v.same_as(old.var); });
    const auto c = static_cast<std::size_t>(column - sum.columns.begin());
    const bool is_column = column != sum.columns.end();
    axes.push_back(te::reduce_axis(is_column ? inner_extent(c) : old.extent, axis_name(old.var)));
    if (is_column)
      inside[c] = axes.back().var;
    else
      at[&*old.var] = axes.back().var;
  }
  const std::vector<Expr> columns = columns_at(point[0], inside);
  for (std::size_t c = 0; c < columns.size(); ++c) at[&*sum.columns[c]] = columns[c];
  std::vector<te::Value> indices = {point[0]};
  for (const Expr& row : sum.rows) indices.emplace_back(substitute(row, at));
  for (const Expr& column : inside) indices.emplace_back(column);
  at[&*sum.factor] = exponential(sum.exponential)(indices);
  const Expr term = inputs_.reading(substitute(sum.term, at));
  // Beyond the row the exponential is 0; nothing else may be read there.
  const bool needs_guard = uses_var(sum.term, sum.columns[axis_]);
  return te::sum(needs_guard ? guarded(columns, term, make_zero(term.dtype())) : term, axes);
}

}  // namespace tw::schedule
