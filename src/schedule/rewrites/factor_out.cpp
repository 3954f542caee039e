// rewrite(D, "factor_out", axis=1):
//
//   for x, y, u, v:                                  for x, y, u, v:
//     block D:                                 =>      block D_inner:
//       D[x, y] += T[x, u, v] * C[v, y] * B[u, y]        D_inner[u, x, y] += T[x, u, v] * C[v, y]
//                                                    for x, y, u:
//                                                      block D: D[x, y] += D_inner[u, x, y] * B[u, y]
//
// The distributive law: what the factors have in common for all turns of one axis is multiplied once, after
// the sum along it. The inner sum has the axes that its own factors use, which may be far fewer: of
// sum(A[x, u, v] * B[u, y]) along v, only x and u.
#include <algorithm>

#include "schedule/rewrite.h"
#include "schedule/rewrites/recognition.h"

namespace tw::schedule {
namespace {

/// The factors of a product, in order.
void add_factors(const Expr& e, std::vector<Expr>& factors) {
  const auto* product = as<Binary>(e);
  if (!product || product->op != BinaryOp::kMul) return factors.push_back(e);
  add_factors(product->a, factors);
  add_factors(product->b, factors);
}

Expr product_of(const std::vector<Expr>& factors) {
  Expr product = factors.front();
  for (std::size_t i = 1; i < factors.size(); ++i) product = product * factors[i];
  return product;
}

class FactorOut {
 public:
  FactorOut(const WholeReduction& sum, const BlockAxis& along) : sum_(sum), along_(along) {
    std::vector<Expr> factors;
    add_factors(sum.sources.front(), factors);
    for (const Expr& factor : factors) (uses_var(factor, along.var) ? inside_ : outside_).push_back(factor);
  }

  bool applies() const { return !inside_.empty() && !outside_.empty(); }

  Replacement apply() {
    const te::Tensor inner = inner_sum();
    const te::Tensor whole = te::compute(
        shape_of(sum_.spatial), [&](const std::vector<Var>& point) { return value(point, inner); },
        sum_.block->name.text, names_of(sum_.spatial));
    Replacement made;
    made.replaced = sum_.ids();
    made.inputs = inputs_.tensors();
    made.outputs = {{whole, sum_.outputs.front()}};
    return made;
  }

 private:
  /// The sum along the axis, over all other axes that its factors use: those that are summed later outside,
  /// so that neighbours in the result are neighbours here.
  te::Tensor inner_sum() {
    for (const bool reduced : {true, false})
      for (const BlockAxis& axis : sum_.block->axes)
        if (!axis.var.same_as(along_.var) && (axis.axis_kind == AxisKind::kReduction) == reduced &&
            std::any_of(inside_.begin(), inside_.end(), [&](const Expr& e) { return uses_var(e, axis.var); }))
          inner_axes_.push_back(axis.var);
    return te::compute(
        shape_of(inner_axes_),
        [&](const std::vector<Var>& point) -> te::Value {
          const ReduceAxis along = te::reduce_axis(along_.extent, axis_name(along_.var));
          VarMap at{{&*along_.var, along.var}};
          for (std::size_t d = 0; d < point.size(); ++d) at[&*inner_axes_[d]] = point[d];
          return Reduce::make(sum_.reducer, {along}, {inputs_.reading(substitute(product_of(inside_), at))});
        },
        sum_.block->name.text + "_inner", names_of(inner_axes_));
  }

  /// The product of what is left, summed along the other axes.
  te::Value value(const std::vector<Var>& point, const te::Tensor& inner) {
    VarMap at;
    for (std::size_t d = 0; d < point.size(); ++d) at[&*sum_.spatial[d]] = point[d];
    std::vector<ReduceAxis> axes;
    for (const BlockAxis& axis : sum_.reduced) {
      if (axis.var.same_as(along_.var)) continue;
      axes.push_back(te::reduce_axis(axis.extent, axis_name(axis.var)));
      at[&*axis.var] = axes.back().var;
    }
    std::vector<te::Value> indices;
    for (const Var& axis : inner_axes_) indices.emplace_back(at.at(&*axis));
    const Expr product = inner(indices) * inputs_.reading(substitute(product_of(outside_), at));
    if (axes.empty()) return product;
    return Reduce::make(sum_.reducer, axes, {product});
  }

  std::vector<te::Value> shape_of(const std::vector<Var>& vars) const {
    std::vector<te::Value> shape;
    for (const Var& var : vars)
      for (const BlockAxis& axis : sum_.block->axes)
        if (axis.var.same_as(var)) shape.emplace_back(axis.extent);
    return shape;
  }

  static std::vector<std::string> names_of(const std::vector<Var>& vars) {
    std::vector<std::string> names;
    for (const Var& var : vars) names.push_back(axis_name(var));
    return names;
  }

  const WholeReduction& sum_;
  const BlockAxis& along_;
  std::vector<Expr> inside_, outside_;  // factors that use the axis, and that do not
  std::vector<Var> inner_axes_;
  Placeholders inputs_;
};

Replacement factor_out(const Step& step, const BlockPlace& place) {
  const Block& block = place.block();
  const Recognised<WholeReduction> sum = whole_reduction(step.program(), block);
  if (!sum)
    step.refuse(&block, "block {} {}; factor_out takes a sum into a whole buffer, as te.sum makes it",
                block.name.text, sum.reason);
  if (!is_known(sum->reducer, "sum"))
    step.refuse(&block, "block {} does not reduce with sum; factor_out takes a sum of products",
                block.name.text);
  const int64_t axis = *option_value(step, "axis").get_if<int64_t>();
  const auto count = static_cast<int64_t>(sum->reduced.size());
  if (axis < 0 || axis >= count)
    step.refuse(&block, "block {} has {} reduction {}; axis must be from 0 to {}, and is {}", block.name.text,
                count, count == 1 ? "axis" : "axes", count - 1, axis);
  const BlockAxis& along = sum->reduced[static_cast<std::size_t>(axis)];
  FactorOut made(*sum, along);
  if (!made.applies())
    step.refuse(&block,
                "block {} sums nothing with a factor that does not use axis {} beside one that does, so "
                "nothing can be multiplied after the sum along it",
                block.name.text, along.var->name.text);
  return made.apply();
}

const RewriteRegistration registration{{
    .name = "factor_out",
    .summary = "Sums along one axis first, and multiplies by the factors that do not use it afterwards.",
    .doc = R"(    D[x, y] = sum over u, v of T[x, u, v] * C[v, y] * B[u, y]
    =>
    D_inner[u, x, y] = sum over v of T[x, u, v] * C[v, y]
    D[x, y] = sum over u of D_inner[u, x, y] * B[u, y]

Takes a sum, over one axis or several, of a product of which some factors use the axis and some do not. The inner sum
has the axes that its factors use. Along the only axis of a sum, the factors are multiplied by the result. Applied to
the inner sum again, it gives each order in which a sum of products of several tensors may be computed pair by pair.)",
    .error =
        "Exact but for the order of the sum: a term is rounded in as many products and no more sums than "
        "before: error_factor 0.",
    .non_finite =
        "As before where nothing overflows. Sums of terms without a factor that makes them small may "
        "overflow, and their product with 0 is then NaN.",
    .options = {{"axis", ArgKind::kInt, "Which of the reduction axes is summed first, from 0.", 0, false}},
    .example =
        R"(>>> T, B, C = (te.placeholder(shape, name=name) for shape, name in (((5, 7, 9), "T"), ((7, 4), "B"), ((9, 4), "C")))
>>> u, v = te.reduce_axis(7, name="u"), te.reduce_axis(9, name="v")
>>> D = te.compute((5, 4), lambda x, y: te.sum(T[x, u, v] * C[v, y] * B[u, y], axis=(u, v)), name="D")
>>> s = tw.Schedule(D)
>>> s.rewrite("D", "factor_out", axis=1)
[<tw.Block D_inner>, <tw.Block D>])",
    .apply = factor_out,
}};

}  // namespace
}  // namespace tw::schedule
