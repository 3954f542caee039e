// Chains of casts.
#include "ir/simplify/simplify_cast.h"

#include "ir/scalar.h"
#include "ir/simplify/simplify_expr.h"

namespace tw {
namespace {

/// Integers up to 2^n in magnitude are exact.
int significand_bits(DType type) {
  if (type.is_bfloat()) return 8;
  return type.bits == 16 ? 11 : type.bits == 32 ? 24 : 53;
}

}  // namespace

bool keeps_every_value(DType from, DType to) {
  if (from == to || from.is_bool()) return true;
  if (to.is_bool()) return false;
  if (from.is_float()) return to.is_float() && to.bits > from.bits;
  if (to.is_float()) return from.bits - from.is_signed() <= significand_bits(to);
  if (from.is_uint()) return to.is_uint() ? to.bits >= from.bits : to.bits > from.bits;
  return to.is_signed() && to.bits >= from.bits;
}

bool inner_cast_drops(DType from, DType through, DType to) {
  const bool to_int = to.is_integer();
  // Integers narrow by their low bits, however often.
  if (from.is_integer() && through.is_integer() && to_int)
    return to.bits <= through.bits || keeps_every_value(from, through);
  if (!keeps_every_value(from, through)) return false;
  // From a float an integer saturates, from an integer it wraps.
  if (through.is_float() && to_int && !from.is_float()) return keeps_every_value(from, to);
  return true;
}

Expr Simplifier::cast(DType type, const Expr& value, const ExprNode* original) {
  if (value.dtype() == type) return value;
  const DType to = type.element(), through = value.dtype().element();
  if (const auto* same = as<Broadcast>(value))
    return broadcast(cast(to, same->value, nullptr), type.lanes, original);
  if (const auto* imm = as<IntImm>(value)) {
    const auto folded = evaluate_cast(to, Scalar{through, imm->value, 0});
    if (folded) return to.is_float() ? FloatImm::make(to, folded->f) : IntImm::make(to, folded->i);
  }
  if (const auto* imm = as<FloatImm>(value)) {
    const auto folded = evaluate_cast(to, Scalar{through, 0, imm->value});
    if (folded) return to.is_float() ? FloatImm::make(to, folded->f) : IntImm::make(to, folded->i);
  }
  if (const auto* inner = as<Cast>(value)) {
    const DType from = inner->value.dtype().element();
    if (inner_cast_drops(from, through, to)) return cast(type, inner->value, nullptr);
    // A narrow type in between keeps what is known to fit.
    if (from.is_integer() && through.is_integer() && (to.is_integer() || to.is_float()) &&
        through.bits < 64) {
      const Interval range = bounds(inner->value, *context_);
      if (range.min >= int_min_of(through) && range.max <= int_max_of(through))
        return cast(type, inner->value, nullptr);
    }
  }
  const auto* given = as<Cast>(static_cast<const Node*>(original));
  return given && given->value.same_as(value) ? Expr(given) : Cast::make(type, value);
}

}  // namespace tw
