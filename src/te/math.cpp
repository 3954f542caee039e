#include "te/math.h"

#include <functional>

#include "ir/expr.h"
#include "support/error.h"

namespace tw::te {
namespace {

std::string type_of(const Value& value) {
  return value.is_weak() ? "the plain number " + value.weak().text() : to_string(value.expr().dtype());
}

/// Both sides in their common dtype; what only floats may not be is rejected by the callers.
struct Operands {
  Expr a, b;
  DType type() const { return a.dtype(); }
};

Operands operands(const Value& a, const Value& b, const char* op) {
  auto [x, y] = promote_operands(a, b, fmt::format("operator {}", op));
  return {x, y};
}

Operands in_type(DType type, const Operands& both) {
  return {convert(type, both.a), convert(type, both.b)};
}

/// Operators that NumPy does in int8 for two bools.
Operands no_bools(const Operands& both) {
  return both.type().is_bool() ? in_type(kInt8, both) : both;
}

[[noreturn]] void reject(const char* op, const Value& a, const Value& b, const char* mend) {
  raise_type("operator {} does not take {} and {}; {}", op, type_of(a), type_of(b), mend);
}

bool is_negative_int(const Value& v) {
  return v.is_weak() && v.weak().kind == Weak::Kind::kInt && !v.weak().above_int64 && v.weak().i < 0;
}

Expr compare_same_type(BinaryOp op, const Expr& a, const Expr& b) {
  switch (op) {
    case BinaryOp::kEq: return eq(a, b);
    case BinaryOp::kNe: return ne(a, b);
    case BinaryOp::kLt: return lt(a, b);
    default: return le(a, b);
  }
}

/// A comparison of a signed integer with a uint64, exact where neither type holds the other.
Expr compare_mixed_signs(BinaryOp op, const Expr& a, const Expr& b) {
  const bool left_signed = a.dtype().is_signed();
  const Expr with_sign = convert(kInt64, left_signed ? a : b);
  const Expr is_negative = lt(with_sign, make_zero(kInt64));
  const Expr left = left_signed ? convert(kUInt64, with_sign) : a;
  const Expr right = left_signed ? b : convert(kUInt64, with_sign);
  const Expr result = compare_same_type(op, left, right);
  // A negative number differs from every unsigned one and is less.
  const bool if_negative =
      op == BinaryOp::kNe || (left_signed && (op == BinaryOp::kLt || op == BinaryOp::kLe));
  return if_negative ? tw::logical_or(is_negative, result)
                     : tw::logical_and(tw::logical_not(is_negative), result);
}

/// The result of comparing an integer with a plain int that its type cannot hold; null if it can.
Expr compare_out_of_range(BinaryOp op, const Value& a, const Value& b) {
  if (a.is_weak() == b.is_weak()) return {};
  const Weak& number = a.is_weak() ? a.weak() : b.weak();
  DType type = a.is_weak() ? b.expr().dtype() : a.expr().dtype();
  if (number.kind != Weak::Kind::kInt || type.is_float()) return {};
  if (type.is_bool()) type = kInt64;
  if (number.fits(type)) return {};
  if (op == BinaryOp::kEq || op == BinaryOp::kNe) return make_bool(op == BinaryOp::kNe);
  const bool number_is_less = !number.above_int64 && number.i < 0;
  return make_bool(a.is_weak() == number_is_less);  // the left side is the lesser one
}

Expr compare(BinaryOp op, const Value& a, const Value& b) {
  if (Expr known = compare_out_of_range(op, a, b)) return known;
  if (!a.is_weak() && !b.is_weak()) {
    const DType x = a.expr().dtype(), y = b.expr().dtype();
    if ((x == kUInt64 && y.is_signed()) || (y == kUInt64 && x.is_signed()))
      return compare_mixed_signs(op, a.expr(), b.expr());
  }
  const Operands both = operands(a, b, info(op).text);
  return compare_same_type(op, both.a, both.b);
}

/// "Not zero".
Expr truth(const Value& value) {
  const Expr data = value.is_weak() ? to_data(value) : value.expr();
  return data.dtype().is_bool() ? data : ne(data, make_zero(data.dtype()));
}

using Builder = Expr (*)(Expr, Expr);

/// A bitwise operator: of bools its logical counterpart.
Expr bitwise(BinaryOp op, Builder of_bools, const Value& a, const Value& b) {
  const Operands both = operands(a, b, info(op).text);
  if (both.type().is_float()) reject(info(op).text, a, b, "both must be integers or bool: use astype");
  return both.type().is_bool() ? of_bools(both.a, both.b) : Binary::make(op, both.a, both.b);
}

Expr shift(BinaryOp op, const Value& a, const Value& b) {
  const Operands both = no_bools(operands(a, b, info(op).text));
  if (both.type().is_float()) reject(info(op).text, a, b, "both must be integers: use astype");
  return Binary::make(op, both.a, both.b);
}

Expr real_function(Intrinsic op, const Value& x) {
  const Expr data = to_data(x);
  return call(op, {convert(float_for(data.dtype()), data)});
}

/// A function that is the identity on integers and bool.
Expr rounding(Intrinsic op, const Value& x) {
  const Expr data = x.is_weak() ? to_data(x) : x.expr();
  return data.dtype().is_float() ? call(op, {data}) : data;
}

}  // namespace

Expr add(const Value& a, const Value& b) {
  const Operands both = operands(a, b, "+");
  return both.type().is_bool() ? tw::logical_or(both.a, both.b) : both.a + both.b;
}

Expr subtract(const Value& a, const Value& b) {
  const Operands both = operands(a, b, "-");
  if (both.type().is_bool()) reject("-", a, b, "use ^ for exclusive or, or astype to an integer");
  return both.a - both.b;
}

Expr multiply(const Value& a, const Value& b) {
  const Operands both = operands(a, b, "*");
  return both.type().is_bool() ? tw::logical_and(both.a, both.b) : both.a * both.b;
}

Expr divide(const Value& a, const Value& b) {
  const Operands both = operands(a, b, "/");
  const Operands real = both.type().is_float() ? both : in_type(kFloat64, both);
  return real.a / real.b;
}

Expr floor_divide(const Value& a, const Value& b) {
  const Operands both = no_bools(operands(a, b, "//"));
  return floordiv(both.a, both.b);
}

Expr remainder(const Value& a, const Value& b) {
  const Operands both = no_bools(operands(a, b, "%"));
  return floormod(both.a, both.b);
}

Expr power(const Value& a, const Value& b) {
  Operands both = no_bools(operands(a, b, "**"));
  if (both.type().is_index()) both = in_type(kInt64, both);
  if (both.type().is_integer() && is_negative_int(b))
    raise_value(
        "operator **: {} to the power {}: an integer has no negative integer power; convert it to a float "
        "with astype",
        type_of(a), b.weak().text());
  return call(Intrinsic::kPow, {both.a, both.b});
}

Expr negative(const Value& a) {
  const Expr data = a.is_weak() ? to_data(a) : a.expr();
  if (data.dtype().is_bool())
    raise_type("operator - does not take bool; use ~ for negation, or astype to an integer");
  return -data;
}

Expr equal(const Value& a, const Value& b) {
  return compare(BinaryOp::kEq, a, b);
}
Expr not_equal(const Value& a, const Value& b) {
  return compare(BinaryOp::kNe, a, b);
}
Expr less(const Value& a, const Value& b) {
  return compare(BinaryOp::kLt, a, b);
}
Expr less_equal(const Value& a, const Value& b) {
  return compare(BinaryOp::kLe, a, b);
}
Expr greater(const Value& a, const Value& b) {
  return compare(BinaryOp::kLt, b, a);
}
Expr greater_equal(const Value& a, const Value& b) {
  return compare(BinaryOp::kLe, b, a);
}

Expr logical_and(const Value& a, const Value& b) {
  return tw::logical_and(truth(a), truth(b));
}
Expr logical_or(const Value& a, const Value& b) {
  return tw::logical_or(truth(a), truth(b));
}
Expr logical_not(const Value& a) {
  return tw::logical_not(truth(a));
}

Expr bitwise_and(const Value& a, const Value& b) {
  return bitwise(
      BinaryOp::kBitAnd, [](Expr x, Expr y) { return tw::logical_and(x, y); }, a, b);
}
Expr bitwise_or(const Value& a, const Value& b) {
  return bitwise(
      BinaryOp::kBitOr, [](Expr x, Expr y) { return tw::logical_or(x, y); }, a, b);
}
Expr bitwise_xor(const Value& a, const Value& b) {
  return bitwise(
      BinaryOp::kBitXor, [](Expr x, Expr y) { return ne(x, y); }, a, b);
}

Expr invert(const Value& a) {
  const Expr data = a.is_weak() ? to_data(a) : a.expr();
  if (data.dtype().is_float())
    raise_type("operator ~ does not take {}; it must be an integer or bool: use astype", type_of(a));
  return data.dtype().is_bool() ? tw::logical_not(data) : Unary::make(UnaryOp::kBitNot, data);
}

Expr left_shift(const Value& a, const Value& b) {
  return shift(BinaryOp::kShiftLeft, a, b);
}
Expr right_shift(const Value& a, const Value& b) {
  return shift(BinaryOp::kShiftRight, a, b);
}

Expr maximum(const Value& a, const Value& b) {
  const Operands both = operands(a, b, "maximum");
  return both.type().is_bool() ? tw::logical_or(both.a, both.b) : tw::max(both.a, both.b);
}

Expr minimum(const Value& a, const Value& b) {
  const Operands both = operands(a, b, "minimum");
  return both.type().is_bool() ? tw::logical_and(both.a, both.b) : tw::min(both.a, both.b);
}

Expr where(const Value& condition, const Value& on_true, const Value& on_false) {
  const Expr cond = to_condition(condition, "where: the condition");
  const Operands both = operands(on_true, on_false, "where");
  return select(cond, both.a, both.b);
}

Expr exp(const Value& x) {
  return real_function(Intrinsic::kExp, x);
}
Expr log(const Value& x) {
  return real_function(Intrinsic::kLog, x);
}
Expr sqrt(const Value& x) {
  return real_function(Intrinsic::kSqrt, x);
}
Expr rsqrt(const Value& x) {
  return real_function(Intrinsic::kRsqrt, x);
}
Expr tanh(const Value& x) {
  return real_function(Intrinsic::kTanh, x);
}
Expr erf(const Value& x) {
  return real_function(Intrinsic::kErf, x);
}
Expr sigmoid(const Value& x) {
  return real_function(Intrinsic::kSigmoid, x);
}
Expr sin(const Value& x) {
  return real_function(Intrinsic::kSin, x);
}
Expr cos(const Value& x) {
  return real_function(Intrinsic::kCos, x);
}

Expr abs(const Value& x) {
  const Expr data = x.is_weak() ? to_data(x) : x.expr();
  return data.dtype().is_bool() || data.dtype().is_uint() ? data : call(Intrinsic::kAbs, {data});
}

Expr floor(const Value& x) {
  return rounding(Intrinsic::kFloor, x);
}
Expr ceil(const Value& x) {
  return rounding(Intrinsic::kCeil, x);
}

Expr round(const Value& x) {
  const Expr rounded = rounding(Intrinsic::kRound, x);
  return rounded.dtype().is_bool() ? convert(kFloat16, rounded) : rounded;
}

Expr astype(const Value& x, DType type) {
  if (!type.is_scalar()) raise_type("astype to {}: elements are scalars", to_string(type));
  const Expr data = x.is_weak() ? to_data(x) : x.expr();
  if (type.is_index()) return to_index(data, "astype(\"index\"): the value");
  return convert(type, data);
}

Expr constant(const Weak& value, DType type) {
  return to_constant(value, type, fmt::format("a constant of {}", to_string(type)));
}

}  // namespace tw::te
