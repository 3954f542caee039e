// Evaluates expressions one lane at a time with the operators of scalar.h: short, slow, and independent of
// the interpreter.
#pragma once

#include <unordered_map>

#include "ir/expr.h"
#include "ir/scalar.h"
#include "ir/stmt.h"

namespace tw::test {

using Values = std::unordered_map<const Variable*, Scalar>;

/// A value, or why there is none.
struct Outcome {
  enum class State { kValue, kOverflow, kBadRead };
  State state = State::kValue;
  Scalar value;
  static Outcome of(const std::optional<Scalar>& value) {
    return value ? Outcome{State::kValue, *value} : Outcome{State::kOverflow, {}};
  }
  bool ok() const { return state == State::kValue; }
};

/// The element of a buffer: a fixed function of its place. Constant shapes only.
inline Scalar element_of(const BufferNode& buffer, int64_t place) {
  const auto mixed =
      static_cast<int64_t>((static_cast<uint64_t>(place) + 7) * 0x9e3779b97f4a7c15u >> 40) % 23 - 7;
  if (buffer.dtype.is_float()) return Scalar::of_float(buffer.dtype, static_cast<double>(mixed) / 4);
  return Scalar::of_int(buffer.dtype, mixed);
}

inline Outcome evaluate_lane(const Expr& e, const Values& values, int lane) {
  const auto child = [&](const Expr& x) {
    return evaluate_lane(x, values, x.dtype().is_scalar() ? 0 : lane);
  };
  const DType type = e.dtype().element();
  switch (e->kind) {
    case Kind::kIntImm: return {Outcome::State::kValue, Scalar{type, as<IntImm>(e)->value, 0}};
    case Kind::kFloatImm: return {Outcome::State::kValue, Scalar{type, 0, as<FloatImm>(e)->value}};
    case Kind::kVariable: return {Outcome::State::kValue, values.at(as<Variable>(e))};
    case Kind::kUnary: {
      const Outcome a = child(as<Unary>(e)->a);
      return a.ok() ? Outcome::of(evaluate(as<Unary>(e)->op, a.value)) : a;
    }
    case Kind::kBinary: {
      const Outcome a = child(as<Binary>(e)->a);
      if (!a.ok()) return a;
      const Outcome b = child(as<Binary>(e)->b);
      return b.ok() ? Outcome::of(evaluate(as<Binary>(e)->op, a.value, b.value)) : b;
    }
    case Kind::kSelect: {
      const Outcome cond = child(as<Select>(e)->cond);
      if (!cond.ok()) return cond;
      return child(cond.value.i ? as<Select>(e)->on_true : as<Select>(e)->on_false);
    }
    case Kind::kCast: {
      const Outcome a = child(as<Cast>(e)->value);
      return a.ok() ? Outcome::of(evaluate_cast(type, a.value)) : a;
    }
    case Kind::kCall: {
      const auto& call = *as<Call>(e);
      const Outcome a = child(call.args[0]);
      if (!a.ok()) return a;
      const Outcome b = call.args.size() > 1 ? child(call.args[1]) : a;
      return b.ok() ? Outcome::of(evaluate(call.op, a.value, b.value)) : b;
    }
    case Kind::kLoad: {
      const auto& load = *as<Load>(e);
      if (load.predicate) {
        const Outcome allowed = child(load.predicate);
        if (!allowed.ok()) return allowed;
        if (!allowed.value.i) return {Outcome::State::kValue, Scalar{type, 0, 0}};
      }
      int64_t place = 0;
      for (std::size_t i = 0; i < load.indices.size(); ++i) {
        const Outcome index = child(load.indices[i]);
        if (!index.ok()) return index;
        const int64_t extent = as_int(load.buffer->shape[i]).value();
        if (index.value.i < 0 || index.value.i >= extent) return {Outcome::State::kBadRead, {}};
        place = place * extent + index.value.i;
      }
      return {Outcome::State::kValue, element_of(*load.buffer, place)};
    }
    case Kind::kRamp: {
      const auto& ramp = *as<Ramp>(e);
      const Outcome base = evaluate_lane(ramp.base, values, 0),
                    stride = evaluate_lane(ramp.stride, values, 0);
      if (!base.ok()) return base;
      if (!stride.ok()) return stride;
      const auto step = evaluate(BinaryOp::kMul, stride.value, Scalar::of_int(type, lane));
      return Outcome::of(step ? evaluate(BinaryOp::kAdd, base.value, *step) : std::nullopt);
    }
    case Kind::kBroadcast: return evaluate_lane(as<Broadcast>(e)->value, values, 0);
    default: return {Outcome::State::kOverflow, {}};
  }
}

}  // namespace tw::test
