#include "te/reduce.h"

#include <limits>

#include "ir/reducers.h"
#include "ir/visit.h"
#include "support/error.h"
#include "te/math.h"
#include "te/widen.h"

namespace tw::te {
namespace {

std::string axis_names(const Axes& axes) {
  std::string names;
  for (const ReduceAxis& axis : axes) names += (names.empty() ? "" : ", ") + axis.var->name.text;
  return names;
}

void check_axes(const char* name, const std::vector<Expr>& operands, const Axes& axes) {
  if (axes.empty()) raise_value("{}: no axis to reduce over; give at least one te.reduce_axis", name);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const Variable* var = &*axes[i].var;
    for (std::size_t j = 0; j < i; ++j)
      if (axes[j].var.same_as(axes[i].var))
        raise_value("{}: reduction axis '{}' is listed twice in axis=({})", name, var->name.text,
                    axis_names(axes));
    bool used = false;
    for (const Expr& operand : operands) {
      for (const Var& free : free_vars(operand)) used = used || free.get() == var;
      for_each_node(operand, [&](const Node* node) {
        const auto* inner = as<Reduce>(node);
        if (!inner) return;
        for (const ReduceAxis& axis : inner->axes)
          if (axis.var.get() == var)
            raise_value(
                "{}: reduction axis '{}' is used twice: a reduction inside the operand reduces it already; "
                "make another te.reduce_axis for one of them",
                name, var->name.text);
      });
    }
    if (!used)
      raise_value(
          "{}: reduction axis '{}' is used nowhere in the operand; use it, or leave it out and multiply by "
          "its extent",
          name, var->name.text);
  }
}

/// A reduction by a reducer that has one name for every dtype.
Expr reduce_known(const char* name, const Expr& x, const Axes& axes) {
  check_axes(name, {x}, axes);
  const Reducer reducer = known_reducer(name, x.dtype());
  check_internal(static_cast<bool>(reducer), "no reducer {} of {}", name, to_string(x.dtype()));
  return Reduce::make(reducer, axes, {x});
}

Expr accumulate(const char* name, const Value& value, const Axes& axes) {
  const Expr x = to_data(value);
  if (x.dtype().is_bool())
    raise_type("{} of bool: count with astype(\"int64\"), or use te.any or te.all", name);
  return x.dtype().is_half() ? convert(x.dtype(), reduce_known(name, widen(x), axes))
                             : reduce_known(name, x, axes);
}

Expr extreme(const char* name, const char* of_bool, const Value& value, const Axes& axes) {
  const Expr x = to_data(value);
  if (x.dtype().is_bool()) raise_type("{} of bool: use te.{}", name, of_bool);
  return reduce_known(name, x, axes);
}

Expr quantify(const char* name, const Value& value, const Axes& axes) {
  const Expr x = to_data(value);
  return reduce_known(name, x.dtype().is_bool() ? x : ne(x, make_zero(x.dtype())), axes);
}

Expr is_nan(const Expr& e) {
  return e.dtype().is_float() ? ne(e, e) : make_bool(false);
}

/// The reducer of (value, position) pairs that keeps the greatest (least) value and the first of ties; NaN
/// before all.
Reducer arg_reducer(bool greatest, DType type) {
  const std::vector<Var> lhs = {Var("lhs_value", type), Var("lhs_at", kInt64)};
  const std::vector<Var> rhs = {Var("rhs_value", type), Var("rhs_at", kInt64)};
  const Expr& l = lhs[0];
  const Expr& r = rhs[0];
  // A comparison with NaN is false: "r is not at most l" holds for a greater r and for NaN.
  const Expr better = type.is_float() ? tw::logical_and(tw::logical_not(is_nan(l)),
                                                        tw::logical_not(greatest ? le(r, l) : le(l, r)))
                      : greatest      ? lt(l, r)
                                      : lt(r, l);
  const Expr tie = tw::logical_or(eq(l, r), tw::logical_and(is_nan(l), is_nan(r)));
  const Expr take = tw::logical_or(better, tw::logical_and(tie, lt(rhs[1], lhs[1])));
  const double infinity = std::numeric_limits<double>::infinity();
  const Expr least = type.is_float()  ? make_const(type, greatest ? -infinity : infinity)
                     : type.is_bool() ? make_bool(!greatest)
                                      : make_const(type, greatest ? int_min_of(type) : int_max_of(type));
  return ReducerNode::make(greatest ? "argmax" : "argmin", lhs, rhs,
                           {select(take, rhs[0], lhs[0]), select(take, rhs[1], lhs[1])},
                           {least, make_const(kInt64, std::numeric_limits<int64_t>::max())});
}

Expr arg_reduce(bool greatest, const Value& value, const Axes& axes) {
  const Expr x = to_data(value);
  check_axes(greatest ? "argmax" : "argmin", {x}, axes);
  Expr position = axes.front().var;
  if (axes.size() > 1) {
    position = axes.front().var - axes.front().begin;
    for (std::size_t i = 1; i < axes.size(); ++i)
      position = position * axes[i].extent + (axes[i].var - axes[i].begin);
  }
  return Reduce::make(arg_reducer(greatest, x.dtype()), axes, {x, convert(kInt64, position)}, 1);
}

/// What `combine` gave for fresh operands of these types, checked.
Reducer build_reducer(const CustomReducer& custom, const std::vector<DType>& types) {
  const std::string what = fmt::format("reducer '{}'", custom.name);
  std::vector<Var> lhs, rhs;
  for (std::size_t i = 0; i < types.size(); ++i) {
    lhs.emplace_back(fmt::format("lhs{}", i), types[i]);
    rhs.emplace_back(fmt::format("rhs{}", i), types[i]);
  }
  const std::vector<Value> results = custom.combine({lhs.begin(), lhs.end()}, {rhs.begin(), rhs.end()});
  const std::vector<Value> neutral = custom.identity(types);
  for (const auto& [count, part] :
       {std::pair{results.size(), "combine gives"}, {neutral.size(), "identity has"}})
    if (count != types.size())
      raise_value("{}: {} {} components; {} operand{} need as many", what, part, count, types.size(),
                  types.size() == 1 ? "" : "s");
  std::vector<Expr> combined, identities;
  for (std::size_t i = 0; i < types.size(); ++i) {
    combined.push_back(to_data(results[i], types[i], fmt::format("{}: component {} of combine", what, i)));
    identities.push_back(to_data(neutral[i], types[i], fmt::format("{}: component {} of identity", what, i)));
    if (!free_vars(identities[i]).empty() || contains<Load>(identities[i].get()) ||
        contains<Reduce>(identities[i].get()))
      raise_value("{}: component {} of identity is not a constant", what, i);
    if (contains<Load>(combined[i].get()) || contains<Reduce>(combined[i].get()))
      raise_value("{}: combine reads a tensor; it may use its two operands only", what);
    for (const Var& var : free_vars(combined[i])) {
      bool known = false;
      for (std::size_t j = 0; j < types.size(); ++j)
        known = known || var.same_as(lhs[j]) || var.same_as(rhs[j]);
      if (!known)
        raise_value("{}: combine uses '{}'; it may use its two operands only", what, var->name.text);
    }
  }
  return ReducerNode::make(custom.name, lhs, rhs, combined, identities);
}

}  // namespace

Expr sum(const Value& x, const Axes& axes) {
  return accumulate("sum", x, axes);
}
Expr prod(const Value& x, const Axes& axes) {
  return accumulate("prod", x, axes);
}
Expr max(const Value& x, const Axes& axes) {
  return extreme("max", "any", x, axes);
}
Expr min(const Value& x, const Axes& axes) {
  return extreme("min", "all", x, axes);
}
Expr all(const Value& x, const Axes& axes) {
  return quantify("all", x, axes);
}
Expr any(const Value& x, const Axes& axes) {
  return quantify("any", x, axes);
}
Expr argmax(const Value& x, const Axes& axes) {
  return arg_reduce(true, x, axes);
}
Expr argmin(const Value& x, const Axes& axes) {
  return arg_reduce(false, x, axes);
}

Expr widen(const Expr& x) {
  if (!x.dtype().is_half()) return x;
  const auto* product = as<Binary>(x);
  if (product && product->op == BinaryOp::kMul)
    return convert(kFloat32, product->a) * convert(kFloat32, product->b);
  return convert(kFloat32, x);
}

CustomReducer make_reducer(
    std::function<std::vector<Value>(const std::vector<Expr>& lhs, const std::vector<Expr>& rhs)> combine,
    std::vector<Value> identity, const std::string& name) {
  return {std::move(combine), [identity](const std::vector<DType>&) { return identity; }, name};
}

std::vector<Expr> reduce(const CustomReducer& reducer, const std::vector<Value>& operands, const Axes& axes) {
  check_name(reducer.name, "reducer");
  if (operands.empty()) raise_value("reducer '{}': no operand; give one a component", reducer.name);
  std::vector<Expr> sources;
  std::vector<DType> types;
  for (const Value& operand : operands) {
    sources.push_back(to_data(operand));
    types.push_back(sources.back().dtype());
  }
  check_axes(reducer.name.c_str(), sources, axes);
  const Reducer built = build_reducer(reducer, types);
  std::vector<Expr> components;
  for (std::size_t i = 0; i < sources.size(); ++i)
    components.push_back(Reduce::make(built, axes, sources, static_cast<int64_t>(i)));
  return components;
}

}  // namespace tw::te
