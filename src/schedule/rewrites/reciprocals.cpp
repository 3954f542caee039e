// rewrite(out, "reciprocals"): of out[i, j] = e[i, j] / l[i]:
//
//   for i:     block out_reciprocal: out_reciprocal[i] = 1 / l[i]
//   for i, j:  block out:            out[i, j] = e[i, j] * out_reciprocal[i]
//
// A vector of quotients takes a processor about as long as a vector of exponentials; one quotient serves all
// points that have the same divisor.
#include <algorithm>
#include <deque>

#include "ir/equal.h"
#include "schedule/rewrite.h"
#include "schedule/rewrites/recognition.h"

namespace tw::schedule {
namespace {

constexpr double kProductError = 2;  // of a * (1 / b), in units of eps: two roundings

/// A value with products in the place of quotients, and its error in units of eps times the magnitude of its
/// terms.
struct Rewritten {
  Expr value;
  double error = 0;
};

class Reciprocals {
 public:
  explicit Reciprocals(const PointValue& point) : point_(point) {}

  Replacement apply() {
    const Rewritten made = rewritten(point_.value);
    Replacement replacement;
    if (known_.empty()) return replacement;
    const te::Tensor out = te::compute(
        shape_of(point_.axes),
        [&](const std::vector<Var>& point) -> te::Value {
          return substitute(inputs_.reading(made.value), at(point_.axes, point));
        },
        point_.block->name.text, names_of(point_.axes));
    replacement.replaced = {point_.block->id.value};
    replacement.inputs = inputs_.tensors();
    replacement.outputs = {{out, point_.buffer}};
    replacement.error_factor = made.error;
    return replacement;
  }

 private:
  /// Looks where the error of a quotient does not grow: through sums, products and choices.
  Rewritten rewritten(const Expr& e) {
    if (const auto* converted = as<Cast>(e); converted && converted->dtype.is_float()) {
      const Rewritten inner = rewritten(converted->value);
      return {Cast::make(converted->dtype, inner.value), inner.error};
    }
    if (const auto* choice = as<Select>(e)) {
      const Rewritten yes = rewritten(choice->on_true), no = rewritten(choice->on_false);
      return {Select::make(choice->cond, yes.value, no.value), std::max(yes.error, no.error)};
    }
    const auto* node = as<Binary>(e);
    if (!node || !e.dtype().is_float()) return {e};
    switch (node->op) {
      case BinaryOp::kAdd:
      case BinaryOp::kSub:
      case BinaryOp::kMin:
      case BinaryOp::kMax: {
        const Rewritten a = rewritten(node->a), b = rewritten(node->b);
        return {Binary::make(node->op, a.value, b.value), std::max(a.error, b.error)};
      }
      case BinaryOp::kMul: {
        const Rewritten a = rewritten(node->a), b = rewritten(node->b);
        return {a.value * b.value, a.error + b.error};
      }
      case BinaryOp::kDiv: {
        const Rewritten a = rewritten(node->a);
        if (!is_shared(node->b)) return {Binary::make(BinaryOp::kDiv, a.value, node->b), a.error};
        return {a.value * reciprocal(node->b), a.error + kProductError};
      }
      default: return {e};
    }
  }

  std::vector<Var> axes_of(const Expr& divisor) const {
    std::vector<Var> axes;
    for (const Var& axis : point_.axes)
      if (uses_var(divisor, axis)) axes.push_back(axis);
    return axes;
  }

  /// Whether several points have this divisor.
  bool is_shared(const Expr& divisor) const {
    const bool reads = contains<Load>(divisor.get(), [](const Load&) { return true; });
    return reads && axes_of(divisor).size() < point_.axes.size();
  }

  /// A read of the tensor of 1 / divisor.
  Expr reciprocal(const Expr& divisor) {
    const auto same = [&](const Known& known) { return structural_equal(known.divisor, divisor); };
    auto known = std::find_if(known_.begin(), known_.end(), same);
    if (known == known_.end()) {
      const std::vector<Var> axes = axes_of(divisor);
      const te::Tensor tensor = te::compute(
          shape_of(axes),
          [&](const std::vector<Var>& point) -> te::Value {
            const Expr value = substitute(inputs_.reading(divisor), at(axes, point));
            return make_const(value.dtype(), 1.0) / value;
          },
          point_.block->name.text + "_reciprocal", names_of(axes));
      known_.push_back({divisor, axes, tensor});
      known = std::prev(known_.end());
    }
    return known->tensor(std::vector<te::Value>(known->axes.begin(), known->axes.end()));
  }

  std::vector<te::Value> shape_of(const std::vector<Var>& axes) const {
    std::vector<te::Value> shape;
    for (const Var& var : axes)
      for (const BlockAxis& axis : point_.block->axes)
        if (axis.var.same_as(var)) shape.emplace_back(axis.extent);
    return shape;
  }

  static std::vector<std::string> names_of(const std::vector<Var>& axes) {
    std::vector<std::string> names;
    for (const Var& axis : axes) names.push_back(axis_name(axis));
    return names;
  }

  static VarMap at(const std::vector<Var>& axes, const std::vector<Var>& point) {
    VarMap values;
    for (std::size_t d = 0; d < axes.size(); ++d) values[&*axes[d]] = point[d];
    return values;
  }

  struct Known {
    Expr divisor;
    std::vector<Var> axes;
    te::Tensor tensor;
  };
  const PointValue& point_;
  Placeholders inputs_;
  std::deque<Known> known_;
};

Replacement reciprocals(const Step& step, const BlockPlace& place) {
  const Block& block = place.block();
  if (block.writes.size() != 1)
    step.refuse(&block, "block {} writes {} buffers; reciprocals takes one value at each point",
                block.name.text, block.writes.size());
  const Recognised<PointValue> point = point_value(step.program(), block.writes[0].buffer);
  if (!point)
    step.refuse(&block, "{}; reciprocals takes a block that stores one value at each point of its axes",
                point.reason);
  Replacement made = Reciprocals(*point).apply();
  if (made.outputs.empty())
    step.refuse(&block,
                "block {} divides by nothing that several of its points share; reciprocals takes quotients "
                "in sums and products, of floating-point numbers, whose divisor is read from a buffer and "
                "does not depend on all axes",
                block.name.text);
  return made;
}

const RewriteRegistration registration{{
    .name = "reciprocals",
    .summary = "Multiplies by a reciprocal that several points share, where they are divided by one value.",
    .doc = R"(    out[i, j] = e[i, j] / l[i]      =>      out_reciprocal[i] = 1 / l[i]
                                            out[i, j] = e[i, j] * out_reciprocal[i]

Takes a block that stores one value at each point of its axes, with quotients whose divisor depends on some of the axes
only: the last block of a softmax, rows scaled by their norms. Each divisor gets a block of reciprocals over the axes it
depends on. Quotients are sought through sums, products, casts, choices, minima and maxima, where their error does not
grow; those inside of other functions, conditions and subscripts stay.)",
    .error = "A quotient becomes two rounded operations: error_factor 2 for each quotient that a term is a "
             "product of. The quotient itself has 1. Reciprocals below the least normal number lose digits: "
             "divisors beyond a quarter of the largest number.",
    .non_finite =
        "As before for a divisor that is 0, infinite or NaN. The reciprocal of a divisor below a quarter of "
        "the least normal number is infinite, and so is the result, or NaN where 0 is divided.",
    .options = {},
    .example = R"(>>> X = te.placeholder((5, 37), name="X")
>>> j = te.reduce_axis(37, name="j")
>>> total = te.compute((5,), lambda i: te.sum(X[i, j], axis=j), name="total")
>>> Y = te.compute((5, 37), lambda i, j: X[i, j] / total[i], name="Y")
>>> s = tw.Schedule(Y)
>>> s.rewrite("Y", "reciprocals")
[<tw.Block Y_reciprocal>, <tw.Block Y>])",
    .apply = reciprocals,
}};

}  // namespace
}  // namespace tw::schedule
