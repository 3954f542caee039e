// rewrite(conv, "winograd", m=4):
//
//   for f, y in 14, x in 14, c, ky in 3, kx in 3:
//     block conv: conv[f, y, x] += data[c, y + ky, x + kx] * weight[f, c, ky, kx]
//   =>                                       tiles of m by m results; p counts tiles, a, b the m + 2
//   positions conv_filter_rows[a, kx, c, f] = G[a, ky] weight[f, c, ky, kx]                  sums of three
//   terms conv_filter[a, b, c, f]       = conv_filter_rows[a, kx, c, f] G[b, kx]         of weights only
//   conv_tiles[a, b, p, c]        = data[c, p // 4 * m + a, p % 4 * m + b]
//   conv_input_rows[a, j, p, c]   = B^T[a, i] conv_tiles[i, j, p, c]
//   conv_input[a, b, p, c]        = conv_input_rows[a, j, p, c] B^T[b, j]
//   conv_product[a, b, p, f]      = sum over c of conv_input[a, b, p, c] * conv_filter[a, b, c, f]
//   conv_output_rows[i, b, p, f]  = A^T[i, a] conv_product[a, b, p, f]
//   conv[f, y, x]                 = conv_output_rows[y % m, b, …, f] A^T[x % m, b]
//
// (m + 2)^2 matrix products take 9 m^2 / (m + 2)^2 times fewer multiplications: 2.25 for m = 2, 4 for m = 4.
// With `across` a tile is m rows by so many columns: 4 by 2 takes 3 times fewer, with a smaller filter than 4
// by 4 and less waste in small images.
//
// Each row of a transform is a sum of its own, chosen by comparing a or b with constants: once their loops
// are unrolled, straight code without tables or multiplications by 0 and 1 is left, in which rows share the
// sums and differences of pairs. A tile that reaches over the end of the result reads 0 there. Sums run in
// the type of the old ones, whatever the operands have.
//
// Needed: two windows of 3 with stride and dilation 1 in one operand. Everything else is free: layouts, the
// number of channel axes, groups, flipped kernels, padding by `where` or in a buffer, symbolic sizes.
#include <array>

#include "ir/equal.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "schedule/rewrite.h"
#include "schedule/rewrites/contraction.h"
#include "schedule/rewrites/winograd_transform.h"
#include "te/reduce.h"

namespace tw::schedule {
namespace {

constexpr int64_t kTaps = 3;

/// One of the two windows: the axis of the result, the tap, and the tiles that the axis falls into.
struct Side {
  te::Axis spatial;
  Var tap;
  bool flipped = false;  // the data is read at spatial - tap
  const WinogradTransform* transform = nullptr;
  te::Axis tile;

  Expr m() const { return Expr(static_cast<int64_t>(transform->m)); }
  Expr edge() const { return Expr(static_cast<int64_t>(transform->tile())); }
};

class Winograd {
 public:
  /// The transforms along the rows and the columns of a tile.
  Winograd(const Step& step, const Contraction& conv,
           const std::array<const WinogradTransform*, 2>& transforms)
      : step_(step), conv_(conv), summed_(conv.summed) {
    find_sides();
    find_data();
    tiles_ = conv_.rows;
    for (std::size_t s = 0; s < 2; ++s) {
      Side& side = sides_[s];
      side.transform = transforms[s];
      drop(tiles_, side.spatial.var);
      drop(summed_, side.tap);
      side.tile = {Var("t" + side.spatial.var->name.text), ceildiv(side.spatial.extent, side.m())};
    }
    for (const Side& side : sides_) tiles_.axes.push_back(side.tile);
  }

  Replacement apply() {
    const te::Tensor filter = transformed_filter();
    const te::Tensor input = transformed_input();
    const te::Tensor result = transformed_output(product(input, filter));
    const WinogradError error = error_of(*sides_[0].transform, *sides_[1].transform);
    return {conv_.sum.ids(), inputs_.tensors(), {{result, conv_.output()}},
            error.fixed,     error.per_term,    ErrorScale::kLargest};
  }

 private:
  /// Positions in the transformed tile.
  std::vector<te::Value> edges() const { return {sides_[0].edge(), sides_[1].edge()}; }
  std::string name(const char* suffix) const { return conv_.name() + suffix; }

  static void drop(FlatAxes& group, const Var& var) {
    std::erase_if(group.axes, [&](const te::Axis& axis) { return axis.var.same_as(var); });
  }

  template <class... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> reason, Args&&... args) const {
    step_.refuse(conv_.sum.block, "block {} is no convolution that winograd takes: {}", conv_.name(),
                 fmt::format(reason, std::forward<Args>(args)...));
  }

  void find_sides() {
    if (!conv_.dtype().is_float())
      refuse("it sums {}, and the transforms need fractions", to_string(conv_.dtype()));
    std::string windows;
    for (const Window& w : conv_.windows)
      windows +=
          fmt::format("{}{} with {}", windows.empty() ? "" : ", ", w.spatial->name.text, w.summed->name.text);
    if (conv_.windows.size() != 2)
      refuse(
          "it needs two windows, pairs of an axis of the result and one that is summed over in one "
          "subscript, and has {}",
          windows.empty() ? "none" : fmt::format("{}: {}", conv_.windows.size(), windows));
    for (const Window& window : conv_.windows) {
      const std::string& axis = window.spatial->name.text;
      const std::string& tap = window.summed->name.text;
      if (!window.stride) refuse("axes {} and {} do not meet in one way only, as a sum", axis, tap);
      if (!is_int(window.stride, 1))
        refuse("the stride of axis {} is {}, and must be 1", axis, to_text(window.stride));
      if (!is_int(window.dilation, 1) && !is_int(window.dilation, -1))
        refuse("the dilation of axis {} is {}, and must be 1", axis, to_text(window.dilation));
      const te::Axis taps = conv_.axis(window.summed);
      if (!is_int(taps.extent, kTaps))
        refuse("axis {} has {} taps, and must have 3", tap, to_text(taps.extent));
      sides_.push_back({conv_.axis(window.spatial), window.summed, is_int(window.dilation, -1), {}});
    }
    if (sides_[0].spatial.var.same_as(sides_[1].spatial.var) || sides_[0].tap.same_as(sides_[1].tap))
      refuse("its windows share an axis: {}", windows);
    // Rows come before columns as in the result.
    const auto place = [&](const Side& side) {
      return std::find_if(conv_.spatial.begin(), conv_.spatial.end(),
                          [&](const te::Axis& axis) { return axis.var.same_as(side.spatial.var); });
    };
    if (place(sides_[1]) < place(sides_[0])) std::swap(sides_[0], sides_[1]);
  }

  /// The tap as it is counted along the data.
  static Expr tap_at(const Side& side, const Expr& position) {
    return side.flipped ? Expr(kTaps - 1) - position : position;
  }

  /// The data as a function of spatial + tap alone: over the spatial axes, with both taps 0.
  void find_data() {
    VarMap shifted, none;
    for (const Side& side : sides_) {
      shifted[&*side.spatial.var] = side.spatial.var - tap_at(side, side.tap);
      none[&*side.tap] = tap_at(side, Expr(0));
    }
    const Expr moved = simplify(substitute(conv_.first, shifted));
    for (const Side& side : sides_)
      if (uses_var(moved, side.tap))
        refuse("its data depends on {} and {} in other ways than by their sum: {}",
               side.spatial.var->name.text, side.tap->name.text, to_text(conv_.first));
    data_ = substitute(conv_.first, none);
  }

  /// A matrix applied to one dimension of a tensor: the row is that number of the subscripts.
  te::Tensor rows(const std::string& name, const Coefficients& matrix, const te::Tensor& tensor,
                  std::size_t dimension, const Dimensions& others, std::vector<std::string> axes) {
    std::vector<te::Value> shape(tensor.shape().begin(), tensor.shape().end());
    shape[dimension] = static_cast<int64_t>(matrix.size());
    return te::compute(
        shape,
        [&](const std::vector<Var>& point) -> te::Value {
          return row_of_product(matrix, point[dimension], [&](int element) {
            std::vector<te::Value> at(point.begin(), point.end());
            at[dimension] = static_cast<int64_t>(element);
            return tensor(at);
          });
        },
        name, others.names(std::move(axes)));
  }

  /// An expression over axes as a tensor element.
  Expr element(const Expr& e, const VarMap& values, const std::vector<Var>& point,
               const std::vector<te::Value>& shape) {
    Context context;
    for (std::size_t d = 0; d < point.size(); ++d) {
      const te::Value& extent = shape[d];
      context.bind(point[d], 0, extent.is_weak() ? Expr(extent.weak().i) : extent.expr());
    }
    return inputs_.reading(simplify(substitute(e, values), context));
  }

  /// G g G^T, of the weights alone.
  te::Tensor transformed_filter() {
    const Dimensions others{{&conv_.batch, "g"}, {&summed_, "c"}, {&conv_.columns, "f"}};
    const std::vector<te::Value> shape = others.shape({sides_[0].edge(), Expr(kTaps)});
    const te::Tensor by_rows = te::compute(
        shape,
        [&](const std::vector<Var>& point) -> te::Value {
          VarMap values = values_at(others.positions(point));
          values[&*sides_[1].tap] = tap_at(sides_[1], point[1]);
          return row_of_product(sides_[0].transform->filter, point[0], [&](int tap) {
            values[&*sides_[0].tap] = tap_at(sides_[0], Expr(static_cast<int64_t>(tap)));
            return element(conv_.second, values, point, shape);
          });
        },
        name("_filter_rows"), others.names({"a", "kx"}));
    return rows(name("_filter"), sides_[1].transform->filter, by_rows, 1, others, {"a", "b"});
  }

  /// B^T d B of every tile.
  te::Tensor transformed_input() {
    const Dimensions others{{&conv_.batch, "g"}, {&tiles_, "p"}, {&summed_, "c"}};
    const std::vector<te::Value> shape = others.shape(edges());
    const te::Tensor tiles = te::compute(
        shape,
        [&](const std::vector<Var>& point) -> te::Value {
          VarMap values = values_at(others.positions(point));
          Expr inside = make_bool(true);
          for (std::size_t s = 0; s < 2; ++s) {
            const Side& side = sides_[s];
            const Expr at = values.at(&*side.tile.var) * side.m() + point[s];
            values[&*side.spatial.var] = at;
            if (!prove(eq(side.tile.extent * side.m(), side.spatial.extent)))
              inside = logical_and(inside, lt(at, side.spatial.extent + Expr(kTaps - 1)));
          }
          // What a tile has beyond the last window is 0: the data may end there.
          return element(select(inside, data_, make_zero(data_.dtype())), values, point, shape);
        },
        name("_tiles"), others.names({"a", "b"}));
    const te::Tensor by_rows =
        rows(name("_input_rows"), sides_[0].transform->input, tiles, 0, others, {"a", "j"});
    return rows(name("_input"), sides_[1].transform->input, by_rows, 1, others, {"a", "b"});
  }

  /// A matrix product for each position of the tile.
  te::Tensor product(const te::Tensor& input, const te::Tensor& filter) {
    const Dimensions others{{&conv_.batch, "g"}, {&tiles_, "p"}, {&conv_.columns, "f"}};
    const Dimensions of_input{{&conv_.batch, "g"}, {&tiles_, "p"}, {&summed_, "c"}};
    const Dimensions of_filter{{&conv_.batch, "g"}, {&summed_, "c"}, {&conv_.columns, "f"}};
    return te::compute(
        others.shape(edges()),
        [&](const std::vector<Var>& point) -> te::Value {
          const std::vector<te::Value> place = {point[0], point[1]};
          Positions at = others.positions(point);
          if (summed_.axes.empty())
            return input(of_input.indices(at, place)) * filter(of_filter.indices(at, place));
          const ReduceAxis c = te::reduce_axis(summed_.extent(), "c");
          at[&summed_] = c.var;
          const Expr term = input(of_input.indices(at, place)) * filter(of_filter.indices(at, place));
          return Reduce::make(conv_.sum.reducer, {c}, {term});
        },
        name("_product"), others.names({"a", "b"}));
  }

  /// A^T t A of every tile, where the block wrote it.
  te::Tensor transformed_output(const te::Tensor& product) {
    const Dimensions others{{&conv_.batch, "g"}, {&tiles_, "p"}, {&conv_.columns, "f"}};
    const te::Tensor by_rows =
        rows(name("_output_rows"), sides_[0].transform->output, product, 0, others, {"i", "b"});
    const auto& extents = conv_.output()->shape;
    return te::compute(
        {extents.begin(), extents.end()},
        [&](const std::vector<Var>& point) -> te::Value {
          VarMap values = conv_.values(point);
          std::vector<Expr> inside;
          for (const Side& side : sides_) {
            const Expr at = values.at(&*side.spatial.var);
            values[&*side.tile.var] = floordiv(at, side.m());
            inside.push_back(floormod(at, side.m()));
          }
          return row_of_product(sides_[1].transform->output, inside[1], [&](int b) {
            return by_rows(others.indices(values, {inside[0], Expr(static_cast<int64_t>(b))}));
          });
        },
        conv_.name(), conv_.output_names());
  }

  const Step& step_;
  const Contraction& conv_;
  std::vector<Side> sides_;  // rows, columns
  FlatAxes summed_;          // channels
  FlatAxes tiles_;           // images, rows of tiles, columns of tiles
  Expr data_;
  Placeholders inputs_;
};

Replacement winograd(const Step& step, const BlockPlace& place) {
  const Block& block = place.block();
  const int64_t m = *option_value(step, "m").get_if<int64_t>();
  const int64_t across = *option_value(step, "across").get_if<int64_t>();
  const std::array transforms = {winograd_transform(m), winograd_transform(across == 0 ? m : across)};
  if (!transforms[0]) step.refuse(nullptr, "m is {}, and must be 2 or 4", m);
  if (!transforms[1]) step.refuse(nullptr, "across is {}, and must be 2 or 4, or 0 for m", across);
  const Recognised<Contraction> conv = find_contraction(step.program(), block);
  if (!conv) step.refuse(&block, "block {} {}; winograd takes a convolution", block.name.text, conv.reason);
  return Winograd(step, *conv, transforms).apply();
}

const RewriteRegistration registration{{
    .name = "winograd",
    .summary = "A 3x3 convolution by Winograd's minimal filtering, F(2x2, 3x3), F(4x4, 3x3) or a mixture.",
    .doc = R"(    conv[f, y, x] = sum over c, ky, kx of data[c, y + ky, x + kx] * weight[f, c, ky, kx]
    =>
    conv_filter_rows[a, kx, c, f], conv_filter[a, b, c, f]     G g G^T, of the weights alone
    conv_tiles[a, b, p, c]                                     the data of tile p, m + 2 by m + 2
    conv_input_rows[a, j, p, c], conv_input[a, b, p, c]        B^T d B
    conv_product[a, b, p, f]                                   sum over c of conv_input * conv_filter
    conv_output_rows[i, b, p, f], conv[f, y, x]                A^T t A

Takes a sum of products with two windows of 3 taps, stride 1 and dilation 1 in one operand: any layout, number of channel
axes (none: depthwise), groups, kernels that are read backwards, padding by `where` or in a buffer, constant and symbolic
sizes that m need not divide. Each row of a transform is a sum of its own, chosen by comparing a or b with constants:
unroll the loops of a and b, and the loops of y and x split by m, and straight code is left. Sums and transforms run in the
type that the block sums in: float32 for operands of float16 and bfloat16, which are cast first. Lavin and Gray, Fast
algorithms for convolutional neural networks, 2015, arXiv 1509.09308.)",
    .error = R"(To first order in eps, and unless something underflows,

    |new - exact| <= k^2 / 9 * (n / 9 + r) * eps * n * max|data| * max|weight|

with n = 9 C terms a result over C channels; k = 8 and r = 10 for m = 2, k = 48 and r = 22 for m = 4; for tiles of 4 by 2,
k^2 = 48 * 8 and r = 16. k is the largest sum over a of |A^T|_ia |G|_a |B^T|_a, where |M|_a adds the magnitudes of row a;
n / 9 + r counts the roundings on the way of a term. A plain sum of n terms has n - 1 in the place of k^2 / 9 * (n / 9 + r). The error of an element is not bounded
by its own terms: it follows the largest values in its tile.)",
    .non_finite =
        R"(An infinite or NaN element of the data makes each result whose window holds it infinite or NaN, as before, but
which of the two is not said, as the transforms add infinities of both signs. It may do the same to the other results of
the tiles that read it: m by m results, of all f, from m + 2 by m + 2 of the data. An infinite or NaN weight may do so to
all results of its f. The others are what they would be without it. Finite values do not overflow as long as
k^2 / 9 * n * max|data| * max|weight|, s * max|data| and q * max|weight| are below the largest number of the type: s = 4
and q = 2.25 for m = 2, s = 100 and q = 1 for m = 4, s = 20 and q = 1.5 for 4 by 2.)",
    .options = {{"m", ArgKind::kInt, "Results of a tile along each side: 2 or 4.", 4, false},
                {"across", ArgKind::kInt, "Along its rows, if not m: 2 or 4.", 0, false}},
    .example = R"(>>> x = te.placeholder((4, 16, 16), name="x")
>>> w = te.placeholder((8, 4, 3, 3), name="w", constant=True)
>>> c, ky, kx = te.reduce_axis(4, name="c"), te.reduce_axis(3, name="ky"), te.reduce_axis(3, name="kx")
>>> y = te.compute(
...     (8, 14, 14), lambda f, i, j: te.sum(x[c, i + ky, j + kx] * w[f, c, ky, kx], axis=(c, ky, kx)), name="y"
... )
>>> s = tw.Schedule(y)
>>> blocks = s.rewrite(s.block("y"), "winograd", m=4)
>>> len(blocks)
8)",
    .apply = winograd,
}};

}  // namespace
}  // namespace tw::schedule
