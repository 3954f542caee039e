// Random expressions of every type and operator, and random values of their variables.
#pragma once

#include <cmath>
#include <limits>
#include <random>

#include "common/evaluate_expr.h"
#include "ir/context.h"

namespace tw::test {

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  int below(int n) { return static_cast<int>(engine_() % static_cast<uint64_t>(n)); }
  int64_t between(int64_t low, int64_t high) { return low + below(static_cast<int>(high - low + 1)); }
  bool chance(int percent) { return below(100) < percent; }
  uint64_t bits() { return engine_(); }
  template <class List>
  const auto& pick(const List& list) {
    return list[static_cast<std::size_t>(below(static_cast<int>(std::size(list))))];
  }

 private:
  std::mt19937_64 engine_;
};

/// A value of the type, extreme ones often. Of index: small, so that few expressions overflow.
inline Scalar random_scalar(Random& random, DType type) {
  if (type.is_bool()) return Scalar::of_int(type, random.below(2));
  if (type.is_index())
    return Scalar::of_int(type, random.chance(80) ? random.between(-9, 12) : random.between(-99, 200));
  if (type.is_float()) {
    const double special[] = {0.0,          -0.0,     1,         -1,     0.5,     -2,    3,
                              std::nan(""), INFINITY, -INFINITY, 5e-324, 1e-41,   6e-8,  1e-39,
                              65504,        3.4e38,   1.7e308,   -1e300, 1.0 / 3, 255.5, 2147483648.0};
    return Scalar::of_float(
        type, random.chance(60) ? random.pick(special) : static_cast<double>(random.between(-40, 40)) / 8);
  }
  const int64_t special[] = {int_min_of(type),     int_max_of(type),    0, 1, -1, 2, 3, 4, 7, -2,
                             int_max_of(type) - 1, int_min_of(type) + 1};
  if (random.chance(50)) return Scalar::of_int(type, random.pick(special));
  return Scalar::of_int(type,
                        random.chance(70) ? random.between(-20, 20) : static_cast<int64_t>(random.bits()));
}

inline Expr constant_of(const Scalar& value) {
  return value.type.is_float() ? FloatImm::make(value.type, value.f) : IntImm::make(value.type, value.i);
}

/// Variables with ranges and facts about them, and how to draw values that obey both.
class RandomScope {
 public:
  explicit RandomScope(Random& random) : random_(random) {
    for (DType type : kScalarTypes)
      if (!type.is_index()) {
        free_.push_back(Var("a", type));
        free_.push_back(Var("b", type));
      }
    const int64_t steps[] = {2, 3, 4, 6};  // sizes are multiples of them, at times
    n = Variable::make("n", kIndex, 1, random.chance(50) ? 12 : kNoMax,
                       random.chance(40) ? random.pick(steps) : 1);
    m = Variable::make("m", kIndex, random.chance(50) ? 1 : 0, 20,
                       random.chance(40) ? random.pick(steps) : 1);
    x = Var("x");
    i = Var("i");
    j = Var("j");
    k = Var("k");
    bind(i, Expr(0), n);
    bind(j, Expr(0), Expr(random.between(1, 8)));
    if (random.chance(60)) bind(k, random.chance(50) ? Expr(i) : Expr(random.between(-3, 3)), m);
    buffer = BufferNode::make("A", kFloat32, {Expr(8)});
    table = BufferNode::make("T", kInt64, {Expr(6), Expr(4)});
    bytes = BufferNode::make("B", kInt8, {Expr(10)});
  }

  void assume(const Expr& condition) {
    assumed_.push_back(condition);
    context.assume(condition);
  }

  /// Values within the ranges for which all assumed conditions hold; false when none is found.
  bool draw(Values& values) {
    for (int attempt = 0; attempt < 12; ++attempt)
      if (try_draw(values)) return true;
    return false;
  }

  std::vector<Var> variables_of(DType type) const {
    std::vector<Var> found;
    for (const Var& var : type.is_index() ? std::vector<Var>{n, m, x, i, i, j, j, k, k} : free_)
      if (var.dtype() == type) found.push_back(var);
    return found;
  }

  Context context;
  Var n, m, x, i, j, k;
  Buffer buffer, table, bytes;

 private:
  void bind(const Var& var, const Expr& begin, const Expr& extent) {
    context.bind(var, begin, extent);
    bound_.push_back({var, begin, extent});
  }
  /// At most `limit`, or the least value that the size can have.
  Scalar size_value(const Variable& size, int64_t limit) {
    const int64_t step = size.multiple_of, least = (size.min + step - 1) / step;
    return Scalar::of_int(kIndex, random_.between(least, std::max(least, limit / step)) * step);
  }
  bool try_draw(Values& values) {
    values.clear();
    for (const Var& var : free_) values[&*var] = random_scalar(random_, var.dtype());
    values[&*n] = size_value(*n, random_.chance(50) ? 3 : 12);
    values[&*m] = size_value(*m, 20);
    values[&*x] = random_scalar(random_, kIndex);
    values[&*k] = random_scalar(random_, kIndex);
    for (const auto& range : bound_) {
      const int64_t begin = evaluate_lane(range.begin, values, 0).value.i;
      const int64_t extent = evaluate_lane(range.extent, values, 0).value.i;
      if (extent <= 0) return false;
      const int64_t step = random_.chance(30)   ? 0
                           : random_.chance(30) ? extent - 1
                                                : random_.between(0, extent - 1);
      values[&*range.var] = Scalar::of_int(kIndex, begin + step);
    }
    for (const Expr& condition : assumed_) {
      const Outcome outcome = evaluate_lane(condition, values, 0);
      if (!outcome.ok() || !outcome.value.i) return false;
    }
    return true;
  }

  Random& random_;
  std::vector<Var> free_;
  std::vector<Context::BoundVar> bound_;
  std::vector<Expr> assumed_;
};

/// Makes expressions over a scope's variables and buffers.
class RandomExpr {
 public:
  RandomExpr(Random& random, const RandomScope& scope) : random_(random), scope_(scope) {}
  bool loads = true;

  Expr make(DType type, int depth) {
    if (!type.is_scalar()) return make_vector(type, depth);
    if (depth <= 0 || random_.chance(8)) return leaf(type);
    const int roll = random_.below(100);
    if (roll < 8) return select(type, depth);
    if (roll < 16 && !type.is_bool()) return cast_from(type, depth);
    if (roll < 20 && !type.is_bool()) return call_of(type, depth);
    if (roll < 24 && loads) {
      if (Expr read = load(type, depth)) return read;
    }
    return operation(type, depth);
  }

  DType type() {
    const DType type = random_.chance(35) ? kIndex : random_.chance(15) ? kBool : random_.pick(kScalarTypes);
    return random_.chance(15) ? type.with_lanes(random_.chance(50) ? 4 : 2) : type;
  }

 private:
  Expr leaf(DType type) {
    const auto variables = scope_.variables_of(type);
    if (random_.chance(60) && !variables.empty()) return random_.pick(variables);
    return constant_of(random_scalar(random_, type));
  }

  Expr make_vector(DType type, int depth) {
    const DType element = type.element();
    const bool ramps = element.is_integer();
    if (depth <= 0 || random_.chance(25)) {
      if (ramps && random_.chance(60))
        return Ramp::make(
            make(element, depth - 1),
            random_.chance(60) ? constant_of(random_scalar(random_, element)) : make(element, depth - 2),
            type.lanes);
      return Broadcast::make(make(element, depth - 1), type.lanes);
    }
    const int roll = random_.below(100);
    if (roll < 10) return select(type, depth);
    if (roll < 18 && !element.is_bool()) return cast_from(type, depth);
    if (roll < 22 && !element.is_bool()) return call_of(type, depth);
    return operation(type, depth);
  }

  Expr select(DType type, int depth) {
    return Select::make(make(kBool.with_lanes(type.lanes), depth - 1), make(type, depth - 1),
                        make(type, depth - 1));
  }

  Expr cast_from(DType type, int depth) {
    const DType from = random_.pick(kScalarTypes);
    // A wild integer as an index would only overflow.
    if (type.is_index() && (from.bits > 8 || from.is_float())) return operation(type, depth);
    return Cast::make(type, make(from.with_lanes(type.lanes), depth - 1));
  }

  Expr call_of(DType type, int depth) {
    const Intrinsic ops[] = {Intrinsic::kAbs, Intrinsic::kFloor, Intrinsic::kCeil, Intrinsic::kRound,
                             Intrinsic::kPow, Intrinsic::kSqrt,  Intrinsic::kExp,  Intrinsic::kTanh};
    const Intrinsic op = random_.pick(ops);
    if (!type.is_float() && !info(op).accepts_integers) return operation(type, depth);
    std::vector<Expr> args;
    for (int i = 0; i < info(op).arity; ++i) args.push_back(make(type, depth - 1));
    return Call::make(op, std::move(args));
  }

  Expr load(DType type, int depth) {
    for (const Buffer& buffer : {scope_.buffer, scope_.table, scope_.bytes}) {
      const bool as_index = type.is_index() && buffer->dtype == kInt64;
      if (buffer->dtype != type && !as_index) continue;
      std::vector<Expr> indices;
      for (const Expr& extent : buffer->shape)
        indices.push_back(random_.chance(70) ? floormod(make(kIndex, depth - 2), extent)
                                             : make(kIndex, depth - 2));
      Expr read =
          Load::make(buffer, std::move(indices), random_.chance(20) ? make(kBool, depth - 2) : Expr());
      return as_index ? Cast::make(kIndex, std::move(read)) : read;
    }
    return {};
  }

  Expr operation(DType type, int depth) {
    using enum BinaryOp;
    const DType element = type.element();
    if (element.is_bool()) {
      const int roll = random_.below(100);
      if (roll < 10) return Unary::make(UnaryOp::kNot, make(type, depth - 1));
      if (roll < 40) {
        const BinaryOp ops[] = {kAnd, kOr, kAnd, kOr, kBitAnd, kBitOr, kBitXor, kEq, kNe};
        return pair(random_.pick(ops), type, depth);
      }
      const DType of = random_.chance(55) ? kIndex : random_.pick(kScalarTypes);
      const BinaryOp ops[] = {kEq, kNe, kLt, kLe, kLt, kLe};
      return pair(random_.pick(ops), of.with_lanes(type.lanes), depth);
    }
    if (random_.chance(6)) return Unary::make(UnaryOp::kNeg, make(type, depth - 1));
    if (element.is_float()) {
      const BinaryOp ops[] = {kAdd, kSub, kMul, kDiv, kMin, kMax, kFloorDiv, kFloorMod};
      return pair(random_.pick(ops), type, depth);
    }
    if (random_.chance(3)) return Unary::make(UnaryOp::kBitNot, make(type, depth - 1));
    const BinaryOp bits[] = {kBitAnd, kBitOr, kBitXor, kShiftLeft, kShiftRight};
    if (random_.chance(element.is_index() ? 4 : 20)) return pair(random_.pick(bits), type, depth);
    const BinaryOp ops[] = {kAdd, kSub, kMul, kAdd, kSub, kMul, kMin, kMax, kFloorDiv, kFloorMod};
    return pair(random_.pick(ops), type, depth);
  }

  /// Two operands, often with something in common or a constant on a side.
  Expr pair(BinaryOp op, DType type, int depth) {
    Expr a = make(type, depth - 1);
    if (random_.chance(12)) return Binary::make(op, a, a);
    const bool divides = op == BinaryOp::kFloorDiv || op == BinaryOp::kFloorMod;
    if (random_.chance(divides ? 55 : 25)) {
      const Scalar value = random_scalar(random_, type.element());
      Expr constant = value.type.is_float() ? make_const(type, value.f) : make_const(type, value.i);
      return random_.chance(divides ? 95 : 75) ? Binary::make(op, a, constant)
                                               : Binary::make(op, constant, a);
    }
    Expr b = make(type, depth - 1);
    // x op (x op' y): chances for rules with a repeated name.
    if (random_.chance(10) && !type.element().is_bool() && !is_comparison(op))
      b = Binary::make(random_.chance(50) ? BinaryOp::kAdd : BinaryOp::kMin, a, b);
    return Binary::make(op, std::move(a), std::move(b));
  }

  Random& random_;
  const RandomScope& scope_;
};

}  // namespace tw::test
