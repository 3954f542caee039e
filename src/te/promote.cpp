#include "te/promote.h"

#include "ir/scalar.h"
#include "support/error.h"

namespace tw::te {
namespace {

DType signed_of(int bits) {
  return {TypeCode::kInt, static_cast<uint8_t>(bits)};
}

DType promote_integers(DType a, DType b) {
  if (a.is_int() == b.is_int()) return a.bits >= b.bits ? a : b;
  const DType with_sign = a.is_int() ? a : b, without = a.is_int() ? b : a;
  if (without.bits < with_sign.bits) return with_sign;
  return without.bits == 64 ? kFloat64 : signed_of(2 * without.bits);
}

DType promote_floats(DType a, DType b) {
  if (a.bits == b.bits) return a == b ? a : kFloat32;
  return a.bits > b.bits ? a : b;
}

Weak::Kind higher(Weak::Kind a, Weak::Kind b) {
  return a > b ? a : b;
}

}  // namespace

DType promote(DType a, DType b) {
  if (a == b) return a;
  if (a.is_index()) a = kInt64;
  if (b.is_index()) b = kInt64;
  if (a.is_bool()) return b;
  if (b.is_bool()) return a;
  if (a.is_float() && b.is_float()) return promote_floats(a, b);
  if (a.is_integer() && b.is_integer()) return promote_integers(a, b);
  const DType real = a.is_float() ? a : b, integer = a.is_float() ? b : a;
  const DType needed = float_for(integer);
  return needed.bits > real.bits ? needed : real;  // an 8-bit integer needs a half: either of the two
}

DType promote(DType a, Weak::Kind kind) {
  if (kind == Weak::Kind::kFloat) return a.is_float() ? a : kFloat64;
  return kind == Weak::Kind::kInt && a.is_bool() ? kInt64 : a;
}

DType default_dtype(Weak::Kind kind) {
  switch (kind) {
    case Weak::Kind::kBool: return kBool;
    case Weak::Kind::kInt: return kInt64;
    case Weak::Kind::kFloat: return kFloat64;
  }
  raise_internal("plain number of an unknown kind");
}

DType float_for(DType type) {
  if (type.is_float()) return type;
  return type.bits == 8 ? kFloat16 : type.bits == 16 ? kFloat32 : kFloat64;
}

Expr convert(DType type, const Expr& e) {
  if (e.dtype() == type) return e;
  std::optional<Scalar> constant;
  if (const auto* integer = as<IntImm>(e)) constant = Scalar{e.dtype(), integer->value, 0};
  if (const auto* real = as<FloatImm>(e)) constant = Scalar{e.dtype(), 0, real->value};
  if (constant) constant = evaluate_cast(type, *constant);
  if (!constant) return Cast::make(type, e);
  return type.is_float() ? FloatImm::make(type, constant->f) : IntImm::make(type, constant->i);
}

Expr to_constant(const Weak& weak, DType type, const std::string& what) {
  if (type.is_float()) return make_const(type, weak.as_double());
  if (weak.kind == Weak::Kind::kFloat)
    raise_type("{}: the float {} is no {}; write an integer, or convert the other side with astype", what,
               weak.text(), to_string(type));
  if (type.is_bool()) {
    if (weak.kind != Weak::Kind::kBool)
      raise_type("{}: the int {} is no bool; write True or False", what, weak.text());
    return make_bool(weak.i != 0);
  }
  if (!weak.fits(type)) {
    if (type == kUInt64)
      raise_value("{}: {} is out of the range of uint64, 0 to {}", what, weak.text(), UINT64_MAX);
    raise_value(
        "{}: {} is out of the range of {}, {} to {}; convert the other side with astype to a wider type",
        what, weak.text(), to_string(type), int_min_of(type), int_max_of(type));
  }
  return IntImm::make(type, weak.i);
}

Expr to_data(const Value& value) {
  if (value.is_weak()) return to_constant(value.weak(), default_dtype(value.weak().kind), "a plain number");
  return value.expr().dtype().is_index() ? convert(kInt64, value.expr()) : value.expr();
}

Expr to_data(const Value& value, DType type, const std::string& what) {
  if (value.is_weak()) return to_constant(value.weak(), type, what);
  Expr data = to_data(value);
  if (data.dtype() != type)
    raise_type("{} has dtype {} where {} is needed; convert it with astype(\"{}\")", what,
               to_string(data.dtype()), to_string(type), to_string(type));
  return data;
}

Expr to_index(const Value& value, const std::string& what) {
  if (value.is_weak()) {
    if (value.weak().kind == Weak::Kind::kInt) return to_constant(value.weak(), kIndex, what);
    raise_type("{} is {}, a plain {}; it must be an integer", what, value.weak().text(),
               value.weak().kind == Weak::Kind::kBool ? "bool" : "float");
  }
  const DType type = value.expr().dtype();
  if (!type.is_integer())
    raise_type("{} has dtype {}; it must be an integer{}", what, to_string(type),
               type.is_float() ? ": round it and convert it with astype(\"int64\")" : "");
  return convert(kIndex, value.expr());
}

Expr to_condition(const Value& value, const std::string& what) {
  if (value.is_weak() && value.weak().kind == Weak::Kind::kBool) return make_bool(value.weak().i != 0);
  if (!value.is_weak() && value.expr().dtype().is_bool()) return value.expr();
  raise_type("{} has dtype {} where bool is needed; write a comparison, such as x != 0", what,
             to_string(value.is_weak() ? default_dtype(value.weak().kind) : value.expr().dtype()));
}

std::pair<Expr, Expr> promote_operands(const Value& a, const Value& b, const std::string& what) {
  DType type;
  if (a.is_weak() && b.is_weak())
    type = default_dtype(higher(a.weak().kind, b.weak().kind));
  else if (a.is_weak())
    type = promote(b.expr().dtype(), a.weak().kind);
  else if (b.is_weak())
    type = promote(a.expr().dtype(), b.weak().kind);
  else
    type = promote(a.expr().dtype(), b.expr().dtype());
  auto bring = [&](const Value& value) {
    return value.is_weak() ? to_constant(value.weak(), type, what) : convert(type, value.expr());
  };
  return {bring(a), bring(b)};
}

}  // namespace tw::te
