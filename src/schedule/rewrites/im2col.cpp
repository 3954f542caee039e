// rewrite(conv, "im2col"):
//
//   for f in 8, y in 5, x in 7, c in 3, ky in 3, kx in 3:       data[c, y + ky, x + kx] * weight[f, c, ky,
//   kx]
//     block conv: conv[f, y, x] += …
//   =>
//   for i in 35, k in 27:          block data_patches: data_patches[i, k] = data[k // 9, i // 7 + …, i % 7 +
//   …] for k in 27, j in 8:           block weight_matrix: weight_matrix[k, j] = weight[j, k // 9, k // 3 %
//   3, k % 3] for i in 35, j in 8, k in 27:  block conv_product: conv_product[i, j] += data_patches[i, k] *
//   weight_matrix[k, j] for f in 8, y in 5, x in 7:    block conv: conv[f, y, x] = conv_product[y * 7 + x, f]
//
// The operands become matrices, or batches of them: axes of the result that only the data has are rows, those
// that only the weights have are columns, those of both (groups) the batch, and all that is summed over one
// axis. What follows is the schedule of a matrix product. An operand that is such a matrix already is read in
// place, and a result that is one is written in place.
//
// Needed: a sum of products in which an axis of the result and one that is summed over meet in a subscript.
// Strides, dilation, groups, padding by `where`, any layout and symbolic sizes are all the same to it.
#include "ir/simplify.h"
#include "schedule/rewrite.h"
#include "schedule/rewrites/contraction.h"
#include "te/math.h"
#include "te/reduce.h"

namespace tw::schedule {
namespace {

/// The rewrite of one contraction.
class Im2col {
 public:
  explicit Im2col(const Contraction& conv) : conv_(conv) {}

  Replacement apply() {
    const Dimensions first{{&conv_.batch, "g"}, {&conv_.rows, "i"}, {&conv_.summed, "k"}};
    const Dimensions second{{&conv_.batch, "g"}, {&conv_.summed, "k"}, {&conv_.columns, "j"}};
    const Element patches = gathered(conv_.first, first, "_patches");
    const Element weights =
        second.are_single() ? in_place(conv_.second) : gathered(conv_.second, second, "_matrix");

    const Dimensions result{{&conv_.batch, "g"}, {&conv_.rows, "i"}, {&conv_.columns, "j"}};
    const bool whole = is_output(result);
    te::Tensor output = te::compute(
        result.shape(),
        [&](const std::vector<Var>& point) -> te::Value {
          const ReduceAxis k = te::reduce_axis(conv_.summed.extent(), "k");
          Positions at = result.positions(point);
          at[&conv_.summed] = k.var;
          return Reduce::make(conv_.sum.reducer, {k}, {patches(at) * weights(at)});
        },
        conv_.name() + (whole ? "" : "_product"), result.names());
    if (!whole) output = spread(output, result);
    return {conv_.sum.ids(), inputs_.tensors(), {{output, conv_.output()}}};
  }

 private:
  using Element = std::function<Expr(const Positions&)>;

  Element in_place(const Expr& operand) {
    return
        [this, &operand](const Positions& at) { return inputs_.reading(substitute(operand, values_at(at))); };
  }

  /// The operand as a matrix of its own. What is cast for the product is gathered as it lies in memory.
  Element gathered(const Expr& operand, const Dimensions& dimensions, const char* suffix) {
    const auto* cast = as<Cast>(operand);
    const Expr stored = cast ? cast->value : operand;
    const std::vector<te::Value> shape = dimensions.shape();
    const te::Tensor matrix = te::compute(
        shape,
        [&](const std::vector<Var>& point) -> te::Value {
          Context context;
          for (std::size_t d = 0; d < point.size(); ++d) context.bind(point[d], 0, shape[d].expr());
          const VarMap values = values_at(dimensions.positions(point));
          return inputs_.reading(simplify(substitute(stored, values), context));
        },
        name_of_read(operand) + suffix, dimensions.names());
    return [this, matrix, dimensions](const Positions& at) {
      return te::astype(matrix(dimensions.indices(at)), conv_.dtype());
    };
  }

  /// Whether the product has the dimensions of the output, in its order.
  bool is_output(const Dimensions& result) const {
    const auto& spatial = conv_.sum.spatial;
    return result.are_single() && std::equal(result.groups().begin(), result.groups().end(), spatial.begin(),
                                             spatial.end(), [](const FlatAxes* group, const Var& axis) {
                                               return group->axes.front().var.same_as(axis);
                                             });
  }

  /// The elements of the product where the block wrote them.
  te::Tensor spread(const te::Tensor& product, const Dimensions& dimensions) const {
    const auto& extents = conv_.output()->shape;
    return te::compute(
        {extents.begin(), extents.end()},
        [&](const std::vector<Var>& point) -> te::Value {
          return product(dimensions.indices(conv_.values(point)));
        },
        conv_.name(), conv_.output_names());
  }

  const Contraction& conv_;
  Placeholders inputs_;
};

Replacement im2col(const Step& step, const BlockPlace& place) {
  const Block& block = place.block();
  const Recognised<Contraction> found = find_contraction(step.program(), block);
  if (!found)
    step.refuse(&block, "block {} {}; im2col takes a sum of products such as a convolution", block.name.text,
                found.reason);
  if (found->windows.empty())
    step.refuse(&block,
                "no subscript in block {} joins an axis of the result and one that is summed over, so there "
                "is no window to gather: it is a matrix product already",
                block.name.text);
  return Im2col(*found).apply();
}

const RewriteRegistration registration{{
    .name = "im2col",
    .summary = "A convolution as a gather of patches and a matrix product.",
    .doc = R"(    data[c, y + ky, x + kx] * weight[f, c, ky, kx], summed over c, ky, kx
    =>
    data_patches[i, k] = data[k // 9, i // 7 + k // 3 % 3, i % 7 + k % 3]     i counts y, x; k counts c, ky, kx
    weight_matrix[k, j] = weight[j, k // 9, k // 3 % 3, k % 3]
    conv_product[i, j] = sum over k of data_patches[i, k] * weight_matrix[k, j]
    conv[f, y, x] = conv_product[y * 7 + x, f]

Takes a sum of products in which an axis of the result and one that is summed over meet in a subscript: convolutions of
any number of dimensions, layout, stride, dilation and grouping, with padding by `where` or in a buffer, of constant and
symbolic sizes. Axes of the result that one operand alone uses become rows or columns, those of both a batch; the
operand with more windows is the gathered one. The weights are copied to a matrix by a block that depends on them
alone; weights that are a matrix are read in place, and a result that is one is written in place. The patches take
as much memory as the windows overlap: 9 times the data for 3x3.)",
    .error =
        "Exact but for the order of the sum: the same terms are added, in the order of c, ky, kx counted as "
        "one. Elements that were cast for the product are cast later.",
    .non_finite =
        "As before, with one exception: where a condition stands around the whole product, "
        "`where(inside, data * weight, 0)`, it moves to the data, and an infinite or NaN weight gives "
        "NaN there, as 0 * inf does.",
    .example = R"(>>> x = te.placeholder((3, 9, 11), name="x")
>>> w = te.placeholder((8, 3, 3, 3), name="w")
>>> c, ky, kx = te.reduce_axis(3, name="c"), te.reduce_axis(3, name="ky"), te.reduce_axis(3, name="kx")
>>> y = te.compute(
...     (8, 7, 9), lambda f, i, j: te.sum(x[c, i + ky, j + kx] * w[f, c, ky, kx], axis=(c, ky, kx)), name="y"
... )
>>> s = tw.Schedule(y)
>>> patches, matrix, product, result = s.rewrite(s.block("y"), "im2col"))",
    .apply = im2col,
}};

}  // namespace
}  // namespace tw::schedule
